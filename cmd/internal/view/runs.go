package view

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/scar-go/scar/runs"
)

// SweepStart is what a run over all objects would take.
type SweepStart struct {
	Function string `json:"function"`
	runs.Counted
}

// Print prints it.
func (c SweepStart) Print(s *Streams, f Format) error {
	p := s.out()
	if f == JSON {
		p.json(c, "  ")
		return p.result()
	}
	more := ""
	if c.Limited {
		more = " (--limit is reached: there may be more)"
	}
	p.printf("%s would be sent to %s, %s in all%s; %d done already.\n", count(c.ToSend, "object"), clean(c.Function), size(c.Bytes), more, c.Done)
	return p.result()
}

// SweepEnd is what a run over all objects, or the part of it that was done now, came to.
type SweepEnd struct {
	*runs.Summary
	Records string        // where results are written down; empty: nowhere
	Took    time.Duration // now
	Same    string        // the flags that other commands need to find the run again, each behind a space
}

// Print prints it, with what to do next.
func (e SweepEnd) Print(s *Streams, f Format) error {
	p := s.out()
	if f == JSON {
		e.json(p)
		return p.result()
	}
	if e.Tally.Total() == 0 && e.State == runs.Finished {
		p.printf("There is nothing to do: %s.\n", e.nothing())
		return p.result()
	}
	head := p.paint(green, "Run complete!")
	switch {
	case e.State != runs.Finished:
		head = p.paint(yellow, "Run stopped.")
	case e.Tally.Failed > 0:
		head = p.paint(red, "Run complete, with failures.")
	}
	p.printf("%s %s in %s\n", head, tallyText(e.Tally), seconds(e.Took))
	e.next(p)
	return p.result()
}

// nothing says why a run found nothing.
func (e SweepEnd) nothing() string {
	if e.Parent != "" {
		return "nothing failed in run " + e.Parent
	}
	var places []string
	for _, from := range e.From {
		place := "s3://" + from.Bucket + "/" + from.Prefix + e.Prefix
		if len(from.Suffix) > 0 && strings.Join(from.Suffix, "") != "" {
			place += " that ends in " + strings.Join(from.Suffix, " or ")
		}
		places = append(places, place)
	}
	text := "there is no object below " + clean(strings.Join(places, ", or "))
	if e.Suffix != "" || !e.NewerThan.IsZero() {
		text += " that --suffix and --newer-than take"
	}
	return text
}

// next says what can be done now.
func (e SweepEnd) next(p *printer) {
	switch {
	case e.Records == "":
		p.printf("Nothing of it is written down: the function writes no records.\n")
	case e.State != runs.Finished && e.Parent != "":
		p.printf("To go on with it: scar retry %s --failed%s\n", e.Parent, clean(e.Same))
	case e.State != runs.Finished:
		p.printf("To go on with it: scar run %s --all%s\n", clean(e.Function), clean(e.Same))
	case e.Tally.Failed > 0:
		p.printf("What failed, and why: scar runs %[1]s --failed%[2]s\nTo try that again:    scar retry %[1]s --failed%[2]s\n", e.ID, clean(e.Same))
	default:
		p.printf("Each object: scar runs %s%s\n", e.ID, clean(e.Same))
	}
}

func (e SweepEnd) json(p *printer) {
	id := e.ID
	if e.Records == "" {
		id = ""
	}
	p.json(struct {
		Run      string     `json:"run,omitempty"`
		Parent   string     `json:"parent,omitempty"`
		Function string     `json:"function"`
		State    runs.State `json:"state"`
		Resumed  bool       `json:"resumed"`
		runs.Tally
		Seconds float64 `json:"seconds"`
	}{id, e.Parent, e.Function, e.State, e.Resumed, e.Tally, e.Took.Seconds()}, "  ")
}

// tallyText is a tally in words.
func tallyText(t runs.Tally) string {
	text := fmt.Sprintf("%d done, %d failed", t.Done, t.Failed)
	if t.Skipped > 0 {
		text += fmt.Sprintf(", %d skipped (done before)", t.Skipped)
	}
	if t.Gone > 0 {
		text += fmt.Sprintf(", %d deleted meanwhile", t.Gone)
	}
	return text
}

// Runs prints the runs of functions.
func Runs(s *Streams, f Format, list []runs.Overview) error {
	p := s.out()
	if f == JSON {
		if list == nil {
			list = []runs.Overview{}
		}
		p.json(map[string]any{"runs": list}, "  ")
		return p.result()
	}
	if len(list) == 0 {
		Note(s, "There are no runs: scar run NAME --all begins one.")
		return nil
	}
	rows := [][]string{{"ID", "FUNCTION", "STARTED", "STATE", "DONE", "FAILED", "SKIPPED", "REMAINING"}}
	for _, o := range list {
		rows = append(rows, []string{
			o.ID, o.Function, o.Started.UTC().Format("2006-01-02 15:04:05"), stateText(o),
			fmt.Sprint(o.Done), fmt.Sprint(o.Failed), fmt.Sprint(o.Skipped + o.Gone), remaining(o),
		})
	}
	listTable(p, rows)
	return p.result()
}

func stateText(o runs.Overview) string {
	text := string(o.State)
	if o.Process != "" {
		text += " (process " + o.Process + ")"
	}
	if o.Parent != "" {
		text += ", retries " + o.Parent
	}
	return text
}

func remaining(o runs.Overview) string {
	text := fmt.Sprint(o.Remaining)
	if o.More {
		text += " and what is not listed yet"
	}
	return text
}

// RunEntries prints what became of each object of a run, as it is read. Programs get a line for each.
func RunEntries(s *Streams, f Format, o *runs.Overview, entries iter.Seq2[runs.Entry, error], failedOnly bool) error {
	p := s.out()
	if f != JSON {
		p.printf("%s of %s, begun %s: %s, %s, %s remaining\n\n", o.ID, clean(o.Function), o.Started.UTC().Format("2006-01-02 15:04:05"),
			stateText(*o), tallyText(o.Tally), remaining(*o))
		p.printf("%s\n", p.paint(bold, "STATUS    ATTEMPTS  TIME     OBJECT"))
	}
	for e, err := range entries {
		switch {
		case err != nil:
			return err
		case failedOnly && e.Status != runs.Failed:
			continue
		case f == JSON:
			p.json(e, "")
		default:
			entryLine(p, e)
		}
		if p.fault != nil {
			break // nobody reads on
		}
	}
	return p.result()
}

// shownOutput is how many lines are shown of what a script wrote last: the reason is mostly there.
const shownOutput = 3

// entryLine prints one object, below it where its results are or what went wrong.
func entryLine(p *printer, e runs.Entry) {
	took := "-"
	if e.Duration > 0 {
		took = seconds(time.Duration(e.Duration) * time.Millisecond)
	}
	p.printf("%s  %s  %s  s3://%s\n", p.paint(entryColor(e.Status), pad(string(e.Status), 8)), pad(fmt.Sprint(e.Attempts), 8), pad(took, 7), clean(e.Bucket+"/"+e.Key))
	for _, o := range e.Outputs {
		provider := o.Provider + "/"
		if o.Provider == "" || o.Provider == "s3" {
			provider = "s3://"
		}
		place := strings.TrimPrefix(o.Bucket+"/"+o.Key, "/")
		p.printf("    → %s\n", clean(provider+place))
	}
	if e.Omitted > 0 {
		p.printf("    → and %d more\n", e.Omitted)
	}
	if e.Error != nil {
		first, rest, _ := strings.Cut(strings.TrimSpace(e.Error.Message), "\n")
		p.printf("    %s\n", p.paint(red, clean(e.Error.Type+": "+first)))
		lines := strings.Split(rest, "\n")
		for _, line := range lines[max(0, len(lines)-shownOutput):] {
			if strings.TrimSpace(line) != "" {
				p.printf("      %s\n", clean(line))
			}
		}
	}
	if e.Reason != "" {
		p.printf("    %s\n", p.paint(dim, clean(e.Reason)))
	}
}

func entryColor(s runs.Status) sgr {
	switch s {
	case runs.Done:
		return green
	case runs.Failed:
		return red
	case runs.Skipped, runs.Gone, runs.Pending:
		return dim
	}
	return ""
}
