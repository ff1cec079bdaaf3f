package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"os/signal"
	"path"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	maxFiles        = 1024 // open files, Lambda's limit
	lastCapability  = 63
	defaultPath     = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	mostKillable    = "1000" // oom_score_adj
	sandboxHostname = "localhost"
)

// Main must be called first thing in main. It returns at once, unless the program was started by
// Start to be the first process of a sandbox; then it never returns.
func Main() {
	if len(os.Args) == 1 && os.Args[0] == initName {
		// This is the main function of another program that happens to be in the same file. It leaves
		// without what os.Exit does for the program it is part of.
		syscall.Exit(initMain())
	}
}

// initMain sets up the sandbox, starts the image's process, and lives as long as that: the first
// process of a pid namespace takes the others with it.
func initMain() int {
	// The image's process is forked from this thread, which gives up its rights first.
	runtime.LockOSThread()
	control := os.NewFile(controlFD, "control")
	if err := keepDescriptors(); err != nil {
		return 1
	}
	orders, answers := json.NewDecoder(control), json.NewEncoder(control)
	var o order
	if err := orders.Decode(&o); err != nil {
		return 1
	}
	go func() {
		// Nothing more is said. The end of the stream is the end of the parent.
		_, _ = io.Copy(io.Discard, control)
		syscall.Exit(1)
	}()
	pid, err := begin(o)
	if err != nil {
		_ = answers.Encode(failure(err)) // without a parent there is nobody to tell
		return 1
	}
	if answers.Encode(message{Started: true}) != nil || o.Probe != "" {
		return 1
	}
	_ = answers.Encode(reap(pid))
	return 0
}

func begin(o order) (pid int, err error) {
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGPIPE)
	// When the whole machine runs out of memory, the sandbox goes first. Best effort.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(mostKillable), 0)
	// Nothing in the sandbox may look into this process.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return 0, &setupError{step: "hide the first process", err: err}
	}
	unix.Umask(0)
	if err := mountRoot(o); err != nil {
		return 0, err
	}
	unix.Umask(0o022)
	if o.Probe != "" {
		return 0, nil
	}
	if err := unix.Sethostname([]byte(sandboxHostname)); err != nil {
		return 0, &setupError{step: "set the host name", err: err}
	}
	if err := limit(); err != nil {
		return 0, err
	}
	if err := dropRights(o.User); err != nil {
		return 0, err
	}
	return startProgram(o)
}

// keepDescriptors keeps from the image's process what this one has inherited: a program that scar was
// started by may have left files open.
func keepDescriptors() error {
	err := unix.CloseRange(controlFD, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil || !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EINVAL) {
		return err
	}
	entries, err := os.ReadDir("/proc/self/fd") // kernels before 5.11
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd >= controlFD {
			unix.CloseOnExec(fd)
		}
	}
	return err
}

func limit() error {
	// syscall's Setrlimit, unlike another's, also keeps Go from restoring the limit it was started with.
	files := syscall.Rlimit{Cur: maxFiles, Max: maxFiles}
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err == nil && now.Max < maxFiles {
		files = syscall.Rlimit{Cur: now.Max, Max: now.Max}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return &setupError{step: "limit open files", err: err}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return &setupError{step: "limit core files", err: err}
	}
	return nil
}

// dropRights takes every right from the calling thread, and thereby from what is forked from it. The
// calls are raw, because Go's own would do the same to all threads of this process.
func dropRights(user bool) error {
	for c := uintptr(0); c <= lastCapability; c++ {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			if errors.Is(err, unix.EINVAL) { // beyond the last one that the kernel knows
				break
			}
			return &setupError{step: "drop capabilities", err: err}
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return &setupError{step: "drop capabilities", err: err}
	}
	if !user {
		for _, call := range [][4]uintptr{
			{unix.SYS_SETGROUPS, 0, 0, 0},
			{unix.SYS_SETRESGID, GID, GID, GID},
			{unix.SYS_SETRESUID, UID, UID, UID},
		} {
			if _, _, errno := syscall.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
				return &setupError{step: "become the sandbox's user", err: errno}
			}
		}
	}
	if err := dropKeys(); err != nil {
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return &setupError{step: "drop capabilities", err: err}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return &setupError{step: "forbid new privileges", err: err}
	}
	return nil
}

// dropKeys leaves the session keyring, with which a process inherits its user's keys whatever namespaces it is in.
// Where the kernel has no keyrings, or a filter keeps them from this process and all that descend from it, there is nothing
// to leave.
func dropKeys() error {
	_, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0)
	if err == nil || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return nil
	}
	return &setupError{step: "leave the user's keyring", err: err}
}

func startProgram(o order) (pid int, err error) {
	if err := unix.Chdir(o.Dir); err != nil {
		return 0, &setupError{step: stepWorkingDir, path: o.Dir, err: err}
	}
	program, err := lookUp(o.Args[0], o.Env)
	if err == nil {
		pid, err = syscall.ForkExec(program, o.Args, &syscall.ProcAttr{
			Env:   o.Env,
			Files: []uintptr{0, 1, 2},
			Sys:   &syscall.SysProcAttr{Setsid: true},
		})
	}
	if err != nil {
		return 0, &setupError{step: stepProgram, path: o.Args[0], err: err}
	}
	return pid, nil
}

// lookUp finds a program as a shell does, with the rights that it will run with.
func lookUp(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	list := defaultPath
	for _, e := range env {
		if value, found := strings.CutPrefix(e, "PATH="); found {
			list = value
		}
	}
	found := error(unix.ENOENT)
	for _, dir := range strings.Split(list, ":") {
		file := path.Join("/", dir, name)
		if !path.IsAbs(dir) {
			file = path.Join(".", dir, name)
		}
		var stat unix.Stat_t
		if unix.Stat(file, &stat) != nil || stat.Mode&unix.S_IFMT != unix.S_IFREG {
			continue
		}
		if err := unix.Access(file, unix.X_OK); err != nil {
			found = err
			continue
		}
		if !path.IsAbs(file) {
			file = "./" + file
		}
		return file, nil
	}
	return "", found
}

// reap waits for the image's process, and for all that lost their parents until then.
func reap(pid int) message {
	for {
		var status unix.WaitStatus
		ended, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return message{Ended: true, Signal: int(unix.SIGKILL)}
		case ended != pid:
		case status.Exited():
			return message{Ended: true, Code: status.ExitStatus()}
		case status.Signaled():
			return message{Ended: true, Signal: int(status.Signal())}
		}
	}
}

func failure(err error) message {
	var setup *setupError
	if !errors.As(err, &setup) {
		return message{Step: "set up", Reason: err.Error()}
	}
	m := message{Step: setup.step, Path: setup.path, Reason: setup.err.Error()}
	errors.As(setup.err, &m.Errno)
	return m
}
