package main

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQuery(t *testing.T) {
	for want, pairs := range map[string][]string{
		"":                          nil,
		"a=1&b=2&a=3":               {"a=1", "b=2", "a=3"},
		"a%20b=c%26d%3De%20%2B":     {"a b=c&d=e +"},
		"flag&empty=&%C3%BC=%23%2B": {"flag", "empty=", "ü=#+"},
	} {
		if got, err := query(pairs); err != nil || got != want {
			t.Errorf("%q: %s, want %s; %v", pairs, got, want, err)
		}
	}
	for _, pair := range []string{"", "=x"} {
		if _, err := query([]string{"a=1", pair}); err == nil {
			t.Errorf("%q is taken", pair)
		}
	}
}

func TestHeaders(t *testing.T) {
	got, err := headers([]string{"x-own: a: b", "X-OWN:c", "Accept:"})
	want := http.Header{"X-Own": {"a: b", "c"}, "Accept": {""}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for _, line := range []string{"", "name", ": value", "two words: x", "a: b\r\nc: d", "a: \x00", "ü: x"} {
		if _, err := headers([]string{line}); err == nil {
			t.Errorf("%q is taken", line)
		}
	}
}

// TestBodyKind says what a body is that nobody says anything of.
func TestBodyKind(t *testing.T) {
	dir := t.TempDir()
	for name, file := range map[string]struct{ content, kind string }{
		"a.png":  {"\x89PNG\r\n\x1a\n", "image/png"},
		"a.json": {`{}`, "application/json"},
		"noname": {"\x89PNG\r\n\x1a\n", "image/png"},
		"plain":  {"hello", "text/plain; charset=utf-8"},
		"binary": {"\x00\x01\xff", "application/octet-stream"},
		"a.html": {"\xff\xfe<p>", "application/octet-stream"}, // no UTF-8, whatever its name says
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(file.content), 0o600); err != nil {
			t.Fatal(err)
		}
		content, kind, err := (&invokeCommand{app: &app{}}).body("@" + path)
		if err != nil || string(content) != file.content || kind != file.kind {
			t.Errorf("%s: %q, %s, %v", name, content, kind, err)
		}
	}
	if content, kind, err := (&invokeCommand{}).body("hello @you"); err != nil || string(content) != "hello @you" || kind != "text/plain; charset=utf-8" {
		t.Error(string(content), kind, err)
	}
}

// TestCanWrite leaves things as they are.
func TestCanWrite(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "one")
	for path, want := range map[string]bool{
		"": true, "-": true, os.DevNull: true, filepath.Join(dir, "file"): true, filepath.Join(dir, "new"): true,
		dir: false, filepath.Join(dir, "absent", "file"): false, filepath.Join(dir, "file", "below"): false,
	} {
		if err := canWrite(path); (err == nil) != want {
			t.Errorf("%q: %v", path, err)
		}
	}
	if content, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(content) != "one" {
		t.Errorf("it was changed to %q, %v", content, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
}

// TestWriteOutput changes a file as a whole or not at all.
func TestWriteOutput(t *testing.T) {
	dir := t.TempDir()
	a := &app{}
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := a.writeOutput(file, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	if err := a.writeOutput(link, []byte("two")); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != "two" {
		t.Errorf("behind the link is %q, %v", content, err)
	}
	if err := a.copyOutput(file, failingReader{}); err == nil {
		t.Error("a stream that breaks is no error")
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != "two" {
		t.Errorf("it was changed to %q, %v", content, err)
	}
	if err := a.writeOutput(os.DevNull, []byte("x")); err != nil {
		t.Error(err)
	}
	if err := a.writeOutput(filepath.Join(dir, "absent", "file"), nil); err == nil {
		t.Error("a folder that is absent is no error")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
}

type failingReader struct{}

func (failingReader) Read(p []byte) (int, error) { return copy(p, "half"), os.ErrDeadlineExceeded }
