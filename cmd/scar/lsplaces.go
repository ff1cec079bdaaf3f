package main

import (
	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/transfer"
)

// places lists what is at places, one after the other.
func (c *lsCommand) places(cmd *cobra.Command, args []string) error {
	parsed, err := parsePlaces(args)
	if err != nil {
		return err
	}
	flags := placeFlags{files: c.files, account: c.account, format: c.format}
	places, _, err := flags.connect(cmd, c.app, false, parsed...)
	if err != nil {
		return err
	}
	defer places.Close()
	for _, at := range parsed {
		emit := view.Listing(c.streams(), c.format.format(), at)
		if err := transfer.List(cmd.Context(), at, places.Open, c.recursive, emit); err != nil {
			return err
		}
	}
	return nil
}
