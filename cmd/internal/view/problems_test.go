package view

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/scar-go/scar/spec"
)

func TestProblems(t *testing.T) {
	long := strings.Repeat("x", 150) + "HERE" + strings.Repeat("y", 150)
	problems := spec.Problems{
		{File: "func.yaml", Line: 12, Column: 13, Length: 2, Message: "memory: 64 is below the minimum of 128 MB", SourceLine: "    memory: 64"},
		{File: "func.yaml", Line: 14, Column: 1, Length: 3, Message: "imge: unknown key, did you mean image?", SourceLine: "\timge: ü"},
		{File: "func.yaml", Line: 20, Column: 151, Length: 4, Message: "description: too long", SourceLine: long},
		{File: "other.yaml", Line: 1, Column: 1, Message: "the file is empty"},
	}
	var out, err bytes.Buffer
	Error(&Streams{Out: &out, Err: &err}, fmt.Errorf("load: %w", problems))
	golden(t, "problems.txt", err.Bytes())
	err.Reset()
	Error(&Streams{Out: &out, Err: &err, ErrColor: true}, problems)
	golden(t, "problems-color.txt", err.Bytes())
	if out.Len() > 0 {
		t.Errorf("standard output: %q", out.String())
	}
}

func TestExcerptPointsIntoTheLine(t *testing.T) {
	for _, p := range []spec.Problem{
		{SourceLine: "abc", Column: 0}, {SourceLine: "abc", Column: 99, Length: 99}, {SourceLine: "abc", Column: 4, Length: 1},
		{SourceLine: strings.Repeat("a", 500), Column: 500, Length: 500}, {SourceLine: strings.Repeat("a", 500), Column: 1, Length: 500},
	} {
		text, column, length := excerpt(p)
		if n := len([]rune(text)); column > n || length < 1 || column+length > n+1 {
			t.Errorf("%+v: %d characters, column %d, length %d", p.Column, n, column, length)
		}
	}
}
