package lifecycle

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// root is the top of the tree, seen from this package.
const root = "../../.."

// scarBinary builds scar once for all tests that run it as users do.
var scarBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "scar-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "scar")
	out, err := exec.Command("go", "build", "-o", path, root+"/cmd/scar").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build scar: %w\n%s", err, out)
	}
	return path, nil
})

// cli runs scar, and other programs, in one environment.
type cli struct {
	t   testing.TB
	dir string // working directory
	env []string
}

func newCLI(t testing.TB) *cli {
	t.Helper()
	path, err := scarBinary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := &cli{t: t, dir: dir, env: []string{"SCAR_STATE_DIR=" + filepath.Join(dir, ".state"), "NO_COLOR=1"}}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "SCAR_") {
			c.env = append(c.env, v)
		}
	}
	c.env = append(c.env, "PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"))
	return c
}

// try runs a program and returns what it printed on both streams, and its error.
func (c *cli) try(program string, args ...string) (string, error) {
	path, err := c.lookup(program)
	if err != nil {
		return "", err
	}
	if program == "aws" { // before 2.13 it does not know the variable
		args = append([]string{"--endpoint-url", c.variable("AWS_ENDPOINT_URL")}, args...)
	}
	cmd := exec.CommandContext(c.t.Context(), path, args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (c *cli) lookup(program string) (string, error) {
	if program == "scar" {
		return scarBinary()
	}
	return exec.LookPath(program)
}

func (c *cli) run(program string, args ...string) string {
	c.t.Helper()
	out, err := c.try(program, args...)
	if err != nil {
		c.t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

// up serves a local backend until the test ends, and points programs at it.
func (c *cli) up(args ...string) {
	c.t.Helper()
	path, err := scarBinary()
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, append([]string{"local", "up", "--port", "0", "--json"}, args...)...)
	cmd.Dir, cmd.Env = c.dir, c.env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	var log bytes.Buffer
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		stop()
		if err := cmd.Wait(); err != nil && ctx.Err() == nil {
			c.t.Errorf("scar local up: %v\n%s", err, log.String())
		}
		if c.t.Failed() {
			c.t.Logf("scar local up said:\n%s", log.String())
		}
	})
	var said struct {
		Environment map[string]string `json:"environment"`
	}
	if err := json.NewDecoder(bufio.NewReader(stdout)).Decode(&said); err != nil {
		c.t.Fatalf("scar local up: %v\n%s", err, log.String())
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	for name, value := range said.Environment {
		c.env = append(c.env, name+"="+value)
	}
}

func (c *cli) write(name, content string) {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		c.t.Fatal(err)
	}
}

// debianImage makes an image of packages, once for all tests and runs, and links it into the folder.
func (c *cli) debianImage(link string, packages ...string) {
	c.t.Helper()
	script, err := filepath.Abs(filepath.Join(root, "examples", "debian-image"))
	if err != nil {
		c.t.Fatal(err)
	}
	c.run(script, append([]string{"-l", filepath.Join(c.dir, link)}, packages...)...)
}

// eventually asks until the answer is yes.
func eventually(t testing.TB, what string, ask func() bool) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !ask() {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for: %s", what)
		}
		time.Sleep(50 * time.Millisecond) // between two questions, not for the answer
	}
}

// TestPhotosTurnGray takes the example through its life with other programs as witnesses: Pillow reads
// the pixels, the AWS CLI the account, skopeo the registry.
func TestPhotosTurnGray(t *testing.T) {
	c := newCLI(t)
	example, err := filepath.Abs(filepath.Join(root, "examples", "imagemagick"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"func.yaml", "grayify.sh"} {
		content, err := os.ReadFile(filepath.Join(example, name))
		if err != nil {
			t.Fatal(err)
		}
		c.write(name, string(content))
	}
	c.debianImage("imagemagick.tar", "imagemagick")
	photos := filepath.Join(example, "photos")

	out := c.run("scar", "local", "run", "--in", photos, "--out", "results")
	t.Log(out)
	t.Log(c.run(filepath.Join(example, "check-gray"), photos, "results"))

	c.up()
	planned := planOf(t, c.run("scar", "plan", "--local", "--json"))
	c.run("scar", "apply", "--local", "--auto-approve")
	c.run("scar", "plan", "--local", "--detailed-exitcode")

	c.run("aws", "s3", "cp", filepath.Join(photos, "astronaut.jpg"), "s3://scar-photos/in/space age/astro+naut.jpg")
	eventually(t, "the result", func() bool {
		out, err := c.try("aws", "s3", "ls", "s3://scar-photos/out/space age/")
		return err == nil && strings.Contains(out, "astro+naut.jpg")
	})
	eventually(t, "the log lines", func() bool {
		out, err := c.try("aws", "logs", "filter-log-events", "--log-group-name", "/aws/lambda/grayify", "--output", "text")
		return err == nil && strings.Contains(out, "REPORT RequestId") && strings.Contains(out, "astro+naut.jpg")
	})
	for _, w := range []struct {
		witness string
		args    []string
		says    []string
	}{
		{"aws", []string{"lambda", "list-functions"}, []string{`"FunctionName": "grayify"`, `"MemorySize": 1024`}},
		{"aws", []string{"lambda", "list-tags", "--resource", "arn:aws:lambda:us-east-1:000000000000:function:grayify"}, []string{`"scar:project": "imaging"`}},
		{"aws", []string{"lambda", "get-policy", "--function-name", "grayify"}, []string{"s3.amazonaws.com", "AWS:SourceAccount", "arn:aws:s3:::scar-photos"}},
		{"aws", []string{"iam", "get-role-policy", "--role-name", "scar-grayify-us-east-1", "--policy-name", "scar"}, []string{"arn:aws:s3:::scar-photos/in/*"}},
		{"aws", []string{"s3api", "get-bucket-notification-configuration", "--bucket", "scar-photos"}, []string{`"Value": "in/"`, "function:grayify"}},
		{"scar", []string{"logs", "--local", "grayify"}, []string{"astro+naut.jpg"}},
	} {
		out := c.run(w.witness, w.args...)
		for _, want := range w.says {
			if !strings.Contains(out, want) {
				t.Errorf("%s %s does not say %s:\n%s", w.witness, strings.Join(w.args, " "), want, out)
			}
		}
	}

	registry := strings.TrimPrefix(c.variable("AWS_ENDPOINT_URL"), "http://")
	login := "AWS:" + strings.TrimSpace(c.run("aws", "ecr", "get-login-password"))
	inspected := c.run("skopeo", "inspect", "--tls-verify=false", "--creds", login, "docker://"+registry+"/scar/imaging:grayify")
	if digest := planned["image/grayify"]["digest"]; digest == nil || !strings.Contains(inspected, digest.(string)) {
		t.Errorf("the plan predicted %v, the registry has:\n%s", digest, inspected)
	}
	c.run("skopeo", "copy", "--src-tls-verify=false", "--src-creds", login, "docker://"+registry+"/scar/imaging:grayify", "dir:"+filepath.Join(c.dir, "pulled"))

	out = c.run("scar", "destroy", "--local", "--auto-approve")
	if !strings.Contains(out, "scar-photos") {
		t.Errorf("destroy does not name the bucket that stays:\n%s", out)
	}
	for _, list := range [][]string{
		{"lambda", "list-functions", "--query", "Functions"}, {"iam", "list-roles", "--query", "Roles"},
		{"ecr", "describe-repositories", "--query", "repositories"}, {"logs", "describe-log-groups", "--query", "logGroups"},
	} {
		if out := strings.TrimSpace(c.run("aws", list...)); out != "[]" {
			t.Errorf("after destroy, aws %s lists %s", strings.Join(list, " "), out)
		}
	}
	if out := c.run("aws", "s3api", "get-bucket-notification-configuration", "--bucket", "scar-photos"); strings.Contains(out, "grayify") {
		t.Errorf("after destroy the bucket has %s", out)
	}
}

// variable is the value of a variable in the environment of the programs.
func (c *cli) variable(name string) string {
	for _, v := range c.env {
		if value, found := strings.CutPrefix(v, name+"="); found {
			return value
		}
	}
	return ""
}

// planOf reads a plan as JSON and returns the values after it, by address.
func planOf(t testing.TB, out string) map[string]map[string]any {
	t.Helper()
	var plan struct {
		Changes []struct {
			Address string
			Change  struct{ After map[string]any }
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(out), &plan); err != nil {
		t.Fatalf("plan --json: %v\n%s", err, out)
	}
	after := map[string]map[string]any{}
	for _, c := range plan.Changes {
		after[c.Address] = c.Change.After
	}
	return after
}
