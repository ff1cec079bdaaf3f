package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/scar-go/scar/runtime/job"
)

// eventFailures are events that cannot be understood, in whole or in part.
func eventFailures() []failureCase {
	bad := job.ErrBadEvent
	payload := func(text string) func(*function) string { return func(*function) string { return text } }
	return []failureCase{
		{name: "event that is no JSON", kind: bad, event: payload("no JSON"), says: []string{"not JSON"}},
		{name: "event that breaks off", kind: bad, event: payload(`{"Records":[{"eventSource":"aws:s3"`), says: []string{"not JSON"}},
		{name: "object without a bucket", kind: bad, event: payload(`{"Records":[{"eventSource":"aws:s3","s3":{"object":{"key":"in/a"}}}]}`), says: []string{"bucket"}},
		{name: "object without a key", kind: bad, event: payload(`{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"photos"},"object":{}}}]}`), says: []string{"key"}},
		{name: "object whose key is no text", kind: bad, event: payload(`{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"photos"},"object":{"key":7}}}]}`)},
		{name: "object whose key is badly encoded", kind: bad, event: payload(`{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"photos"},"object":{"key":"in/%zz"}}}]}`),
			says: []string{"%zz"}},
		{name: "one object of three", kind: job.ErrRecordsFailed, says: []string{"1 of 3 records failed", "s3://photos/in/none"}, done: []string{"in/a", "in/b"}, script: `[ -e "$INPUT_FILE_PATH" ] && rm "$TMP_OUTPUT_DIR/partial"`,
			event: func(f *function) string { f.store("in/b", "x"); return created(f.t, "in/a", "in/none", "in/b") }},
		{name: "object among records of another sender", kind: job.ErrRecordsFailed, says: []string{"1 of 2 records failed"}, done: []string{"in/a"}, script: `rm "$TMP_OUTPUT_DIR/partial"`,
			event: func(f *function) string {
				return strings.Replace(created(f.t, "in/a"), `"Records":[`, `"Records":[{"eventSource":"aws:unknown"},`, 1)
			}},
	}
}

// jobFailures are descriptions of the job that are missing or damaged, and surroundings that are no image.
func jobFailures() []failureCase {
	write := func(description string) func(*function) {
		return func(f *function) { f.write("scar/job.json", description, 0o644) }
	}
	mend := func(f *function) {
		f.t.Helper()
		j := newJob()
		description, err := j.Marshal()
		if err != nil {
			f.t.Fatal(err)
		}
		f.write("scar/job.json", string(description), 0o644)
	}
	broken := job.ErrBadJob
	return []failureCase{
		{name: "job that is missing", kind: broken, atStart: true, repair: mend, says: []string{"job.json"},
			setup: func(f *function) {
				if err := os.Remove(filepath.Join(f.root, "scar/job.json")); err != nil {
					f.t.Fatal(err)
				}
			}},
		{name: "job that is empty", kind: broken, atStart: true, setup: write(""), repair: mend},
		{name: "job that breaks off", kind: broken, atStart: true, setup: write(`{"version": 1, "project": "p`), repair: mend},
		{name: "job of a later version", kind: broken, atStart: true, setup: write(`{"version": 99}`), repair: mend, says: []string{"version 99", "apply"}},
		{name: "/tmp that is a link", kind: job.ErrInternal, atStart: true, says: []string{"folder"},
			setup: func(f *function) {
				f.replaceTemp(func(path string) error { return os.Symlink(os.TempDir(), path) })
			},
			repair: func(f *function) { f.replaceTemp(func(path string) error { return os.Mkdir(path, 0o755) }) }},
		{name: "/tmp that is missing", kind: job.ErrInternal, atStart: true, says: []string{"tmp"},
			setup:  func(f *function) { f.replaceTemp(func(string) error { return nil }) },
			repair: func(f *function) { f.write("tmp/.keep", "", 0o644) }},
	}
}

// replaceTemp makes something else of the folder that stands for /tmp.
func (f *function) replaceTemp(do func(path string) error) {
	f.t.Helper()
	path := filepath.Join(f.root, "tmp")
	if err := os.Remove(path); err != nil {
		f.t.Fatal(err)
	}
	if err := do(path); err != nil {
		f.t.Fatal(err)
	}
}
