package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/runs"
)

// retryCommand takes what failed in a run once more.
type retryCommand struct {
	*app
	files   fileFlags
	account accountFlags
	format  formatFlags
	pace    paceFlags
	failed  bool
}

func (c *retryCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retry ID",
		Short: "Try again what failed in a run over all objects",
		Long: `Begin a run of its own that takes the objects that failed in the run ID, which scar runs lists, and no others. Those that have
been done meanwhile, in the version that failed, are skipped. It has a ledger like every run, and is gone on with by the same
command if it was stopped.`,
		Example: `  scar retry 20260131T080000Z-1f2e3d --failed
  scar retry 20260131T080000Z-1f2e3d --failed --concurrency 5 --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0]) },
	}
	c.files.register(cmd)
	c.files.registerProject(cmd)
	c.account.register(cmd)
	c.format.register(cmd)
	c.pace.register(cmd)
	cmd.Flags().BoolVar(&c.failed, "failed", true, "take what failed, which is all that can be retried")
	return cmd
}

func (c *retryCommand) run(cmd *cobra.Command, id string) error {
	switch {
	case !c.failed:
		return fmt.Errorf("only what failed can be retried: scar run NAME --all --again takes what is done, too")
	case !runs.IsID(id):
		return fmt.Errorf("%q is no id of a run: scar runs lists them", id)
	}
	if err := c.pace.check(cmd); err != nil {
		return err
	}
	file, err := c.files.load(cmd, c.app)
	if err != nil {
		return err
	}
	connected, err := c.account.connect(cmd, c.app, file.Region, file.Profile, view.NewStatus(c.streams(), c.format.format()))
	if err != nil {
		return err
	}
	function, found, err := connected.FindRun(cmd.Context(), file, id)
	if err != nil {
		return err
	}
	if found.State == runs.Stopped || found.State == runs.Running {
		how := "scar run " + function.Name + " --all"
		if found.Parent != "" {
			how = "scar retry " + found.Parent + " --failed"
		}
		return fmt.Errorf("run %s is not finished (%s): %s goes on with it", id, found.State, how)
	}
	return c.sweep(cmd, connected, flow.Sweep{
		File: file, Function: function, Parent: id, New: c.pace.fresh, Chosen: true,
		Concurrency: c.pace.concurrency, MaxFailures: c.pace.maxFailures,
	}, c.format.format())
}
