package view

import (
	"fmt"
	"strings"
)

// ListedFunction is a function as a list shows it.
type ListedFunction struct {
	Name     string    `json:"name"`
	ARN      string    `json:"arn"`
	Project  string    `json:"project,omitempty"` // none for one of the original scar
	Original bool      `json:"original,omitempty"`
	Memory   int       `json:"memory"`  // MB
	Timeout  int       `json:"timeout"` // seconds
	Image    string    `json:"image,omitempty"`
	Starts   []string  `json:"starts"`
	URL      string    `json:"url,omitempty"`
	Last     *Activity `json:"last_day,omitempty"` // not given: not asked for
}

// Activity is how often a function ran in the last day.
type Activity struct {
	Invocations int `json:"invocations"`
	Errors      int `json:"errors"`
	Throttles   int `json:"throttles"`
}

// String is the activity in a few words, or a dash where there was none.
func (a Activity) String() string {
	var parts []string
	if a.Invocations > 0 && (a.Invocations > a.Errors || a.Errors == 0) {
		parts = append(parts, fmt.Sprintf("%d ok", max(a.Invocations-a.Errors, 0)))
	}
	if a.Errors > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", a.Errors))
	}
	if a.Throttles > 0 {
		parts = append(parts, fmt.Sprintf("%d throttled", a.Throttles))
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

// originalProject stands in the place of the project of functions that have none.
const originalProject = "(original)"

// Functions prints a list of functions. Where says what was listed, for when there is nothing.
func Functions(s *Streams, f Format, list []ListedFunction, where string) error {
	p := s.out()
	if f == JSON {
		out := make([]ListedFunction, len(list))
		for i, l := range list {
			out[i] = l
			if l.Starts == nil {
				out[i].Starts = []string{}
			}
		}
		p.json(map[string]any{"functions": out}, "  ")
		return p.result()
	}
	if len(list) == 0 {
		Note(s, "There are no functions of scar's "+where+".")
		return nil
	}
	functionTable(p, list)
	noteOriginals(s, list)
	return p.result()
}

func functionTable(p *printer, list []ListedFunction) {
	head := []string{"NAME", "PROJECT", "MEMORY", "TIMEOUT", "IMAGE", "STARTS", "URL"}
	if list[0].Last != nil {
		head = append(head, "LAST 24 H")
	}
	rows := [][]string{head}
	for _, l := range list {
		project := l.Project
		if l.Original {
			project = originalProject
		}
		row := []string{l.Name, project, fmt.Sprint(l.Memory), fmt.Sprintf("%ds", l.Timeout), l.Image, strings.Join(l.Starts, " "), l.URL}
		if l.Last != nil {
			row = append(row, l.Last.String())
		}
		rows = append(rows, row)
	}
	listTable(p, rows)
}

// listTable prints rows in columns, the first row as a head. What is empty is a dash.
func listTable(p *printer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(clean(cell))), 1)
		}
	}
	for n, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			if cell == "" {
				cell = "-"
			}
			if i < len(row)-1 {
				cell = pad(clean(cell), widths[i]+2)
			}
			line.WriteString(cell)
		}
		if n == 0 {
			p.printf("%s\n", p.paint(bold, line.String()))
			continue
		}
		p.printf("%s\n", clean(line.String()))
	}
}

// noteOriginals says what to do about functions of the original.
func noteOriginals(s *Streams, list []ListedFunction) {
	var names []string
	for _, l := range list {
		if l.Original {
			names = append(names, l.Name)
		}
	}
	if len(names) == 0 {
		return
	}
	Note(s, fmt.Sprintf("note: the original scar made %s (%s): scar apply -f FILE --adopt function/%s takes such a function over",
		count(len(names), "function"), strings.Join(names, ", "), names[0]))
}
