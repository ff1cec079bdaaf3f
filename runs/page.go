package runs

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/scar-go/scar/runtime/job"
)

// page is a page that is being worked on.
type page struct {
	number int
	next   string // cursor behind it; empty: it is the last one
	lines  []pageLine
	looked time.Time // when the records of its objects were read

	mu      sync.Mutex
	entries []Entry // what became of each; those without a status are open
	left    int     // open ones
}

// item is one object of a page.
type item struct {
	page  *page
	index int
}

func (it item) line() *pageLine { return &it.page.lines[it.index] }

func newPage(head pageHead, lines []pageLine) *page {
	p := &page{number: head.Page, next: head.Next, lines: lines, entries: make([]Entry, len(lines)), left: len(lines)}
	for i, line := range lines {
		if line.Skip != "" {
			p.entries[i] = Entry{Object: line.Object, Status: Skipped, Attempts: line.Attempts, Reason: line.Skip, RequestID: line.Request}
			p.left--
		}
	}
	return p
}

// toSend is how many of the page's objects were not done when it was listed.
func (p *page) toSend() int {
	n := 0
	for i := range p.lines {
		if p.lines[i].Skip == "" {
			n++
		}
	}
	return n
}

// restore takes what was known of the page when the run was stopped.
func (p *page) restore(entries []Entry) error {
	if entries == nil {
		return nil
	}
	if len(entries) != len(p.lines) {
		return fmt.Errorf("page %d has %d objects, and %d results", p.number, len(p.lines), len(entries))
	}
	for i, e := range entries {
		if e.Status != "" && p.entries[i].Status == "" {
			p.entries[i] = e
			if e.Status != Pending {
				p.left--
			}
		}
	}
	return nil
}

// open are the objects that nothing is known of yet, in order.
func (p *page) open() []item {
	p.mu.Lock()
	defer p.mu.Unlock()
	var items []item
	for i, e := range p.entries {
		if e.Status == "" || e.Status == Pending {
			items = append(items, item{p, i})
		}
	}
	return items
}

// settle takes down what became of an object, and says whether that was the last one of the page.
func (it item) settle(e Entry) (last bool) {
	p := it.page
	e.Object = it.line().Object
	p.mu.Lock()
	defer p.mu.Unlock()
	p.entries[it.index] = e
	if e.Status == Pending {
		return false
	}
	p.left--
	return p.left == 0
}

// known is what is known of the object. It is Pending if it was, or may have been, under way when the run was stopped.
func (it item) known() Entry {
	it.page.mu.Lock()
	defer it.page.mu.Unlock()
	return it.page.entries[it.index]
}

// known is a copy of what is known of the page.
func (p *page) known() []Entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	entries := slices.Clone(p.entries)
	for i := range entries {
		entries[i].Object = p.lines[i].Object
	}
	return entries
}

func tallyOf(entries []Entry) (t Tally) {
	for i := range entries {
		t.count(entries[i].Status)
	}
	return t
}

// maxOutputs is how many outputs of an object a ledger names; the object's record names all.
const maxOutputs = 20

// ofRecord is an entry that says what a record does.
func ofRecord(o Object, r *job.Record) Entry {
	e := Entry{
		Object: o, Status: Done, Attempts: r.Attempts, RequestID: r.RequestID, Started: r.Started,
		Duration: r.Durations.StageIn + r.Durations.Run + r.Durations.StageOut,
		Outputs:  r.Outputs[:min(len(r.Outputs), maxOutputs)], Omitted: max(0, len(r.Outputs)-maxOutputs),
		Error: r.Error,
	}
	if r.Status != job.Done {
		e.Status = Failed
	}
	return e
}

// lineOf is an object with what its record says of it.
func lineOf(o Object, r *job.Record, again bool) pageLine {
	line := pageLine{Object: o}
	if r == nil {
		return line
	}
	line.Request = r.RequestID
	if r.ETag != o.ETag {
		return line
	}
	line.Attempts = r.Attempts
	if r.Status == job.Done && !again {
		line.Skip = fmt.Sprintf("request %s processed this version", r.RequestID)
	}
	return line
}
