package runs

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// oneRun is a ledger of one run whose documents a test makes up.
type oneRun map[string]string

const oneID = "20260131T080000Z-1f2e3d"

// heardWithin takes it that who was silent for longer works no more.
func heardWithin(most time.Duration) Working {
	return func(_ Holder, silent time.Duration) bool { return silent < most }
}

func (o oneRun) Read(_ context.Context, name string) (*Document, error) {
	content, found := o[name]
	if !found {
		return nil, ErrNotExist
	}
	return &Document{Content: []byte(content), Version: "v", Age: time.Hour}, nil
}

func (o oneRun) Write(context.Context, string, []byte, Condition) (string, error) {
	return "", ErrConflict
}

func (o oneRun) List(_ context.Context, folder string) (names []string, err error) {
	for name := range o {
		if rest, below := strings.CutPrefix(name, folder); below {
			if i := strings.Index(rest, "/"); i >= 0 {
				rest = rest[:i+1]
			}
			if !slices.Contains(names, rest) {
				names = append(names, rest)
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// FuzzLedger reads documents that anybody may have written into the bucket: whatever they hold, there are entries or an error.
func FuzzLedger(f *testing.F) {
	f.Add(`{"version":1,"id":"x","function":"f"}`, `{"page":0,"next":"0/a"}`+"\n"+`{"bucket":"b","key":"k","etag":"e"}`,
		`{"bucket":"b","key":"k","status":"failed"}`, `{"run":"`+oneID+`","page":1,"index":-1,"settled":0}`, "0.0")
	f.Add(`{"version":1}`, `{"page":1}`, ``, `{"settled":-9223372036854775808}`, "1.-1")
	f.Add(`{"version":2}`, `[]`, `{}{}`, `null`, "")
	f.Fuzz(func(t *testing.T, info, page, results, lease, cursor string) {
		store := oneRun{
			oneID + "/" + infoName: info, pageName(oneID, pagesFolder, 0): page, pageName(oneID, resultsFolder, 0): results, leaseName: lease,
		}
		if all, err := List(t.Context(), store, heardWithin(time.Minute)); err == nil && len(all) != 1 {
			t.Errorf("%d runs", len(all))
		}
		entries := 0
		for e, err := range Entries(t.Context(), store, oneID) {
			if entries++; err == nil && e.Status == "" {
				t.Errorf("%+v", e)
			}
		}
		if entries > PageSize {
			t.Errorf("%d entries", entries)
		}
		objects, next, err := FailedOf(store, oneID).List(t.Context(), cursor, 10)
		if err == nil && (len(objects) > 10 || next != "" && next == cursor) {
			t.Errorf("%d objects, and %q behind %q", len(objects), next, cursor)
		}
	})
}

func TestIDs(t *testing.T) {
	at := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	if id := newID(at, [3]byte{0x1f, 0x2e, 0x3d}); id != oneID || !IsID(id) {
		t.Errorf("%s", id)
	}
	for _, no := range []string{"", "grayify", oneID + "0", "../" + oneID, strings.ToUpper(oneID)} {
		if IsID(no) {
			t.Errorf("%q is an id", no)
		}
	}
}

// TestOtherVersion refuses the ledger of a scar that is newer.
func TestOtherVersion(t *testing.T) {
	_, err := Look(t.Context(), oneRun{oneID + "/" + infoName: `{"version": 2}`}, oneID, heardWithin(time.Minute))
	if err == nil || !strings.Contains(err.Error(), "use the scar that began it") {
		t.Errorf("%v", err)
	}
	if _, err := Look(t.Context(), oneRun{}, oneID, heardWithin(time.Minute)); !errors.Is(err, ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestDamagedLease neither works with a lease that is damaged nor replaces it, nor one of a later version.
func TestDamagedLease(t *testing.T) {
	for content, says := range map[string]string{
		"no json":                    "is damaged",
		"[]":                         "is damaged",
		"{}":                         "is damaged",
		`{"version":1,"run":"../x"}`: "is damaged",
		`{"version":1,"settled":-1}`: "is damaged",
		`{"version":2}`:              "use a newer scar",
	} {
		w := newWorld(1)
		r := w.process(1).runner(1)
		if _, err := r.Ledger.Write(t.Context(), leaseName, []byte(content), Condition{}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Run(t.Context(), begin()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want an error with %q", content, err, says)
		}
		if doc, err := r.Ledger.Read(t.Context(), leaseName); err != nil || string(doc.Content) != content {
			t.Errorf("%s was replaced: %v", content, err)
		}
	}
}

// TestHolderThatIsThere refuses a second run at once where the holder's process is known to go on.
func TestHolderThatIsThere(t *testing.T) {
	w := newWorld(1)
	r := w.process(1).runner(1)
	if _, err := r.Ledger.Write(t.Context(), leaseName, []byte(`{"version":1,"run":"`+oneID+`","holder":{"pid":7}}`), Condition{}); err != nil {
		t.Fatal(err)
	}
	r.There = func(h Holder) bool { return h.PID == 7 }
	var busy *BusyError
	if _, err := r.Run(t.Context(), begin()); !errors.As(err, &busy) || busy.Run != oneID {
		t.Errorf("%v", err)
	}
}

// TestOneDamagedRunHidesNoOther lists runs of which one cannot be read.
func TestOneDamagedRunHidesNoOther(t *testing.T) {
	const other = "20260131T090000Z-1f2e3d"
	info := `{"version":1,"id":"` + oneID + `","function":"f","started":"2026-01-31T08:00:00Z"}`
	all, err := List(t.Context(), oneRun{oneID + "/" + infoName: info, other + "/" + infoName: "{"}, heardWithin(time.Minute))
	if err == nil || !strings.Contains(err.Error(), other) || strings.Contains(err.Error(), oneID) {
		t.Errorf("error %v", err)
	}
	if len(all) != 1 || all[0].ID != oneID {
		t.Errorf("runs: %+v", all)
	}
}

// TestAProcessThatIsGoneWorksNoMore looks at a run whose process has died a moment ago.
func TestAProcessThatIsGoneWorksNoMore(t *testing.T) {
	store := oneRun{
		oneID + "/" + infoName: `{"version":1,"id":"` + oneID + `","function":"f","started":"2026-01-31T08:00:00Z"}`,
		leaseName:              `{"version":1,"run":"` + oneID + `","holder":{"pid":7,"host":"here"}}`,
	}
	for gone, want := range map[bool]State{true: Stopped, false: Running} {
		o, err := Look(t.Context(), store, oneID, func(h Holder, _ time.Duration) bool { return !gone || h.PID != 7 })
		if err != nil || o.State != want {
			t.Errorf("gone %v: %+v, %v", gone, o, err)
		}
	}
}
