//go:build linux

package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scar-go/scar/runtime/job"
	"golang.org/x/sync/errgroup"
)

// TestConformance holds every kind of storage to what Store promises.
func TestConformance(t *testing.T) {
	for _, p := range places() {
		t.Run(p.name, func(t *testing.T) {
			s := p.run(t, nil)
			for _, test := range []struct {
				name string
				run  func(*testing.T, *server)
			}{
				{"round trip", roundTrip},
				{"overwrite", overwrite},
				{"missing", missing},
				{"wrong credentials", wrongCredentials},
				{"rotation", rotation},
				{"keys", keys},
				{"file and folder", fileAndFolder},
				{"reserve", refusedRoom},
				{"many at once", manyAtOnce},
			} {
				t.Run(test.name, func(t *testing.T) { test.run(t, s) })
			}
		})
	}
}

func (s *server) put(t testing.TB, key string, content []byte) {
	t.Helper()
	size, err := s.store(t).Upload(t.Context(), s.bucket, key, file(t, content))
	if err != nil || size != int64(len(content)) {
		t.Fatalf("upload %q: %d bytes of %d, %v", key, size, len(content), err)
	}
}

// fetch downloads, and checks what a download promises beside its content.
func (s *server) fetch(t testing.TB, key string) ([]byte, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fetched")
	reserved := int64(-1)
	object, err := s.store(t).Download(t.Context(), s.bucket, key, path, func(size int64) error {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: room was asked for after something was written: %v", key, err)
		}
		reserved = size
		return nil
	})
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if object.Size != int64(len(content)) || reserved != object.Size || strings.Contains(object.ETag, `"`) {
		t.Errorf("%q: %d bytes, %+v, %d reserved", key, len(content), object, reserved)
	}
	return content, nil
}

func (s *server) expect(t testing.TB, key string, want []byte) {
	t.Helper()
	got, err := s.fetch(t, key)
	if err != nil {
		t.Errorf("download: %v", err)
	} else if !bytes.Equal(got, want) {
		t.Errorf("%q came back as other %d bytes than the %d sent", key, len(got), len(want))
	}
}

func roundTrip(t *testing.T, s *server) {
	for i, size := range []int{0, 1, 10 << 10, 5 << 20, InPartsAbove, InPartsAbove + 1, 3*minPartSize + 17} {
		key := fmt.Sprintf("sizes/%d.bin", size)
		want := content(byte(i), size)
		s.put(t, key, want)
		s.expect(t, key, want)
	}
}

func overwrite(t *testing.T, s *server) {
	for _, size := range []int{100, 20, 3000} {
		want := content(byte(size), size)
		s.put(t, "over/written", want)
		s.expect(t, "over/written", want)
	}
}

func missing(t *testing.T, s *server) {
	for _, key := range []string{"none", "no/such/folder/none"} {
		if _, err := s.fetch(t, key); !errors.Is(err, ErrNotExist) || !strings.Contains(err.Error(), key) {
			t.Errorf("download of what does not exist: %v", err)
		}
	}
	if _, err := s.store(t).Upload(t.Context(), s.bucket, "k", filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("upload of what does not exist: %v", err)
	}
}

func wrongCredentials(t *testing.T, s *server) {
	if !s.checks {
		t.Skip("the server takes any credentials")
	}
	stores := newStores(t, map[string]job.Provider{s.name: s.provider}, vault{secretName: wrong})
	store, err := stores.Open(t.Context(), s.name)
	if err != nil {
		t.Fatal(err)
	}
	_, up := store.Upload(t.Context(), s.bucket, "k", file(t, []byte("content")))
	_, down := store.Download(t.Context(), s.bucket, "k", filepath.Join(t.TempDir(), "k"), anySize)
	for name, err := range map[string]error{"upload": up, "download": down} {
		if err == nil || !strings.Contains(err.Error(), "the server does not accept the credentials") {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), wrong) || errors.Is(err, ErrNotExist) {
			t.Errorf("%s: the message tells too much, or the wrong thing: %v", name, err)
		}
	}
}

// A secret that has changed is noticed by the next Open.
func rotation(t *testing.T, s *server) {
	if !s.checks {
		t.Skip("the server takes any credentials")
	}
	secrets := vault{secretName: wrong}
	stores := newStores(t, map[string]job.Provider{s.name: s.provider}, secrets)
	before, err := stores.Open(t.Context(), s.name)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := stores.Open(t.Context(), s.name); again != before {
		t.Error("each Open makes a client")
	}
	if _, err := before.Upload(t.Context(), s.bucket, "k", file(t, nil)); err == nil {
		t.Error("the server takes wrong credentials")
	}
	secrets[secretName] = s.secrets[secretName]
	after, err := stores.Open(t.Context(), s.name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := after.Upload(t.Context(), s.bucket, "k", file(t, nil)); err != nil {
		t.Errorf("with the new secret: %v", err)
	}
}

// fileAndFolder puts a file where a folder is, and the other way round. S3 has both; folders can have one only, and
// nothing that is there may be lost.
func fileAndFolder(t *testing.T, s *server) {
	s.put(t, "both/inner", []byte("inner"))
	path := file(t, []byte("outer"))
	_, err := s.store(t).Upload(t.Context(), s.bucket, "both", path)
	if (err == nil) == s.folders {
		t.Errorf("a file where a folder is: %v", err)
	}
	s.expect(t, "both/inner", []byte("inner"))
	if s.folders {
		if _, err := s.fetch(t, "both"); err == nil {
			t.Error("a folder was downloaded as a file")
		}
	} else {
		s.expect(t, "both", []byte("outer"))
	}
	s.put(t, "leaf", []byte("leaf"))
	_, err = s.store(t).Upload(t.Context(), s.bucket, "leaf/inner", path)
	if (err == nil) == s.folders {
		t.Errorf("a folder where a file is: %v", err)
	}
	s.expect(t, "leaf", []byte("leaf"))
}

func refusedRoom(t *testing.T, s *server) {
	s.put(t, "room", content(1, 5000))
	full := errors.New("no room")
	path := filepath.Join(t.TempDir(), "file")
	var asked []int64
	_, err := s.store(t).Download(t.Context(), s.bucket, "room", path, func(size int64) error {
		asked = append(asked, size)
		return full
	})
	if !errors.Is(err, full) || len(asked) != 1 || asked[0] != 5000 {
		t.Errorf("asked for %v: %v", asked, err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made although there is no room for it: %v", err)
	}
}

// manyAtOnce uploads into a folder that all of them find missing.
func manyAtOnce(t *testing.T, s *server) {
	const n = 16
	paths := make([]string, n)
	for i := range paths {
		paths[i] = file(t, content(byte(i), 1000+i))
	}
	group, ctx := errgroup.WithContext(t.Context())
	store := s.store(t)
	for i := range n {
		group.Go(func() error {
			_, err := store.Upload(ctx, s.bucket, fmt.Sprintf("many/at/once/%d", i), paths[i])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		s.expect(t, fmt.Sprintf("many/at/once/%d", i), content(byte(i), 1000+i))
	}
}

// zoo is keys of all kinds.
func zoo() []string {
	keys := []string{
		"plain", "a b", " leading", "trailing ", "a+b", "a%b", "a%20b", "%", "%zz", "100%25", "ü", "日本語/テスト", "e\u0301", "🎈",
		"line\nbreak", "cr\rhere", "tab\there", "nul\x00here", "del\x7f", "bell\x07", "back\\slash", "quote'\"`", "a;b", "a?b=c", "a#b", "a&b=c",
		"a:b", "a*b", "<xml>&amp;", "-rf", "--", "$HOME", "$(id)", "`id`", "~", "tilde~/x", ".hidden", "..hidden", "hidden..", "dots...", "trailing.dot.",
		"...", "a/.../b", ".scar", "script", "a/b/c/d/e/f/g", "same", "same.", "Same", "=", "@", "!", "a,b", "a|b", "a^b", "[a]", "{a}",
		strings.Repeat("n", 200), strings.Repeat("deep/", 40) + "end", "\u200bzero", "\u202eright", "con", "nul", "x.gz", "x.tar.gz", "index.html",
		// Those that folders have no place for:
		"/leading/slash", "trailing/slash/", "a//b", "//", "/", ".", "..", "./a", "a/.", "a/..", "../a", "a/../b", "a/./b", "../../etc/passwd", "",
		strings.Repeat("n", 1024), strings.Repeat("n", 256), strings.Repeat("ü", 200), "bad\xffutf8",
	}
	return keys
}

// keys round-trips each key exactly, or has it refused, and then nothing of it is anywhere.
func keys(t *testing.T, s *server) {
	names := zoo()
	path := make([]string, len(names))
	refused := map[string]error{}
	for i, key := range names {
		path[i] = file(t, []byte(fmt.Sprintf("%d %q", i, key)))
		if _, err := s.store(t).Upload(t.Context(), s.bucket, key, path[i]); err != nil {
			refused[key] = err
		}
	}
	for i, key := range names {
		must := s.folders && checkPath(key) != nil || key == ""
		err := refused[key]
		switch {
		case must && err == nil:
			t.Errorf("%q was stored, it leads out of its folder", key)
		case err != nil:
			if _, err := s.fetch(t, key); err == nil {
				t.Errorf("%q was refused, and something is there", key)
			}
			if !must {
				t.Logf("%.60q is refused by the server: %v", key, err)
			}
		default:
			s.expect(t, key, []byte(fmt.Sprintf("%d %q", i, key)))
		}
	}
	t.Logf("%d of %d keys are stored and come back, the others are refused", len(names)-len(refused), len(names))
	for _, key := range []string{"plain", "a b", "a+b", "a%b", "a%20b", "ü", "-rf", "a?b=c", "a#b", "$(id)", "..hidden"} {
		if refused[key] != nil {
			t.Errorf("%q is refused: %v", key, refused[key])
		}
	}
}

// Cancelled calls end although the server does not answer.
func TestCancelledCallsEnd(t *testing.T) {
	for _, p := range places() {
		t.Run(p.name, func(t *testing.T) {
			if p.name == "s3.moto" || p.name == "webdav.apache" {
				t.Skip("a server of its own cannot be made to wait")
			}
			for name, transfer := range transfers(t) {
				t.Run(name, func(t *testing.T) {
					came := make(chan struct{}, 100)
					s := p.run(t, stall(came))
					ctx, cancel := context.WithCancel(t.Context())
					done := make(chan error, 1)
					store := s.store(t)
					go func() { done <- transfer(ctx, store, p.bucket) }()
					<-came
					cancel()
					if err := <-done; !errors.Is(err, context.Canceled) {
						t.Errorf("it ended with %v", err)
					}
				})
			}
		})
	}
}
