package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	drainTime = 200 * time.Millisecond // for what a script leaves behind to end by itself, such as the tee of its output
	killTime  = 2 * time.Second        // for killed processes to vanish, as long as there is time

	// minKillTime is for that and for the last of the output even if there is no time: as a rule it takes a moment.
	minKillTime = 2 * drainTime
)

// adoptOrphans makes the runtime the parent of every process whose parent ends, so that a process
// that a script put into the background, in a session of its own, is still found and ended. The first process of
// a namespace is that anyway, and an emulator may not know the call.
func adoptOrphans() error {
	if os.Getpid() == 1 {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the parent of orphaned processes: %w", err)
	}
	return nil
}

// closeInherited keeps what this process was started with, other than the standard streams, from its children. Of
// what Go opens itself no child gets anything.
func closeInherited() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("list open files: %w", err)
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// run runs a command to its end, or until stop, and ends every process that it leaves behind. What they
// write goes to sink. At stop the command's process group gets SIGTERM, and grace later everything gets SIGKILL.
//
// The runtime starts one command at a time and no other process, so every child is the command or an orphan of it.
// An error with an end means that processes are left by the time by, which do not end when they are killed; without, that
// the command could not be started.
func run(cmd *exec.Cmd, sink io.Writer, stop time.Time, grace time.Duration, by time.Time) (*ending, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return nil, err
	}
	pid := cmd.Process.Pid
	preferToRuntime(pid)
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(sink, r) // ends with the last writer, or at the deadline that is set below
	}()
	ended := make(chan unix.WaitStatus, 1)
	go func() { ended <- reapUntil(pid) }()

	end := &ending{}
	status, ok := receive(ended, time.Until(stop))
	if !ok {
		end.timedOut = true
		_ = unix.Kill(-pid, unix.SIGTERM) // fails only for a group that has just ended
		if status, ok = receive(ended, grace); !ok {
			by = later(by, time.Now().Add(minKillTime))
			_ = unix.Kill(-pid, unix.SIGKILL)
			status, ok = receive(ended, time.Until(by)-drainTime/2)
		}
	} else {
		receive(copied, min(drainTime, time.Until(stop)))
	}
	_ = cmd.Process.Release() // its status is taken already
	by = later(by, time.Now().Add(minKillTime))
	if err = killOffspring(by.Add(-drainTime / 2)); !ok && err == nil {
		err = errors.New("the script does not end, although it was killed")
	}
	_ = r.SetReadDeadline(earlier(time.Now().Add(drainTime), by))
	<-copied
	end.code = status.ExitStatus()
	if status.Signaled() {
		end.signal = status.Signal()
	}
	return end, err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// receive takes a value from a channel, or gives up after a time.
func receive[T any](from <-chan T, atMost time.Duration) (value T, ok bool) {
	timer := time.NewTimer(max(atMost, 0))
	defer timer.Stop()
	select {
	case value = <-from:
		return value, true
	case <-timer.C:
		return value, false
	}
}

// reapUntil takes the status of every child that ends, adopted ones too, since each that nobody asks for counts
// against the limit on processes, until pid has ended.
func reapUntil(pid int) unix.WaitStatus {
	for {
		var status unix.WaitStatus
		ended, err := unix.Wait4(-1, &status, 0, nil)
		if err == nil && ended == pid || err != nil && !errors.Is(err, unix.EINTR) {
			return status
		}
	}
}

// killOffspring ends every process that descends from this one, whatever its group or session. A process
// whose parent ends becomes a child of this one, so that without a child there is no descendant. It tries for killTime,
// but not beyond a time.
func killOffspring(by time.Time) error {
	end := earlier(time.Now().Add(killTime), by)
	for pause := time.Millisecond; ; pause = min(2*pause, 16*time.Millisecond) {
		if !reapEnded() {
			return nil
		}
		left, err := offspring(os.Getpid())
		if err != nil {
			return fmt.Errorf("look for processes that the script left: %w", err)
		}
		if time.Now().After(end) {
			return fmt.Errorf("the script left processes that do not end when they are killed: %v", left)
		}
		for _, pid := range left {
			_ = unix.Kill(pid, unix.SIGKILL) // of one that has just ended
		}
		hunt(pause) // a killed process takes a moment to become a zombie
	}
}

// hunt kills for a time whatever becomes a child of this process's first thread, as every orphan does. That takes a fraction of
// what it takes to look at all processes: long enough for one that makes another and ends, again and again, to be gone.
func hunt(atLeast time.Duration) {
	end := time.Now().Add(atLeast)
	list, err := os.Open("/proc/self/task/" + strconv.Itoa(os.Getpid()) + "/children")
	if err != nil { // this kernel does not list them
		time.Sleep(atLeast)
		return
	}
	defer list.Close()
	buffer := make([]byte, 4096)
	for time.Now().Before(end) && reapEnded() {
		n, _ := list.ReadAt(buffer, 0) // as many as fit, the last of which may be cut
		whole := bytes.LastIndexByte(buffer[:n], ' ') + 1
		for _, child := range bytes.Fields(buffer[:whole]) {
			if pid, err := strconv.Atoi(string(child)); err == nil && pid > 1 {
				_ = unix.Kill(pid, unix.SIGKILL) // of one that has just ended
			}
		}
	}
}

// reapEnded takes the status of every child that has ended, and reports whether others are left.
func reapEnded() (left bool) {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		switch {
		case errors.Is(err, unix.EINTR) || err == nil && pid > 0:
			continue
		case err != nil: // ECHILD
			return false
		}
		return true
	}
}

// offspring lists all descendants of a process, zombies included.
func offspring(of int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if parent, ok := parentOf(pid); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	found := slices.Clone(children[of])
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i]]...)
	}
	return found, nil
}

// parentOf reads the fourth field of /proc/PID/stat, which proc(5) describes. The second is the
// program's name in parentheses, which may hold parentheses and spaces itself.
func parentOf(pid int) (int, bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false // it has ended
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return parent, err == nil
}

// preferToRuntime makes the kernel end the script rather than the runtime when memory runs out, so that
// there is somebody left to say so. A kernel that refuses loses the preference only.
func preferToRuntime(pid int) {
	_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte("1000"), 0)
}
