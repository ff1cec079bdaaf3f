package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/joho/godotenv"
)

// ReadEnvFile reads a file of variables, for Options.Lookup: lines such as NAME=value or export NAME=value, with #
// before comments, and quotes around values that span lines or hold a #. In double quotes and without any, $NAME is a
// variable of the lines above; single quotes keep dollar signs. Errors name the line and never show it, since such files
// hold secrets.
func ReadEnvFile(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the file of variables: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSource+1))
	if err != nil {
		return nil, fmt.Errorf("read the file of variables: %w", err)
	}
	if len(text) > maxSource {
		return nil, fmt.Errorf("read the file of variables: %s is larger than 1 MB", path)
	}
	text = bytes.TrimPrefix(text, byteOrderMark)
	variables, err := parseEnv(text)
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", path, envFault(text), err)
	}
	return variables, nil
}

var (
	errOpenQuote = errors.New("a quotation mark is opened and not closed")
	errNoLine    = errors.New("wants a line such as NAME=value, the name of letters, digits and _")
)

// parseEnv reads variables. What the library says is not passed on: it holds the text at fault. The library also takes
// names that no variable can have, and a last line that is no assignment for one without a name.
func parseEnv(text []byte) (map[string]string, error) {
	variables, err := godotenv.UnmarshalBytes(text)
	switch {
	case err != nil && strings.HasPrefix(err.Error(), "unterminated"):
		return nil, errOpenQuote
	case err != nil:
		return nil, errNoLine
	}
	for name := range variables {
		if name == "" || nameLength(name) != len(name) {
			return nil, errNoLine
		}
	}
	return variables, nil
}

// maxValueLines is the number of lines that a value is looked for in, when its quotation mark does not end.
const maxValueLines = 1000

// envFault is the line, from 1, in which what cannot be read begins.
func envFault(text []byte) int {
	lines := slices.Collect(bytes.Lines(text))
	for start := 0; start < len(lines); {
		length := assignment(lines[start:])
		if length == 0 {
			return start + 1
		}
		start += length
	}
	return max(len(lines), 1)
}

// assignment is the number of lines that the first assignment takes; 0 where it is none.
func assignment(lines [][]byte) int {
	var text []byte
	for i, line := range lines[:min(len(lines), maxValueLines)] {
		text = append(bytes.TrimSuffix(append(text, line...), []byte("\n")), '\n')
		_, err := parseEnv(text)
		if err == nil {
			return i + 1
		}
		if !errors.Is(err, errOpenQuote) {
			return 0
		}
	}
	return 0
}
