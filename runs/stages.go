package runs

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/runtime/job"
)

// produce hands on the pages of before that have no results, and then what is listed.
func (w *work) produce(ctx context.Context, out chan<- *page) error {
	for _, number := range w.unsettled {
		if err := w.enter(ctx); err != nil {
			return err
		}
		p, err := w.reopen(ctx, number)
		if err != nil {
			return err
		}
		if err := w.hand(ctx, p, out); err != nil {
			return err
		}
	}
	lister := w.Lister(w.info)
	for !w.isListed() {
		if err := w.enter(ctx); err != nil {
			return err
		}
		p, err := w.next(ctx, lister)
		if err != nil {
			return err
		}
		if p == nil {
			<-w.room
			continue
		}
		if err := w.hand(ctx, p, out); err != nil {
			return err
		}
	}
	return nil
}

// enter waits for the place of one more open page.
func (w *work) enter(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case w.room <- struct{}{}:
		return nil
	}
}

// hand opens a page and hands it on, unless nothing of it is left to do.
func (w *work) hand(ctx context.Context, p *page, out chan<- *page) error {
	known := tallyOf(p.entries)
	w.mu.Lock()
	w.open[p.number] = p
	w.handed++
	w.tally.add(known)
	w.found += len(p.lines)
	w.mu.Unlock()
	w.tell()
	if p.left == 0 {
		w.close(context.WithoutCancel(ctx), p)
		return nil
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case out <- p:
		return nil
	}
}

func (w *work) isListed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.listed
}

// firstPage is how many objects the first page has at most. Each of the next ones has twice as many as the one before, so that
// there is something to send at once, and then always.
const firstPage = 64

// next lists a page, looks up what is done, and writes the page. It is nil if there are no more objects.
func (w *work) next(ctx context.Context, lister Lister) (*page, error) {
	objects, cursor, err := w.gather(ctx, lister, min(firstPage<<min(w.pages, 10), PageSize))
	if err != nil {
		return nil, err
	}
	if len(objects) == 0 && w.pages > 0 {
		// The page before this one says that there may be more. It is not written again: the next process asks again, too.
		w.mark(cursor)
		return nil, nil
	}
	looked := w.Now()
	lines, err := w.look(ctx, objects)
	if err != nil {
		return nil, err
	}
	lines, cut := w.cutToLimit(lines)
	if cut {
		cursor = ""
	}
	head := pageHead{Page: w.pages, Next: cursor}
	if err := w.ledger().writePage(ctx, w.info.ID, head, lines); err != nil {
		return nil, err
	}
	w.pages++
	w.mark(cursor)
	p := newPage(head, lines)
	p.looked = looked
	return p, nil
}

// mark notes how far the objects have been listed.
func (w *work) mark(cursor string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cursor, w.listed = cursor, cursor == ""
}

// gather lists until there are objects for a page, or no more. Where a suffix takes few of them, a page is not filled up to
// its last place, so that no call asks for a handful.
func (w *work) gather(ctx context.Context, lister Lister, most int) (objects []Object, cursor string, err error) {
	cursor = w.cursor
	for {
		some, next, err := lister.List(ctx, cursor, most-len(objects))
		if err != nil {
			return nil, "", fmt.Errorf("list the objects: %w", err)
		}
		if next != "" && next == cursor {
			return nil, "", fmt.Errorf("list the objects: the listing does not go on behind %q", next)
		}
		objects, cursor = append(objects, some...), next
		if cursor == "" || len(objects) >= most/2 {
			return objects, cursor, nil
		}
	}
}

// look reads the records of objects.
func (w *work) look(ctx context.Context, objects []Object) ([]pageLine, error) {
	lines := make([]pageLine, len(objects))
	absent := make([]bool, len(objects))
	if w.Records != nil && len(objects) > 0 {
		var err error
		if absent, err = w.Records.Absent(ctx, objects); err != nil {
			return nil, fmt.Errorf("list the records: %w", err)
		}
	}
	return lines, w.each(ctx, len(objects), func(ctx context.Context, i int) (err error) {
		var record *job.Record
		if !absent[i] {
			record, err = w.record(ctx, objects[i])
		}
		lines[i] = lineOf(objects[i], record, w.info.Again)
		return err
	})
}

// each does something that reads a record for each of n, many at a time. Its goroutines are few and go on, as those of a crew.
func (w *work) each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(n, w.readers()) {
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(ctx, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// record is the record of an object, nil if there is none.
func (w *work) record(ctx context.Context, o Object) (*job.Record, error) {
	if w.Records == nil {
		return nil, nil
	}
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case w.reading <- struct{}{}:
	}
	defer func() { <-w.reading }()
	record, err := w.Records.Record(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("read the record of %s/%s: %w", o.Bucket, o.Key, err)
	}
	return record, nil
}

// cutToLimit leaves out what is beyond the limit of objects to send.
func (w *work) cutToLimit(lines []pageLine) (kept []pageLine, cut bool) {
	for i := range lines {
		if lines[i].Skip != "" {
			continue
		}
		if w.info.Limit > 0 && w.taken == w.info.Limit {
			return lines[:i], true
		}
		w.taken++
	}
	return lines, w.info.Limit > 0 && w.taken == w.info.Limit
}

// reopen reads a page that has no results yet, and settles what can be told by the records.
func (w *work) reopen(ctx context.Context, number int) (*page, error) {
	head, lines, err := w.ledger().readPage(ctx, w.info.ID, number)
	if err != nil {
		return nil, err
	}
	p := newPage(head, lines)
	known, err := w.ledger().readEntries(ctx, w.info.ID, partialFolder, number)
	if err == nil {
		err = p.restore(known)
	}
	if err != nil {
		return nil, err
	}
	w.taken += p.toSend()
	w.mu.Lock()
	w.ahead += len(lines) // which what is counted begins behind
	w.mu.Unlock()
	p.looked = w.Now()
	open := p.open()
	return p, w.each(ctx, len(open), func(ctx context.Context, i int) error {
		e, found, err := w.sinceListed(ctx, open[i])
		if found {
			open[i].settle(e)
		}
		return err
	})
}

// sinceListed is what the record of an object says, if it has changed since the object was listed. What was never sent and
// failed in another way is still to be sent.
func (w *work) sinceListed(ctx context.Context, it item) (e Entry, found bool, err error) {
	record, err := w.record(ctx, it.line().Object)
	if err != nil || record == nil || record.RequestID == it.line().Request {
		return e, false, err
	}
	e = ofRecord(it.line().Object, record)
	switch {
	case w.doubtful(it) && (e.Status == Done || w.Queue == nil):
		e.Sent = 1
		return e, true, w.settleGone(ctx, it, &e)
	case e.Status == Done && record.ETag == it.line().ETag && !w.info.Again:
		e.Status, e.Reason = Skipped, fmt.Sprintf("request %s processed this version meanwhile", record.RequestID)
		return e, true, nil
	}
	return e, false, nil
}

// doubtful says whether an object may have been sent by a process that worked on this run before, and may be under way.
func (w *work) doubtful(it item) bool {
	if w.before.Run != w.info.ID {
		return false
	}
	return it.known().Status == Pending || w.before.Doubt && w.before.mayBeSent(it.page.number, it.index)
}

// announce puts the lease's mark behind a chunk of objects before it hands them on. What is in doubt is waited for beside.
func (w *work) announce(ctx context.Context, in <-chan *page, out chan<- []item) error {
	began, handed := w.Now(), 0
	for p := range in {
		var fresh []item
		for _, it := range p.open() {
			if w.doubtful(it) {
				w.flying.Go(func() { w.await(ctx, it) })
				continue
			}
			fresh = append(fresh, it)
		}
		for len(fresh) > 0 {
			chunk := fresh[:min(len(fresh), w.chunk(handed, w.Now().Sub(began)))]
			fresh = fresh[len(chunk):]
			if err := w.putMark(ctx, chunk[len(chunk)-1]); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case out <- chunk:
				handed += len(chunk)
			}
		}
	}
	return nil
}

// chunkTime is how much work a chunk holds, so that announcing costs little and leaves little in doubt.
const chunkTime = 2 * time.Second

// chunk is how many objects to announce at once, by how many there have been in what time.
func (w *work) chunk(handed int, took time.Duration) int {
	least := min(2*max(1, w.Concurrency), PageSize)
	if took <= 0 {
		return least
	}
	return max(least, min(int(float64(handed)*float64(chunkTime)/float64(took)), PageSize))
}

// putMark puts the mark behind an object.
func (w *work) putMark(ctx context.Context, last item) error {
	if w.keeper.marked(last.page.number, last.index) {
		return nil
	}
	err := w.keeper.update(ctx, func(l *lease) { l.Page, l.Index = last.page.number, last.index+1 })
	if err != nil {
		return fmt.Errorf("announce what is sent next: %w", err)
	}
	return nil
}

// dispatch sends announced objects, each as soon as there is a place. The first one is sent alone: it warms an instance, and
// shows whether the function starts at all.
func (w *work) dispatch(ctx context.Context, in <-chan []item) error {
	warm := w.Queue != nil
	for chunk := range in {
		for _, it := range chunk {
			if err := w.limit.acquire(ctx); err != nil {
				return err
			}
			if !warm {
				warm = true
				w.send(ctx, it, true)
				continue
			}
			w.flying.Go(func() { w.send(ctx, it, false) })
		}
	}
	return nil
}
