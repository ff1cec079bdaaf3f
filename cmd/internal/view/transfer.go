package view

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/scar-go/scar/transfer"
)

// Transfer shows files being put, fetched or removed. It is a transfer.Observer.
type Transfer struct {
	format  Format
	verb    string // what is done to a file: put, fetched or removed
	verbose bool   // every file is told of, not only those that failed
	out     *printer
	log     *printer
	now     func() time.Time

	mu     sync.Mutex
	bars   *bars // nil without a terminal
	files  int64 // found
	ended  int64
	done   int64 // bytes
	total  int64 // bytes found
	began  time.Time
	said   time.Time
	drawn  time.Time
	failed int
}

// NewTransfer returns a view that tells of files until Finish is called. verb says what was done to one: put, fetched or
// removed. With verbose it tells of each.
func NewTransfer(s *Streams, f Format, verb string, verbose bool) *Transfer {
	t := &Transfer{format: f, verb: verb, verbose: verbose, out: s.out(), log: s.err(), now: time.Now}
	t.began = t.now()
	t.said = t.began
	if s.Live && f == Human {
		t.bars = newBars(s)
		t.log = &printer{w: t.bars, color: s.ErrColor}
	}
	return t
}

// NewQuietTransfer returns a view that tells of nothing, for results that are told later.
func NewQuietTransfer() *Transfer {
	silent := &printer{w: io.Discard}
	return &Transfer{format: JSON, out: silent, log: silent, now: time.Now}
}

// Found implements transfer.Observer.
func (t *Transfer) Found(size int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.files++
	t.total += size
	t.progress()
}

// Moved implements transfer.Observer.
func (t *Transfer) Moved(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done += n
	t.progress()
}

// redrawEvery is how often the bar moves.
const redrawEvery = time.Second / 10

// progress shows how far it is: on a terminal as it goes, else as a line from time to time.
func (t *Transfer) progress() {
	if t.format != Human {
		return
	}
	now := t.now()
	switch {
	case t.bars != nil && now.Sub(t.drawn) >= redrawEvery:
		t.drawn = now
		t.bars.set(t.verb, inBytes, t.done, t.total)
	case t.bars == nil && now.Sub(t.said) >= sayEvery:
		t.said = now
		t.log.printf("%d of %s, %s of %s\n", t.ended, count(int(t.files), "file"), size(t.done), size(t.total))
	}
}

// transferred is one file for programs.
type transferred struct {
	From   string `json:"from"`
	To     string `json:"to,omitempty"`
	Size   int64  `json:"size"`
	Status string `json:"status"` // done, skipped or failed; planned: it would be done
	Reason string `json:"reason,omitempty"`
}

// planned is the status of a file that would be moved.
const planned = "planned"

// Ended implements transfer.Observer.
func (t *Transfer) Ended(item transfer.Item) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended++
	line := transferred{From: item.From, To: item.To, Size: item.Size, Status: RunDone}
	switch {
	case item.Err != nil:
		t.failed++
		line.Status, line.Reason = RunFailed, item.Err.Error()
	case item.Skipped != "":
		line.Status, line.Reason = RunSkipped, item.Skipped
	case item.Planned:
		line.Status = planned
	}
	switch {
	case t.format == JSON:
		t.out.json(line, "")
	case item.Err != nil:
		t.log.printf("%s %s: %s\n", t.log.paint(red, "failed:"), clean(item.From), cleanLines(item.Err.Error()))
	case t.verbose:
		t.out.printf("%s\n", clean(line.String()))
	}
}

// String is the line for people.
func (l transferred) String() string {
	text := l.From
	if l.To != "" {
		text += " → " + l.To
	}
	if l.Status == RunSkipped {
		return fmt.Sprintf("%s: skipped, %s", text, l.Reason)
	}
	return fmt.Sprintf("%s (%s)", text, size(l.Size))
}

// Stop takes the progress off the terminal.
func (t *Transfer) Stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bars != nil {
		t.bars.wait()
		t.bars = nil
	}
}

// Finish says how much was moved, or would be, if it was a trial.
func (t *Transfer) Finish(tally transfer.Tally, trial bool) error {
	t.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.format == JSON {
		return t.out.result()
	}
	verb := t.verb
	if trial {
		verb = "would be " + verb
	}
	text := fmt.Sprintf("%s %s", count(tally.Done, "file"), verb)
	if tally.Bytes > 0 {
		text += ", " + size(tally.Bytes)
	}
	if tally.Skipped > 0 {
		text += fmt.Sprintf(", %d skipped", tally.Skipped)
	}
	if tally.Failed > 0 {
		text += fmt.Sprintf(", %d failed", tally.Failed)
	}
	if !trial {
		text += " in " + seconds(t.now().Sub(t.began))
	}
	t.out.printf("%s\n", text)
	return t.out.result()
}
