//go:build linux

package main

import (
	"bufio"
	"bytes"
	endian "encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sys/unix"

	"github.com/scar-go/scar/internal/proof"
)

// counted is content of which no two blocks are alike: each eight bytes are their own offset.
type counted struct{ at, size int64 }

func (c *counted) Read(p []byte) (int, error) {
	if c.at == c.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)&^7), c.size-c.at))
	for i := 0; i < n; i += 8 {
		endian.LittleEndian.PutUint64(p[i:], uint64(c.at)+uint64(i))
	}
	c.at += int64(n)
	return n, nil
}

// compareCounted reads r and says where it is not counted content of a size.
func compareCounted(r io.Reader, size int64) error {
	want, got := make([]byte, 1<<20), make([]byte, 1<<20)
	expected := &counted{size: size}
	for {
		n, err := expected.Read(want)
		if err == io.EOF {
			break
		}
		if _, err := io.ReadFull(r, got[:n]); err != nil {
			return fmt.Errorf("before byte %d: %w", expected.at, err)
		}
		if !bytes.Equal(got[:n], want[:n]) {
			return fmt.Errorf("another content before byte %d", expected.at)
		}
	}
	if n, _ := io.ReadFull(r, got[:1]); n > 0 {
		return fmt.Errorf("more than %d bytes", size)
	}
	return nil
}

// backend is scar's own, as `scar local up` serves it.
type backend struct {
	cmd         *exec.Cmd
	environment map[string]string // by which programs find it
}

func startBackend(t testing.TB) *backend {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "scar")
	if out, err := exec.Command("go", "build", "-o", program, "../scar").CombinedOutput(); err != nil {
		t.Fatalf("build scar: %v\n%s", err, out)
	}
	cmd := exec.Command(program, "local", "up", "--port", "0", "--json", "--state", filepath.Join(dir, "state"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	var log bytes.Buffer
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	var said struct {
		Environment map[string]string `json:"environment"`
	}
	if err := json.NewDecoder(bufio.NewReader(stdout)).Decode(&said); err != nil {
		t.Fatalf("scar local up: %v\n%s", err, log.String())
	}
	return &backend{cmd, said.Environment}
}

func (b *backend) s3() *s3.Client {
	return s3.New(s3.Options{
		Region: b.environment["AWS_REGION"], BaseEndpoint: aws.String(b.environment["AWS_ENDPOINT_URL"]), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(b.environment["AWS_ACCESS_KEY_ID"], b.environment["AWS_SECRET_ACCESS_KEY"], ""),
	})
}

// TestLargeObjectTakesLittleMemory is about a size that is a hundred times what either may need for it.
func TestLargeObjectTakesLittleMemory(t *testing.T) {
	t.Parallel()
	moveLarge(t, 512<<20, "512 MB")
}

// BenchmarkLargeObject is about a size that no single call of S3 may exceed, and takes minutes.
func BenchmarkLargeObject(b *testing.B) {
	const size = 5 << 30
	var took time.Duration
	for b.Loop() {
		took += moveLarge(b, size, "5 GB")
	}
	b.ReportMetric(float64(b.N)*2*size/1e6/took.Seconds(), "MB/s") // in and out
}

// moveLarge has an object come in and go out again, byte for byte, and reports how much memory that took at most, in
// the runtime and in the backend. The script moves the file, so that it is on the disk once. It returns how long the
// invocation took.
func moveLarge(t testing.TB, size int64, name string) time.Duration {
	room := 4*size + 1<<30 // in the backend twice, once more as parts, in the function once
	var disk unix.Statfs_t
	if err := unix.Statfs(t.TempDir(), &disk); err != nil {
		t.Fatal(err)
	}
	if available := int64(disk.Bavail) * disk.Bsize; available < room {
		t.Skipf("the disk of temporary files has %d GB left, this needs %d", available>>30, room>>30)
	}
	server := startBackend(t)
	client := server.s3()
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
	storeCounted(t, client, "in/large", size)
	var environment []string
	for name, value := range server.environment {
		environment = append(environment, name+"="+value)
	}
	f := start(t, newJob(), `mv "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/"`, append(environment, "AWS_SESSION_TOKEN=")...)
	begun := time.Now()
	f.output(f.invokeWithin(created(t, "in/large"), 15*time.Minute))
	took := time.Since(begun)
	ours, servers := megabytes(f.status("VmHWM")), megabytes(status(t, server.cmd.Process.Pid, "VmHWM"))
	f.checkClean()

	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("out/large")})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	if err := compareCounted(out.Body, size); err != nil {
		t.Errorf("the output: %v", err)
	}
	if ours > 32 || servers > 200 {
		t.Errorf("the runtime took %.1f MB of memory, want 32 at most; the backend %.1f, want 200 at most", ours, servers)
	}
	proof.Count(t, "memory of the runtime at "+name, ours, "MB")
	proof.Count(t, "memory of the backend at "+name, servers, "MB")
	return took
}

// storeCounted stores counted content under a key. A presigned address takes a body whose checksum is not known before
// it was sent.
func storeCounted(t testing.TB, client *s3.Client, key string, size int64) {
	t.Helper()
	address, err := s3.NewPresignClient(client).PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	put, err := http.NewRequestWithContext(t.Context(), http.MethodPut, address.URL, &counted{size: size})
	if err != nil {
		t.Fatal(err)
	}
	put.ContentLength = size
	stored, err := http.DefaultClient.Do(put)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Body.Close()
	if said, err := io.ReadAll(stored.Body); err != nil || stored.StatusCode != http.StatusOK {
		t.Fatalf("store the input: %s: %s, %v", stored.Status, said, err)
	}
}
