package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/spec"
)

// localRunCommand processes a folder of files with the functions of a file, on this machine.
type localRunCommand struct {
	*app
	files    fileFlags
	format   formatFlags
	in, out  string
	function string
	state    string
}

func (c *localRunCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Process a folder of files on this machine",
		Long: `Start a local backend, apply the file to it, put every file of a folder into the function's input,
wait until all are processed, and fetch the results. It needs no AWS account and no container engine.

The exit code is 1 if a file could not be processed.`,
		Example: `  scar local run --in photos --out results
  scar local run -f func.yaml --function grayify --in photos --out results --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.files.register(cmd)
	c.format.register(cmd)
	cmd.Flags().StringVar(&c.in, "in", "", "folder with the files to process")
	cmd.Flags().StringVar(&c.out, "out", "", "folder for the results, made if absent")
	cmd.Flags().StringVar(&c.function, "function", "", "function that gets the files; needed if the file has several with an input")
	cmd.Flags().StringVar(&c.state, "state", "", "folder to keep the backend's state in (default: a temporary one, removed at the end)")
	for _, name := range []string{"in", "out"} {
		// It fails only for flags that do not exist.
		_ = cmd.MarkFlagRequired(name)
	}
	complete := func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return c.files.completeFunction(cmd, nil, prefix)
	}
	_ = cmd.RegisterFlagCompletionFunc("function", complete) // likewise
	return cmd
}

func (c *localRunCommand) run(cmd *cobra.Command) (err error) {
	file, err := c.files.load(cmd, c.app)
	if err != nil {
		return err
	}
	function, err := runFunction(file, c.function)
	if err != nil {
		return err
	}
	inputs, err := flow.FindInputs(c.in, function)
	if err != nil {
		return err
	}
	state, cleanup, err := c.stateFolder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cleanup()) }()
	return c.process(cmd, file, function, inputs, state)
}

func (c *localRunCommand) process(cmd *cobra.Command, file *spec.File, function *spec.Function, inputs []flow.RunInput, state string) error {
	began := time.Now()
	status := view.NewStatus(c.streams(), c.format.format())
	status.Say("Preparing the images…")
	run, err := flow.PrepareRun(cmd.Context(), file, flow.RunOptions{
		StateDir: state, CacheDir: c.cacheDir(), Images: c.imageCache(), Version: version, Out: c.out,
	})
	status.Clear()
	if err != nil {
		return err
	}
	taken := 0
	for _, in := range inputs {
		if in.Taken {
			taken++
		}
	}
	shown := view.NewRun(c.streams(), c.format.format(), taken)
	results, err := run.Process(cmd.Context(), function, inputs, shown.Processed)
	err = errors.Join(err, run.Close())
	if err != nil {
		shown.Stop()
		return err
	}
	files := make([]view.RunFile, len(results))
	for i, r := range results {
		files[i] = view.RunFile(r)
	}
	if err := shown.Finish(files, time.Since(began)); err != nil {
		return err
	}
	if slices.ContainsFunc(files, func(f view.RunFile) bool { return f.Status == view.RunFailed }) {
		return exitCode(exitError)
	}
	return nil
}

// stateFolder is the folder that was asked for, or a temporary one that cleanup removes.
func (c *localRunCommand) stateFolder() (dir string, cleanup func() error, err error) {
	if c.state != "" {
		dir, err = filepath.Abs(c.state)
		return dir, func() error { return nil }, err
	}
	dir, err = os.MkdirTemp("", "scar-run-")
	if err != nil {
		return "", nil, fmt.Errorf("make a folder for the state: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

// runFunction is the function that gets the files.
func runFunction(file *spec.File, name string) (*spec.Function, error) {
	var candidates []string
	for i := range file.Functions {
		fn := &file.Functions[i]
		if fn.Name == name {
			if len(fn.Inputs) == 0 {
				return nil, fmt.Errorf("function %s has no input: there is no place to put files for it", name)
			}
			return fn, nil
		}
		if len(fn.Inputs) > 0 {
			candidates = append(candidates, fn.Name)
		}
	}
	switch {
	case name != "":
		return nil, fmt.Errorf("the file has no function %q with an input; it has %q", name, candidates)
	case len(candidates) == 0:
		return nil, errors.New("no function of the file has an input: there is no place to put files")
	case len(candidates) > 1:
		return nil, fmt.Errorf("several functions have an input: choose one with --function, of %q", candidates)
	}
	return runFunction(file, candidates[0])
}
