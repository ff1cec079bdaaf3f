//go:build linux

package transfer

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestSweep removes what killed gets have left: only what is old, only what has the form of theirs, and nothing behind links.
func TestSweep(t *testing.T) {
	w := newWorld(t)
	w.putObject("in/a", "a")
	dir, outside := t.TempDir(), tree(t, map[string]string{"1": "outside"})
	long := time.Now().Add(-staleAfter - time.Hour)
	staging := func(random string, folder, file time.Time) string {
		t.Helper()
		path := filepath.Join(dir, stagingPrefix+random)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		write := func(name, content string, at time.Time) {
			t.Helper()
			if name != "" {
				if err := os.WriteFile(filepath.Join(path, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chtimes(filepath.Join(path, name), at, at); err != nil {
				t.Fatal(err)
			}
		}
		write("1", "part", file)
		write("", "", folder)
		return filepath.Base(path)
	}
	gone := []string{staging("AAAAAAAAAAAAAAAAAAAAAAAAAA", long, long)}
	stay := []string{
		staging("BBBBBBBBBBBBBBBBBBBBBBBBBB", time.Now(), long), // a file was begun
		staging("CCCCCCCCCCCCCCCCCCCCCCCCCC", long, time.Now()), // a large file is still being written
		staging("notes", long, long),
	}
	foreign := staging("DDDDDDDDDDDDDDDDDDDDDDDDDD", long, long)
	if os.Geteuid() == 0 { // others cannot give files away
		if err := os.Chown(filepath.Join(dir, foreign), 12345, 12345); err != nil {
			t.Fatal(err)
		}
		stay = append(stay, foreign)
	} else {
		gone = append(gone, foreign)
	}
	link := stagingPrefix + "EEEEEEEEEEEEEEEEEEEEEEEEEE"
	if err := os.Symlink(outside, filepath.Join(dir, link)); err != nil {
		t.Fatal(err)
	}
	stay = append(stay, link)
	tally, s, err := w.get(dir, Options{}, "s3://photos/in/a")
	if err != nil || tally.Done != 1 {
		t.Fatalf("%+v, %v, %v", tally, err, s.failed)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	want := append([]string{"a"}, stay...)
	slices.Sort(want)
	slices.Sort(left)
	if !slices.Equal(left, want) {
		t.Errorf("left: %q\nwant: %q, without %q", left, want, gone)
	}
	equal(t, "behind the link", files(t, outside), map[string]string{"1": "outside"})
}
