package s3

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// program finds a program that the test needs.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// run runs a program and returns what it printed.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=ADMIN", "AWS_SECRET_ACCESS_KEY=secret", "AWS_REGION=us-east-1",
		"AWS_DEFAULT_REGION=us-east-1", "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true", "LC_ALL=C.UTF-8")
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, &out, &problems)
	}
	return out.String()
}

func writeFile(t *testing.T, path string, body []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAWSCommandLine(t *testing.T) {
	aws := program(t, "aws")
	b := start(t)
	dir := t.TempDir()
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	cli := func(args ...string) string { return run(t, dir, aws, append(args, "--endpoint-url", b.url)...) }
	big := make([]byte, 20<<20+1)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(big)
	writeFile(t, filepath.Join(dir, "big"), big)
	for i, name := range []string{"a b.txt", "a+b.txt", "ü.txt", "sub/100%.txt", "sub/deep/x.txt"} {
		writeFile(t, filepath.Join(dir, "tree", name), fmt.Appendf(nil, "file %d", i))
	}

	cli("s3", "mb", "s3://photos")
	cli("s3", "cp", "big", "s3://photos/in/big", "--only-show-errors")
	cli("s3", "cp", "s3://photos/in/big", "back", "--only-show-errors")
	if back, err := os.ReadFile(filepath.Join(dir, "back")); err != nil || !bytes.Equal(back, big) {
		t.Errorf("the big file came back as %d bytes, %v", len(back), err)
	}
	if head := cli("s3api", "head-object", "--bucket", "photos", "--key", "in/big", "--query", "ETag", "--output", "text"); !strings.Contains(head, "-3") {
		t.Errorf("the big file was not uploaded in parts: %s", head)
	}
	cli("s3", "cp", "s3://photos/in/big", "s3://photos/copy of big", "--only-show-errors") // by parts
	cli("s3", "sync", "tree", "s3://photos/tree", "--only-show-errors")
	if again := cli("s3", "sync", "tree", "s3://photos/tree"); again != "" {
		t.Errorf("a second sync did something: %s", again)
	}
	var names []string
	for line := range strings.Lines(cli("s3", "ls", "--recursive", "s3://photos")) {
		names = append(names, strings.TrimSpace(line)[31:])
	}
	want := []string{"copy of big", "in/big", "tree/a b.txt", "tree/a+b.txt", "tree/sub/100%.txt", "tree/sub/deep/x.txt", "tree/ü.txt"}
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
	cli("s3", "sync", "s3://photos/tree", "tree2", "--only-show-errors")
	run(t, dir, "diff", "-r", "tree", "tree2")
	cli("s3api", "put-bucket-notification-configuration", "--bucket", "photos", "--notification-configuration",
		`{"LambdaFunctionConfigurations":[{"Id":"r","LambdaFunctionArn":"`+functionARN("f")+`","Events":["s3:ObjectCreated:*"],`+
			`"Filter":{"Key":{"FilterRules":[{"Name":"prefix","Value":"in/"}]}}}]}`)
	got := cli("s3api", "get-bucket-notification-configuration", "--bucket", "photos", "--output", "text")
	if !strings.Contains(got, functionARN("f")) || !strings.Contains(got, "in/") {
		t.Errorf("notification: %s", got)
	}
	cli("s3", "mv", "s3://photos/in/big", "s3://photos/in/moved", "--only-show-errors")
	if r := recordOf(t, b.fn.wait(t, 1)[0].payload); r.S3.Object.Key != "in/moved" || r.EventName != "ObjectCreated:CompleteMultipartUpload" {
		t.Errorf("event %s for %s", r.EventName, r.S3.Object.Key)
	}
	cli("s3api", "put-bucket-tagging", "--bucket", "photos", "--tagging", "TagSet=[{Key=a,Value=b}]")
	if tags := cli("s3api", "get-bucket-tagging", "--bucket", "photos", "--output", "text"); strings.TrimSpace(tags) != "TAGSET\ta\tb" {
		t.Errorf("tags: %q", tags)
	}
	writeFile(t, filepath.Join(dir, "config"), []byte("[default]\ns3 =\n  signature_version = s3v4\n")) // old versions sign by version 2
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	url := strings.TrimSpace(cli("s3", "presign", "s3://photos/tree/a b.txt"))
	if got := run(t, dir, program(t, "curl"), "-sS", "--fail", url); got != "file 0" {
		t.Errorf("presigned: %q", got)
	}
	cli("s3", "rb", "s3://photos", "--force")
	if left := cli("s3", "ls"); left != "" {
		t.Errorf("left: %s", left)
	}
}

func TestCurl(t *testing.T) {
	curl := program(t, "curl")
	b := start(t)
	dir := t.TempDir()
	makeBucket(t, b.client(), "photos")
	writeFile(t, filepath.Join(dir, "f"), []byte("from curl"))
	signed := []string{"-sS", "--fail", "--path-as-is", "--user", "ADMIN:secret", "--aws-sigv4", "aws:amz:us-east-1:s3"}
	run(t, dir, curl, append(signed, "-T", "f", b.url+"/photos/a/../b")...)
	if got := run(t, dir, curl, append(signed, b.url+"/photos/a/../b")...); got != "from curl" {
		t.Errorf("got %q", got)
	}
	if got := run(t, dir, curl, append(signed, "-r", "5-8", b.url+"/photos/a/../b")...); got != "curl" {
		t.Errorf("range: %q", got)
	}
	port := b.url[strings.LastIndex(b.url, ":"):]
	if got := run(t, dir, curl, append(signed, "--resolve", "photos.localhost"+port+":127.0.0.1", "http://photos.localhost"+port+"/a/../b")...); got != "from curl" {
		t.Errorf("virtual-host style: %q", got)
	}
	if got := run(t, dir, curl, append(signed, "-I", b.url+"/photos/a/../b")...); !strings.Contains(got, "X-Amz-Request-Id") ||
		!strings.Contains(got, "Content-Length: 9\r") {
		t.Errorf("HEAD: %s", got)
	}
}
