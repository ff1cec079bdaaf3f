package view

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// RunFile is what became of one input of scar local run.
type RunFile struct {
	Function string        `json:"function"`
	File     string        `json:"file"`   // path below the folder that was put, or the key of what another function wrote
	Status   string        `json:"status"` // done, failed or skipped
	Attempts int           `json:"attempts,omitempty"`
	Duration time.Duration `json:"-"`
	Outputs  []string      `json:"outputs"` // paths below the folder of results, or provider and place: minio.lab/bucket/key
	Error    string        `json:"error,omitempty"`
	LogTail  string        `json:"log_tail,omitempty"`
}

// The ends that an input can have.
const (
	RunDone    = "done"
	RunFailed  = "failed"
	RunSkipped = "skipped" // no rule of the function takes it
)

// Run shows the inputs of scar local run being processed. Its methods may be called from several
// goroutines.
type Run struct {
	s      *Streams
	format Format
	total  int

	mu     sync.Mutex
	bars   *bars
	done   int
	failed int
	said   time.Time
	now    func() time.Time
}

// NewRun returns a view for a number of files.
func NewRun(s *Streams, f Format, total int) *Run {
	r := &Run{s: s, format: f, total: total, now: time.Now}
	r.said = r.now()
	if s.Live && f == Human {
		r.bars = newBars(s)
	}
	return r
}

// Processed counts a file that was put and is now processed.
func (r *Run) Processed(ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	if !ok {
		r.failed++
	}
	switch {
	case r.format != Human:
	case r.bars != nil:
		r.bars.set("files", inFiles, int64(r.done), int64(r.total))
	case r.now().Sub(r.said) >= sayEvery:
		r.said = r.now()
		r.s.err().printf("%d of %s processed, %d failed\n", r.done, count(r.total, "file"), r.failed)
	}
}

// Finish prints the table, and the end of the log of what failed.
func (r *Run) Finish(files []RunFile, took time.Duration) error {
	r.Stop()
	p := r.s.out()
	if r.format == JSON {
		runJSON(p, files, took)
		return p.result()
	}
	runTable(p, files)
	tally := map[string]int{}
	for _, f := range files {
		tally[f.Status]++
		if f.Status == RunFailed {
			failure(r.s.err(), f)
		}
	}
	text := fmt.Sprintf("%d done, %d failed", tally[RunDone], tally[RunFailed])
	if n := tally[RunSkipped]; n > 0 {
		text += fmt.Sprintf(", %d skipped", n)
	}
	p.printf("\n%s in %s\n", text, seconds(took))
	return p.result()
}

// Stop takes the progress off the terminal.
func (r *Run) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bars != nil {
		r.bars.wait()
		r.bars = nil
	}
}

func runTable(p *printer, files []RunFile) {
	several := false
	width := len("FILE")
	for _, f := range files {
		width = max(width, len([]rune(clean(f.File))))
		several = several || f.Function != files[0].Function
	}
	head := ""
	if several {
		head = pad("FUNCTION", 20) + "  "
	}
	p.printf("%s%s  %s  %s  OUTPUTS\n", head, pad("FILE", width), pad("STATUS", 7), pad("TIME", 7))
	for _, f := range files {
		function := ""
		if several {
			function = pad(clean(f.Function), 20) + "  "
		}
		took := "-"
		if f.Status != RunSkipped {
			took = seconds(f.Duration)
		}
		row := fmt.Sprintf("%s  %s  %s", pad(clean(f.File), width), p.paint(statusColor(f.Status), pad(f.Status, 7)), pad(took, 7))
		p.printf("%s\n", strings.TrimRight(function+row+"  "+clean(strings.Join(f.Outputs, ", ")), " "))
	}
}

func statusColor(status string) sgr {
	switch status {
	case RunDone:
		return green
	case RunFailed:
		return red
	default:
		return dim
	}
}

func runJSON(p *printer, files []RunFile, took time.Duration) {
	type timed struct {
		RunFile
		Seconds float64 `json:"seconds"`
	}
	list := make([]timed, len(files))
	for i, f := range files {
		f.Outputs = append([]string{}, f.Outputs...)
		list[i] = timed{f, f.Duration.Seconds()}
	}
	p.json(map[string]any{"files": list, "seconds": took.Seconds()}, "  ")
}
