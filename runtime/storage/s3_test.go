package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

const bucket = "photos"

func environment(endpoint string) func(string) string {
	return func(name string) string {
		return map[string]string{
			"AWS_REGION":            "eu-west-1",
			"AWS_ACCESS_KEY_ID":     "AKIDEXAMPLE",
			"AWS_SECRET_ACCESS_KEY": "secret",
			"AWS_SESSION_TOKEN":     "token",
			"AWS_ENDPOINT_URL":      endpoint,
		}[name]
	}
}

func open(t testing.TB, handler http.Handler) *S3 {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	stores := New(Options{Getenv: environment(server.URL)})
	stores.retries.first = time.Millisecond
	t.Cleanup(stores.Close)
	store, err := stores.Own()
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func openFake(t testing.TB) *S3 {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	return open(t, gofakes3.New(backend).Server())
}

func anySize(int64) error { return nil }

// randomFile writes a file that does not repeat, so that parts in the wrong order show.
func randomFile(t testing.TB, size int64) (path string, sum [32]byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.New()
	source := rand.NewChaCha8([32]byte{1})
	if _, err := io.Copy(io.MultiWriter(file, hash), io.LimitReader(source, size)); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path, [32]byte(hash.Sum(nil))
}

func TestUploadedFilesComeBack(t *testing.T) {
	store := openFake(t)
	for _, c := range []struct {
		key  string
		size int64
	}{
		{"empty", 0},
		{"small.png", 10},
		{"in/a b+c%25ü&?#=~*.txt", 1000},
		{"line\nbreak\ttab", 1},
		{strings.Repeat("k", 1024), 5},
		{"threshold", InPartsAbove},
		{"in parts", InPartsAbove + 1},
		{"in odd parts", 3*minPartSize + 17},
	} {
		path, want := randomFile(t, c.size)
		size, err := store.Upload(t.Context(), bucket, c.key, path)
		if err != nil || size != c.size {
			t.Errorf("upload %q: %d, %v", c.key, size, err)
			continue
		}
		var reserved int64 = -1
		back := filepath.Join(t.TempDir(), "back")
		object, err := store.Download(t.Context(), bucket, c.key, back, func(n int64) error { reserved = n; return nil })
		if err != nil {
			t.Errorf("download %q: %v", c.key, err)
			continue
		}
		content, err := os.ReadFile(back)
		if err != nil {
			t.Fatal(err)
		}
		if sha256.Sum256(content) != want || object.Size != c.size || reserved != c.size {
			t.Errorf("%q came back as %d bytes, size %d, reserved %d; want the same %d bytes", c.key, len(content), object.Size, reserved, c.size)
		}
		if object.ETag == "" || strings.Contains(object.ETag, `"`) {
			t.Errorf("%q has ETag %q", c.key, object.ETag)
		}
	}
}

func TestReadAndWrite(t *testing.T) {
	store := openFake(t)
	if _, err := store.Read(t.Context(), bucket, "r.json"); !errors.Is(err, ErrNotExist) {
		t.Errorf("reading what does not exist: %v", err)
	}
	if err := store.Write(t.Context(), bucket, "r.json", []byte(`{"a":1}`)); err != nil {
		t.Fatal(err)
	}
	got, err := store.Read(t.Context(), bucket, "r.json")
	if err != nil || string(got) != `{"a":1}` {
		t.Errorf("read %q, %v", got, err)
	}
	if err := store.Write(t.Context(), bucket, "big", make([]byte, ReadLimit+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Read(t.Context(), bucket, "big"); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("reading beyond the limit: %v", err)
	}
}

func TestErrorsSayWhatWasAttempted(t *testing.T) {
	store := openFake(t)
	path, _ := randomFile(t, 10)
	_, err := store.Download(t.Context(), bucket, "none", path, anySize)
	if !errors.Is(err, ErrNotExist) || !strings.Contains(err.Error(), "fetch s3://photos/none: the object does not exist") {
		t.Errorf("download: %v", err)
	}
	_, err = store.Upload(t.Context(), "elsewhere", "k", path)
	if err == nil || !strings.HasPrefix(err.Error(), "store s3://elsewhere/k: NoSuchBucket") {
		t.Errorf("upload: %v", err)
	}
	large, _ := randomFile(t, InPartsAbove+1)
	if _, err = store.Upload(t.Context(), "elsewhere", "k", large); err == nil || !strings.Contains(err.Error(), "NoSuchBucket") {
		t.Errorf("upload in parts: %v", err)
	}
	if _, err := store.Download(t.Context(), bucket, "a\nb\x00", path, anySize); err == nil || strings.ContainsAny(err.Error(), "\n\x00") {
		t.Errorf("a key with a line break: %q", err)
	}
	full := errors.New("no room")
	if _, err := store.Upload(t.Context(), bucket, "k", path); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "target")
	if _, err := store.Download(t.Context(), bucket, "k", target, func(int64) error { return full }); !errors.Is(err, full) {
		t.Errorf("download without room: %v", err)
	}
	if _, err := os.Stat(target); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made although there is no room for it: %v", err)
	}
}

// serve answers every download with content, cut after some bytes while cuts are left.
func serve(content []byte, header http.Header, cuts int32) (http.Handler, *atomic.Int32) {
	var calls atomic.Int32
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := calls.Add(1)
		for name, values := range header {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		if n <= cuts {
			_, _ = w.Write(content[:len(content)/2]) // the client sees the rest missing
			return
		}
		_, _ = w.Write(content)
	}), &calls
}

func TestBrokenDownloadsBeginAnew(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	handler, calls := serve(content, nil, 2)
	path := filepath.Join(t.TempDir(), "file")
	if _, err := open(t, handler).Download(t.Context(), bucket, "k", path, anySize); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, content) || calls.Load() != 3 {
		t.Errorf("%d bytes after %d calls, %v", len(got), calls.Load(), err)
	}

	handler, calls = serve(content, nil, 1000)
	if _, err := open(t, handler).Download(t.Context(), bucket, "k", path, anySize); err == nil || calls.Load() != attempts {
		t.Errorf("a download that always breaks off: %v after %d calls", err, calls.Load())
	}
}

func TestBrokenReadsBeginAnew(t *testing.T) {
	handler, calls := serve([]byte(`{"a":1}`), nil, 2)
	got, err := open(t, handler).Read(t.Context(), bucket, "r.json")
	if err != nil || string(got) != `{"a":1}` || calls.Load() != 3 {
		t.Errorf("%q after %d calls, %v", got, calls.Load(), err)
	}
}

// What an attempt that broke off has written must not count as used when the next one asks for room.
func TestEachAttemptFindsTheRoomOfTheFirst(t *testing.T) {
	handler, _ := serve(bytes.Repeat([]byte("0123456789"), 100_000), nil, 2)
	path := filepath.Join(t.TempDir(), "file")
	var asked int
	_, err := open(t, handler).Download(t.Context(), bucket, "k", path, func(int64) error {
		asked++
		if info, err := os.Stat(path); err == nil {
			return fmt.Errorf("attempt %d: %d bytes are there already", asked, info.Size())
		}
		return nil
	})
	if err != nil || asked != 3 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestWrongChecksumIsAnError(t *testing.T) {
	handler, _ := serve([]byte("other bytes"), http.Header{"X-Amz-Checksum-Crc32": {"AAAAAA=="}}, 0)
	_, err := open(t, handler).Download(t.Context(), bucket, "k", filepath.Join(t.TempDir(), "file"), anySize)
	if err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("error is %v", err)
	}
}

func TestFailedPartAbortsTheUpload(t *testing.T) {
	var aborted atomic.Bool
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	fake := gofakes3.New(backend).Server()
	store := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("partNumber") == "2" {
			_, _ = io.Copy(io.Discard, r.Body) // a server that closes on a body may cut its answer off
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `<Error><Code>AccessDenied</Code><Message>no</Message></Error>`)
			return
		}
		if r.Method == http.MethodDelete {
			aborted.Store(true)
		}
		fake.ServeHTTP(w, r)
	}))
	path, _ := randomFile(t, InPartsAbove+1)
	_, err := store.Upload(t.Context(), bucket, "k", path)
	if err == nil || !strings.Contains(err.Error(), "part 2 of 3: AccessDenied: no") || !aborted.Load() {
		t.Errorf("error is %v, aborted: %v", err, aborted.Load())
	}
}

func TestMovingLargeFilesTakesLittleMemory(t *testing.T) {
	const size = 64 << 20
	content := make([]byte, size)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet:
			w.Header().Set("Content-Length", strconv.Itoa(size))
			_, _ = w.Write(content)
		case r.URL.Query().Has("uploads"):
			_, _ = io.WriteString(w, `<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`)
		case r.URL.Query().Has("partNumber"):
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("ETag", `"e"`)
		default:
			_, _ = io.WriteString(w, `<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>`)
		}
	})
	store := open(t, handler)
	path, _ := randomFile(t, size)
	for name, move := range map[string]func() error{
		"upload":   func() error { _, err := store.Upload(t.Context(), bucket, "k", path); return err },
		"download": func() error { _, err := store.Download(t.Context(), bucket, "k", path+"2", anySize); return err },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := move(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		// Everything that was ever allocated, in the server too, not only what was held at a time.
		if took := after.TotalAlloc - before.TotalAlloc; took > size/8 {
			t.Errorf("%s of %d MB allocated %d MB", name, size>>20, took>>20)
		}
	}
}

func TestOpen(t *testing.T) {
	stores := New(Options{Getenv: environment("http://localhost:1")})
	one, err := stores.Open(t.Context(), "s3")
	if err != nil {
		t.Fatal(err)
	}
	if two, _ := stores.Open(t.Context(), "s3"); two != one {
		t.Error("each Open makes a client")
	}
	if _, err := stores.Open(t.Context(), "webdav.nas"); err == nil || !strings.Contains(err.Error(), "webdav.nas") {
		t.Errorf("unknown provider: %v", err)
	}
	for _, missing := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		env := func(name string) string {
			if name == missing {
				return ""
			}
			return environment("")(name)
		}
		if _, err := New(Options{Getenv: env}).Own(); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
}

func TestCancelledTransfersEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path, _ := randomFile(t, 1)
	store := openFake(t)
	if _, err := store.Upload(ctx, bucket, "k", path); !errors.Is(err, context.Canceled) {
		t.Errorf("upload: %v", err)
	}
	if _, err := store.Download(ctx, bucket, "k", path, anySize); !errors.Is(err, context.Canceled) {
		t.Errorf("download: %v", err)
	}
}

func TestPartSize(t *testing.T) {
	for _, size := range []int64{1, InPartsAbove + 1, 80 << 30, 1 << 40, 5 << 40} {
		part := partSizeFor(size)
		if n := (size + part - 1) / part; n > maxParts || part < minPartSize {
			t.Errorf("%d bytes are sent as %d parts of %d", size, n, part)
		}
	}
}
