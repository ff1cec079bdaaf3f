//go:build linux

package transfer

import "testing"

// TestNamesOfGetThatMeet fetches files of the same name: the first one stays, and the others are reported.
func TestNamesOfGetThatMeet(t *testing.T) {
	w := newWorld(t)
	for key, content := range map[string]string{"one/x": "1", "two/x": "2", "one/out/a": "1a", "two/out/a": "2a", "two/out/b": "2b"} {
		w.putObject(key, content)
	}
	same := func(first string) string { return first + " has the same name" }
	for name, c := range map[string]struct {
		places  []string
		exclude []string
		want    map[string]string
		failed  map[string]string
	}{
		"files": {
			[]string{"one/x", "two/x"}, nil, map[string]string{"x": "1"},
			map[string]string{"s3://photos/two/x": same("s3://photos/one/x")},
		},
		"folders": {
			[]string{"one/out", "two/out"}, nil, map[string]string{"out/a": "1a", "out/b": "2b"},
			map[string]string{"s3://photos/two/out/a": same("s3://photos/one/out/a")},
		},
		"a file, and a folder with its like": {
			[]string{"two/x", "one/"}, nil, map[string]string{"x": "2", "out/a": "1a"},
			map[string]string{"s3://photos/one/x": same("s3://photos/two/x")},
		},
		"one is not wanted": {
			[]string{"two/x", "one/"}, []string{"x"}, map[string]string{"out/a": "1a"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var places []string
			for _, p := range c.places {
				places = append(places, "s3://photos/"+p)
			}
			filter, err := NewFilter(nil, c.exclude)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			_, s, err := w.get(dir, Options{Recursive: true, Filter: filter}, places...)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "files", files(t, dir), c.want)
			equal(t, "failed", s.failed, c.failed)
		})
	}
}
