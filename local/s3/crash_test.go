package s3

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// serveEnv makes the test binary a server on the directory that the variable names, for tests that
// kill it.
const serveEnv = "S3_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(serveEnv) == "" {
		os.Exit(m.Run())
	}
	os.Args = append(os.Args[:1], "-test.run=^TestServe$", "-test.v=false")
	os.Exit(m.Run())
}

// TestServe is what runs in the process that is killed.
func TestServe(t *testing.T) {
	dir := os.Getenv(serveEnv)
	if dir == "" {
		return // there is nobody to serve
	}
	fn := newFunctions()
	fn.failing = 1 << 30 // events stay in the outbox
	b := open(t, dir, fn)
	fmt.Println("serving", b.url)
	_, _ = io.Copy(io.Discard, os.Stdin) // until killed, or the parent is gone
}

// serve starts the server process.
func serve(t *testing.T, dir string) (url string, process *os.Process) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "serving ")
	if err != nil || !ok {
		t.Fatalf("server said %q, %v", line, err)
	}
	return url, cmd.Process
}

// slowly is a body whose end comes only after it was told to: never, for the server that is killed.
type slowly struct {
	begun chan struct{} // closed when all that comes at first was taken
	once  sync.Once
	left  int
	end   chan struct{}
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.left <= 0 {
		<-s.end
		return 0, io.ErrUnexpectedEOF
	}
	n := min(len(p), s.left)
	s.left -= n
	if s.left <= 0 {
		s.once.Do(func() { close(s.begun) })
	}
	return n, nil
}

// TestKilledServerLosesNothing kills the server while objects are stored, replaced and uploaded: what was
// acknowledged is there, nothing is there by half, every object has its event, and no file is left over.
func TestKilledServerLosesNothing(t *testing.T) {
	dir := t.TempDir()
	url, process := serve(t, dir)
	c := client(url, "ADMIN", "us-east-1")
	makeBucket(t, c, "photos")
	wantCode(t, "notify", notify(t, c, "photos", lambdaRule("r", functionARN("f"), "", "", created)), "")
	body := func(worker, n int) string { return strings.Repeat(fmt.Sprintf("%d/%d ", worker, n), 1000) }

	const workers = 4
	var mu sync.Mutex
	acknowledged := map[string]string{}
	tried := map[string]map[string]bool{}
	stored := 0 // how many puts were acknowledged
	enough := make(chan struct{}, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for n := 0; ; n++ {
				key := fmt.Sprintf("w%d/%d", w, n%50) // each is replaced now and then
				mu.Lock()
				if tried[key] == nil {
					tried[key] = map[string]bool{}
				}
				tried[key][body(w, n)] = true
				mu.Unlock()
				_, err := c.PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String("photos"), Key: &key,
					Body: strings.NewReader(body(w, n))})
				if err != nil {
					return // killed
				}
				mu.Lock()
				acknowledged[key] = body(w, n)
				stored++
				mu.Unlock()
				if n == 70 {
					enough <- struct{}{}
				}
			}
		})
	}
	id := startUpload(t, c, "photos", "multipart")
	done := parts(t, c, "photos", "multipart", id, strings.Repeat("p", 5<<20))
	half := &slowly{begun: make(chan struct{}), left: 3 << 20, end: make(chan struct{})}
	request := signed(t, "PUT", url+"/photos/half", half)
	request.ContentLength = 8 << 20
	wg.Go(func() {
		if resp, err := httpClient(t).Do(request); err == nil {
			resp.Body.Close()
			t.Errorf("half an upload was answered: %s", resp.Status)
		}
	})
	for i := range workers + 1 {
		ready := enough
		if i == 0 {
			ready = half.begun
		}
		select {
		case <-ready:
		case <-time.After(30 * time.Second):
			t.Fatal("the server is too slow")
		}
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	close(half.end)
	wg.Wait()
	if _, err := process.Wait(); err != nil {
		t.Fatal(err)
	}

	fn := newFunctions()
	b := open(t, dir, fn)
	c = b.client()
	keys := keysOf(t, c, &s3.ListObjectsV2Input{Bucket: aws.String("photos")})
	if len(keys) != workers*50 {
		t.Errorf("%d keys, want %d", len(keys), workers*50)
	}
	for _, key := range keys {
		got := get(t, c, "photos", key)
		if !tried[key][got] {
			t.Errorf("%s holds %d bytes that nobody stored", key, len(got))
		}
		if n, least := strings.Fields(got)[0], strings.Fields(acknowledged[key])[0]; number64(n) < number64(least) {
			t.Errorf("%s holds %s, though %s was acknowledged", key, n, least)
		}
	}
	wantCode(t, "complete after the restart", complete(t, c, "photos", "multipart", id, done), "")
	if got := get(t, c, "photos", "multipart"); got != strings.Repeat("p", 5<<20) {
		t.Errorf("the upload that went on holds %d bytes", len(got))
	}
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	events := map[string]bool{}
	for _, i := range fn.wait(t, stored) {
		events[recordOf(t, i.payload).S3.Object.Key] = true
	}
	for _, key := range keys {
		if !events[key] {
			t.Errorf("no event for %s", key)
		}
	}
	waitFor(t, "left-over files to go", func() bool { return len(filesOf(t, dir)) == len(keys)+1 })
}

// number64 reads the second number of "1/23".
func number64(s string) (n int) {
	_, after, _ := strings.Cut(s, "/")
	_, _ = fmt.Sscan(after, &n)
	return n
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, newFunctions())
	c := b.client()
	makeBucket(t, c, "photos")
	put(t, c, "photos", "k", "kept")
	id := startUpload(t, c, "photos", "big")
	done := parts(t, c, "photos", "big", id, strings.Repeat("x", 5<<20), "end")
	b.stop()
	b = open(t, dir, newFunctions())
	c = b.client()
	if got := get(t, c, "photos", "k"); got != "kept" {
		t.Errorf("got %q", got)
	}
	wantCode(t, "complete", complete(t, c, "photos", "big", id, done), "")
	b.stop()
	c = open(t, dir, newFunctions()).client()
	if got := get(t, c, "photos", "big"); got != strings.Repeat("x", 5<<20)+"end" {
		t.Errorf("got %d bytes", len(got))
	}
}

// A reader gets the object that it opened, whatever happens to the key meanwhile.
func TestReadersKeepTheirObject(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	big := strings.Repeat("before..", 6<<20/8)
	id := startUpload(t, c, "photos", "k")
	wantCode(t, "complete", complete(t, c, "photos", "k", id, parts(t, c, "photos", "k", id, big, big, "end")), "")
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("photos"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	first := make([]byte, 10)
	if _, err := io.ReadFull(out.Body, first); err != nil {
		t.Fatal(err)
	}
	put(t, c, "photos", "k", "after")
	rest, err := io.ReadAll(out.Body)
	if err != nil || string(first)+string(rest) != big+big+"end" {
		t.Errorf("read %d bytes, %v", len(first)+len(rest), err)
	}
	waitFor(t, "the replaced files to go", func() bool { return len(filesOf(t, b.dir)) == 1 })
}

// Many write, read and delete one key at once: every read is one of the writes.
func TestConcurrentUseOfOneKey(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	put(t, c, "photos", "k", "start")
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for i := range 30 {
				if w%2 == 0 {
					text := bytes.Repeat(fmt.Append(nil, w, " "), 1000+i)
					if _, err := c.PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String("photos"), Key: aws.String("k"),
						Body: bytes.NewReader(text)}); err != nil {
						t.Error(err)
					}
					continue
				}
				out, err := c.GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String("photos"), Key: aws.String("k")})
				if err != nil {
					t.Error(err)
					continue
				}
				text, err := io.ReadAll(out.Body)
				out.Body.Close()
				if want := `"` + hexOf(md5Of(string(text))) + `"`; err != nil || *out.ETag != want {
					t.Errorf("read %d bytes with another's ETag, %v", len(text), err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(filesOf(t, b.dir)); n != 1 {
		t.Errorf("%d files are left of one object", n)
	}
}
