package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scar-go/scar/planner"
)

// Plan shows what would change. Warnings go to standard error, so that they are seen whatever is done
// with the plan; the JSON and Markdown forms carry them too.
func Plan(s *Streams, f Format, p *planner.Plan) error {
	var err error
	switch f {
	case JSON:
		err = planJSON(s.out(), p)
	case Markdown:
		err = planMarkdown(s.out(), p)
	default:
		err = planHuman(s.out(), p)
	}
	if err != nil {
		return err
	}
	return warnings(s.err(), p.Warnings)
}

func warnings(p *printer, list []planner.Warning) error {
	for _, w := range list {
		p.printf("%s %s: %s\n", p.paint(yellow, "warning:"), clean(w.Address.String()), clean(w.Message))
	}
	return p.result()
}

// visible says whether a change is shown: everything that is done, and what is kept where one would
// expect it to go.
func visible(c planner.Change) bool { return c.Action != planner.NoOp }

func summary(p *planner.Plan) string {
	// A file describes at least one function, so a plan in which nothing is wanted removes a project.
	wanted := slices.ContainsFunc(p.Changes, func(c planner.Change) bool { return c.Action != planner.Retain })
	switch {
	case !wanted:
		return fmt.Sprintf("No changes. There is nothing of project %s to destroy.", p.Project)
	case !p.HasChanges():
		return "No changes. Your account matches the file."
	}
	add, change, destroy := p.Counts()
	return fmt.Sprintf("Plan: %d to add, %d to change, %d to destroy.", add, change, destroy)
}

// signs are terraform's.
func signOf(a planner.Action) (string, sgr) {
	switch a {
	case planner.Create:
		return "+", green
	case planner.Update, planner.Adopt:
		return "~", yellow
	case planner.Replace:
		return "-/+", red
	case planner.Delete:
		return "-", red
	case planner.NoOp, planner.Retain:
		return " ", dim
	}
	return "?", dim
}

func planHuman(p *printer, plan *planner.Plan) error {
	if plan.HasChanges() {
		p.printf("scar will do the following in account %s, region %s:\n\n", plan.Account, plan.Region)
	}
	for _, c := range plan.Changes {
		if visible(c) {
			changeHuman(p, c)
		}
	}
	p.printf("%s\n", p.paint(bold, summary(plan)))
	if line := preheatLine(plan); line != "" {
		p.printf("%s\n", line)
	}
	return p.result()
}

// changeHuman shows one change: a line that says what happens and why, then the fields.
func changeHuman(p *printer, c planner.Change) {
	sign, color := signOf(c.Action)
	p.printf("%s %s %s\n", p.paint(color, fmt.Sprintf("%4s", sign)), p.paint(bold, clean(c.Address.String())), headline(c))
	switch c.Action {
	case planner.Create:
		for _, a := range attributes(c.After) {
			attributeHuman(p, a, width(attributes(c.After)))
		}
	case planner.Update, planner.Adopt, planner.Replace:
		fieldsHuman(p, c)
	case planner.Delete, planner.Retain, planner.NoOp:
	}
	p.printf("\n")
}

const indent = "       "

func attributeHuman(p *printer, a attribute, width int) {
	if policy, ok := a.value.(planner.Policy); ok {
		p.printf("%s%s\n", indent, a.name)
		linesHuman(p, policyLines(planner.Policy{}, policy), false)
		return
	}
	if items := longList(a.value); items != nil && !a.sensitive {
		p.printf("%s%s\n", indent, a.name)
		linesHuman(p, difference(items, items), false)
		return
	}
	entries := entriesOf(a.name, a.value)
	if a.sensitive || len(entries) == 0 {
		p.printf("%s%s = %s\n", indent, pad(a.name, width), show(a.value, a.sensitive))
		return
	}
	p.printf("%s%s\n", indent, a.name)
	for _, e := range entries {
		p.printf("%s    %s = %s\n", indent, pad(e.name, nameWidth(entries)), show(e.value, e.sensitive))
	}
}

// width is the width of the names of those attributes that stand on one line with their value.
func width(list []attribute) int {
	var single []attribute
	for _, a := range list {
		if _, isPolicy := a.value.(planner.Policy); !isPolicy && len(entriesOf(a.name, a.value)) == 0 && longList(a.value) == nil {
			single = append(single, a)
		}
	}
	return nameWidth(single)
}

func nameWidth(list []attribute) int {
	n := 0
	for _, a := range list {
		n = max(n, len([]rune(a.name)))
	}
	return n
}

func fieldsHuman(p *printer, c planner.Change) {
	fields := wholeSwitches(plainFields(c))
	n := 0
	for _, f := range fields {
		n = max(n, len([]rune(f.Path)))
	}
	for _, f := range fields {
		sign, color := fieldSign(f)
		if before, after := longList(f.Before), longList(f.After); (before != nil || after != nil) && !sensitiveField(f) {
			p.printf("%s%s %s\n", indent[2:], p.paint(color, sign), clean(f.Path))
			linesHuman(p, difference(quotedItems(f.Before), quotedItems(f.After)), true)
			continue
		}
		text := fmt.Sprintf("%s = %s", pad(clean(f.Path), n), fieldChange(f))
		p.printf("%s%s %s\n", indent[2:], p.paint(color, sign), text)
	}
	for _, d := range policyDifferences(c) {
		p.printf("%s%s %s\n", indent[2:], p.paint(yellow, "~"), d.name)
		linesHuman(p, d.lines, true)
	}
}

// wholeSwitches says of a switch that it was on and is off, or the other way, where the planner says that it is, or was,
// there: the planner takes off for absent.
func wholeSwitches(fields []planner.Field) []planner.Field {
	for i, f := range fields {
		if _, was := f.Before.(bool); was && f.After == nil {
			fields[i].After = false
		}
		if _, is := f.After.(bool); is && f.Before == nil {
			fields[i].Before = false
		}
	}
	return fields
}

func fieldSign(f planner.Field) (string, sgr) {
	switch {
	case isNone(f.Before):
		return "+", green
	case isNone(f.After):
		return "-", red
	default:
		return "~", yellow
	}
}

// fieldChange is the difference of one field. The names of both sides of a sensitive one are all
// that is said of it.
func fieldChange(f planner.Field) string {
	hidden := sensitiveField(f)
	text := ""
	switch {
	case isNone(f.Before):
		text = show(f.After, hidden)
	case isNone(f.After):
		text = show(f.Before, hidden)
	default:
		text = show(f.Before, hidden) + " -> " + show(f.After, hidden)
	}
	if f.Replace {
		text += "   # forces replacement"
	}
	return text
}

func isNone(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []string:
		return len(v) == 0
	default:
		return false
	}
}

// plainFields are the differences that are shown as one line each: all but those of policies, and but
// the layers of an image, which the headline names.
func plainFields(c planner.Change) []planner.Field {
	var out []planner.Field
	for _, f := range c.Fields {
		name, _, _ := strings.Cut(f.Path, ".")
		name, _, _ = strings.Cut(name, "[")
		if isPolicyField(c, name) || c.Kind == planner.KindImage && name == "parts" {
			continue
		}
		out = append(out, f)
	}
	return out
}

func isPolicyField(c planner.Change, name string) bool {
	v := c.After
	if v == nil {
		v = c.Before
	}
	_, isPolicy := policiesOf(v)[name]
	return isPolicy
}

// policiesOf are the policy documents of a value by their names.
func policiesOf(v planner.Value) map[string]planner.Policy {
	switch v := v.(type) {
	case planner.Role:
		return map[string]planner.Policy{"trust": v.Trust, "policy": v.Policy}
	case planner.Queue:
		return map[string]planner.Policy{"policy": v.Policy}
	default:
		return nil
	}
}

// policyDifference is what changes in one policy document.
type policyDifference struct {
	name  string
	lines []line
}

func policyDifferences(c planner.Change) []policyDifference {
	before, after := policiesOf(c.Before), policiesOf(c.After)
	var out []policyDifference
	for _, name := range []string{"trust", "policy"} {
		if lines := policyLines(before[name], after[name]); len(lines) > 0 {
			out = append(out, policyDifference{name, lines})
		}
	}
	return out
}

func linesHuman(p *printer, lines []line, signs bool) {
	colors := map[byte]sgr{'+': green, '-': red}
	for _, l := range lines {
		sign := " "
		if signs {
			sign = p.paint(colors[l.sign], string(l.sign))
		}
		p.printf("%s  %s %s%s\n", indent, sign, strings.Repeat("    ", l.indent), l.text)
	}
}
