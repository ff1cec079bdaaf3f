package main

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/planner"
)

// planCommand shows what would change.
type planCommand struct {
	*app
	files    fileFlags
	account  accountFlags
	plan     planFlags
	format   formatFlags
	markdown bool
	detailed bool
	out      string
}

func (c *planCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what would change in the account",
		Long: `Show what scar apply would change in the account. Nothing is changed and nothing is pushed.

The exit code is 0 if the plan could be made and 1 if not; with --detailed-exitcode it is 2 if there is
something to change.`,
		Example: `  scar plan
  scar plan -f func.yaml --profile lab --region eu-west-1
  scar plan --out plan.json && scar apply plan.json
  scar plan --target function/grayify
  scar plan --local --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.files.register(cmd)
	c.files.registerProject(cmd)
	c.account.register(cmd)
	c.account.registerParallelism(cmd)
	c.files.registerLoops(cmd)
	c.plan.register(cmd, c.completeAddress(&c.files, &c.account))
	c.format.register(cmd)
	cmd.Flags().BoolVar(&c.markdown, "markdown", false, "print Markdown, for the comment of a code review")
	cmd.Flags().BoolVar(&c.detailed, "detailed-exitcode", false, "exit with 2 if there is something to change")
	cmd.Flags().StringVar(&c.out, "out", "", "also save the plan to this file, to be applied by scar apply FILE; it holds the values of variables")
	cmd.MarkFlagsMutuallyExclusive("json", "markdown")
	return cmd
}

func (c *planCommand) run(cmd *cobra.Command) error {
	if c.out != "" && slices.Contains(c.files.files(), "-") {
		return errors.New("--out needs a file that can be read again when the plan is applied: -f - cannot")
	}
	planned, profile, err := makePlan(cmd, c.app, &c.files, &c.account, &c.plan, c.format.format())
	if err != nil {
		return err
	}
	format := c.format.format()
	if c.markdown {
		format = view.Markdown
	}
	if err := view.Plan(c.streams(), format, planned.Plan); err != nil {
		return err
	}
	if c.out != "" {
		if err := planned.Save(c.out, planner.Source{Files: c.files.files(), EnvFiles: c.files.envFiles, Profile: profile, Version: version}); err != nil {
			return err
		}
		view.Saved(c.streams(), c.out, c.account.local)
	}
	if c.detailed && planned.HasChanges() {
		return exitCode(exitChanges)
	}
	return nil
}

// makePlan goes the way from the flags to a plan, and returns the profile that it used.
func makePlan(cmd *cobra.Command, a *app, files *fileFlags, account *accountFlags, flags *planFlags, format view.Format) (*flow.Planned, string, error) {
	options, err := flags.options()
	if err != nil {
		return nil, "", err
	}
	options.AllowLoops = files.allowLoops
	file, err := files.load(cmd, a)
	if err != nil {
		return nil, "", err
	}
	status := view.NewStatus(a.streams(), format)
	defer status.Clear()
	connected, err := account.connect(cmd, a, file.Region, file.Profile, status)
	if err != nil {
		return nil, "", err
	}
	status.Say("Looking at the images and the account…")
	planned, err := connected.Plan(cmd.Context(), file, options)
	return planned, either(account.profile, file.Profile), err
}
