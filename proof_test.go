package scar_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/scar-go/scar/internal/proof"
)

// TestProofsReachTheirFigures compares what tests have counted with what docs/reliability.md promises.
func TestProofsReachTheirFigures(t *testing.T) {
	compare(t, "docs/reliability.md", "make test")
}

// TestSpeedsReachTheirFigures compares what benchmarks have measured with what docs/performance.md promises.
func TestSpeedsReachTheirFigures(t *testing.T) {
	compare(t, "docs/performance.md", "make bench")
}

// compare prints the table of a page with the figures that were reported, and fails where they do not agree.
func compare(t *testing.T, page, command string) {
	folder := os.Getenv(proof.Variable)
	if folder == "" {
		t.Skipf("%s runs this: it is about the figures that other tests write to the folder in %s", command, proof.Variable)
	}
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := parseRows(string(content))
	if err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	figures, err := proof.Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	table, problems := judge(rows, figures)
	t.Logf("%s\n%s", page, table)
	for _, problem := range problems {
		t.Errorf("%s: %s", page, problem)
	}
}

// row is a line of a page's table: a figure, and the bound that every report of it has to keep. Figures of one name
// are not added up.
type row struct {
	name     string
	relation string // ≥, ≤ or =
	bound    float64
	unit     string
	tests    []string // all of which report it
}

// parseRows reads the first table of a page. The first column is the figure's name, the second its bound, such as
// "≤ 32 MB", and the last one has the tests, as code. A page without a table is an error.
func parseRows(page string) ([]row, error) {
	var rows []row
	for number, line := range strings.Split(page, "\n") {
		if !strings.HasPrefix(line, "|") {
			if len(rows) > 0 {
				break
			}
			continue
		}
		var cells []string
		for _, cell := range strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		if strings.Trim(line, "|-: ") == "" || isHead(cells) {
			continue
		}
		r, err := parseRow(cells)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number+1, err)
		}
		if slices.ContainsFunc(rows, func(other row) bool { return other.name == r.name }) {
			return nil, fmt.Errorf("line %d: a second row %q", number+1, r.name)
		}
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		return nil, errors.New("there is no table")
	}
	return rows, nil
}

// isHead reports whether cells are the names of the columns, the third of which is what a reader may expect.
func isHead(cells []string) bool { return len(cells) > 2 && cells[2] == "measured" }

func parseRow(cells []string) (row, error) {
	if len(cells) < 4 {
		return row{}, fmt.Errorf("%d columns, want name, bound, measured, …, test", len(cells))
	}
	r := row{name: cells[0]}
	words := strings.Fields(cells[1])
	if len(words) < 2 || len(words) > 3 || !slices.Contains([]string{"≥", "≤", "="}, words[0]) {
		return row{}, fmt.Errorf("bound %q: want something like \"≥ 25\" or \"≤ 32 MB\"", cells[1])
	}
	bound, err := strconv.ParseFloat(strings.ReplaceAll(words[1], ",", ""), 64)
	if err != nil {
		return row{}, fmt.Errorf("bound %q: %w", cells[1], err)
	}
	r.relation, r.bound = words[0], bound
	if len(words) == 3 {
		r.unit = words[2]
	}
	for i, part := range strings.Split(cells[len(cells)-1], "`") {
		if i%2 == 1 {
			r.tests = append(r.tests, part)
		}
	}
	if len(r.tests) == 0 {
		return row{}, fmt.Errorf("%q: the last column names no `Test`", r.name)
	}
	return r, nil
}

// keeps reports whether a figure is within the row's bound.
func (r row) keeps(value float64) bool {
	switch r.relation {
	case "≥":
		return value >= r.bound
	case "≤":
		return value <= r.bound
	}
	return value == r.bound
}

// judge returns a table of all rows with their figures, and what is wrong with them.
func judge(rows []row, figures []proof.Figure) (table string, problems []string) {
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "name\tbound\tmeasured\ttest")
	for _, r := range rows {
		bound := strings.TrimSpace(fmt.Sprintf("%s %s %s", r.relation, number(r.bound), r.unit))
		missing := slices.Clone(r.tests)
		for _, f := range figures {
			if f.Name != r.name {
				continue
			}
			missing = slices.DeleteFunc(missing, func(test string) bool { return test == testOf(f) })
			fmt.Fprintf(columns, "%s\t%s\t%s\t%s\n", r.name, bound, strings.TrimSpace(number(f.Value)+" "+f.Unit), f.Test)
			if fault := r.fault(f); fault != "" {
				problems = append(problems, r.name+": "+fault)
			}
		}
		for _, test := range missing {
			fmt.Fprintf(columns, "%s\t%s\t-\t%s\n", r.name, bound, test)
			problems = append(problems, fmt.Sprintf("%s: %s has not reported it", r.name, test))
		}
	}
	_ = columns.Flush() // to memory
	for _, f := range figures {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.name == f.Name }) {
			problems = append(problems, fmt.Sprintf("%s: %s reports it, and there is no row of that name", f.Name, f.Test))
		}
	}
	return text.String(), problems
}

// fault is what is wrong with a figure of a row; empty when nothing is.
func (r row) fault(f proof.Figure) string {
	switch {
	case f.Unit != r.unit:
		return fmt.Sprintf("%s reports it in %q, the bound is in %q", f.Test, f.Unit, r.unit)
	case !r.keeps(f.Value):
		return fmt.Sprintf("%s, and %s reports %s", strings.TrimSpace(fmt.Sprintf("%s %s %s", r.relation, number(r.bound), r.unit)), f.Test, number(f.Value))
	case !slices.Contains(r.tests, testOf(f)):
		return fmt.Sprintf("%s reports it, the row names %s", f.Test, strings.Join(r.tests, ", "))
	}
	return ""
}

// testOf is the test function that a figure is from.
func testOf(f proof.Figure) string {
	test, _, _ := strings.Cut(f.Test, "/")
	return test
}

// number writes a figure with three decimals at most.
func number(value float64) string {
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(value, 'f', 3, 64), "0"), ".")
}
