package job

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// ErrBadPattern says that a glob of Output.Match is malformed: a class without its end, an empty
// class, or a backslash with nothing behind it.
var ErrBadPattern = errors.New("malformed glob")

// Match reports whether a slash-separated path matches a glob as a whole. `*` and `?` stand for any
// text and any one character within a name, `[a-z]` and `[!a-z]` for one character of a set and one
// outside of it (neither is ever a slash), `**` as a whole name for any number of folders, none
// included, and a backslash takes the next character literally. Upper and lower case differ.
//
// A malformed pattern is ErrBadPattern whatever the path is.
func Match(pattern, path string) (bool, error) {
	globs := strings.Split(pattern, "/")
	for _, g := range globs {
		if err := checkGlob(g); err != nil {
			return false, err
		}
	}
	return matchFolders(globs, strings.Split(path, "/")), nil
}

// matchFolders compares name by name. Only the last `**` that was met is ever tried again, since
// an earlier one could gain nothing by taking more: the time is bounded by the product of the lengths.
func matchFolders(globs, names []string) bool {
	g, n := 0, 0
	retryGlob, retryName := -1, 0
	for n < len(names) {
		switch {
		case g < len(globs) && globs[g] == "**":
			retryGlob, retryName = g, n
			g++
			if g == len(globs) {
				return true
			}
			continue
		case g < len(globs) && matchName(globs[g], names[n]):
			g, n = g+1, n+1
			continue
		case retryGlob < 0:
			return false
		}
		retryName++
		g, n = retryGlob+1, retryName
	}
	for g < len(globs) && globs[g] == "**" {
		g++
	}
	return g == len(globs)
}

// matchName compares one name with one well-formed glob, as matchFolders does with folders.
func matchName(glob, name string) bool {
	g, n := 0, 0
	retryGlob, retryName := -1, 0
	for n < len(name) {
		if g < len(glob) && glob[g] == '*' {
			retryGlob, retryName = g, n
			g++
			continue
		}
		if g < len(glob) {
			char, size := utf8.DecodeRuneInString(name[n:])
			if width, ok := matchChar(glob[g:], char, name[n:n+size]); ok {
				g, n = g+width, n+size
				continue
			}
		}
		if retryGlob < 0 {
			return false
		}
		_, size := utf8.DecodeRuneInString(name[retryName:])
		retryName += size
		g, n = retryGlob+1, retryName
	}
	for g < len(glob) && glob[g] == '*' {
		g++
	}
	return g == len(glob)
}

// matchChar compares one character, raw being its bytes, with the first element of a glob that is
// no star, and returns the element's length.
func matchChar(glob string, char rune, raw string) (width int, ok bool) {
	switch glob[0] {
	case '?':
		return 1, true
	case '[':
		return matchClass(glob, char)
	case '\\':
		_, size := utf8.DecodeRuneInString(glob[1:])
		return 1 + size, glob[1:1+size] == raw
	}
	_, size := utf8.DecodeRuneInString(glob)
	return size, glob[:size] == raw
}

func matchClass(glob string, char rune) (width int, ok bool) {
	i := 1
	negated := glob[i] == '!' || glob[i] == '^'
	if negated {
		i++
	}
	for first := true; first || glob[i] != ']'; first = false {
		low, size := classChar(glob[i:])
		i += size
		high := low
		if glob[i] == '-' && glob[i+1] != ']' {
			high, size = classChar(glob[i+1:])
			i += 1 + size
		}
		if low <= char && char <= high {
			ok = true
		}
	}
	return i + 1, ok != negated
}

// classChar reads one character of a class, which a backslash may precede.
func classChar(s string) (char rune, width int) {
	if s != "" && s[0] == '\\' {
		char, width = utf8.DecodeRuneInString(s[1:])
		return char, width + 1
	}
	return utf8.DecodeRuneInString(s)
}

// checkGlob walks through a glob as the matching does, so that the matching need not look for ends.
func checkGlob(glob string) error {
	for i := 0; i < len(glob); i++ {
		switch glob[i] {
		case '\\':
			if i++; i == len(glob) {
				return ErrBadPattern
			}
		case '[':
			width, err := checkClass(glob[i:])
			if err != nil {
				return err
			}
			i += width - 1
		}
	}
	return nil
}

func checkClass(glob string) (width int, err error) {
	i := 1
	if i < len(glob) && (glob[i] == '!' || glob[i] == '^') {
		i++
	}
	for first := true; ; first = false {
		if i >= len(glob) {
			return 0, ErrBadPattern
		}
		if glob[i] == ']' && !first {
			return i + 1, nil
		}
		if i, err = skipClassChar(glob, i); err != nil {
			return 0, err
		}
		if i+1 < len(glob) && glob[i] == '-' && glob[i+1] != ']' {
			if i, err = skipClassChar(glob, i+1); err != nil {
				return 0, err
			}
		}
	}
}

func skipClassChar(glob string, i int) (int, error) {
	_, width := classChar(glob[i:])
	if glob[i] == '\\' && i+1 == len(glob) {
		return 0, ErrBadPattern
	}
	return i + width, nil
}
