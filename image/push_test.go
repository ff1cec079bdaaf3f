package image

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// pushed sends an image, manifest included, and gives it back as the library reads it.
func pushed(t *testing.T, img *Image, to *spy) v1.Image {
	t.Helper()
	if err := PushBlobs(t.Context(), img, to.target("scar/p"), nil); err != nil {
		t.Fatal(err)
	}
	if err := PushManifest(t.Context(), img, to.target("scar/p"), "fn"); err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(to.ref("scar/p@" + img.Digest()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := remote.Image(ref, remote.WithTransport(to.Client().Transport))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestPushedImageIsWhole(t *testing.T) {
	t.Parallel()
	for _, f := range []family{dockerFamily, ociFamily} {
		t.Run(string(f.manifest), func(t *testing.T) {
			from, to := newSpy(t, nil), newSpy(t, nil)
			newPicture(t, f, "amd64", 100_000, 5000).push(t, from, "lib/tool", "1")
			from.reset()
			base := resolve(t, newTestResolver(t, from), Source{Reference: from.ref("lib/tool:1")})
			img := assemble(t, base, layerOf(t, text("scar/script", "#!/bin/sh\n")))
			if blobs := from.seen("GET", "/blobs/"); len(blobs) != 1 {
				t.Errorf("planning read blobs %v, and only the configuration is needed", blobs)
			}
			got := pushed(t, img, to)
			if err := validate.Image(got); err != nil {
				t.Error(err)
			}
			if mt, err := got.MediaType(); err != nil || mt != f.manifest {
				t.Errorf("media type %s, %v", mt, err)
			}
		})
	}
}

func TestChangedScriptPushesLittleAndUnchangedNothing(t *testing.T) {
	t.Parallel()
	from, to := newSpy(t, nil), newSpy(t, nil)
	newPicture(t, ociFamily, "amd64", 8<<20).push(t, from, "lib/tool", "1")
	base := resolve(t, newTestResolver(t, from), Source{Reference: from.ref("lib/tool:1")})
	model := layerOf(t, text("scar/files/model", strings.Repeat("weights", 1<<20)))
	push := func(script string) {
		t.Helper()
		img := assemble(t, base, model, layerOf(t, text("scar/script", script)))
		to.reset()
		from.reset()
		if err := PushBlobs(t.Context(), img, to.target("scar/p"), nil); err != nil {
			t.Fatal(err)
		}
	}
	push("one")
	if n := to.bytes(); n < 8<<20 {
		t.Errorf("the first push sent only %d bytes", n)
	}
	push("two")
	if n := to.bytes(); n == 0 || n >= 64<<10 {
		t.Errorf("a changed script sent %d bytes", n)
	}
	if blobs := from.seen("", "/blobs/"); len(blobs) > 0 {
		t.Errorf("a changed script read %v", blobs)
	}
	push("two")
	if n, uploads := to.bytes(), to.seen("POST", "/uploads/"); n != 0 || len(uploads) > 0 {
		t.Errorf("an unchanged image sent %d bytes in %v", n, uploads)
	}
}

func TestProgressCountsWhatIsSent(t *testing.T) {
	t.Parallel()
	from, to := newSpy(t, nil), newSpy(t, nil)
	newPicture(t, ociFamily, "amd64", 1<<20, 2<<20).push(t, from, "lib/tool", "1")
	base := resolve(t, newTestResolver(t, from), Source{Reference: from.ref("lib/tool:1")})
	img := assemble(t, base, layerOf(t, text("scar/script", "one")))
	var done, total, calls int64
	report := func(d, n int64) {
		if d < done || n != img.Size() {
			t.Errorf("progress went from %d to %d of %d", done, d, n)
		}
		done, total = d, n
		calls++
	}
	if err := PushBlobs(t.Context(), img, to.target("scar/p"), report); err != nil {
		t.Fatal(err)
	}
	if done != total || total != img.Size() || calls < 10 {
		t.Errorf("ended at %d of %d in %d calls; the image has %d bytes", done, total, calls, img.Size())
	}
	err := PushBlobs(t.Context(), img, to.target("scar/p"), func(int64, int64) { t.Error("progress of a push that sends nothing") })
	if err != nil {
		t.Fatal(err)
	}
}

func TestSameRegistryIsMounted(t *testing.T) {
	t.Parallel()
	s := newSpy(t, nil)
	newPicture(t, ociFamily, "amd64", 1<<20).push(t, s, "lib/tool", "1")
	base := resolve(t, newTestResolver(t, s), Source{Reference: s.ref("lib/tool:1")})
	img := assemble(t, base, layerOf(t, text("scar/script", "one")))
	s.reset()
	var done, total int64
	if err := PushBlobs(t.Context(), img, s.target("scar/p"), func(d, n int64) { done, total = d, n }); err != nil {
		t.Fatal(err)
	}
	if n := s.bytes(); n >= 64<<10 || done != total || total != n {
		t.Errorf("%d bytes sent; progress ended at %d of %d", n, done, total)
	}
	if gets := s.seen("GET", "/blobs/"); len(gets) > 0 {
		t.Errorf("layers were read: %v", gets)
	}
}

func TestSharedLayersAreSentOnce(t *testing.T) {
	t.Parallel()
	from, to := newSpy(t, nil), newSpy(t, nil)
	newPicture(t, ociFamily, "amd64", 4<<20).push(t, from, "lib/tool", "1")
	r := newTestResolver(t, from)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			base := resolve(t, r, Source{Reference: from.ref("lib/tool:1")})
			img := assemble(t, base, layerOf(t, text("scar/script", strconv.Itoa(i))))
			var done, total int64
			if err := PushBlobs(t.Context(), img, to.target("scar/p"), func(d, n int64) { done, total = d, n }); err != nil {
				t.Error(err)
			}
			if done != total {
				t.Errorf("progress ended at %d of %d", done, total)
			}
		})
	}
	wg.Wait()
	if n := to.bytes(); n < 4<<20 || n > 5<<20 {
		t.Errorf("%d bytes were sent", n)
	}
}

func TestBrokenDownloadStartsAnew(t *testing.T) {
	t.Parallel()
	from, to := newSpy(t, nil), newSpy(t, nil)
	p := newPicture(t, ociFamily, "amd64", 2<<20)
	p.push(t, from, "lib/tool", "1")
	img := assemble(t, resolve(t, newTestResolver(t, from), Source{Reference: from.ref("lib/tool:1")}))
	var once sync.Once
	from.failWith(func(w http.ResponseWriter, r *http.Request) bool {
		first := false
		once.Do(func() { first = true })
		if first {
			w.Header().Set("Content-Length", strconv.Itoa(len(p.layers[0].content)))
			_, _ = w.Write(p.layers[0].content[:1<<20])
			panic(http.ErrAbortHandler)
		}
		return false
	})
	if err := validate.Image(pushed(t, img, to)); err != nil {
		t.Error(err)
	}
	if n := len(from.seen("GET", p.descriptor().Digest.Hex)) + len(from.seen("GET", digestOf(p.layers[0].content).Hex)); n != 2 {
		t.Errorf("%d downloads", n)
	}
}

func TestBrokenUploadStartsAnew(t *testing.T) {
	t.Parallel()
	from, to := newSpy(t, nil), newSpy(t, nil)
	newPicture(t, ociFamily, "amd64", 2<<20).push(t, from, "lib/tool", "1")
	base := resolve(t, newTestResolver(t, from), Source{Reference: from.ref("lib/tool:1")})
	img := assemble(t, base, layerOf(t, text("scar/script", "one")))
	breaks := 2
	to.failWith(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch || r.ContentLength < 1<<20 || breaks == 0 {
			return false
		}
		breaks--
		_, _ = io.CopyN(io.Discard, r.Body, 256<<10)
		if breaks == 1 {
			panic(http.ErrAbortHandler) // the connection is cut
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	var done, total int64
	if err := PushBlobs(t.Context(), img, to.target("scar/p"), func(d, n int64) { done, total = d, n }); err != nil {
		t.Fatal(err)
	}
	if breaks != 0 || done != total || total != img.Size() {
		t.Errorf("%d breaks left; progress ended at %d of %d", breaks, done, total)
	}
	to.failWith(nil)
	if err := validate.Image(pushed(t, img, to)); err != nil {
		t.Error(err)
	}
}

func TestInterruptedPushIsResumed(t *testing.T) {
	t.Parallel()
	from, to := newSpy(t, nil), newSpy(t, nil)
	newPicture(t, ociFamily, "amd64", 1<<20, 3<<20).push(t, from, "lib/tool", "1")
	base := resolve(t, newTestResolver(t, from), Source{Reference: from.ref("lib/tool:1")})
	img := assemble(t, base, layerOf(t, text("scar/script", "one")))
	large := base.Layers[1]
	stuck := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var cancelled time.Time
	to.failWith(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch || r.ContentLength != large.Size {
			return false
		}
		// Everything else is in before the large layer hangs and the user gives up.
		for deadline := time.Now().Add(time.Minute); len(to.seen("PUT", "/uploads/")) < 3 && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		cancelled = time.Now()
		cancel()
		<-stuck
		return true
	})
	err := PushBlobs(ctx, img, to.target("scar/p"), nil)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled push: %v", err)
	}
	if took := time.Since(cancelled); took > 20*time.Second {
		t.Errorf("the cancelled push ended after %s", took)
	}
	close(stuck)
	to.failWith(nil)
	to.reset()
	if err := PushBlobs(t.Context(), img, to.target("scar/p"), nil); err != nil {
		t.Fatal(err)
	}
	if n := to.bytes(); n != large.Size {
		t.Errorf("the second push sent %d bytes in place of the %d that were missing", n, large.Size)
	}
}

func TestPushFailsForGoodWithoutStorm(t *testing.T) {
	t.Parallel()
	from, to := newSpy(t, nil), newSpy(t, nil)
	newPicture(t, ociFamily, "amd64", 1000).push(t, from, "lib/tool", "1")
	base := resolve(t, newTestResolver(t, from), Source{Reference: from.ref("lib/tool:1")})
	img := assemble(t, base)
	for _, c := range []struct {
		status, most int
		method       string
	}{
		{http.StatusForbidden, 2, http.MethodPost}, // two blobs, one try each
		{http.StatusBadGateway, 2 * tries, http.MethodPost},
		{http.StatusBadGateway, 2 * tries, http.MethodPatch},
	} {
		to.reset()
		to.failWith(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == c.method {
				w.WriteHeader(c.status)
			}
			return r.Method == c.method
		})
		err := PushBlobs(t.Context(), img, to.target("scar/p"), nil)
		wantError(t, err, "push sha256:", to.host()+"/scar/p")
		if n := len(to.seen(c.method, "")); n > c.most {
			t.Errorf("%d: %d requests", c.status, n)
		}
	}
}

func TestPushRefusesChangedFiles(t *testing.T) {
	t.Parallel()
	from, to := newSpy(t, nil), newSpy(t, nil)
	newPicture(t, ociFamily, "amd64", 1000).push(t, from, "lib/tool", "1")
	base := resolve(t, newTestResolver(t, from), Source{Reference: from.ref("lib/tool:1")})
	content := tarOf(t, "large", maxKept+1000)
	large := Entry{Name: "scar/files/large", Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}}
	img := assemble(t, base, layerOf(t, large))
	content = bytes.Clone(content)
	content[maxKept/2]++
	err := PushBlobs(t.Context(), img, to.target("scar/p"), nil)
	wantError(t, err, "does not match its digest")
	if !errors.Is(err, errDigest) {
		t.Errorf("%v is no errDigest", err)
	}
}
