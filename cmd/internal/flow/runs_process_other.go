//go:build !linux

package flow

import "github.com/scar-go/scar/runs"

// processIdentity is empty: elsewhere than on Linux, a process that ended is known by its silence.
func processIdentity() string { return "" }

func processGone(runs.Holder) bool { return false }

func processThere(runs.Holder) bool { return false }
