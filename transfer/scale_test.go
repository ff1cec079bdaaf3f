//go:build linux

package transfer

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/scar-go/scar/runtime/storage"
)

// endless is a server of S3 that lists many keys, 1,000 on a page, and removes what it is told to.
type endless struct {
	keys    int
	pages   atomic.Int64
	calls   atomic.Int64 // that removed
	removed atomic.Int64
}

func (e *endless) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		var list struct {
			Object []struct{ Key string }
		}
		if err := xml.NewDecoder(r.Body).Decode(&list); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		e.calls.Add(1)
		e.removed.Add(int64(len(list.Object)))
		_, _ = io.WriteString(w, `<DeleteResult/>`)
		return
	}
	e.pages.Add(1)
	from, _ := strconv.Atoi(r.URL.Query().Get("continuation-token")) // none: the beginning
	to := min(from+1000, e.keys)
	_, _ = fmt.Fprintf(w, `<ListBucketResult><IsTruncated>%v</IsTruncated><NextContinuationToken>%d</NextContinuationToken>`, to < e.keys, to)
	for i := from; i < to; i++ {
		_, _ = fmt.Fprintf(w, `<Contents><Key>in/%09d</Key><Size>10</Size><LastModified>2026-01-31T08:00:00.000Z</LastModified><ETag>"e"</ETag></Contents>`, i)
	}
	_, _ = io.WriteString(w, `</ListBucketResult>`)
}

// TestManyKeysTakeLittleMemory lists and removes more keys than a program should hold.
func TestManyKeysTakeLittleMemory(t *testing.T) {
	const keys, room = 100_000, 16 << 20 // bytes; the entries alone would have more
	server := &endless{keys: keys}
	front := httptest.NewServer(server)
	defer front.Close()
	own := storage.AccountS3(s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &front.URL, UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "k", SecretAccessKey: "s"}, nil
		}),
	}))
	open := func(context.Context, Place) (storage.Catalogue, error) { return own, nil }
	at := Place{OwnS3, bucket, "in/"}
	before := held()
	listed, most := 0, uint64(0)
	err := List(t.Context(), at, open, true, func(Place, Entry) error {
		if listed++; listed%20_000 == 0 {
			most = max(most, held())
		}
		return nil
	})
	if err != nil || listed != keys || server.pages.Load() != keys/1000 {
		t.Errorf("%d keys by %d calls, %v", listed, server.pages.Load(), err)
	}
	if most > before+room {
		t.Errorf("%d MB are held in the middle of a list", (most-before)>>20)
	}
	tally, err := Remove(t.Context(), []Place{at}, open, Options{Recursive: true})
	if err != nil || tally.Done != keys || tally.Failed > 0 || server.removed.Load() != keys || server.calls.Load() != keys/1000 {
		t.Errorf("%+v, %v: %d keys by %d calls", tally, err, server.removed.Load(), server.calls.Load())
	}
}

// held is how much of the heap is in use, in bytes.
func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestGetOfManyPages fetches more files than are on two pages.
func TestGetOfManyPages(t *testing.T) {
	w := newWorld(t)
	const n = 2500
	s := newSeen()
	if _, err := Put(t.Context(), []string{manyFiles(t, n) + "/"}, w.place("s3://photos/in/"), w.open, Options{Recursive: true, Observer: s}); err != nil || len(s.failed) > 0 {
		t.Fatal(err, s.failed)
	}
	to := t.TempDir()
	tally, got, err := w.get(to, Options{Recursive: true}, "s3://photos/in/")
	if err != nil || tally.Done != n || tally.Failed > 0 {
		t.Fatalf("%+v, %v, %v", tally, err, got.failed)
	}
	for name, content := range files(t, to) {
		if name != content {
			t.Fatalf("%q holds %q", name, content)
		}
	}
	if tally, err := Remove(t.Context(), []Place{w.place("s3://photos/in/")}, w.open, Options{Recursive: true}); err != nil || tally.Done != n {
		t.Errorf("%+v, %v", tally, err)
	}
	if left := w.objects("s3://photos/"); len(left) > 0 {
		t.Errorf("%d are left", len(left))
	}
}

// manyFiles is a folder of files that hold their own names.
func manyFiles(t testing.TB, n int) string {
	t.Helper()
	all := make(map[string]string, n)
	for i := range n {
		name := fmt.Sprintf("%02d/%05d", i%100, i)
		all[name] = name
	}
	return tree(t, all)
}
