package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const parentVar = "SCAR_TEST_PARENT" // set: be a program that starts a sandbox and waits to be killed

func TestRunSeesExactlyItsEnvironment(t *testing.T) {
	root := unpack(t, newCache(t), insideLayer(t))
	t.Setenv("SECRET_OF_THE_HOST", "x")
	out, exit := run(t, Spec{Root: root, Env: []string{"A=1", "B=two words"}}, "env")
	if out != "A=1\nB=two words\n" || exit.Code != 0 || exit.Signal != 0 {
		t.Errorf("got %q, %+v", out, exit)
	}
}

func TestRunAsTheSandboxUserWithoutRights(t *testing.T) {
	root := unpack(t, newCache(t), insideLayer(t))
	out, _ := run(t, Spec{Root: root}, "status")
	status := map[string]string{}
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(line, ":")
		status[key] = strings.Join(strings.Fields(value), " ")
	}
	want := map[string]string{
		"Uid": "993 993 993 993", "Gid": "990 990 990 990", "NoNewPrivs": "1",
		"CapInh": "0000000000000000", "CapPrm": "0000000000000000", "CapEff": "0000000000000000",
		"CapBnd": "0000000000000000", "CapAmb": "0000000000000000",
	}
	for key, value := range want {
		if status[key] != value {
			t.Errorf("%s: %q, want %q", key, status[key], value)
		}
	}
	if os.Geteuid() == 0 && status["Groups"] != "" {
		t.Errorf("supplementary groups %q", status["Groups"])
	}
	for _, forbidden := range []string{"setuid", "mount"} {
		if out, exit := run(t, Spec{Root: root}, forbidden); exit.Code != 3 || !strings.Contains(out, "not permitted") && !strings.Contains(out, "invalid argument") {
			t.Errorf("%s: %q, %+v", forbidden, out, exit)
		}
	}
	if out, _ := run(t, Spec{Root: root}, "limits"); out != "1024 1024\n" {
		t.Errorf("open files: %q", out)
	}
	if out, _ := run(t, Spec{Root: root}, "descriptors"); out != "" {
		t.Errorf("inherited descriptors: %q", out)
	}
	if out, exit := run(t, Spec{Root: root}, "kill1"); out != "<nil>\ntrue\n" && out != "operation not permitted\ntrue\n" || exit.Code != 0 {
		t.Errorf("signal to the first process: %q, %+v", out, exit)
	}
}

func TestRunSeesNoFileOfTheHost(t *testing.T) {
	root := unpack(t, newCache(t), insideLayer(t))
	out, _ := run(t, Spec{Root: root}, "find", "/")
	want := []string{"/", "/bin", "/bin/inside", "/etc", "/etc/hosts", "/etc/resolv.conf", "/mnt", "/tmp"}
	if diff := cmp.Diff(want, strings.Fields(out)); diff != "" {
		t.Error(diff)
	}
	out, _ = run(t, Spec{Root: root}, "ls", "/dev")
	wantDev := []string{"fd", "full", "null", "random", "stderr", "stdin", "stdout", "tty", "urandom", "zero"}
	if diff := cmp.Diff(wantDev, strings.Fields(out)); diff != "" {
		t.Error(diff)
	}
	out, _ = run(t, Spec{Root: root}, "ls", "/proc")
	for _, name := range strings.Fields(out) {
		if pid, err := strconv.Atoi(name); err == nil && pid > 50 {
			t.Errorf("process %d of the host is visible", pid)
		}
	}
	hosts, err := os.ReadFile("/etc/hosts")
	if out, _ := run(t, Spec{Root: root}, "cat", "/etc/hosts"); err == nil && out != string(hosts) {
		t.Errorf("/etc/hosts: %q", out)
	}
}

func TestRootIsReadOnlyAndTmpHasItsSize(t *testing.T) {
	for _, overlay := range []bool{true, false} {
		t.Run(fmt.Sprint("overlay=", overlay), func(t *testing.T) {
			c := newCache(t)
			c.noOverlay.Store(!overlay)
			root := unpack(t, c, insideLayer(t))
			for _, file := range []string{"/x", "/bin/inside", "/bin/x", "/etc/hosts", "/etc/resolv.conf", "/dev/x", "/proc/sys/kernel/hostname"} {
				if out, exit := run(t, Spec{Root: root}, "write", file, "1"); exit.Code != 3 {
					t.Errorf("write %s: %q, %+v", file, out, exit)
				}
			}
			if out, exit := run(t, Spec{Root: root, Tmp: 20}, "write", "/tmp/x", "18"); exit.Code != 0 {
				t.Errorf("18 MB into a /tmp of 20 MB: %q, %+v", out, exit)
			}
			if out, exit := run(t, Spec{Root: root, Tmp: 20}, "write", "/tmp/x", "21"); exit.Code != 3 || !strings.Contains(out, "no space left") {
				t.Errorf("21 MB into a /tmp of 20 MB: %q, %+v", out, exit)
			}
		})
	}
}

func TestLargeTmpIsOnDiskAndRemoved(t *testing.T) {
	c := newCache(t)
	root := unpack(t, c, insideLayer(t))
	out, exit := run(t, Spec{Root: root, Tmp: 1 << 30}, "write", "/tmp/x", "1")
	if exit.Code != 0 {
		t.Errorf("%q, %+v", out, exit)
	}
	left, err := os.ReadDir(filepath.Join(c.dir, tmpDir))
	if err != nil || len(left) != 0 {
		t.Errorf("left of /tmp: %v, %v", left, err)
	}
}

func TestFilesOfRootAreDenied(t *testing.T) {
	for _, overlay := range []bool{true, false} {
		t.Run(fmt.Sprint("overlay=", overlay), func(t *testing.T) {
			c := newCache(t)
			c.noOverlay.Store(!overlay)
			root := unpack(t, c, insideLayer(t), []entry{
				{name: "secret", mode: 0o600, body: "x"},
				{name: "public", mode: 0o644, body: "y"},
				{name: "suid", mode: 0o4755, body: "z"},
				{name: "root/", mode: 0o700},
				{name: "root/key", mode: 0o644, body: "k"},
				{name: "root/.ssh/", mode: 0o755},
				{name: "opened/", mode: 0o700},
				{name: "run/", mode: 0o711},
				{name: "run/x", mode: 0o644, body: "r"},
			}, []entry{{name: "opened/", mode: 0o755}, {name: "opened/f", mode: 0o644, body: "o"}})
			for file, readable := range map[string]bool{
				"/secret": false, "/public": true, "/root/key": false, "/opened/f": true, "/run/x": true,
			} {
				if out, exit := run(t, Spec{Root: root}, "cat", file); (exit.Code == 0) != readable {
					t.Errorf("cat %s: %q, %+v", file, out, exit)
				}
			}
			for _, dir := range []string{"/root", "/run"} {
				if out, exit := run(t, Spec{Root: root}, "ls", dir); exit.Code != 3 || !strings.Contains(out, "denied") {
					t.Errorf("ls %s: %q, %+v", dir, out, exit)
				}
			}
		})
	}
}

func TestExit(t *testing.T) {
	root := unpack(t, newCache(t), insideLayer(t))
	if _, exit := run(t, Spec{Root: root}, "exit", "7"); exit.Code != 7 || exit.Signal != 0 || exit.OOM {
		t.Errorf("exit 7: %+v", exit)
	}
	if _, exit := run(t, Spec{Root: root}, "signal"); exit.Signal != int(syscall.SIGABRT) && exit.Code != 2 {
		t.Errorf("SIGABRT: %+v", exit)
	}
	var out buffer
	p := start(t, Spec{Root: root}, &out, "sleep")
	p.Kill()
	if exit := waitFor(t, p); exit.Signal != int(syscall.SIGKILL) || exit.OOM {
		t.Errorf("killed: %+v", exit)
	}
}

func TestMemoryLimit(t *testing.T) {
	root := unpack(t, newCache(t), insideLayer(t))
	if out, exit := run(t, Spec{Root: root, Memory: 128}, "alloc", "400"); !exit.OOM || exit.Signal != int(syscall.SIGKILL) || strings.Contains(out, "allocated") {
		t.Errorf("400 MB of 128: %q, %+v", out, exit)
	}
	if out, exit := run(t, Spec{Root: root, Memory: 256}, "alloc", "100"); exit.OOM || exit.Code != 0 || exit.MaxMemory < 90 || exit.MaxMemory > 200 {
		t.Errorf("100 MB of 256: %q, %+v", out, exit)
	}
	if out, exit := run(t, Spec{Root: root, Memory: 64, Tmp: 200}, "write", "/tmp/x", "150"); exit.OOM || exit.Code != 0 {
		t.Errorf("files in /tmp count as memory: %q, %+v", out, exit)
	}
}

func TestStartErrors(t *testing.T) {
	root := unpack(t, newCache(t), insideLayer(t), []entry{{name: "text", mode: 0o644}, {name: "closed/", mode: 0o700}, {name: "broken", body: "not a program"}})
	for _, c := range []struct {
		spec       Spec
		workingDir bool
		want       error
	}{
		{Spec{Args: []string{"/absent"}}, false, syscall.ENOENT},
		{Spec{Args: []string{"absent"}}, false, syscall.ENOENT},
		{Spec{Args: []string{"/text"}}, false, syscall.EACCES},
		{Spec{Args: []string{"/broken"}}, false, syscall.ENOEXEC},
		{Spec{Args: []string{"/bin/inside"}, Dir: "/absent"}, true, syscall.ENOENT},
		{Spec{Args: []string{"/bin/inside"}, Dir: "/closed"}, true, syscall.EACCES},
	} {
		c.spec.Root = root
		_, err := Start(t.Context(), c.spec)
		var bad *StartError
		if !errors.As(err, &bad) || bad.WorkingDir != c.workingDir || !errors.Is(err, c.want) {
			t.Errorf("%v in %q: %v", c.spec.Args, c.spec.Dir, err)
		}
	}
	if _, err := Start(t.Context(), Spec{Root: root}); err == nil {
		t.Error("nothing to run is no error")
	}
}

func TestProgramIsFoundInPathAndDirIsItsOwn(t *testing.T) {
	root := unpack(t, newCache(t), insideLayer(t), []entry{{name: "srv/"}, {name: "srv/inside", mode: 0o644}})
	var out buffer
	p, err := Start(t.Context(), Spec{Root: root, Args: []string{"inside", "pwd"}, Env: []string{"PATH=/srv:/bin"}, Dir: "/srv", Output: &out})
	if err != nil {
		t.Fatal(err)
	}
	if exit := waitFor(t, p); exit.Code != 0 || out.String() != "/srv\n" {
		t.Errorf("%q, %+v", out.String(), exit)
	}
}

func TestAllProcessesDieWithTheFirst(t *testing.T) {
	root := unpack(t, newCache(t), insideLayer(t))
	marker := fmt.Sprintf("marker-%d-%s", os.Getpid(), t.Name())
	_, exit := run(t, Spec{Root: root, Env: []string{"MARKER=" + marker}}, "daemon")
	if exit.Code != 0 {
		t.Fatalf("%+v", exit)
	}
	if alive := withEnvironment(t, marker); len(alive) != 0 {
		t.Errorf("processes left: %v", alive)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var out buffer
	p, err := startInside(ctx, Spec{Root: root, Env: []string{"MARKER=" + marker}}, &out, "daemon", "wait")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the daemon", func() bool { return strings.Contains(out.String(), "asleep") })
	cancel()
	waitFor(t, p)
	if alive := withEnvironment(t, marker); len(alive) != 0 {
		t.Errorf("processes left: %v", alive)
	}
}

// withEnvironment are the processes that have a word in their environment.
func withEnvironment(t *testing.T, word string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(file string) bool {
		content, err := os.ReadFile(file)
		return err != nil || !strings.Contains(string(content), word)
	})
}

// parentTest is the program that TestNothingOutlivesAKilledParent kills.
func parentTest() bool {
	dir := os.Getenv(parentVar)
	if dir == "" {
		return false
	}
	if err := beParent(dir); err != nil {
		fmt.Println("error:", err)
	}
	return true
}

func beParent(dir string) error {
	c, err := OpenCache(dir, Limits{})
	if err != nil {
		return err
	}
	program, err := insideOnce()
	if err != nil {
		return err
	}
	ctx := context.Background() // this is a main function
	var t testing.T
	root, err := c.Unpack(ctx, imageOf(&t, []entry{{name: "bin/"}, {name: "bin/inside", body: program}}))
	if err != nil {
		return err
	}
	p, err := startInside(ctx, Spec{Root: root, Env: []string{"MARKER=" + os.Getenv("MARKER")}}, os.Stdout, "daemon", "wait")
	if err != nil {
		return err
	}
	p.Wait()
	return nil
}

func TestNothingOutlivesAKilledParent(t *testing.T) {
	marker := fmt.Sprintf("marker-%d-%s", os.Getpid(), t.Name())
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), parentVar+"="+newCache(t).dir, "MARKER="+marker)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "asleep" {
		if strings.HasPrefix(lines.Text(), "error") {
			t.Fatal(lines.Text())
		}
	}
	if alive := withEnvironment(t, marker); len(alive) < 2 {
		t.Errorf("too few processes before: %v", alive)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	eventually(t, "the end of all processes", func() bool { return len(withEnvironment(t, marker)) == 0 })
}

func TestOutputIsCompleteAndOrdered(t *testing.T) {
	root := unpack(t, newCache(t), insideLayer(t))
	out, exit := run(t, Spec{Root: root}, "lines")
	var want strings.Builder
	for i := range 20000 {
		fmt.Fprintln(&want, "line", i)
	}
	if exit.Code != 0 || out != want.String() {
		t.Errorf("%d bytes, want %d; %+v", len(out), want.Len(), exit)
	}
}

func TestCheckFindsThisMachineFit(t *testing.T) {
	for _, f := range Check(t.Context(), newCache(t).dir) {
		t.Logf("%-14s ok=%-5v %s %s", f.Name, f.OK, f.Detail, f.Fix)
		if f.Required && !f.OK {
			t.Errorf("%s: %s", f.Name, f.Detail)
		}
	}
}

func BenchmarkStart(b *testing.B) {
	root := unpack(b, newCache(b), insideLayer(b))
	for b.Loop() {
		if _, exit := run(b, Spec{Root: root}, "exit", "0"); exit.Code != 0 {
			b.Fatalf("%+v", exit)
		}
	}
}
