package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/runs"
	"github.com/scar-go/scar/spec"
)

// runsCommand shows the ledgers of runs over all objects.
type runsCommand struct {
	*app
	files   fileFlags
	account accountFlags
	format  formatFlags
	failed  bool
}

func (c *runsCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runs [NAME|ID]",
		Short: "Show what became of runs over all objects",
		Long: `List the runs that scar run --all began: of all functions of the file, or of the function NAME. A run is running, stopped
(scar run NAME --all goes on with it), finished, or abandoned (another was begun with --new).

With the ID of a run, show each of its objects: done, failed, skipped (a record said that this version was done), gone (it was
deleted before it could be processed) or pending, how many attempts there have been on this version of it, how long the last one
took, where its results are, and why it failed or was sent more than once. With --json that is one line for each object, printed
as it is read.`,
		Example: `  scar runs
  scar runs grayify --json
  scar runs 20260131T080000Z-1f2e3d --failed
  scar runs 20260131T080000Z-1f2e3d --json | jq -r 'select(.status == "failed") | .key'`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.completeFunction(&c.files),
		RunE:              c.run,
	}
	c.files.register(cmd)
	c.files.registerProject(cmd)
	c.account.register(cmd)
	c.format.register(cmd)
	cmd.Flags().BoolVar(&c.failed, "failed", false, "of a run, show only what failed")
	return cmd
}

func (c *runsCommand) run(cmd *cobra.Command, args []string) error {
	ofRun := len(args) == 1 && runs.IsID(args[0])
	if c.failed && !ofRun {
		return errors.New("--failed is for the objects of one run: scar runs ID --failed")
	}
	file, err := c.files.load(cmd, c.app)
	if err != nil {
		return err
	}
	connected, err := c.account.connect(cmd, c.app, file.Region, file.Profile, view.NewStatus(c.streams(), c.format.format()))
	if err != nil {
		return err
	}
	if !ofRun {
		return c.list(cmd, connected, file, args)
	}
	function, found, err := connected.FindRun(cmd.Context(), file, args[0])
	if err != nil {
		return err
	}
	return view.RunEntries(c.streams(), c.format.format(), found, connected.RunEntries(cmd.Context(), function, found.ID), c.failed)
}

// list shows the runs of a function, or of all of them.
func (c *runsCommand) list(cmd *cobra.Command, connected *flow.Account, file *spec.File, args []string) error {
	functions := recorded(file)
	if len(args) > 0 {
		function, err := sweptFunction(file, args)
		if err != nil {
			return err
		}
		functions = []*spec.Function{function}
	}
	var all []runs.Overview
	var failed error
	for _, function := range functions {
		some, err := connected.Runs(cmd.Context(), function)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("runs of function %q: %w", function.Name, err))
		}
		all = append(all, some...)
	}
	if failed != nil && len(all) == 0 {
		return failed
	}
	slices.SortStableFunc(all, func(a, b runs.Overview) int { return b.Started.Compare(a.Started) })
	return errors.Join(view.Runs(c.streams(), c.format.format(), all), failed)
}

// recorded are the functions whose runs are written down.
func recorded(file *spec.File) []*spec.Function {
	var functions []*spec.Function
	for i := range file.Functions {
		if file.Functions[i].Records != "" {
			functions = append(functions, &file.Functions[i])
		}
	}
	return functions
}
