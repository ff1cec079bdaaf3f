//go:build !unix

package local

import (
	"os/exec"
	"testing"
)

func ownGroup(*exec.Cmd) {}

func killGroup(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // it was killed
}
