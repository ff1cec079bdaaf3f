package spec

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// parse reads the one YAML document of a file. It touches nothing but its argument. Where the file is
// no such thing it reports one problem and returns nil.
func parse(src *source, r *report) *node {
	if f := src.checkText(); f != nil {
		r.add(*f)
		return nil
	}
	documents, message := decode(src.text)
	if message != "" {
		r.add(*syntaxFinding(src, message))
		return nil
	}
	if len(documents) > 1 {
		second := documents[1]
		r.add(*src.finding(max(second.Line, 1), max(second.Column, 1),
			"a second YAML document begins here; put it into a file of its own, or take out this --- line"))
		return nil
	}
	if len(documents) == 0 || isNothing(documents[0]) {
		r.add(*src.finding(1, 1, "the file has no content; it begins with a line such as project: imaging"))
		return nil
	}
	return newTree(src, documents[0].Content[0], r)
}

func isNothing(document *yaml.Node) bool {
	return len(document.Content) == 0 || document.Content[0].Kind == yaml.ScalarNode && document.Content[0].ShortTag() == "!!null"
}

// decode reads a text's documents, two at most, since two are too many already. The message is the
// library's, without its place, and empty where there is no error.
func decode(text []byte) (documents []*yaml.Node, message string) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for len(documents) < 2 {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, libraryPlace.ReplaceAllString(err.Error(), "")
		}
		documents = append(documents, &document)
	}
	return documents, ""
}

// libraryPlace is where the library says that an error is. It names no column, and for half of its
// errors a line before the right one, or the one where an enclosing block begins.
var libraryPlace = regexp.MustCompile(`^yaml: (line [0-9]+: )?`)

// syntaxFinding finds the line that a syntax error is in: the last one of the shortest beginning of the
// text that fails in the same way.
func syntaxFinding(src *source, message string) *finding {
	ends := lineEnds(src.text)
	index := sort.Search(len(ends), func(i int) bool {
		_, found := decode(src.text[:ends[i]])
		return found == message
	})
	number := min(index, len(ends)-1) + 1
	line := src.line(number)
	indent := len(line) - len(strings.TrimLeft(line, " \t"))
	if tab := strings.IndexByte(line[:indent], '\t'); tab >= 0 {
		return src.finding(number, tab+1, "a tab indents this line; YAML wants spaces")
	}
	column, words := explainSyntax(line, indent, message)
	return src.finding(number, utf8.RuneCountInString(line[:column])+1, "no valid YAML: "+words)
}

// lineEnds are the offsets at which the lines of a text end, their line ends included.
func lineEnds(text []byte) []int {
	var ends []int
	for i, b := range text {
		if b == '\n' || b == '\r' && (i+1 == len(text) || text[i+1] != '\n') {
			ends = append(ends, i+1)
		}
	}
	if len(ends) == 0 || ends[len(ends)-1] != len(text) {
		ends = append(ends, len(text))
	}
	return ends
}

// syntaxWords puts the library's messages into words for people who do not write YAML parsers.
var syntaxWords = []struct{ message, words string }{
	{"did not find expected key", "this line is not indented like the lines that it belongs to"},
	{"did not find expected '-' indicator", "a list goes on with a line that does not begin with a dash, or is indented otherwise"},
	{"did not find expected ',' or ']'", "a list that begins with [ does not end with ]"},
	{"did not find expected ',' or '}'", "a mapping that begins with { does not end with }"},
	{"could not find expected ':'", "a key without a colon and a space after it"},
	{"found unexpected end of stream", "a quotation mark is opened and not closed"},
	{"found unknown escape character", "a backslash in double quotes stands before a character that needs none; use single quotes"},
	{"exceeded max depth", "it is nested too deep"},
}

// explainSyntax finds the offset in a line and the words for a message of the library.
func explainSyntax(line string, indent int, message string) (column int, words string) {
	switch {
	case strings.Contains(message, "mapping values are not allowed"):
		if first := strings.Index(line, ": "); first >= 0 {
			if second := strings.Index(line[first+2:], ": "); second >= 0 {
				return first + 2 + second, "a second colon in one line; put a value that holds a colon and a space in quotes"
			}
		}
		return indent, "this line is indented deeper than the key before it allows"
	case strings.Contains(message, "cannot start any token"):
		if at := strings.IndexAny(line, "@`%"); at >= 0 {
			return at, "a value cannot begin with " + line[at:at+1] + "; put it in quotes"
		}
		return indent, "a value cannot begin with this character; put it in quotes"
	case strings.HasPrefix(message, "unknown anchor "):
		name := strings.TrimSuffix(strings.TrimPrefix(message, "unknown anchor '"), "' referenced")
		return max(strings.Index(line, "*"+name), indent), "*" + name + " refers to &" + name + ", which no line above defines; put text that begins with * in quotes"
	}
	for _, known := range syntaxWords {
		if strings.Contains(message, known.message) {
			return indent, known.words
		}
	}
	return indent, message
}
