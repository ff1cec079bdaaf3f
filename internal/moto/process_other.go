//go:build !unix

package moto

import "os/exec"

// ownGroup does nothing: these systems have no process groups that a signal reaches.
func ownGroup(*exec.Cmd) {}

// kill kills the process itself. The only error is that it has ended.
func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
