package moto

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestServeListens(t *testing.T) {
	response, err := http.Get(Serve(t) + "/moto-api/data.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Errorf("moto's own page is answered %s", response.Status)
	}
}

func TestStartWithoutTheProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Start(t.Context()); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("got %v, want %v", err, ErrNotInstalled)
	}
}

func TestOutputFindsTheAddress(t *testing.T) {
	const warning = "\x1b[31m\x1b[1mWARNING: This is a development server.\x1b[0m\n"
	for _, c := range []struct{ text, want string }{
		{warning + " * Running on http://127.0.0.1:45059\nPress CTRL+C to quit\n", "http://127.0.0.1:45059"},
		{" * Running on http://127.0.0.1:45059/ (Press CTRL+C to quit)\n", "http://127.0.0.1:45059"}, // Werkzeug before 2.2
		{" * Running on http://127.0.0.1:45059\r\n", "http://127.0.0.1:45059"},
		{strings.Repeat(warning, 1000) + " * Running on http://127.0.0.1:1\n * Running on http://127.0.0.1:2\n", "http://127.0.0.1:1"},
		{" * Running on http://127.0.0.1:4505", ""}, // a digit may follow
		{" * Running on http://10.0.0.1:45059\n", ""},
		{"Address already in use\n", ""},
	} {
		if whole := find(c.text, len(c.text)); whole != c.want {
			t.Errorf("%q: got %q, want %q", c.text, whole, c.want)
		}
		if parts := find(c.text, 1); parts != c.want {
			t.Errorf("%q byte by byte: got %q, want %q", c.text, parts, c.want)
		}
	}
}

// find writes a text in pieces of a length.
func find(text string, length int) string {
	o := &output{address: make(chan string, 1)}
	for len(text) > 0 {
		n, _ := o.Write([]byte(text[:min(length, len(text))]))
		text = text[n:]
	}
	close(o.address)
	return <-o.address
}

func FuzzOutput(f *testing.F) {
	f.Add([]byte(" * Running on http://127.0.0.1:45059\nPress CTRL+C to quit\n"), 7)
	f.Add([]byte("Running on Running on http://127.0.0.1:\n"), 1)
	f.Fuzz(func(t *testing.T, text []byte, length int) {
		length = max(length, 1)
		whole := find(string(text), len(text))
		if parts := find(string(text), length); parts != whole {
			t.Errorf("%q is found in the whole and %q in pieces", whole, parts)
		}
		o := &output{address: make(chan string, 1)}
		for range 3 {
			if n, err := o.Write(text); n != len(text) || err != nil || len(o.last) > outputKept {
				t.Fatalf("%d of %d bytes, %v, %d kept", n, len(text), err, len(o.last))
			}
		}
	})
}
