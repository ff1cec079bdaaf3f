package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/view"
)

// app is what all commands share: where they read and print, and the flags of all of them.
type app struct {
	stdin          *os.File
	stdout, stderr *os.File
	lookupEnv      func(string) (value string, found bool)

	noColor bool

	document []byte // the file that flags of the original stand for, in the place of standard input; nil: none

	following atomic.Bool // the command goes on until it is interrupted
}

// getenv is a variable of the environment, empty if it is not set.
func (a *app) getenv(name string) string {
	value, _ := a.lookupEnv(name)
	return value
}

// standardInput is what the path - stands for where files are read.
func (a *app) standardInput() io.Reader {
	if a.document != nil {
		return bytes.NewReader(a.document)
	}
	return a.stdin
}

func (a *app) streams() *view.Streams {
	return view.NewStreams(a.stdout, a.stderr, a.noColor, a.getenv)
}

// note tells what the user should know, in place of what status shows.
func (a *app) note(status *view.Status) func(string) {
	return func(text string) {
		status.Clear()
		view.Note(a.streams(), "note: "+text)
	}
}

// root is the tree of commands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "scar",
		Short: "Container images as AWS Lambda functions, started by files",
		Long: `scar turns func.yaml into AWS Lambda functions that run your container image and your script for
every file that arrives in a bucket: scar plan shows what would change in the account, scar apply
changes it, scar destroy removes it. The same file runs on this machine with scar local run.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.PersistentFlags().BoolVar(&a.noColor, "no-color", false, "print no colours (as does NO_COLOR)")
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetIn(a.stdin)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w: see %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(
		(&newCommand{app: a}).command(),
		(&validateCommand{app: a}).command(),
		(&showCommand{app: a}).command(),
		(&convertCommand{app: a}).command(),
		(&schemaCommand{app: a}).command(),
		(&planCommand{app: a}).command(),
		(&applyCommand{app: a}).command(),
		(&destroyCommand{app: a}).command(),
		(&outputsCommand{app: a}).command(),
		(&lsCommand{app: a}).command(),
		(&describeCommand{app: a}).command(),
		(&runCommand{app: a}).command(),
		(&invokeCommand{app: a}).command(),
		(&logsCommand{app: a}).command(),
		(&runsCommand{app: a}).command(),
		(&retryCommand{app: a}).command(),
		(&putCommand{app: a}).command(),
		(&getCommand{app: a}).command(),
		(&catCommand{app: a}).command(),
		(&rmCommand{app: a}).command(),
		a.local(),
		(&versionCommand{app: a}).command(),
		a.completion(),
	)
	root.AddCommand(a.oldNames()...)
	return root
}

func (a *app) local() *cobra.Command {
	group := &cobra.Command{
		Use:   "local",
		Short: "Run functions on this machine, without an AWS account",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(
		(&localUpCommand{app: a}).command(),
		(&localRunCommand{app: a}).command(),
		(&localDoctorCommand{app: a}).command(),
	)
	return group
}

// stateDir is where scar local up keeps its state unless told otherwise.
func (a *app) stateDir() string {
	if dir := a.getenv("SCAR_STATE_DIR"); dir != "" {
		return dir
	}
	if dir := a.getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "scar", "local")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(".scar", "local")
	}
	return filepath.Join(home, ".local", "state", "scar", "local")
}

// cacheDir is where converted and unpacked images are kept.
func (a *app) cacheDir() string {
	if dir := a.getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "scar")
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "scar-cache")
	}
	return filepath.Join(dir, "scar")
}

// imageCache is where the images that functions run from are unpacked.
func (a *app) imageCache() string { return filepath.Join(a.cacheDir(), "images") }
