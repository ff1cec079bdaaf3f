package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// The capabilities that setting up needs inside a user namespace of one's own. They count for nothing
// outside it, and the image's process gets none.
var setupCapabilities = []uintptr{
	unix.CAP_SYS_ADMIN, unix.CAP_DAC_OVERRIDE, unix.CAP_SETPCAP, unix.CAP_FOWNER,
}

// Process is a running sandbox.
type Process struct {
	init    *os.Process
	output  *output
	watch   *watch
	group   *cgroup
	tmp     string   // folder that holds /tmp, removed at the end
	held    *os.File // that folder, in use
	ended   chan struct{}
	exit    Exit
	control *os.File
	kill    sync.Once
}

// Start starts a process in a sandbox of its own. It returns once the image's program runs, or with a
// StartError if the image is the reason why it cannot. All processes of the sandbox die with the
// process that Start started, with the caller, and with the context.
func Start(ctx context.Context, spec Spec) (*Process, error) {
	o := order{
		Cache: spec.Root.cache.dir, Args: spec.Args, Env: spec.Env, Dir: spec.Dir,
		Tmp: int64(spec.Tmp) << 20, Mounts: spec.Mounts, User: !privileged(),
	}
	if o.Dir == "" {
		o.Dir = "/"
	}
	if o.Tmp == 0 {
		o.Tmp = defaultTmp << 20
	}
	if len(spec.Args) == 0 {
		return nil, &StartError{Path: "", Err: errors.New("the image names no program to run")}
	}
	if err := prepareMounts(spec.Mounts, o.User); err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	p, err := startStacked(ctx, spec, o)
	var failed *setupError
	if errors.As(err, &failed) {
		switch failed.step {
		case stepWorkingDir:
			return nil, &StartError{WorkingDir: true, Path: failed.path, Err: failed.err}
		case stepProgram:
			return nil, &StartError{Path: failed.path, Err: failed.err}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("start sandbox: %w", explain(err))
	}
	return p, nil
}

// startStacked starts with overlayfs, and without it where the kernel refuses it.
func startStacked(ctx context.Context, spec Spec, o order) (*Process, error) {
	spec.Root.touch()
	cache := spec.Root.cache
	if !cache.noOverlay.Load() {
		o.Overlay, o.Lower = true, spec.Root.lower()
		p, err := launch(ctx, spec, o)
		var failed *setupError
		if !errors.As(err, &failed) || failed.step != stepOverlay {
			return p, err
		}
		cache.noOverlay.Store(true)
	}
	tree, err := spec.Root.flat(ctx)
	if err != nil {
		return nil, err
	}
	o.Overlay, o.Lower = false, []string{tree}
	return launch(ctx, spec, o)
}

// launch starts the first process and waits until it has started the image's.
func launch(ctx context.Context, spec Spec, o order) (_ *Process, err error) {
	p := &Process{ended: make(chan struct{})}
	defer func() {
		if err != nil {
			p.cleanUp()
		}
	}()
	if tooLargeForMemory(o.Tmp) && o.Probe == "" {
		if p.tmp, p.held, err = makeTmp(o); err != nil {
			return nil, err
		}
		o.TmpDir = p.tmp
	}
	if p.output, err = newOutput(spec.Output); err != nil {
		return nil, err
	}
	p.group = newCgroup(spec.Memory, o.Tmp)
	control, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	p.control = control
	exited := make(chan struct{})
	err = p.startInit(theirs, o.User, exited)
	_ = theirs.Close()
	p.output.started()
	if err != nil {
		return nil, &setupError{step: "make namespaces", err: err}
	}
	stop := context.AfterFunc(ctx, p.Kill)
	messages := json.NewDecoder(control)
	if err := p.handShake(o, messages); err != nil {
		stop()
		p.Kill()
		<-exited
		return nil, errors.Join(ctx.Err(), err)
	}
	p.watch = newWatch(p.init, spec.Memory)
	go p.follow(messages, exited)
	go func() {
		<-p.ended
		stop()
	}()
	return p, nil
}

// startInit starts this program anew as the first process of new namespaces. The thread that starts
// it waits for it too: a child is sent its death signal when the thread ends that made it.
func (p *Process) startInit(control *os.File, user bool, exited chan<- struct{}) error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	attr := &os.ProcAttr{
		Dir:   "/",
		Env:   []string{"GOMAXPROCS=1"},
		Files: []*os.File{null, p.output.writer, p.output.writer, control},
		Sys:   attributes(user),
	}
	if p.group != nil {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, p.group.fd()
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var err error
		p.init, err = os.StartProcess("/proc/self/exe", []string{initName}, attr)
		started <- err
		if err == nil {
			_, _ = p.init.Wait() // how the first process ended says nothing about the image's
			close(exited)
		}
	}()
	return <-started
}

func attributes(user bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Pdeathsig:  unix.SIGKILL,
		Setsid:     true,
	}
	if user {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: UID, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: GID, HostID: os.Getegid(), Size: 1}}
		attr.AmbientCaps = setupCapabilities
	}
	return attr
}

// privileged says whether plain namespaces will do: the process may make them, and may become the
// user that the image's process is. A root without those rights is a user like any other.
func privileged() bool {
	if os.Geteuid() != 0 {
		return false
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return false
	}
	for _, needed := range []int{unix.CAP_SYS_ADMIN, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_SETPCAP, unix.CAP_DAC_OVERRIDE, unix.CAP_CHOWN} {
		if data[0].Effective&(1<<needed) == 0 {
			return false
		}
	}
	return mapped("/proc/self/uid_map", UID) && mapped("/proc/self/gid_map", GID)
}

// mapped says whether an id exists in the process's own user namespace.
func mapped(file string, id int) bool {
	content, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(content)) {
		var first, outside, count int
		if n, err := fmt.Sscan(line, &first, &outside, &count); n == 3 && err == nil && id >= first && id-first < count {
			return true
		}
	}
	return false
}

func (p *Process) handShake(o order, messages *json.Decoder) error {
	if err := json.NewEncoder(p.control).Encode(o); err != nil {
		return fmt.Errorf("instruct the sandbox: %w", err)
	}
	var m message
	if err := messages.Decode(&m); err != nil {
		return fmt.Errorf("the sandbox's first process died (does main call sandbox.Main?): %w", err)
	}
	if m.Started {
		return nil
	}
	reason := error(m.Errno)
	if m.Errno == 0 {
		reason = errors.New(m.Reason)
	}
	return &setupError{step: m.Step, path: m.Path, err: reason}
}

// follow waits for the end.
func (p *Process) follow(messages *json.Decoder, exited <-chan struct{}) {
	var m message
	if messages.Decode(&m) != nil || !m.Ended { // killed
		m = message{Signal: int(unix.SIGKILL)}
	}
	<-exited
	p.output.wait()
	p.watch.stop()
	p.exit = Exit{Code: m.Code, Signal: m.Signal, OOM: p.watch.exceeded() || p.group.oom(), MaxMemory: p.watch.max()}
	p.cleanUp()
	close(p.ended)
}

func (p *Process) cleanUp() {
	if p.control != nil {
		_ = p.control.Close()
	}
	if p.output != nil {
		p.output.close()
	}
	p.group.remove()
	if p.tmp != "" {
		_ = errors.Join(removeAll(p.tmp), p.held.Close()) // what is left is removed when the cache is next opened
	}
}

// Wait waits for the end of all processes of the sandbox.
func (p *Process) Wait() Exit {
	<-p.ended
	return p.exit
}

// Done is closed when Wait no longer waits.
func (p *Process) Done() <-chan struct{} { return p.ended }

// Kill ends all processes of the sandbox at once. It does not wait.
func (p *Process) Kill() {
	p.kill.Do(func() { _ = p.init.Kill() }) // the kernel kills the rest of the namespace with it
}

// Drain returns once all that the processes have written so far has been given to Spec.Output.
func (p *Process) Drain() { p.output.drain() }

// MaxMemory is the most that the processes were seen to use together, in MB.
func (p *Process) MaxMemory() int { return p.watch.max() }

// MemoryLimit says how Spec.Memory is enforced.
func (p *Process) MemoryLimit() string {
	if p.group != nil {
		return "cgroup " + p.group.dir + ", and the summed memory of its processes every " + watchInterval.String()
	}
	return "the summed memory of its processes every " + watchInterval.String()
}

func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "sandbox"), os.NewFile(uintptr(fds[1]), "sandbox"), nil
}

// tooLargeForMemory says whether a full /tmp of that size would take more than half of what the
// machine has: it is put on the disk then, where its size is not enforced.
func tooLargeForMemory(size int64) bool {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return false
	}
	return size > int64(info.Totalram)*int64(info.Unit)/2
}

// unheld begins the names of folders that are not held yet.
const unheld = "new-"

// makeTmp makes a folder for /tmp and holds it, as a sign that it is in use: a process id would be no sign for those
// who see other processes, in a container with the same cache.
func makeTmp(o order) (dir string, held *os.File, err error) {
	fresh, err := os.MkdirTemp(filepath.Join(o.Cache, tmpDir), unheld)
	if err != nil {
		return "", nil, fmt.Errorf("make /tmp of the sandbox: %w", err)
	}
	dir = filepath.Join(filepath.Dir(fresh), strings.TrimPrefix(filepath.Base(fresh), unheld)+"-"+strconv.Itoa(os.Getpid()))
	held, err = holdFolder(fresh)
	if err == nil && !o.User {
		err = os.Chown(fresh, UID, GID)
	}
	if err == nil {
		err = os.Rename(fresh, dir)
	}
	if err != nil {
		return "", nil, fmt.Errorf("make /tmp of the sandbox: %w", errors.Join(err, held.Close(), removeAll(fresh)))
	}
	return dir, held, nil
}

// holdFolder holds a folder until the file is closed, or the process ends. It is an error if another holds it.
func holdFolder(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
