package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal makes a pseudo-terminal and returns both of its ends.
func openTerminal(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err) // without a size nothing can be drawn
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return master, terminal
}

// screen is what a program wrote to a terminal.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await returns once the screen shows a text.
func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	if !s.shows(text) {
		t.Fatalf("the terminal does not show %q:\n%s", text, s)
	}
}

// shows waits for a text, and says whether it came.
func (s *screen) shows(text string) bool {
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(s.String(), text) {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return true
}

// onTerminal starts scar on a terminal of its own.
func onTerminal(t *testing.T, dir string, env []string, args ...string) (cmd *exec.Cmd, shown *screen, keyboard io.Writer) {
	t.Helper()
	master, terminal := openTerminal(t)
	cmd = exec.CommandContext(context.Background(), "scar", args...)
	cmd.Dir, cmd.Env = dir, env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // usually it has ended
		_ = cmd.Wait()
	})
	shown = &screen{}
	go io.Copy(shown, master) // ends with the terminal
	return cmd, shown, master
}

// homeWithoutAWS is an environment in which the machine's own configuration of AWS is not found.
func homeWithoutAWS(dir string, more ...string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TERM=xterm", "AWS_EC2_METADATA_DISABLED=true"}
	return append(env, more...)
}

func TestColoursOnATerminalOnly(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "func.yaml"), "project: imaging\nfunctions: {a: {imge: b}}\n")
	for name, c := range map[string]struct {
		env     []string
		args    []string
		colours bool
	}{
		"plain":      {homeWithoutAWS(dir), []string{"validate"}, true},
		"NO_COLOR":   {homeWithoutAWS(dir, "NO_COLOR=1"), []string{"validate"}, false},
		"--no-color": {homeWithoutAWS(dir), []string{"validate", "--no-color"}, false},
		"dumb":       {append(homeWithoutAWS(dir), "TERM=dumb"), []string{"validate"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, shown, _ := onTerminal(t, dir, c.env, c.args...)
			shown.await(t, "problems in func.yaml")
			if err := cmd.Wait(); err == nil {
				t.Error("exit code 0")
			}
			if got := strings.Contains(shown.String(), "\x1b["); got != c.colours {
				t.Errorf("colours: %v, want %v:\n%q", got, c.colours, shown)
			}
		})
	}
}
