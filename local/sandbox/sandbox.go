// Package sandbox runs the process of a container image in Linux namespaces, without root and without
// a daemon, in surroundings that are as close to Lambda's as one machine gets: a read-only root file
// system, a /tmp of a given size, one unprivileged user, no capabilities, a memory limit, and nothing
// of the host but its network.
//
// An image is unpacked once, layer by layer, into a Cache. The layers are stacked with overlayfs where
// the kernel lets an unprivileged user do so, and joined by hard links where it does not.
//
// The program that uses this package must call Main first thing in its main function (tests: in
// TestMain), because the first process of a sandbox is the program itself, started anew.
package sandbox

import (
	"errors"
	"io"
	"time"
)

// The user that a sandboxed process is, with the numbers that Lambda's user has.
const (
	UID = 993
	GID = 990
)

// ErrUnsupported is returned on systems other than Linux.
var ErrUnsupported = errors.New("containers run on Linux only: on this system, run scar in a Linux virtual machine")

// Limits bound what unpacking one image may write. Zero fields stand for the defaults.
type Limits struct {
	Bytes   int64 // contents of all files; default 16 GB, Lambda's 10 GB limit and room for what it compresses away
	Entries int64 // files, folders and links; default 2,000,000
}

// Spec says what to run.
type Spec struct {
	Root   *Root    // from Cache.Unpack
	Args   []string // the program, looked up in the PATH of Env, and its arguments
	Env    []string // KEY=value; the process sees exactly these
	Dir    string   // the working directory; empty: /
	Memory int      // MB that the processes may use together; 0: no limit
	Tmp    int      // size of /tmp in MB; 0: 512
	Mounts []Mount  // folders of the host that outlive the process
	Output io.Writer
	// Output gets what the processes write to standard output and error, in the order of writing. It is
	// called by one goroutine at a time.
}

// Mount is a folder of the host that the processes may read and write. What the image itself holds below /mnt is not seen
// beside it.
type Mount struct {
	Folder string // on the host. Under root, it belongs to the sandbox's user from then on
	Path   string // in the sandbox: /mnt/ and one name
}

// Exit is how the image's process ended.
type Exit struct {
	Code      int  // exit code; 0 when a signal ended it
	Signal    int  // the number of the signal that ended it; 0: none
	OOM       bool // it was killed because it used more than Spec.Memory
	MaxMemory int  // MB, the most that was seen in use
}

// StartError is the answer of Start when the image itself is the reason why its process cannot run.
type StartError struct {
	WorkingDir bool // the working directory is the reason; otherwise it is the program
	Path       string
	Err        error
}

func (e *StartError) Error() string {
	if e.WorkingDir {
		return "chdir " + e.Path + ": " + e.Err.Error()
	}
	return "fork/exec " + e.Path + ": " + e.Err.Error()
}

// Unwrap returns the reason.
func (e *StartError) Unwrap() error { return e.Err }

// Finding is the answer to one question about what this machine can do.
type Finding struct {
	Name     string // such as "user namespaces"
	OK       bool
	Required bool   // without it nothing runs; otherwise something is slower or less exact
	Detail   string // what was found
	Fix      string // a shell command that mends it; empty where there is none
}

const (
	defaultBytes   = 16 << 30
	defaultEntries = 2_000_000
	defaultTmp     = 512 // MB, Lambda's default

	// keepUnused is how long an image stays in the cache that nothing has been started from.
	keepUnused = 30 * 24 * time.Hour
)

func (l Limits) orDefaults() Limits {
	if l.Bytes == 0 {
		l.Bytes = defaultBytes
	}
	if l.Entries == 0 {
		l.Entries = defaultEntries
	}
	return l
}
