package flow

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/scar-go/scar/runs"
)

// processIdentity tells this process from every other one: by the boot of the machine, the namespace that the number of the
// process is of, that number, and when the process started. It is empty if the system does not tell.
func processIdentity() string {
	place, found := processPlace()
	started, err := processStart(os.Getpid())
	if !found || err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d %s", place, os.Getpid(), started)
}

// processPlace is where the number of a process means something.
func processPlace() (place string, found bool) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", false
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return "", false
	}
	return strings.TrimSpace(string(boot)) + " " + namespace, true
}

// processStart is when a process started, in ticks since the boot: proc_pid_stat(5), field 22. The name of the program before
// it may hold anything.
func processStart(pid int) (string, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", err
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	if state := fields[0][0]; state == 'Z' || state == 'X' {
		return "", fs.ErrNotExist // its parent has not asked for its end yet
	}
	return string(fields[19]), nil
}

// processGone says whether the process of a lease's holder has surely ended: it was one of this machine, since its last boot.
func processGone(h runs.Holder) bool {
	_, gone := processFate(h)
	return gone
}

// processThere says whether the process of a lease's holder surely goes on.
func processThere(h runs.Holder) bool {
	there, _ := processFate(h)
	return there
}

// processFate is neither there nor gone of a process that nothing is known of from here.
func processFate(h runs.Holder) (there, gone bool) {
	place, found := processPlace()
	rest, here := strings.CutPrefix(h.Process, place+" ")
	if !found || !here {
		return false, false
	}
	var pid int
	var started string
	if _, err := fmt.Sscanf(rest, "%d %s", &pid, &started); err != nil {
		return false, false
	}
	now, err := processStart(pid)
	there = err == nil && now == started
	return there, errors.Is(err, fs.ErrNotExist) || err == nil && now != started
}
