package main

import (
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/spec"
)

// destroyCommand removes what belongs to a project.
type destroyCommand struct {
	*app
	files    fileFlags
	account  accountFlags
	plan     planFlags
	format   formatFlags
	approval approvalFlags
	project  string
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
	cmd.Flags().StringVar(&c.project, "project", "", "the project to remove, instead of a file's")
	cmd.MarkFlagsMutuallyExclusive("project", "file")
	return cmd
}

func (c *destroyCommand) run(cmd *cobra.Command) error {
	options, err := c.plan.options()
	if err != nil {
		return err
	}
	file, err := c.named(cmd)
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

// projectName is what the file's project must look like; the flag's goes the same way into names.
const projectName = `^[a-z][a-z0-9-]{0,31}$`

// named is the project to remove: the flag's, or else the file's.
func (c *destroyCommand) named(cmd *cobra.Command) (*spec.File, error) {
	if c.project == "" {
		return c.files.loadProject(cmd, c.app)
	}
	if !regexp.MustCompile(projectName).MatchString(c.project) {
		return nil, fmt.Errorf("--project %q: a project is up to 32 of a-z, 0-9 and -, and begins with a letter", c.project)
	}
	return &spec.File{Project: c.project}, nil
}
