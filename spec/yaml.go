package spec

import (
	"bytes"
	"errors"
	"io"
	"sort"
	"strconv"
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
	documents, fault := decode(src.text)
	if fault != (syntaxFault{}) {
		r.add(*fault.locate(src))
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

// syntaxFault is why the library does not take a text: its message and the line that it names, from 1.
// It names no column, and for half of its errors a line before the right one, or the one where an
// enclosing block begins.
type syntaxFault struct {
	message string
	line    int
}

var faultLine = pattern(`^yaml: (?:line ([0-9]+): )?`)

func newSyntaxFault(err error) syntaxFault {
	text := err.Error()
	found := faultLine().FindStringSubmatch(text)
	if found == nil {
		return syntaxFault{text, 1}
	}
	line, err := strconv.Atoi(found[1])
	if err != nil {
		line = 1 // it names no line in the first one
	}
	return syntaxFault{text[len(found[0]):], line}
}

// decode reads a text's documents, two at most, since two are too many already. The fault is zero where
// the library takes the text.
func decode(text []byte) (documents []*yaml.Node, fault syntaxFault) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for len(documents) < 2 {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, newSyntaxFault(err)
		}
		documents = append(documents, &document)
	}
	return documents, syntaxFault{}
}

// locate finds the line that a fault is in: the last one of the shortest beginning of the text that
// fails in the same way.
func (f syntaxFault) locate(src *source) *finding {
	ends := lineEnds(src.text)
	number := 1 + firstTrue(len(ends), f.line-1, func(i int) bool {
		_, found := decode(src.text[:ends[i]])
		return found.message == f.message
	})
	found := f.explain(src, number)
	found.hideSourceLine = src.goesOn(number)
	return found
}

// explain says what is wrong with a line.
func (f syntaxFault) explain(src *source, number int) *finding {
	line := src.line(number)
	indent := len(line) - len(strings.TrimLeft(line, " \t"))
	if tab := strings.IndexByte(line[:indent], '\t'); tab >= 0 {
		return src.finding(number, tab+1, "a tab indents this line; YAML wants spaces")
	}
	column, words := explainSyntax(line, indent, f.message)
	if showsSecret(line) {
		words = "a value in this line needs quotes; it is not shown, since it may be a secret"
	}
	return src.finding(number, utf8.RuneCountInString(line[:column])+1, "no valid YAML: "+words)
}

// firstTrue is the first of n numbers for which a function is true that is true for all after it. It
// looks near a guess first. Where the function is never true it is the last number.
func firstTrue(n, guess int, is func(i int) bool) int {
	low, high := 0, n-1 // the answer is between them, both included
	guess = min(max(guess, 0), n-1)
	if is(guess) {
		high = guess
		for step := 1; guess-step >= low; step *= 2 {
			if !is(guess - step) {
				low = guess - step + 1
				break
			}
			high = guess - step
		}
	} else {
		low = guess + 1
		for step := 1; guess+step <= high; step *= 2 {
			if is(guess + step) {
				high = guess + step
				break
			}
			low = guess + step + 1
		}
	}
	return min(low+sort.Search(high-low, func(i int) bool { return is(low + i) }), n-1)
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
	{"did not find expected node content", "a value is missing here"},
	{"directive", "a line cannot begin with %; put text that begins with it in quotes"},
	{"exceeded max depth", "it is nested too deep"},
	{notAName, "text that begins with * or & wants quotes around it"},
}

// notAName is the library's message where a * or & that is not quoted begins no name of an anchor.
const notAName = "did not find expected alphabetic or numeric character"

// unquotedCron finds a schedule without quotes, and unquotedMark a * or & that would begin the name of an anchor.
var (
	unquotedCron = pattern(`(?:^|[^"'])(cron\()[^)]*\?`)
	unquotedMark = pattern(`(?:^|[\s,:[{])([*&])(?:$|[^0-9A-Za-z_-])`)
)

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
	case strings.Contains(message, notAName), strings.Contains(message, "did not find expected ',' or '"):
		// Between braces, but not elsewhere, a ? ends text, and the * of a schedule begins another.
		if found := unquotedCron().FindStringSubmatchIndex(line); found != nil {
			return found[2], "a schedule such as cron(0 3 * * ? *) wants quotes around it between { and }, or [ and ]"
		}
		if found := unquotedMark().FindStringSubmatchIndex(line); found != nil && strings.Contains(message, notAName) {
			return found[2], "text that begins with " + line[found[2]:found[3]] + " wants quotes around it"
		}
	case strings.HasPrefix(message, "unknown anchor "):
		name := strings.TrimSuffix(strings.TrimPrefix(message, "unknown anchor '"), "' referenced")
		return max(strings.Index(line, "*"+name), indent), "*" + name + " refers to &" + name + ", which no line above defines; put text that begins with * in quotes"
	}
	for _, known := range syntaxWords {
		if strings.Contains(message, known.message) {
			if at := strings.Index(line, "${"); at >= 0 && strings.HasPrefix(known.words, "a mapping that begins") {
				return at, "${…} between { and } wants quotes around it"
			}
			return indent, known.words
		}
	}
	return indent, message
}
