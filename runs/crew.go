package runs

import "sync"

// crew does jobs side by side, on goroutines that take another job after one. A call of a service goes deep, and the stack of a
// new goroutine has to grow for it, which costs a tenth of the whole call.
type crew struct {
	jobs chan func() // is taken from by those that have nothing to do
	busy sync.WaitGroup
}

func newCrew() *crew { return &crew{jobs: make(chan func())} }

// Go does a job beside those that are being done, however many those are.
func (c *crew) Go(job func()) {
	c.busy.Add(1)
	select {
	case c.jobs <- job:
	default:
		go c.work(job)
	}
}

func (c *crew) work(job func()) {
	for more := true; more; job, more = <-c.jobs {
		job()
		c.busy.Done()
	}
}

// Wait waits for the end of all jobs, and lets the goroutines end. No job may come after it.
func (c *crew) Wait() {
	c.busy.Wait()
	close(c.jobs)
}
