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

func TestAt(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	v := NewVirtual(start)
	for name, c := range map[string]<-chan time.Time{
		"virtual, now":    At(v, start),
		"virtual, before": At(v, start.Add(-time.Hour)),
		"real, before":    At(Real{}, start.AddDate(-100, 0, 0)),
	} {
		select {
		case <-c:
		case <-time.After(time.Minute):
			t.Errorf("%s: nothing comes", name)
		}
	}
	c := At(v, start.Add(time.Hour))
	v.Advance(time.Hour - 1)
	if v.Waiting() != 1 {
		t.Error("it fired before its time")
	}
	v.Advance(1)
	if got := <-c; !got.Equal(start.Add(time.Hour)) {
		t.Errorf("it fired at %v", got)
	}
}
