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

// Working says whether a process still works on a run, of which nothing was heard for some time.
type Working func(holder Holder, silent time.Duration) bool

// List returns the runs of a function, the latest first. Those that cannot be read are left out, and are its error.
func List(ctx context.Context, store Ledger, working Working) ([]Overview, error) {
	names, err := store.List(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("list the runs: %w", err)
	}
	slices.Reverse(names)
	var all []Overview
	var failed error
	for _, name := range names {
		id, found := strings.CutSuffix(name, "/")
		if !found || !IsID(id) {
			continue
		}
		one, err := Look(ctx, store, id, working)
		switch {
		case err == nil:
			all = append(all, *one)
		case !errors.Is(err, ErrNotExist): // that one was killed before it began
			failed = errors.Join(failed, err)
		}
	}
	return all, failed
}

// Look returns one run of a function, or ErrNotExist.
func Look(ctx context.Context, store Ledger, id string, working Working) (*Overview, error) {
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
	if err := l.survey(ctx, o, working); err != nil {
		return nil, err
	}
	return o, nil
}

// survey counts what has become of the objects of a run that is not finished.
func (l ledger) survey(ctx context.Context, o *Overview, working Working) error {
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
		if !held.Released && working(held.Holder, doc.Age) {
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
