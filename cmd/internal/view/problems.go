package view

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/scar-go/scar/spec"
)

// maxLine is the number of characters of a source line that are shown around a problem.
const maxLine = 100

// problemsHuman prints the problems of files as compilers do: place and message, the line, and a caret
// below what is meant.
func problemsHuman(p *printer, problems spec.Problems) {
	for _, one := range problems {
		place := fmt.Sprintf("%s:%d:%d:", clean(one.File), one.Line, one.Column)
		p.printf("%s %s\n", p.paint(bold, place), p.paint(red, cleanLines(one.Message)))
		if one.SourceLine == "" {
			continue
		}
		text, column, length := excerpt(one)
		number := strconv.Itoa(one.Line)
		margin := strings.Repeat(" ", len(number))
		p.printf(" %s %s %s\n", p.paint(blue, number), p.paint(blue, "|"), text)
		p.printf(" %s %s %s%s\n", margin, p.paint(blue, "|"), strings.Repeat(" ", column), p.paint(red, "^"+strings.Repeat("~", max(length-1, 0))))
	}
	p.printf("%s in %s\n", count(len(problems), "problem"), filesOf(problems))
}

// excerpt is the part of the line around the problem, and where in it the problem begins.
func excerpt(one spec.Problem) (text string, column, length int) {
	runes := []rune(clean(strings.ReplaceAll(one.SourceLine, "\t", " ")))
	column = min(max(one.Column-1, 0), len(runes))
	length = min(max(one.Length, 1), max(len(runes)-column, 1))
	if len(runes) <= maxLine {
		return string(runes), column, length
	}
	from := max(0, min(column-maxLine/3, len(runes)-maxLine))
	to := min(len(runes), from+maxLine)
	text = string(runes[from:to])
	column -= from
	if from > 0 {
		text, column = "…"+text, column+1
	}
	if to < len(runes) {
		text += "…"
	}
	return text, column, min(length, maxLine-column+1)
}

func filesOf(problems spec.Problems) string {
	var names []string
	for _, one := range problems {
		if len(names) == 0 || names[len(names)-1] != clean(one.File) {
			names = append(names, clean(one.File))
		}
	}
	return strings.Join(names, ", ")
}

// problemsJSON prints the problems for editors and other programs.
func problemsJSON(p *printer, problems spec.Problems) error {
	type item struct {
		File    string `json:"file"`
		Line    int    `json:"line"`
		Column  int    `json:"column"`
		Path    string `json:"path,omitempty"`
		Message string `json:"message"`
	}
	list := make([]item, len(problems))
	for i, one := range problems {
		list[i] = item{one.File, one.Line, one.Column, one.Path, one.Message}
	}
	p.json(map[string]any{"valid": false, "problems": list}, "  ")
	return p.result()
}
