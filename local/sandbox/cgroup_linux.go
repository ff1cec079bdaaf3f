package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const cgroupRoot = "/sys/fs/cgroup"

// cgroup is a control group of version 2 for one sandbox. Files in a tmpfs count as memory of a
// group, so its limit is that of the memory and of /tmp together: it keeps the sandbox from harming
// the machine, faster than the watch can; the watch, beside it, holds the exact limit.
//
// All methods of a nil cgroup do nothing.
type cgroup struct {
	dir    string
	folder *os.File
}

// newCgroup makes a group where this process may: below its own group, or as root below the root.
// Where it may not it returns nil.
func newCgroup(memoryMB int, tmp int64) *cgroup {
	if memoryMB == 0 {
		return nil
	}
	for _, parent := range cgroupParents(cgroupRoot, "/proc/self/cgroup") {
		if g := makeCgroup(parent, int64(memoryMB)<<20+tmp); g != nil {
			return g
		}
	}
	return nil
}

// cgroupParents are the groups below which a group with a memory limit could be made.
func cgroupParents(root, self string) []string {
	content, err := os.ReadFile(self)
	if err != nil {
		return nil
	}
	var candidates []string
	for line := range strings.Lines(string(content)) {
		if own, found := strings.CutPrefix(strings.TrimSpace(line), "0::"); found {
			candidates = append(candidates, filepath.Join(root, own))
		}
	}
	if os.Geteuid() == 0 && !slices.Contains(candidates, root) {
		candidates = append(candidates, root)
	}
	return slices.DeleteFunc(candidates, func(dir string) bool {
		controllers, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
		return err != nil || !slices.Contains(strings.Fields(string(controllers)), "memory")
	})
}

func makeCgroup(parent string, limit int64) *cgroup {
	dir, err := os.MkdirTemp(parent, "scar-sandbox-")
	if err != nil {
		return nil
	}
	g := &cgroup{dir: dir}
	err = os.WriteFile(filepath.Join(dir, "memory.max"), []byte(strconv.FormatInt(limit, 10)), 0o600)
	if err == nil {
		g.folder, err = os.Open(dir)
	}
	if err != nil {
		_ = os.Remove(dir)
		return nil
	}
	// Kernels without accounting of swap lack this file.
	_ = os.WriteFile(filepath.Join(dir, "memory.swap.max"), []byte("0"), 0o600)
	return g
}

func (g *cgroup) fd() int { return int(g.folder.Fd()) }

// oom says whether the kernel has killed a process of the group for its memory.
func (g *cgroup) oom() bool {
	if g == nil {
		return false
	}
	events, err := os.ReadFile(filepath.Join(g.dir, "memory.events"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(events)) {
		var name string
		var count int
		if n, err := fmt.Sscan(line, &name, &count); n == 2 && err == nil && name == "oom_kill" {
			return count > 0
		}
	}
	return false
}

// remove removes the group, whose processes have ended.
func (g *cgroup) remove() {
	if g == nil {
		return
	}
	_ = errors.Join(g.folder.Close(), os.Remove(g.dir)) // a group that stays is empty, and costs nothing
}
