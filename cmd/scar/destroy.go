package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/flow"
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
	project  projectFlag
	all      bool
}

func (c *destroyCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "destroy [NAME]",
		Short: "Remove what belongs to the project from the account",
		Long: `Remove everything in the account that scar made for the project, and nothing else. Of the file, only
project, region and profile are read: scripts and images may be gone. With --project no file is needed.

With the NAME of a function, that function goes, with all that is only its, whichever project it is of; its project goes
with its last function. --all removes all of scar's projects in the region.

Buckets stay unless --delete-buckets is given; they are never emptied.`,
		Example: `  scar destroy
  scar destroy --project imaging --region eu-west-1 --auto-approve
  scar destroy --delete-buckets --keep-logs
  scar destroy --target function/grayify
  scar destroy grayify`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.completeFunction(&c.files),
		RunE:              c.run,
	}
	c.files.register(cmd)
	c.account.register(cmd)
	c.account.registerParallelism(cmd)
	c.plan.registerDestroy(cmd, c.completeAddress(&c.files, &c.account))
	c.format.register(cmd)
	c.approval.register(cmd)
	c.project.register(cmd)
	cmd.Flags().BoolVar(&c.all, "all", false, "destroy all of scar's projects in the region")
	cmd.MarkFlagsMutuallyExclusive("all", "project")
	return cmd
}

func (c *destroyCommand) run(cmd *cobra.Command, args []string) error {
	if err := notEmpty(cmd, "project"); err != nil {
		return err
	}
	options, err := c.plan.options()
	if err != nil {
		return err
	}
	file, err := c.where(cmd, args)
	if err != nil {
		return err
	}
	status := view.NewStatus(c.streams(), c.format.format())
	connected, err := c.account.connect(cmd, c.app, file.Region, file.Profile, status)
	if err != nil {
		return err
	}
	if c.all {
		return c.everything(cmd, connected, options, status)
	}
	status.Say("Looking at the account…")
	var planned *flow.Planned
	if len(args) > 0 {
		planned, err = c.one(cmd, connected, args[0], options)
	} else {
		planned, err = connected.PlanDestroy(cmd.Context(), file.Project, options)
	}
	status.Clear()
	if err != nil {
		return err
	}
	return c.carryOut(cmd.Context(), planned, c.format.format(), c.approval, c.account.parallelism, "Do you want scar to destroy this?")
}

// where is the project, region and profile of the file. With the name of a function, or for all projects, no file is needed.
func (c *destroyCommand) where(cmd *cobra.Command, args []string) (*spec.File, error) {
	if c.all && len(args) > 0 {
		return nil, errors.New("--all destroys every function: give it or a name")
	}
	if (c.all || len(args) > 0) && c.project.name == "" && len(c.files.paths) == 0 && !exists(defaultFile) {
		return &spec.File{}, nil
	}
	return c.project.named(cmd, c.app, &c.files)
}

// one plans the removal of one function.
func (c *destroyCommand) one(cmd *cobra.Command, connected *flow.Account, name string, options flow.PlanOptions) (*flow.Planned, error) {
	if len(options.Target) > 0 {
		return nil, errors.New("a name is a target already: leave --target out")
	}
	project, err := c.projectOf(cmd, connected, name)
	if err != nil {
		return nil, err
	}
	if c.project.name != "" && c.project.name != project {
		return nil, fmt.Errorf("function %s belongs to project %s, not to %s", name, project, c.project.name)
	}
	return connected.PlanRemove(cmd.Context(), project, name, options)
}

// projectOf is the project of a function, or of what is left of it if a removal was cut short.
func (c *destroyCommand) projectOf(cmd *cobra.Command, connected *flow.Account, name string) (string, error) {
	function, err := connected.Function(cmd.Context(), name)
	var unknown *flow.UnknownFunctionError
	switch {
	case err == nil:
		return function.Project, nil
	case !errors.As(err, &unknown):
		return "", err
	}
	projects, failed := connected.Remains(cmd.Context(), name)
	switch {
	case failed != nil:
		return "", failed
	case len(projects) == 0:
		return "", err
	case slices.Contains(projects, c.project.name):
		return c.project.name, nil
	case len(projects) > 1:
		return "", fmt.Errorf("the function %s is gone, and projects %s have more of that name: say which with --project", name, strings.Join(projects, ", "))
	}
	return projects[0], nil
}
