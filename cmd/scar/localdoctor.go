package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/local/sandbox"
)

// localDoctorCommand checks whether functions can run on this machine.
type localDoctorCommand struct {
	*app
	format formatFlags
}

func (c *localDoctorCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check whether this machine can run functions",
		Long: `Check what the sandbox that functions run in needs of this machine, and print the command that gives
what is missing. The exit code is 1 if functions cannot run.`,
		Example: `  scar local doctor
  scar local doctor --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.format.register(cmd)
	return cmd
}

func (c *localDoctorCommand) run(cmd *cobra.Command) error {
	var findings []view.Finding
	for _, f := range sandbox.Check(cmd.Context(), c.imageCache()) {
		findings = append(findings, view.Finding(f))
	}
	if err := view.Doctor(c.streams(), c.format.format(), findings); err != nil {
		return err
	}
	if slices.ContainsFunc(findings, func(f view.Finding) bool { return f.Required && !f.OK }) {
		return exitCode(exitError)
	}
	return nil
}
