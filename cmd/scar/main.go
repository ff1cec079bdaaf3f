// Command scar turns func.yaml into AWS Lambda functions that run container images, and runs the same
// file on one machine.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/local/sandbox"
)

// version is set by the linker: -X main.version=1.2.3.
var version = "dev"

// Exit codes. A plan with changes has one of its own where --detailed-exitcode asks for it.
const (
	exitOK      = 0
	exitError   = 1
	exitChanges = 2
)

func main() {
	sandbox.Main() // does not return in the process that becomes a function's
	os.Exit(run())
}

// run is main without os.Exit, so that what is deferred happens.
func run() int {
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookupEnv: os.LookupEnv}
	ctx, stop := interruptible(context.Background(), func() {
		if a.following.Load() {
			return // the interrupt is how it ends
		}
		// A note has no colours, so the flags, which are being parsed meanwhile, do not matter.
		view.Note(view.NewStreams(a.stdout, a.stderr, true, a.getenv), "\nInterrupted: finishing what is under way. Once more to stop at once.")
	})
	defer stop()
	return a.execute(ctx, os.Args[1:])
}

// execute runs one command line and returns the exit code. Errors are printed here, once.
func (a *app) execute(ctx context.Context, args []string) int {
	err := a.executeAs(ctx, args)
	var code exitCode
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	}
	view.Error(a.streams(), err)
	return exitError
}

// executeAs runs a command line, be it one of the original's.
func (a *app) executeAs(ctx context.Context, args []string) error {
	today, err := translateOld(args)
	if err != nil {
		return err
	}
	if today.note != "" {
		view.Note(a.streams(), today.note)
	}
	a.document = today.document
	root := a.root()
	root.SetArgs(today.args)
	return root.ExecuteContext(ctx)
}

// exitCode ends a command that has said all there is to say.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// interruptible returns a context that the first interrupt ends, so that what is under way can be
// brought to a clean end; the second ends the process. say is called for the first. A terminal that is closed is an
// interrupt too, but to those that nohup started, and never a second one: a shell and the kernel may both tell of it.
func interruptible(parent context.Context, say func()) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	over := make(chan struct{})
	go func() {
		for ctx.Err() == nil {
			select {
			case <-signals:
				say()
				cancel()
			case <-over:
				return
			}
		}
		for {
			select {
			case again := <-signals:
				if again != syscall.SIGHUP {
					os.Exit(exitError)
				}
			case <-over:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(over)
		cancel()
	}
}
