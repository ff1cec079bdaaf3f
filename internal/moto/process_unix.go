//go:build unix

package moto

import (
	"os/exec"
	"syscall"
)

// ownGroup has a command start in a process group of its own: what is on the PATH may be a launcher, such as pyenv's, that
// stays and has the server as its child.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// kill kills the group. The only error is that nothing is left of it.
func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
