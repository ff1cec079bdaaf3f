package s3

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// zeros yields n zero bytes.
type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.n)
	clear(p[:n])
	z.n -= n
	return int(n), nil
}

// watchHeap says how many bytes of heap were in use at most until stop is called, above what was at
// first.
func watchHeap() (stop func() uint64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	base := m.HeapAlloc
	done, result := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		for {
			select {
			case <-done:
				result <- most - min(most, base)
				return
			case <-time.After(5 * time.Millisecond):
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	}()
	return func() uint64 {
		close(done)
		return <-result
	}
}

// A gigabyte goes in and out, whole and by parts, in a few megabytes of memory.
func TestLargeObjectsTakeLittleMemory(t *testing.T) {
	const size, partSize, limit = 1 << 30, 64 << 20, 32 << 20
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	web := httpClient(t)
	do := func(method, path string, body io.Reader, length, want int64) {
		t.Helper()
		r := signed(t, method, b.url+path, body)
		r.ContentLength = length
		resp, err := web.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		n, err := io.Copy(io.Discard, resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK || want >= 0 && n != want {
			t.Fatalf("%s %s: %s, %d bytes, %v", method, path, resp.Status, n, err)
		}
	}
	stop := watchHeap()
	do("PUT", "/photos/whole", &zeros{size}, size, 0)
	do("GET", "/photos/whole", nil, 0, size)
	id := startUpload(t, c, "photos", "parts")
	for n := range 4 {
		do("PUT", fmt.Sprintf("/photos/parts?uploadId=%s&partNumber=%d", *id, n+1), &zeros{partSize}, partSize, 0)
	}
	xml := "<CompleteMultipartUpload>"
	etag := md5OfZeros(partSize)
	for n := range 4 {
		xml += fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", n+1, etag)
	}
	xml += "</CompleteMultipartUpload>"
	do("POST", "/photos/parts?uploadId="+*id, strings.NewReader(xml), int64(len(xml)), -1)
	do("GET", "/photos/parts", nil, 0, 4*partSize)
	if most := stop(); most > limit {
		t.Errorf("%d MB of heap were in use", most>>20)
	}
}

func md5OfZeros(n int64) string {
	in, _ := newInternal("", n)
	in.body = &zeros{n}
	_, _ = io.Copy(io.Discard, in)
	return hexOf(in.md5.Sum(nil))
}

func benchmarkRequests(b *testing.B, request func(i int64) *http.Request) {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	web := &http.Client{Transport: transport}
	var i atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := web.Do(request(i.Add(1)))
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				b.Fatal(resp.Status)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

func BenchmarkPutSmall(b *testing.B) {
	s := start(b)
	makeBucket(b, s.client(), "photos")
	body := bytes.Repeat([]byte("x"), 4096)
	benchmarkRequests(b, func(i int64) *http.Request {
		return signed(b, "PUT", s.url+"/photos/k"+strconv.FormatInt(i, 10), bytes.NewReader(body))
	})
}

func BenchmarkGetSmall(b *testing.B) {
	s := start(b)
	c := s.client()
	makeBucket(b, c, "photos")
	for i := range 100 {
		put(b, c, "photos", fmt.Sprint("k", i), strings.Repeat("x", 4096))
	}
	benchmarkRequests(b, func(i int64) *http.Request {
		return signed(b, "GET", s.url+"/photos/k"+strconv.FormatInt(i%100, 10), nil)
	})
}

func BenchmarkPutLarge(b *testing.B) {
	s := start(b)
	makeBucket(b, s.client(), "photos")
	const size = 256 << 20
	b.SetBytes(size)
	for b.Loop() {
		r := signed(b, "PUT", s.url+"/photos/k", &zeros{size})
		r.ContentLength = size
		resp, err := http.DefaultClient.Do(r)
		if err != nil || resp.StatusCode != http.StatusOK {
			b.Fatal(resp, err)
		}
		resp.Body.Close()
	}
}

// fillIndex puts n objects into a bucket's index without bytes behind them.
func fillIndex(tb testing.TB, s *Service, bucket string, n int) {
	tb.Helper()
	o := object{
		Blob: s.blobs.newName(), Headers: map[string]string{"Content-Type": "text/plain"},
		summary: summary{Size: 1, ETag: strings.Repeat("0", 32), Modified: time.Now(), Sum: checksum{Algorithm: "CRC32", Value: "AAAAAA=="}},
	}
	for from := 0; from < n; from += 1000 {
		err := s.update(func(tx *bbolt.Tx) error {
			table := tx.Bucket(tableObjects).Bucket([]byte(bucket))
			for i := from; i < from+1000; i++ {
				if err := write(table, fmt.Appendf(nil, "folder%03d/file%06d", i/100, i), o); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func BenchmarkList100k(b *testing.B) {
	s := start(b)
	makeBucket(b, s.client(), "photos")
	fillIndex(b, s.Service, "photos", 100_000)
	for name, query := range map[string]string{"all": "list-type=2", "folders": "list-type=2&delimiter=/"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				listAll(b, s.url+"/photos?"+query)
			}
		})
	}
}

// listAll reads every page of a listing, without the cost of a client that parses them.
func listAll(b *testing.B, url string) {
	token := ""
	for {
		resp, err := http.DefaultClient.Do(signed(b, "GET", url+token, nil))
		if err != nil {
			b.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			b.Fatal(resp.Status, err)
		}
		_, after, more := strings.Cut(string(text), "<NextContinuationToken>")
		if !more {
			return
		}
		next, _, _ := strings.Cut(after, "<")
		token = "&continuation-token=" + next
	}
}

func BenchmarkSweepAfterCrash(b *testing.B) {
	s := start(b)
	makeBucket(b, s.client(), "photos")
	fillIndex(b, s.Service, "photos", 100_000)
	for b.Loop() {
		if err := s.sweep(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := os.Stat(s.dir); err != nil {
		b.Fatal(err)
	}
}
