package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	watchInterval = 100 * time.Millisecond
	// closeInterval is used from three quarters of the limit on.
	closeInterval = 10 * time.Millisecond
)

// watch adds up the memory of a sandbox's processes and kills them when it is more than allowed.
// What is in /tmp does not count, as in Lambda.
type watch struct {
	init  *os.Process // the first process, which is scar's own and does not count
	limit int64       // bytes; 0: none
	peak  atomic.Int64
	over  atomic.Bool
	quit  chan struct{}
	once  sync.Once
	done  chan struct{}
}

func newWatch(init *os.Process, limitMB int) *watch {
	w := &watch{init: init, limit: int64(limitMB) << 20, quit: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

func (w *watch) run() {
	defer close(w.done)
	for {
		used := w.measure()
		if used > w.peak.Load() {
			w.peak.Store(used)
		}
		if w.limit > 0 && used > w.limit {
			w.over.Store(true)
			_ = w.init.Kill() // fails only where it has ended by itself
			return
		}
		interval := watchInterval
		if w.limit > 0 && used > w.limit/4*3 {
			interval = closeInterval
		}
		select {
		case <-w.quit:
			return
		case <-time.After(interval):
		}
	}
}

func (w *watch) stop() {
	w.once.Do(func() { close(w.quit) })
	<-w.done
}

func (w *watch) exceeded() bool { return w.over.Load() }

func (w *watch) max() int { return int((w.peak.Load() + 1<<20 - 1) >> 20) }

// measure is the memory in use in bytes. What processes share is counted once, which is costly to
// find out; so that is done only if the cheap sum, which counts it for each, is too much.
func (w *watch) measure() int64 {
	pids := descendants(w.init.Pid)
	var sum int64
	for _, pid := range pids {
		sum += resident(pid)
	}
	if w.limit == 0 || sum <= w.limit {
		return sum
	}
	sum = 0
	for _, pid := range pids {
		sum += proportional(pid)
	}
	return sum
}

// descendants are the processes below a process. Those that have lost their parent are children of
// the sandbox's first process.
func descendants(pid int) []int {
	var all []int
	for todo := []int{pid}; len(todo) > 0; {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		children := childrenOf(next)
		all = append(all, children...)
		todo = append(todo, children...)
	}
	return all
}

// childrenOf are the children of all threads of a process. One that has ended has none.
func childrenOf(pid int) []int {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	var pids []int
	for _, thread := range threads {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, thread.Name()))
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(content)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// resident is the memory of one process, shared parts included, in bytes.
func resident(pid int) int64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(content))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// proportional is the memory of one process, shared parts divided by the number of those who share
// them, in bytes. A program that may be run but not read does not tell; its resident memory is taken.
func proportional(pid int) int64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return resident(pid)
	}
	for line := range bytes.Lines(content) {
		fields := bytes.Fields(line)
		if len(fields) >= 2 && string(fields[0]) == "Pss:" {
			if kb, err := strconv.ParseInt(string(fields[1]), 10, 64); err == nil {
				return kb << 10
			}
		}
	}
	return resident(pid)
}
