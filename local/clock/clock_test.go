package clock

import (
	"testing"
	"time"
)

func TestVirtual(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	v := NewVirtual(start)
	fired := func(c <-chan time.Time) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	now, soon, late := v.After(0), v.After(time.Second), v.After(time.Minute)
	if !fired(now) || fired(soon) || v.Waiting() != 2 {
		t.Error("timers fire before their time, or not at it")
	}
	v.Advance(time.Second)
	if !fired(soon) || fired(late) || v.Waiting() != 1 {
		t.Error("the first timer did not fire alone")
	}
	v.Advance(time.Hour)
	if !fired(late) || v.Waiting() != 0 {
		t.Error("the last timer did not fire")
	}
	if got := v.Now().Sub(start); got != time.Hour+time.Second {
		t.Errorf("the clock moved by %v", got)
	}
}
