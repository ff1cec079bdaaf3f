package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// value is one JSON value within a document that json.Valid has accepted: the methods rely on that. Values are
// parts of the document, not copies. Unlike structs of encoding/json, they match names by exact case, keep what
// they hold byte for byte, and cost next to nothing.
type value []byte

// members yields what an object holds, in order and with repetitions, and nothing for other values.
func (v value) members() iter.Seq2[[]byte, value] {
	return func(yield func(name []byte, member value) bool) {
		i := blank(v, 0)
		if v.first() != '{' {
			return
		}
		for i = blank(v, i+1); v[i] != '}'; {
			name := v[i : i+width(v[i:])]
			i = blank(v, i+len(name))
			i = blank(v, i+1) // after the colon
			member := v[i : i+width(v[i:])]
			if !yield(name.bytes(), member) {
				return
			}
			if i = blank(v, i+len(member)); v[i] == ',' {
				i = blank(v, i+1)
			}
		}
	}
}

// elements yields what a list holds, and nothing for other values.
func (v value) elements() iter.Seq[value] {
	return func(yield func(value) bool) {
		i := blank(v, 0)
		if v.first() != '[' {
			return
		}
		for i = blank(v, i+1); v[i] != ']'; {
			element := v[i : i+width(v[i:])]
			if !yield(element) {
				return
			}
			if i = blank(v, i+len(element)); v[i] == ',' {
				i = blank(v, i+1)
			}
		}
	}
}

// first is the character by which a value begins, which tells its type; 0 for one that is not there.
func (v value) first() byte {
	if i := blank(v, 0); i < len(v) {
		return v[i]
	}
	return 0
}

// bytes is the text that a string holds; nil for another value. What is no Unicode in it is replaced by U+FFFD, as
// encoding/json does.
func (v value) bytes() []byte {
	if v.first() != '"' {
		return nil
	}
	if inner := v[1 : len(v)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return inner
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		return nil
	}
	return []byte(s)
}

// text is what bytes is.
func (v value) text() string { return string(v.bytes()) }

// name is the text of something that is fetched by it, called what in errors: it may not be empty, and nothing of
// it may be replaced, because then it would name something else.
func (v value) name(what string) (string, error) {
	s := v.text()
	if s == "" {
		return "", errors.New(what + " is missing")
	}
	if strings.ContainsRune(s, utf8.RuneError) && !v.unicode() {
		return "", fmt.Errorf("%s is not valid Unicode: %q", what, s)
	}
	return s, nil
}

// unicode reports whether a string is Unicode: valid UTF-8 without halves of surrogate pairs.
func (v value) unicode() bool {
	if !utf8.Valid(v) {
		return false
	}
	for rest := []byte(v); ; {
		i := bytes.IndexByte(rest, '\\')
		if i < 0 {
			return true
		}
		rest = rest[i:]
		r := escaped(rest)
		switch {
		case !utf16.IsSurrogate(r):
			rest = rest[2:]
		case utf16.DecodeRune(r, escaped(rest[6:])) == utf8.RuneError:
			return false
		default:
			rest = rest[12:]
		}
	}
}

// escaped is the UTF-16 unit of the \u escape that b begins with; 0 if it begins with something else.
func escaped(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}

// integer is a whole number, 0 for null and for a value that is not there.
func (v value) integer() (int64, error) {
	if v == nil || string(v) == "null" {
		return 0, nil
	}
	return strconv.ParseInt(string(v), 10, 64)
}

// blank is the index of the first character from i on that is no white space.
func blank(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// width is how many bytes the value at the beginning of b has.
func width(b []byte) int {
	switch b[0] {
	case '"':
		return quoted(b)
	case '{', '[':
		return enclosed(b)
	}
	for i, c := range b {
		switch c {
		case ',', ']', '}', ' ', '\n', '\r', '\t':
			return i
		}
	}
	return len(b)
}

// enclosed is how many bytes the object or list at the beginning of b has.
func enclosed(b []byte) int {
	depth := 0
	for i := 0; ; {
		switch b[i] {
		case '"':
			i += quoted(b[i:])
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
}

// quoted is how many bytes the string at the beginning of b has, with its quotes.
func quoted(b []byte) int {
	for i := 1; ; i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
}
