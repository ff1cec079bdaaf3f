package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/spec"
)

// showCommand prints the file as scar understands it.
type showCommand struct {
	*app
	files  fileFlags
	format formatFlags
}

func (c *showCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the file with everything filled in, and where each value comes from",
		Long: `Print the file as scar understands it: overlays merged, defaults filled in, variables replaced. Behind each
value stands where it comes from: a file with line and column, a variable of the environment, or scar's own default.
What is printed is a func.yaml itself. Values that look like secrets are hidden.`,
		Example: `  scar show
  scar show -f func.yaml -f production.yaml --env-file production.env
  scar show --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.files.register(cmd)
	c.files.registerProject(cmd)
	c.files.registerLoops(cmd)
	c.format.register(cmd)
	return cmd
}

func (c *showCommand) run(cmd *cobra.Command) error {
	options, err := c.files.options(c.app)
	if err != nil {
		return err
	}
	options.KeepUnbuilt = true
	shown, err := spec.Show(cmd.Context(), c.files.files(), options)
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
	return view.Shown(c.streams(), c.format.format(), shown)
}
