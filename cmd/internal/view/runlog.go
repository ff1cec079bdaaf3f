package view

import (
	"encoding/json"
	"slices"
	"strings"
)

// failure prints why an input failed, how often it was tried, and the end of the log of the last attempt.
func failure(p *printer, f RunFile) {
	log := ownLines(f.LogTail)
	first, rest := splitError(cleanLines(f.Error), log)
	// The runtime logs why a file failed, too.
	log = slices.DeleteFunc(log, func(l string) bool { return strings.HasPrefix(l, "scar ERROR ") && strings.HasSuffix(l, ": "+first) })
	p.printf("\n%s %s: %s\n", p.paint(red, "failed:"), clean(f.File), first)
	for _, l := range rest {
		p.printf("  %s\n", l)
	}
	switch {
	case len(log) == 0 && f.Attempts > 1:
		p.printf("  %d attempts\n", f.Attempts)
	case len(log) > 0 && f.Attempts > 1:
		p.printf("  %d attempts; the end of the last one's log:\n", f.Attempts)
	case len(log) > 0:
		p.printf("  the end of its log:\n")
	}
	for _, l := range log {
		p.printf("  | %s\n", l)
	}
}

// splitError is the first line of an error and the others. Where the log shows them all again they are left out, and so
// is the half-sentence that announces them.
func splitError(text string, log []string) (first string, rest []string) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	first, rest = lines[0], lines[1:]
	if len(rest) == 0 || slices.ContainsFunc(rest, func(l string) bool { return !slices.Contains(log, l) }) {
		return first, rest
	}
	if cut := strings.LastIndex(first, ";"); cut > 0 && strings.HasSuffix(first, ":") {
		first = first[:cut]
	}
	return first, nil
}

// requestID marks the id of an invocation in the lines that Lambda adds to its log.
const requestID = "RequestId: "

// ownLines are the lines of an invocation's log, for people: without those by which Lambda tells invocations apart, and
// without the id, since there is one invocation only.
func ownLines(log string) []string {
	text := strings.Trim(cleanLines(log), "\n")
	if text == "" {
		return nil
	}
	id := ""
	if _, after, found := strings.Cut(text, requestID); found {
		id = strings.Fields(after + " ?")[0]
	}
	var lines []string
	for _, l := range strings.Split(text, "\n") {
		if strings.HasPrefix(l, "START "+requestID) || strings.HasPrefix(l, "END "+requestID) || strings.HasPrefix(l, metricsLine) {
			continue
		}
		if plain, isObject := plainLine(l); isObject {
			lines = append(lines, plain)
			continue
		}
		if id != "" {
			l = strings.Replace(l, requestID+id+"    ", "", 1) // in the last line, before a tab
			l = strings.Replace(l, id+" ", "", 1)
		}
		lines = append(lines, strings.TrimRight(l, " "))
	}
	return lines
}

// metricsLine is how lines begin that are for CloudWatch to read.
const metricsLine = `{"_aws":`

// plainLine is a line of a log in JSON as one in text has it. A script's lines are not marked as such, so that everything
// without a level that matters is taken for one. It is false for any other line, such as JSON of the script's own.
func plainLine(line string) (plain string, isObject bool) {
	var l struct {
		Time, Level, RequestID, Message *string
		Summary                         json.RawMessage
	}
	d := json.NewDecoder(strings.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil || l.Time == nil || l.Level == nil || l.RequestID == nil || l.Message == nil {
		return "", false
	}
	plain = strings.ReplaceAll(cleanLines(*l.Message), "\n", " ")
	if *l.Level != "INFO" || l.Summary != nil {
		plain = "scar " + *l.Level + " " + plain
	}
	if l.Summary != nil {
		plain += " " + string(l.Summary)
	}
	return strings.TrimRight(plain, " "), true
}
