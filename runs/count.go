package runs

import (
	"context"
	"fmt"
)

// Counted is what a run would take.
type Counted struct {
	ToSend  int   `json:"to_send"`
	Done    int   `json:"done"` // a record says that this version was processed
	Bytes   int64 `json:"bytes"`
	Limited bool  `json:"limited"` // there may be more: the limit is reached
}

// Count finds out what a run would take, and sends nothing. Progress is told after each page; it may be nil.
func (r *Runner) Count(ctx context.Context, info Info, progress func(Counted)) (Counted, error) {
	w := &work{Runner: r, info: info, reading: make(chan struct{}, r.readers())}
	lister := r.Lister(info)
	var c Counted
	for {
		objects, cursor, err := w.gather(ctx, lister, PageSize)
		if err != nil {
			return c, err
		}
		lines, err := w.look(ctx, objects)
		if err != nil {
			return c, fmt.Errorf("look up what is done: %w", err)
		}
		lines, c.Limited = w.cutToLimit(lines)
		for _, line := range lines {
			if line.Skip != "" {
				c.Done++
				continue
			}
			c.ToSend++
			c.Bytes += line.Size
		}
		if progress != nil {
			progress(c)
		}
		if w.cursor = cursor; cursor == "" || c.Limited {
			return c, nil
		}
	}
}
