package view

import (
	"strings"

	"github.com/scar-go/scar/planner"
)

// planMarkdown prints the plan for the comments of a code review: a table that can be read at a
// glance, and the differences folded below it.
func planMarkdown(p *printer, plan *planner.Plan) error {
	p.printf("### scar: `%s` in account %s, %s\n\n", clean(plan.Project), plan.Account, plan.Region)
	p.printf("**%s**\n", summary(plan))
	if line := preheatLine(plan); line != "" {
		p.printf("\n%s\n", escape(line))
	}
	var shown []planner.Change
	for _, c := range plan.Changes {
		if visible(c) {
			shown = append(shown, c)
		}
	}
	if len(shown) > 0 {
		p.printf("\n| | resource | |\n|---|---|---|\n")
		for _, c := range shown {
			sign, _ := signOf(c.Action)
			p.printf("| `%s` | %s | %s |\n", sign, code(c.Address.String()), escape(headline(c)))
		}
		detailsMarkdown(p, shown)
	}
	for i, w := range plan.Warnings {
		if i == 0 {
			p.printf("\n")
		}
		p.printf("> **Warning** %s: %s\n", code(w.Address.String()), escape(w.Message))
	}
	return p.result()
}

func detailsMarkdown(p *printer, changes []planner.Change) {
	var text strings.Builder
	inner := &printer{w: &text}
	for _, c := range changes {
		changeHuman(inner, c)
	}
	fence := "```"
	for strings.Contains(text.String(), fence) {
		fence += "`"
	}
	p.printf("\n<details><summary>Details</summary>\n\n%sdiff\n%s%s\n\n</details>\n", fence, diffSigns(text.String()), fence)
}

// diffSigns puts the sign of a line into its first column, where the diff colours of Markdown want it.
func diffSigns(text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, l := range lines {
		trimmed := strings.TrimLeft(l, " ")
		sign, rest, found := strings.Cut(trimmed, " ")
		if !found || len(trimmed) == len(l) {
			continue
		}
		lead := l[:len(l)-len(trimmed)]
		switch sign {
		case "+", "-":
			lines[i] = sign + lead[1:] + "  " + rest
		case "~", "-/+":
			lines[i] = "!" + lead[1:] + sign + " " + rest
		}
	}
	return strings.TrimSuffix(strings.Join(lines, ""), "\n")
}

func code(s string) string { return "`" + strings.ReplaceAll(clean(s), "`", "'") + "`" }

var markdown = strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`)

func escape(s string) string { return markdown.Replace(clean(s)) }
