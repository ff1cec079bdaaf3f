package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/runtime/job"
)

// delivery is one event as it arrives: of a version of a key, the first of which is 1.
type delivery struct {
	key     string
	version int
}

// deliveries are the events of some versions of some keys, each one to three times and in any order, as S3 may deliver them.
func deliveries(source *rand.Rand) []delivery {
	var list []delivery
	for k := range 10 {
		for version := 1; version <= 3; version++ {
			for range 1 + source.IntN(3) {
				list = append(list, delivery{fmt.Sprintf("in/%d", k), version})
			}
		}
	}
	source.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// sequencer grows with the version, in S3's order: digits that follow count, whatever the number of digits is.
func (d delivery) sequencer() string {
	return []string{"", "0055AED6DCD90281E5", "0055AED6DCD90281E50A", "0055AED6DCD90281E6"}[d.version]
}

func (d delivery) content() string { return fmt.Sprintf("%s version %d", d.key, d.version) }

// event is the delivery's event, of an object that now has the content of its latest version that exists.
func (d delivery) event(f *function) string {
	return strings.Replace(created(f.t, d.key), "0055AED6DCD90281E5", d.sequencer(), 1)
}

// TestEachVersionIsProcessedOnce delivers events again, late and in the wrong order to a function with dedupe. Each version that
// was the newest when its first event arrived is processed exactly once, whatever process sees the others; no other version is.
func TestEachVersionIsProcessedOnce(t *testing.T) {
	j := newJob()
	j.Dedupe = true
	f := start(t, j, `cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/"; echo "ran for $(cat "$INPUT_FILE_PATH")"`)
	list := deliveries(rand.New(rand.NewPCG(3, 7)))
	newest, want := map[string]int{}, map[string]int{}
	for i, d := range list {
		if i > 0 && i%10 == 0 {
			f.again() // what was processed is known to storage, not to the process
		}
		ran := ""
		if d.version > newest[d.key] {
			newest[d.key] = d.version
			f.store(d.key, d.content())
			want[d.content()]++
			ran = "ran for " + d.content() + "\n"
		}
		if got := f.output(f.invoke(d.event(f))); got != ran {
			t.Errorf("event %d, of %s: output %q, want %q", i, d.content(), got, ran)
		}
	}
	got, outputs := map[string]int{}, map[string]string{}
	for _, run := range regexp.MustCompile(`(?m)^ran for (.*)$`).FindAllStringSubmatch(f.log.String(), -1) {
		got[run[1]]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("runs: %s", diff)
	}
	for key, version := range newest {
		last := delivery{key, version}
		outputs["out/"+strings.TrimPrefix(key, "in/")] = last.content()
		if r := f.recordOf(key); r == nil || r.Status != job.Done || r.Sequencer != last.sequencer() || r.Attempts != 1 {
			t.Errorf("the record of %s is %+v", key, r)
		}
	}
	if diff := cmp.Diff(outputs, f.objects("out/")); diff != "" {
		t.Error(diff)
	}
	wrong := 0
	for _, content := range slices.Sorted(maps.Keys(want)) {
		if got[content] != 1 {
			wrong++
		}
	}
	proof.Count(t, "events delivered again, late or out of order", float64(len(list)), "")
	proof.Count(t, "versions processed more or less than once", float64(wrong), "")
}

// TestFailedVersionIsTriedAgain: what failed is no duplicate of itself, unless something newer has been processed meanwhile.
func TestFailedVersionIsTriedAgain(t *testing.T) {
	j := newJob()
	j.Dedupe = true
	f := start(t, j, `cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/"; ! grep bad "$INPUT_FILE_PATH"`)
	first, second := delivery{"in/a", 1}, delivery{"in/a", 2}
	f.store("in/a", "bad")
	for attempt := 1; attempt <= 2; attempt++ {
		f.wantFailure(f.invoke(first.event(f)), job.ErrScriptFailed)
		if r := f.recordOf("in/a"); r.Attempts != attempt || r.Status != job.Failed {
			t.Errorf("attempt %d: the record is %+v", attempt, r)
		}
	}
	f.store("in/a", "good")
	f.output(f.invoke(second.event(f)))
	f.store("in/a", "bad")
	if got := f.output(f.invoke(first.event(f))); got != "" {
		t.Errorf("a late event was processed: %q", got)
	}
	if r := f.recordOf("in/a"); r.Status != job.Done || r.Sequencer != second.sequencer() {
		t.Errorf("the record is %+v", r)
	}
}

// The record of an input names all its results, however many a script made.
func TestRecordOfManyResultsTellsADuplicate(t *testing.T) {
	j := newJob()
	j.Dedupe = true
	f := start(t, j, `echo ran; echo content > "$TMP_OUTPUT_DIR/result"`)
	payload := f.put("in/a", "content")
	f.output(f.invoke(payload))
	r := f.record("in/a")
	for i := range 30_000 {
		r.Outputs = append(r.Outputs, job.Object{Provider: job.OwnS3, Bucket: bucket, Key: fmt.Sprintf("out/a-result-of-many-%d.json", i), Size: 7})
	}
	content, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	key := job.RecordKey("f", job.OwnS3, bucket, "in/a")
	if _, err := f.s3.backend.DeleteObject(bucket, key); err != nil { // its checksum would stay
		t.Fatal(err)
	}
	f.store(key, string(content))
	if got := f.output(f.invoke(payload)); got != "" {
		t.Errorf("the duplicate was processed: %s", got)
	}
}
