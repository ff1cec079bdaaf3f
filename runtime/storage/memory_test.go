package storage

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// As many large files at once as UploadsAtOnce allows are no more than a few megabytes, those of the server included.
func TestManyLargeUploadsTakeLittleMemory(t *testing.T) {
	const size, limit = 24 << 20, 16 << 20
	store := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Has("uploads"):
			_, _ = io.WriteString(w, `<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`)
		case r.URL.Query().Has("partNumber"):
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("ETag", `"e"`)
		default:
			_, _ = io.WriteString(w, `<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>`)
		}
	}))
	path := filepath.Join(t.TempDir(), "sparse")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	most := watchHeap()
	var group errgroup.Group
	for range UploadsAtOnce {
		group.Go(func() error {
			_, err := store.Upload(t.Context(), bucket, "k", path)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if used := most(); used > limit {
		t.Errorf("%d MB of heap were in use", used>>20)
	} else {
		t.Logf("%d KB of heap were in use", used>>10)
	}
}

// watchHeap returns a function that says how many bytes of heap were in use at most since, above what was at first.
func watchHeap() func() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	base := m.HeapInuse
	stop, result := make(chan struct{}), make(chan uint64)
	go func() {
		ticker := time.NewTicker(2 * time.Millisecond)
		defer ticker.Stop()
		most := base
		for {
			select {
			case <-stop:
				result <- most - base
				return
			case <-ticker.C:
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-result
	}
}
