package sandbox

import "syscall"

// The program starts itself under this name to become the first process of a sandbox.
const initName = "scar-sandbox"

// controlFD is the descriptor over which the first process gets its orders, says how things go, and
// learns that its parent has died.
const controlFD = 3

// order is what the first process is told.
type order struct {
	Cache   string   // absolute path of the image cache
	Lower   []string // folders to stack, the topmost first, relative to Cache; or one tree
	Overlay bool
	Probe   string // only find out whether this works, one of the probes
	User    bool   // in a user namespace of its own

	Args   []string
	Env    []string
	Dir    string
	Tmp    int64  // bytes of the tmpfs on /tmp
	TmpDir string // instead, a folder for /tmp
	Mounts []Mount
}

// message is what the first process says: one message when the image's process has started or why it
// has not, and one when it has ended.
type message struct {
	Step    string        // where the setting up failed; empty: it did not
	Errno   syscall.Errno // the reason, 0 where Reason says all
	Reason  string
	Path    string // of the working directory or program that cannot be used
	Started bool
	Ended   bool
	Code    int
	Signal  int
}

// Steps of the setting up that the parent tells apart.
const (
	stepMounts     = "make mounts private"
	stepOverlay    = "mount overlayfs"
	stepProc       = "mount /proc"
	stepWorkingDir = "change to the working directory"
	stepProgram    = "start the program"
)

// setupError is a failure of the first process.
type setupError struct {
	step string
	path string
	err  error
}

func (e *setupError) Error() string { return e.step + ": " + e.err.Error() }

func (e *setupError) Unwrap() error { return e.err }
