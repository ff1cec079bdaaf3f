//go:build !linux

package sandbox

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Main does nothing on this system.
func Main() {}

// Cache is where unpacked images are kept.
type Cache struct{}

// OpenCache returns ErrUnsupported.
func OpenCache(string, Limits) (*Cache, error) { return nil, ErrUnsupported }

// Unpack returns ErrUnsupported.
func (*Cache) Unpack(context.Context, v1.Image) (*Root, error) { return nil, ErrUnsupported }

// Root is the root file system of an image.
type Root struct{}

// Process is a running sandbox.
type Process struct{}

// Start returns ErrUnsupported.
func Start(context.Context, Spec) (*Process, error) { return nil, ErrUnsupported }

// Wait returns the zero Exit.
func (*Process) Wait() Exit { return Exit{} }

// Done returns a channel that is never closed.
func (*Process) Done() <-chan struct{} { return nil }

// Kill does nothing.
func (*Process) Kill() {}

// Drain does nothing.
func (*Process) Drain() {}

// MaxMemory returns 0.
func (*Process) MaxMemory() int { return 0 }

// MemoryLimit returns the empty string.
func (*Process) MemoryLimit() string { return "" }

// Runnable returns ErrUnsupported.
func Runnable(string) error { return ErrUnsupported }

// Check says that this system is the wrong one.
func Check(context.Context, string) []Finding {
	return []Finding{{Name: "system", Required: true, Detail: ErrUnsupported.Error()}}
}
