//go:build linux

package transfer

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// nothingKept fails if a temporary file is left.
func nothingKept(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestPutInput(t *testing.T) {
	w := newWorld(t)
	kept := t.TempDir()
	t.Setenv("TMPDIR", kept)
	for to, content := range map[string]string{"s3://photos/in/x": "piped", "webdav.nas/in/x": "piped", "s3://photos/empty": ""} {
		s := newSeen()
		tally, err := Put(t.Context(), []string{"-"}, w.place(to), w.open, Options{Input: strings.NewReader(content), Observer: s})
		if err != nil || tally.Done != 1 || tally.Bytes != int64(len(content)) || s.items[0].From != "-" {
			t.Errorf("%s: %+v, %v, %+v", to, tally, err, s.items)
		}
	}
	equal(t, "on S3", w.objects("s3://photos/"), map[string]string{"in/x": "piped", "empty": ""})
	equal(t, "on WebDAV", w.objects("webdav.nas/"), map[string]string{"in/x": "piped"})
	broken := errors.New("broken pipe")
	_, err := Put(t.Context(), []string{"-"}, w.place("s3://photos/broken"), w.open, Options{Input: io.MultiReader(strings.NewReader("half"), &failingReader{broken})})
	if !errors.Is(err, broken) {
		t.Errorf("an input that breaks off: %v", err)
	}
	equal(t, "on S3", w.objects("s3://photos/"), map[string]string{"in/x": "piped", "empty": ""})
	nothingKept(t, kept)
}

type failingReader struct{ err error }

func (r *failingReader) Read([]byte) (int, error) { return 0, r.err }

// TestInterruptedInput does not wait for an input that nothing comes from.
func TestInterruptedInput(t *testing.T) {
	w := newWorld(t)
	kept := t.TempDir()
	t.Setenv("TMPDIR", kept)
	from, writer := io.Pipe()
	defer writer.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		_, _ = writer.Write([]byte("half")) // it is being read now
		interrupt()
	}()
	tally, err := Put(ctx, []string{"-"}, w.place("s3://photos/x"), w.open, Options{Input: from})
	if !errors.Is(err, context.Canceled) || tally.Done != 0 {
		t.Errorf("%+v, %v", tally, err)
	}
	equal(t, "on S3", w.objects("s3://photos/"), map[string]string{})
	nothingKept(t, kept)
}
