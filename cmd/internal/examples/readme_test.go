// Package examples runs what the READMEs of the examples say, so that the two cannot part.
//
// # How an example is added
//
// Make a folder in examples with a README.md of at most 40 lines, and what its commands need. The test finds it by itself. It
// copies the folder, links the other examples beside the copy, so that ../debian-image is there, and gives bash all commands
// of the README, in their order and in one shell, which ends at the first that fails:
//
//   - A block of sh is commands. Those that make the image come first, ../debian-image -l NAME.tar PACKAGE…; images are kept
//     by their packages, so examples with the same list of packages share one.
//   - A block of console is commands behind "$ ", each followed by what it prints. The test compares. "…" stands for any
//     characters, and in a line of its own for any lines.
//   - Blocks of other languages, and of none, are not run: what needs an account in AWS, for instance.
//
// One command has to be ./check: a program that looks at the results and ends with another exit code than 0 if they are wrong. It
// has to be another program than the one that made them, in a language that .ci/packages provides: sh, or Python with
// Debian's packages (#!/usr/bin/python3).
//
// scar local up, alone in a line, goes on in the background, at a free port, until the test ends: the README tells its reader to leave it
// running. A file in the format of the original is called scar-NAME.yaml; what scar convert prints of it has to be the same to a plan.
//
// What the commands leave in the folder has a line in examples/.gitignore and is not copied.
package examples

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// step is one block of commands, or one command with what it prints.
type step struct {
	line    int // of the README, where it begins
	command string
	printed *string // what the README shows; nil if nothing is shown
}

var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

// steps are the commands of a README, in their order.
func steps(readme string) []step {
	var all []step
	for _, at := range fence.FindAllStringSubmatchIndex(readme, -1) {
		language, text := readme[at[2]:at[3]], readme[at[4]:at[5]]
		line := 1 + strings.Count(readme[:at[4]], "\n")
		switch language {
		case "sh":
			all = append(all, step{line: line, command: text})
		case "console":
			all = append(all, session(text, line)...)
		}
	}
	return all
}

// session are the commands of a block that shows what they print. A command goes on in the next line after a backslash.
func session(text string, line int) []step {
	var all []step
	goesOn := false
	for i, s := range strings.SplitAfter(text, "\n") {
		command, begins := strings.CutPrefix(s, "$ ")
		switch {
		case begins:
			all = append(all, step{line: line + i, command: command, printed: new(string)})
		case goesOn:
			all[len(all)-1].command += s
		case len(all) > 0:
			*all[len(all)-1].printed += s
		}
		goesOn = (begins || goesOn) && strings.HasSuffix(s, "\\\n")
	}
	return all
}

// shows says whether a README shows what was printed. Spaces at the ends of lines do not count.
func shows(readme, printed string) bool {
	var pattern strings.Builder
	for line := range strings.Lines(readme) {
		line = strings.TrimRight(line, " \n")
		if line == "…" {
			pattern.WriteString(`(?:.*\n)*`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + ` *\n`)
	}
	if printed != "" && !strings.HasSuffix(printed, "\n") {
		printed += "\n"
	}
	return regexp.MustCompile(`\A` + pattern.String() + `\z`).MatchString(printed)
}

func TestStepsAreThoseOfTheReadme(t *testing.T) {
	const readme = "# Title\n```sh\none\ntwo\n```\ntext\n```yaml\na: b\n```\n\n" +
		"```console\nprologue\n$ three \\\n  more\nout\n\nput\n$ four\n```\n```\nfive\n```\n"
	output, nothing := "out\n\nput\n", ""
	want := []step{
		{line: 3, command: "one\ntwo\n"},
		{line: 13, command: "three \\\n  more\n", printed: &output},
		{line: 18, command: "four\n", printed: &nothing},
	}
	if diff := cmp.Diff(want, steps(readme), cmp.AllowUnexported(step{})); diff != "" {
		t.Error(diff)
	}
}

func TestReadmeShowsWhatIsPrinted(t *testing.T) {
	for _, c := range []struct {
		readme, printed string
		want            bool
	}{
		{"", "", true},
		{"", "a\n", false},
		{"a\n", "a\n", true},
		{"a\n", "a", true},
		{"a\n", "a  \n", true},
		{"a\n", "a\nb\n", false},
		{"a\n", "b\na\n", false},
		{"a.c\n", "abc\n", false},
		{"1 done in …\n", "1 done in 3.2s\n", true},
		{"1 done in …\n", "1 done in 3s\nmore\n", false},
		{"…\nlast\n", "last\n", true},
		{"…\nlast\n", "a\nb\nlast\n", true},
		{"first\n…\n", "first\na\nb\n", true},
		{"first\n…\nlast\n", "first\nlast\nmore\n", false},
	} {
		if got := shows(c.readme, c.printed); got != c.want {
			t.Errorf("shows(%q, %q) = %v", c.readme, c.printed, got)
		}
	}
}
