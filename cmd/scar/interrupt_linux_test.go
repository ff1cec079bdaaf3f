package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/scar-go/scar/internal/localtest"
	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/wire"
)

// account is a backend that a test scripts, and a project to apply to it.
type account struct {
	script *local.Script
	dir    string
	env    []string
}

func newAccount(t testing.TB) *account {
	t.Helper()
	a := &account{script: local.NewScript(), dir: t.TempDir()}
	endpoint := localtest.Serve(t, local.Options{Dir: filepath.Join(a.dir, "state"), Script: a.script})
	a.env = homeWithoutAWS(a.dir, "AWS_ENDPOINT_URL="+endpoint, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID="+local.AdminAccessKey, "AWS_SECRET_ACCESS_KEY="+local.AdminSecretKey)
	a.project(t)
	return a
}

// project writes a file with one function and its image.
func (a *account) project(t testing.TB) {
	t.Helper()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", "amd64"
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	path, err := layout.Write(filepath.Join(a.dir, "image.oci"), mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image}))
	if err != nil || path == "" {
		t.Fatal(err)
	}
	write(t, filepath.Join(a.dir, "func.yaml"), `
project: imaging
functions:
  grayify:
    image: ./image.oci
    run: "#!/tmp/true" # the image has nothing
    input: [s3://photos/in/]
    output: [s3://photos/out/]
`)
}

// getenv is a variable of the account's environment.
func (a *account) getenv(name string) string {
	for _, variable := range a.env {
		if value, found := strings.CutPrefix(variable, name+"="); found {
			return value
		}
	}
	return ""
}

// scar runs a command line to its end.
func (a *account) scar(args ...string) (stdout, stderr string, code int) {
	cmd := exec.Command("scar", args...)
	var out, err bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = a.dir, a.env, &out, &err
	var exit *exec.ExitError
	if e := cmd.Run(); errors.As(e, &exit) {
		code = exit.ExitCode()
	}
	return out.String(), err.String(), code
}

// interrupted runs scar until it makes a call, interrupts it, and returns what it says. The call is under way until scar
// has understood.
func (a *account) interrupted(t *testing.T, operation string, args ...string) string {
	t.Helper()
	cmd := exec.Command("scar", args...)
	var stderr screen
	cmd.Dir, cmd.Env, cmd.Stderr = a.dir, a.env, &stderr
	var once sync.Once
	started := make(chan struct{})
	a.script.Observe(func(c wire.Call) {
		if c.Operation != operation {
			return
		}
		once.Do(func() {
			<-started
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
			if !stderr.shows("Interrupted: ") {
				t.Error("it does not understand the interrupt")
			}
		})
	})
	defer a.script.Observe(nil)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitError {
		t.Fatalf("ended with %v, want exit code %d:\n%s", err, exitError, &stderr)
	}
	return stderr.String()
}

// TestInterruptedApplyEndsCleanly interrupts an apply in the middle: it says what was done, ends by
// itself, and one more apply gets to the fixpoint.
func TestInterruptedApplyEndsCleanly(t *testing.T) {
	a := newAccount(t)
	shown := a.interrupted(t, "CreateFunction", "apply", "--auto-approve")
	for _, want := range []string{"error: interrupted: done: ", "role/scar-grayify-us-east-1", "not done: function/grayify", "apply again to finish"} {
		if !strings.Contains(shown, want) {
			t.Errorf("it does not say %q:\n%s", want, shown)
		}
	}
	for _, never := range []string{"goroutine", "context canceled"} {
		if strings.Contains(shown, never) {
			t.Errorf("it says %q:\n%s", never, shown)
		}
	}
	if _, stderr, code := a.scar("apply", "--auto-approve"); code != exitOK {
		t.Fatalf("the next apply ended with %d:\n%s", code, stderr)
	}
	if stdout, stderr, code := a.scar("plan", "--detailed-exitcode"); code != exitOK {
		t.Errorf("plan after it ended with %d:\n%s%s", code, stdout, stderr)
	}
}

// TestApproval asks on a terminal, and takes nothing but yes for it.
func TestApproval(t *testing.T) {
	a := newAccount(t)
	for _, answer := range []string{"no\n", "y\n", "\n", "\x04", "\x03"} {
		cmd, shown, keyboard := onTerminal(t, a.dir, a.env, "apply")
		shown.await(t, `Only "yes" is taken as an answer`)
		if _, err := keyboard.Write([]byte(answer)); err != nil {
			t.Fatal(err)
		}
		shown.await(t, "not approved: nothing was changed")
		if err := cmd.Wait(); err == nil {
			t.Errorf("answer %q: exit code 0", answer)
		}
	}
	if _, _, code := a.scar("plan", "--detailed-exitcode"); code != exitChanges {
		t.Errorf("plan after refusals ended with %d, want %d", code, exitChanges)
	}
	cmd, shown, keyboard := onTerminal(t, a.dir, a.env, "apply")
	shown.await(t, `Only "yes" is taken as an answer`)
	if _, err := keyboard.Write([]byte("yes\n")); err != nil {
		t.Fatal(err)
	}
	shown.await(t, "Apply complete!")
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v:\n%s", err, shown)
	}
}

// TestLocalUp serves a backend until it is interrupted; the other commands find it.
func TestLocalUp(t *testing.T) {
	a := newAccount(t) // for its project only
	state := filepath.Join(a.dir, "up")
	a.env = homeWithoutAWS(a.dir, "SCAR_STATE_DIR="+state)
	up := exec.Command("scar", "local", "up", "--port", "0")
	var shown screen
	up.Dir, up.Env, up.Stdout, up.Stderr = a.dir, a.env, &shown, &shown
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = up.Process.Kill() // usually it has ended
	})
	shown.await(t, "export AWS_ENDPOINT_URL=http://127.0.0.1:")
	for _, args := range [][]string{{"apply", "--local", "--auto-approve"}, {"plan", "--local", "--detailed-exitcode"}, {"destroy", "--local", "--auto-approve"}} {
		if stdout, stderr, code := a.scar(args...); code != exitOK {
			t.Fatalf("%v ended with %d:\n%s%s", args, code, stdout, stderr)
		}
	}
	if _, stderr, code := a.scar("local", "up", "--port", "0"); code != exitError || !strings.Contains(stderr, "is in use by another scar") {
		t.Errorf("a second backend on the same state: %d, %s", code, stderr)
	}
	if err := up.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- up.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("%v:\n%s", err, &shown)
		}
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
	if _, stderr, code := a.scar("plan", "--local"); code != exitError || !strings.Contains(stderr, "start one with scar local up") {
		t.Errorf("plan without a backend: %d, %s", code, stderr)
	}
}
