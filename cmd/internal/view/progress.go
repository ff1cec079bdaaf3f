package view

import (
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bars are progress bars at the bottom of a terminal. Lines written to them scroll above.
type bars struct {
	container *mpb.Progress

	mu   sync.Mutex
	bars map[string]*mpb.Bar
}

func newBars(s *Streams) *bars {
	options := []mpb.ContainerOption{mpb.WithOutput(s.Err), mpb.WithAutoRefresh()}
	if s.Width > 0 {
		options = append(options, mpb.WithWidth(min(s.Width, 100)))
	}
	return &bars{container: mpb.New(options...), bars: map[string]*mpb.Bar{}}
}

// Write prints above the bars.
func (b *bars) Write(text []byte) (int, error) { return b.container.Write(text) }

// unit is what a bar counts.
type unit int

const (
	inBytes unit = iota
	inFiles
)

// set moves the bar of that name, which is made when it is first moved.
func (b *bars) set(name string, u unit, done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bar := b.bars[name]
	if bar == nil {
		counters := decor.CountersKibiByte("% .1f / % .1f")
		if u == inFiles {
			counters = decor.CountersNoUnit("%d / %d")
		}
		added, err := b.container.Add(0, mpb.BarStyle().Build(), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(clean(name)+" ")), mpb.AppendDecorators(counters))
		if err != nil {
			return // the bars have ended: what is said now comes too late to be shown
		}
		bar, b.bars[name] = added, added
	}
	// The total stays open until end: a bar that completes by itself cannot be moved any more.
	bar.SetTotal(total, false)
	bar.SetCurrent(done)
}

// end removes the bar of that name, if there is one.
func (b *bars) end(name string, complete bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bar := b.bars[name]
	if bar == nil {
		return
	}
	if complete {
		bar.SetTotal(-1, true)
	} else {
		bar.Abort(true)
	}
	delete(b.bars, name)
}

// wait ends all bars and gives the terminal back.
func (b *bars) wait() {
	b.mu.Lock()
	for name, bar := range b.bars {
		bar.Abort(true)
		delete(b.bars, name)
	}
	b.mu.Unlock()
	b.container.Wait()
}
