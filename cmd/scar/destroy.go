package main

import (
	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/view"
)

// destroyCommand removes what belongs to a project.
type destroyCommand struct {
	*app
	files    fileFlags
	account  accountFlags
	plan     planFlags
	format   formatFlags
	approval approvalFlags
	project  projectFlag
}

func (c *destroyCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "destroy",
		Short: "Remove what belongs to the project from the account",
		Long: `Remove everything in the account that scar made for the project, and nothing else. Of the file, only
project, region and profile are read: scripts and images may be gone. With --project no file is needed.

Buckets stay unless --delete-buckets is given; they are never emptied.`,
		Example: `  scar destroy
  scar destroy --project imaging --region eu-west-1 --auto-approve
  scar destroy --delete-buckets --keep-logs
  scar destroy --target function/grayify`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.files.register(cmd)
	c.account.register(cmd)
	c.account.registerParallelism(cmd)
	c.plan.registerDestroy(cmd, c.completeAddress(&c.files, &c.account))
	c.format.register(cmd)
	c.approval.register(cmd)
	c.project.register(cmd)
	return cmd
}

func (c *destroyCommand) run(cmd *cobra.Command) error {
	options, err := c.plan.options()
	if err != nil {
		return err
	}
	file, err := c.project.named(cmd, c.app, &c.files)
	if err != nil {
		return err
	}
	status := view.NewStatus(c.streams(), c.format.format())
	connected, err := c.account.connect(cmd, c.app, file.Region, file.Profile, status)
	if err != nil {
		return err
	}
	status.Say("Looking at the account…")
	planned, err := connected.PlanDestroy(cmd.Context(), file.Project, options)
	status.Clear()
	if err != nil {
		return err
	}
	return c.carryOut(cmd.Context(), planned, c.format.format(), c.approval, c.account.parallelism, "Do you want scar to destroy this?")
}
