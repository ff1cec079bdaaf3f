package main

import (
	"github.com/spf13/cobra"

	"github.com/scar-go/scar/transfer"
)

// catCommand prints files.
type catCommand struct {
	*app
	placeFlags
}

func (c *catCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cat PLACE...",
		Short: "Print files that are at places",
		Long: `Print what is in files, one after the other, as it is. What breaks off, or does not have its checksum, is an error, after
what came was printed.
` + placeGrammar,
		Example: `  scar cat s3://photos/out/labels.txt
  scar cat minio.lab/archive/a.csv minio.lab/archive/b.csv | sort`,
		Args: cobra.MinimumNArgs(1),
		RunE: c.run,
	}
	c.files.register(cmd)
	c.account.register(cmd)
	cmd.ValidArgsFunction = c.completePlace(&c.files, false)
	return cmd
}

func (c *catCommand) run(cmd *cobra.Command, args []string) error {
	parsed, err := parsePlaces(args)
	if err != nil {
		return err
	}
	places, _, err := c.connect(cmd, c.app, false, parsed...)
	if err != nil {
		return err
	}
	defer places.Close()
	return transfer.Cat(cmd.Context(), parsed, places.Open, c.stdout)
}
