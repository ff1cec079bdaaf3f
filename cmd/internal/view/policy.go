package view

import (
	"maps"
	"slices"
	"strings"

	"github.com/scar-go/scar/planner"
)

// line is one line of a difference: unchanged, added or removed.
type line struct {
	sign   byte // ' ', '+' or '-'
	text   string
	indent int
}

// statementLines writes a statement as one line for each right, place and condition, so that a
// difference shows which of them changed, and not two blocks of JSON.
func statementLines(s planner.Statement) []string {
	var lines []string
	add := func(word string, values []string) {
		for _, v := range values {
			lines = append(lines, word+" "+clean(v))
		}
	}
	add("action", s.Action)
	add("every action but", s.NotAction)
	add("on", s.Resource)
	add("on everything but", s.NotResource)
	for _, kind := range slices.Sorted(maps.Keys(s.Principal)) {
		add("by "+kind, s.Principal[kind])
	}
	for _, kind := range slices.Sorted(maps.Keys(s.NotPrincipal)) {
		add("by anybody but "+kind, s.NotPrincipal[kind])
	}
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
			add("if "+clean(key)+" "+clean(operator), s.Condition[operator][key])
		}
	}
	return lines
}

func statementTitle(s planner.Statement) string {
	if s.Sid == "" {
		return clean(s.Effect)
	}
	return clean(s.Effect) + " (" + clean(s.Sid) + ")"
}

// policyLines shows a policy as it will be, or the statements in which two policies differ.
func policyLines(before, after planner.Policy) []line {
	var out []line
	pairs := pairStatements(before, after)
	for _, pair := range pairs {
		out = append(out, pairLines(pair)...)
	}
	return out
}

// pair is a statement before and after; one of them is nil if it came or went.
type pair struct{ before, after *planner.Statement }

// pairStatements finds the statement that another became: the one with the same Sid, or without
// Sids the equal one.
func pairStatements(before, after planner.Policy) []pair {
	same := func(a, b planner.Statement) bool {
		if a.Sid != "" || b.Sid != "" {
			return a.Sid == b.Sid
		}
		return a.Effect == b.Effect && slices.Equal(statementLines(a), statementLines(b))
	}
	used := make([]bool, len(after.Statements))
	var out []pair
	for i := range before.Statements {
		p := pair{before: &before.Statements[i]}
		for j := range after.Statements {
			if !used[j] && same(before.Statements[i], after.Statements[j]) {
				used[j], p.after = true, &after.Statements[j]
				break
			}
		}
		out = append(out, p)
	}
	for j := range after.Statements {
		if !used[j] {
			out = append(out, pair{after: &after.Statements[j]})
		}
	}
	return out
}

func pairLines(p pair) []line {
	switch {
	case p.before == nil:
		return block('+', statementTitle(*p.after), statementLines(*p.after))
	case p.after == nil:
		return block('-', statementTitle(*p.before), statementLines(*p.before))
	}
	before, after := statementLines(*p.before), statementLines(*p.after)
	if p.before.Effect == p.after.Effect && slices.Equal(before, after) {
		return nil
	}
	out := []line{{sign: ' ', text: statementTitle(*p.after)}}
	if p.before.Effect != p.after.Effect {
		out = []line{{sign: '-', text: statementTitle(*p.before)}, {sign: '+', text: statementTitle(*p.after)}}
	}
	for _, l := range difference(before, after) {
		l.indent = 1
		out = append(out, l)
	}
	return out
}

func block(sign byte, title string, lines []string) []line {
	out := []line{{sign: sign, text: title}}
	for _, text := range lines {
		out = append(out, line{sign, text, 1})
	}
	return out
}

// difference merges two lists of lines. Lists in a policy are sets, so a line is in one list, in the
// other, or in both; a removed line stands before the added ones of its word.
func difference(before, after []string) []line {
	var out []line
	for _, text := range before {
		sign := byte(' ')
		if !slices.Contains(after, text) {
			sign = '-'
		}
		out = append(out, line{sign: sign, text: text})
	}
	for _, text := range after {
		if slices.Contains(before, text) {
			continue
		}
		at := lastOfWord(out, text)
		out = slices.Insert(out, at, line{sign: '+', text: text})
	}
	return out
}

// lastOfWord is the index after the last line that starts with the same word.
func lastOfWord(lines []line, text string) int {
	word, _, _ := strings.Cut(text, " ")
	for i := len(lines) - 1; i >= 0; i-- {
		if other, _, _ := strings.Cut(lines[i].text, " "); other == word {
			return i + 1
		}
	}
	return len(lines)
}
