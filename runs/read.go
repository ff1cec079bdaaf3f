package runs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// Overview is one run of a function.
type Overview struct {
	Info
	State     State     `json:"state"`
	Ended     time.Time `json:"ended,omitzero"`
	Tally               // of what has ended
	Remaining int       `json:"remaining"`         // objects that were listed and have not ended
	More      bool      `json:"more"`              // not all objects have been listed
	Process   string    `json:"process,omitempty"` // that works on it: its number and host
}

// List returns the runs of a function, the latest first.
func List(ctx context.Context, store Ledger, silent time.Duration) ([]Overview, error) {
	names, err := store.List(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("list the runs: %w", err)
	}
	slices.Reverse(names)
	var all []Overview
	for _, name := range names {
		id, found := strings.CutSuffix(name, "/")
		if !found || !IsID(id) {
			continue
		}
		one, err := Look(ctx, store, id, silent)
		if errors.Is(err, ErrNotExist) {
			continue // it was killed before it began
		}
		if err != nil {
			return nil, err
		}
		all = append(all, *one)
	}
	return all, nil
}

// Look returns one run of a function, or ErrNotExist. A process that was silent for that long works no more.
func Look(ctx context.Context, store Ledger, id string, silent time.Duration) (*Overview, error) {
	l := ledger{store}
	info, err := l.info(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", id, err)
	}
	o := &Overview{Info: *info, State: Stopped}
	end, err := l.end(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read the end of run %s: %w", id, err)
	}
	if end != nil {
		o.State, o.Ended, o.Tally = end.State, end.Ended, end.Tally
		o.More = end.State != Finished
		return o, nil
	}
	return o, l.survey(ctx, o, silent)
}

// survey counts what has become of the objects of a run that is not finished.
func (l ledger) survey(ctx context.Context, o *Overview, silent time.Duration) error {
	var held lease
	doc, err := l.store.Read(ctx, leaseName)
	if err == nil {
		held, err = parseLease(doc.Content)
	}
	if err != nil && !errors.Is(err, ErrNotExist) {
		return fmt.Errorf("read who works on the runs: %w", err)
	}
	from := 0
	if held.Run == o.ID {
		from, o.Tally = held.Settled, held.Tally
		if !held.Released && doc.Age < silent {
			o.State, o.Process = Running, fmt.Sprintf("%d on %s", held.Holder.PID, held.Holder.Host)
		}
	}
	o.More = true
	numbers, err := l.numbers(ctx, o.ID, pagesFolder, from)
	if err != nil {
		return fmt.Errorf("list the pages of run %s: %w", o.ID, err)
	}
	for _, n := range numbers {
		p, err := l.known(ctx, o.ID, n)
		if err != nil {
			return err
		}
		o.Tally.add(tallyOf(p.entries))
		o.Remaining += p.left
		o.More = p.next != ""
	}
	return nil
}

// known is a page with its results, or what is known of it.
func (l ledger) known(ctx context.Context, id string, number int) (*page, error) {
	head, lines, err := l.readPage(ctx, id, number)
	if err != nil {
		return nil, err
	}
	entries, err := l.readEntries(ctx, id, resultsFolder, number)
	if err == nil && entries == nil {
		entries, err = l.readEntries(ctx, id, partialFolder, number)
	}
	if err != nil {
		return nil, err
	}
	p := newPage(head, lines)
	return p, p.restore(entries)
}

// Entries are what the ledger says of each object of a run, page by page in the order in which they were listed. An error ends
// them.
func Entries(ctx context.Context, store Ledger, id string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		l := ledger{store}
		numbers, err := l.numbers(ctx, id, pagesFolder, 0)
		if err != nil {
			yield(Entry{}, fmt.Errorf("list the pages of run %s: %w", id, err))
			return
		}
		for _, n := range numbers {
			p, err := l.known(ctx, id, n)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range p.known() {
				if e.Status == "" {
					e.Status = Pending
				}
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}
