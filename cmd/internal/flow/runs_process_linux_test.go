package flow

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/scar-go/scar/runs"
)

// TestProcessGone knows that a process has ended, and says of nothing else that it has.
func TestProcessGone(t *testing.T) {
	own := processIdentity()
	if own == "" {
		t.Fatal("this process has no identity")
	}
	place, _ := processPlace()
	other := exec.Command("sleep", "600")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	started, err := processStart(other.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	theirs := fmt.Sprintf("%s %d %s", place, other.Process.Pid, started)
	for process, gone := range map[string]bool{
		own: false, theirs: false, "": false, place + " ": false, "elsewhere" + own: false,
		strings.Replace(own, place, "another-boot pid:[1]", 1): false,
		fmt.Sprintf("%s %d 1", place, os.Getpid()):             true, // the number is taken by another
		fmt.Sprintf("%s %d %s", place, 1<<30, started):         true,
	} {
		if got := processGone(runs.Holder{Process: process}); got != gone {
			t.Errorf("%q: %v", process, got)
		}
	}
	for process, there := range map[string]bool{own: true, theirs: true, "": false, "elsewhere" + own: false, fmt.Sprintf("%s %d 1", place, os.Getpid()): false} {
		if got := processThere(runs.Holder{Process: process}); got != there {
			t.Errorf("%q is there: %v", process, got)
		}
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait() // it was killed
	if !processGone(runs.Holder{Process: theirs}) {
		t.Error("a process that was killed is not gone")
	}
}
