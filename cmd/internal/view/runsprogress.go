package view

import (
	"fmt"
	"sync"
	"time"

	"github.com/scar-go/scar/runs"
)

// Sweep shows how far a run over all objects is. Its methods may be called from several goroutines.
type Sweep struct {
	out      *printer
	function string
	quiet    bool // for programs
	live     bool // lines can be drawn again
	now      func() time.Time

	mu    sync.Mutex
	open  bool      // a line is to be cleared
	drawn time.Time // when a line was last drawn or printed
	pace  pace
}

const (
	drawEvery  = time.Second / 10
	paceWindow = 30 * time.Second // that the rate is taken over
	paceStep   = time.Second
)

// NewSweep returns a view for a run of a function.
func NewSweep(s *Streams, f Format, function string) *Sweep {
	v := &Sweep{out: s.err(), function: function, quiet: f != Human, live: s.Live && f == Human, now: time.Now}
	v.drawn = v.now()
	return v
}

// Note tells what the user should know at once.
func (v *Sweep) Note(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear()
	v.out.printf("note: %s\n", cleanLines(text))
}

// Progress shows how far the run is: on a terminal as it goes, else as a line from time to time.
func (v *Sweep) Progress(p runs.Progress) {
	if v.quiet {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	v.pace.add(now, p.Tally.Total())
	every := sayEvery
	if v.live {
		every = drawEvery
	}
	if now.Sub(v.drawn) < every {
		return
	}
	v.drawn = now
	text := progressText(v.function, p, v.pace.rate())
	if v.live {
		v.open = true
		v.out.printf("\r\x1b[K%s", v.out.paint(dim, clean(text)))
		return
	}
	v.out.printf("%s\n", clean(text))
}

// Stop takes the progress off the terminal.
func (v *Sweep) Stop() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear()
}

func (v *Sweep) clear() {
	if v.open {
		v.out.printf("\r\x1b[K")
		v.open = false
	}
}

// progressText says how far a run is, and how long the rest takes once it is known how much that is. rate is objects per second.
func progressText(function string, p runs.Progress, rate float64) string {
	ended := p.Tally.Total()
	of := fmt.Sprintf("%d of %d", ended, p.Total)
	if !p.Complete {
		of += " or more"
	}
	text := fmt.Sprintf("%s: %s objects", function, of)
	if p.Failed > 0 {
		text += fmt.Sprintf(", %d failed", p.Failed)
	}
	if p.Skipped > 0 {
		text += fmt.Sprintf(", %d skipped", p.Skipped)
	}
	if p.Gone > 0 {
		text += fmt.Sprintf(", %d deleted", p.Gone)
	}
	text += fmt.Sprintf("; %d under way", p.InFlight)
	if rate > 0 {
		text += fmt.Sprintf(", %.3g/s", rate)
		if left := p.Total - ended; p.Complete && left > 0 {
			text += fmt.Sprintf(", about %s left", seconds(time.Duration(float64(left)/rate*float64(time.Second))))
		}
	}
	return text
}

// pace is how fast objects have ended lately.
type pace struct {
	marks []mark // oldest first, no two of which are closer than paceStep
}

type mark struct {
	at    time.Time
	ended int
}

// add takes down how many objects have ended until now.
func (p *pace) add(now time.Time, ended int) {
	if n := len(p.marks); n > 1 && now.Sub(p.marks[n-2].at) < paceStep {
		p.marks[n-1] = mark{now, ended}
	} else {
		p.marks = append(p.marks, mark{now, ended})
	}
	for len(p.marks) > 2 && now.Sub(p.marks[0].at) > paceWindow {
		p.marks = p.marks[1:]
	}
}

// rate is in objects per second; 0: it is not known yet.
func (p *pace) rate() float64 {
	if len(p.marks) < 2 {
		return 0
	}
	first, last := p.marks[0], p.marks[len(p.marks)-1]
	took := last.at.Sub(first.at)
	if took < paceStep {
		return 0
	}
	return float64(last.ended-first.ended) / took.Seconds()
}
