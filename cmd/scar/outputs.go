package main

import (
	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/view"
)

// outputsCommand prints what AWS alone knows of a project that has been applied.
type outputsCommand struct {
	*app
	files   fileFlags
	account accountFlags
	format  formatFlags
	project projectFlag
}

func (c *outputsCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "outputs",
		Short: "Print the addresses of what has been applied",
		Long: `Print what the last scar apply printed under Outputs: the ARNs of the project's functions, their URLs, and
the addresses of HTTP APIs. They are read from the account. Of the file, only project, region and profile are read.`,
		Example: `  scar outputs
  scar outputs --project imaging --region eu-west-1
  scar outputs --json | jq -r '."function_url/grayify".url'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.files.register(cmd)
	c.account.register(cmd)
	c.account.registerParallelism(cmd)
	c.format.register(cmd)
	c.project.register(cmd)
	return cmd
}

func (c *outputsCommand) run(cmd *cobra.Command) error {
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
	outputs, err := connected.Outputs(cmd.Context(), file.Project)
	status.Clear()
	if err != nil {
		return err
	}
	return view.Outputs(c.streams(), c.format.format(), outputs)
}
