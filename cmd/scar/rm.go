package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/transfer"
)

// rmCommand removes files.
type rmCommand struct {
	*app
	placeFlags
	moveFlags
	approval bool
}

func (c *rmCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rm PLACE...",
		Short: "Remove files at places",
		Long: `Remove files, and with -r folders with all that is in them. It says how many files and bytes that are, and asks. A
bucket itself stays. In a bucket that keeps versions, the versions stay.
` + placeGrammar + `

Without a terminal to ask on, --auto-approve is needed. With --json, each file is an object of JSON on a line of its own.

To remove functions, use scar destroy.`,
		Example: `  scar rm s3://photos/out/photo.jpg
  scar rm -r s3://photos/out/ --include '*.tmp' --dry-run
  scar rm -r --auto-approve webdav.nas/out/`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("name a place, such as s3://photos/out/photo.jpg; to remove functions, use scar destroy")
			}
			return nil
		},
		RunE: c.run,
	}
	c.placeFlags.register(cmd)
	c.registerFilter(cmd)
	cmd.Flags().BoolVarP(&c.approval, "auto-approve", "y", false, "do not ask for approval")
	cmd.ValidArgsFunction = c.completePlace(&c.files, false)
	return cmd
}

func (c *rmCommand) run(cmd *cobra.Command, args []string) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	parsed, err := parsePlaces(args)
	if err != nil {
		return err
	}
	places, _, err := c.connect(cmd, c.app, false, parsed...)
	if err != nil {
		return err
	}
	defer places.Close()
	if err := c.confirm(cmd, parsed, places, options); err != nil {
		return err
	}
	return c.moveFlags.run(cmd.Context(), c.app, c.format.format(), "removed", "; those that were under way may be gone, too", options,
		func(ctx context.Context, o transfer.Options) (transfer.Tally, error) {
			return transfer.Remove(ctx, parsed, places.Open, o)
		})
}

// confirm counts what would be removed, and asks.
func (c *rmCommand) confirm(cmd *cobra.Command, parsed []transfer.Place, places *flow.Places, o transfer.Options) error {
	if c.approval || o.DryRun {
		return nil
	}
	if !term.IsTerminal(int(c.stdin.Fd())) || !term.IsTerminal(int(c.stderr.Fd())) {
		return errors.New("there is no terminal to ask for approval: use --auto-approve; --dry-run says what would be removed")
	}
	o.DryRun = true
	status := view.NewStatus(c.streams(), c.format.format())
	status.Say("Counting…")
	tally, err := transfer.Remove(cmd.Context(), parsed, places.Open, o)
	status.Clear()
	if err != nil {
		return err
	}
	if tally.Done == 0 {
		return fmt.Errorf("there is nothing to remove")
	}
	return c.approve(cmd.Context(), false, view.Removal(tally, parsed), "")
}
