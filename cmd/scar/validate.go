package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/spec"
)

// validateCommand checks files without looking at an account.
type validateCommand struct {
	*app
	files  fileFlags
	format formatFlags
}

func (c *validateCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the file, without an account and without network",
		Long: `Check the file, its scripts and its files for every problem that they can have by themselves. All
problems are reported at once. No account is needed and no network. What is right, and means nothing or cannot be planned
by this version, is noted.`,
		Example: `  scar validate
  scar validate -f func.yaml -f production.yaml
  generate | scar validate -f - --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.files.register(cmd)
	c.files.registerProject(cmd)
	c.files.registerLoops(cmd)
	c.format.register(cmd)
	return cmd
}

func (c *validateCommand) run(cmd *cobra.Command) error {
	options, err := c.files.options(c.app)
	if err != nil {
		return err
	}
	options.KeepUnbuilt = true
	file, err := c.files.loadWith(cmd, c.app, options)
	var problems spec.Problems
	if c.format.json && errors.As(err, &problems) {
		if err := view.Invalid(c.streams(), problems); err != nil {
			return err
		}
		return exitCode(exitError)
	}
	if err != nil {
		return err
	}
	return view.Validated(c.streams(), c.format.format(), c.files.files(), file)
}
