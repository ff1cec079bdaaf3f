package supervisor

import (
	"testing"

	"github.com/scar-go/scar/runtime/event"
	"github.com/scar-go/scar/runtime/job"
)

func TestDuplicate(t *testing.T) {
	for _, c := range []struct {
		name   string
		record *job.Record
		object event.Object
		want   bool
	}{
		{"no record", nil, event.Object{Sequencer: "1", ETag: "e"}, false},
		{"same event", &job.Record{Sequencer: "0A", Status: job.Done}, event.Object{Sequencer: "0a"}, true},
		{"same event that failed", &job.Record{Sequencer: "0A", Status: job.Failed, ETag: "e"}, event.Object{Sequencer: "0A", ETag: "e"}, false},
		{"later event", &job.Record{Sequencer: "0A", Status: job.Done, ETag: "e"}, event.Object{Sequencer: "0B", ETag: "e"}, false},
		{"late event", &job.Record{Sequencer: "0B", Status: job.Done}, event.Object{Sequencer: "0A"}, true},
		{"late event, the later one failed", &job.Record{Sequencer: "0B", Status: job.Failed}, event.Object{Sequencer: "0A"}, true},
		{"padded on the right", &job.Record{Sequencer: "1", Status: job.Done}, event.Object{Sequencer: "0F"}, true},
		{"equal when padded", &job.Record{Sequencer: "1", Status: job.Done}, event.Object{Sequencer: "100"}, true},
		{"same version", &job.Record{ETag: "e", Status: job.Done}, event.Object{ETag: "e"}, true},
		{"same version, sequencer on one side", &job.Record{ETag: "e", Sequencer: "1", Status: job.Done}, event.Object{ETag: "e"}, true},
		{"same version that failed", &job.Record{ETag: "e", Status: job.Failed}, event.Object{ETag: "e"}, false},
		{"other version", &job.Record{ETag: "e", Status: job.Done}, event.Object{ETag: "f"}, false},
		{"nothing to compare", &job.Record{Status: job.Done}, event.Object{}, false},
	} {
		if why, got := duplicate(c.record, &c.object); got != c.want || got != (why != "") {
			t.Errorf("%s: %v, %q", c.name, got, why)
		}
	}
}

func FuzzCompareSequencers(f *testing.F) {
	f.Add("0055AED6DCD90281E5", "0055aed6dcd90281e6", "1")
	f.Add("", "0", "000")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if compareSequencers(a, a) != 0 || compareSequencers(a, b) != -compareSequencers(b, a) {
			t.Errorf("%q and %q have no order", a, b)
		}
		if compareSequencers(a, b) < 0 && compareSequencers(b, c) < 0 && compareSequencers(a, c) >= 0 {
			t.Errorf("%q < %q < %q, but not the first and the last", a, b, c)
		}
	})
}

func FuzzParsePrior(f *testing.F) {
	f.Add([]byte(`{"version":1,"function":"f","key":"k","status":"done","attempts":2,"outputs":[{"key":"out/k"}]}`))
	f.Add([]byte(`{"outputs":null,"error":{}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, content []byte) {
		prior, err := parsePrior(content)
		if (err == nil) != (prior != nil) || prior != nil && prior.Outputs != nil {
			t.Errorf("%+v, %v", prior, err)
		}
	})
}
