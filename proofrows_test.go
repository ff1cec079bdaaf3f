package scar_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/internal/proof"
)

const examplePage = `# A page

Some text.

| proof | at least | measured | test |
|---|---|---|---|
| kinds | ≥ 1,025 | 1100 | ` + "`TestKinds`" + ` |
| memory | ≤ 32 MB | 20 MB | ` + "`TestLarge`, `TestLarger`" + ` |
| left | = 0 | 0 | ` + "`TestSoak`" + ` |

| another | table | of no | interest |
|---|---|---|---|
| x | y | z | - |
`

func TestRowsOfAPage(t *testing.T) {
	rows, err := parseRows(examplePage)
	if err != nil {
		t.Fatal(err)
	}
	want := []row{
		{"kinds", "≥", 1025, "", []string{"TestKinds"}},
		{"memory", "≤", 32, "MB", []string{"TestLarge", "TestLarger"}},
		{"left", "=", 0, "", []string{"TestSoak"}},
	}
	if diff := cmp.Diff(want, rows, cmp.AllowUnexported(row{})); diff != "" {
		t.Error(diff)
	}
}

func TestRowsThatCannotBeRead(t *testing.T) {
	const head = "| proof | at least | measured | test |\n|---|---|---|---|\n"
	for _, c := range []struct{ page, want string }{
		{"no table", "no table"},
		{head, "no table"},
		{head + "| a | ≥ 1 | `T` |", "line 3: 3 columns"},
		{head + "| a | 1 | 1 | `T` |", "line 3: bound"},
		{head + "| a | > 1 | 1 | `T` |", "line 3: bound"},
		{head + "| a | ≥ many | 1 | `T` |", "line 3: bound"},
		{head + "| a | ≥ 1 M B | 1 | `T` |", "line 3: bound"},
		{head + "| a | ≥ 1 | 1 | T |", "names no `Test`"},
		{head + "| a | ≥ 1 | 1 | `T` |\n| a | ≥ 2 | 1 | `T` |", "line 4: a second row"},
	} {
		if rows, err := parseRows(c.page); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, %v", c.page, rows, err)
		}
	}
}

func TestFiguresAreJudged(t *testing.T) {
	good := []proof.Figure{
		{Name: "kinds", Value: 1025, Test: "TestKinds/sub"},
		{Name: "memory", Value: 32, Unit: "MB", Test: "TestLarge"},
		{Name: "memory", Value: 0.5, Unit: "MB", Test: "TestLarger"},
		{Name: "left", Test: "TestSoak"},
	}
	for _, c := range []struct {
		name   string
		change func([]proof.Figure) []proof.Figure
		want   string // all of what is wrong
	}{
		{"good", func(f []proof.Figure) []proof.Figure { return f }, ""},
		{"too few", func(f []proof.Figure) []proof.Figure { f[0].Value = 1024; return f }, "kinds: ≥ 1025, and TestKinds/sub reports 1024"},
		{"too much", func(f []proof.Figure) []proof.Figure { f[2].Value = 32.25; return f }, "memory: ≤ 32 MB, and TestLarger reports 32.25"},
		{"another", func(f []proof.Figure) []proof.Figure { f[3].Value = -1; return f }, "left: = 0, and TestSoak reports -1"},
		{"each counts for itself", func(f []proof.Figure) []proof.Figure {
			f[0].Value = 600
			return append(f, f[0])
		}, "kinds: ≥ 1025, and TestKinds/sub reports 600\nkinds: ≥ 1025, and TestKinds/sub reports 600"},
		{"unit", func(f []proof.Figure) []proof.Figure { f[1].Unit = "GB"; return f }, `memory: TestLarge reports it in "GB", the bound is in "MB"`},
		{"test", func(f []proof.Figure) []proof.Figure { f[0].Test = "TestOther"; return f }, "kinds: TestOther reports it, the row names TestKinds\nkinds: TestKinds has not reported it"},
		{"missing", func(f []proof.Figure) []proof.Figure { return f[1:] }, "kinds: TestKinds has not reported it"},
		{"missing beside another", func(f []proof.Figure) []proof.Figure { return append(f[:2:2], f[3]) }, "memory: TestLarger has not reported it"},
		{"unknown", func(f []proof.Figure) []proof.Figure {
			return append(f, proof.Figure{Name: "new", Test: "TestNew"})
		}, "new: TestNew reports it, and there is no row of that name"},
	} {
		rows, err := parseRows(examplePage)
		if err != nil {
			t.Fatal(err)
		}
		table, problems := judge(rows, c.change(append([]proof.Figure{}, good...)))
		if got := strings.Join(problems, "\n"); got != c.want {
			t.Errorf("%s: problems\n%s\nwant\n%s", c.name, got, c.want)
		}
		if !strings.Contains(table, "memory  ≤ 32 MB") {
			t.Errorf("%s: table\n%s", c.name, table)
		}
	}
}
