package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/transfer"
)

// putCommand stores files at a place.
type putCommand struct {
	*app
	placeFlags
	moveFlags
}

func (c *putCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "put PATH... PLACE",
		Short: "Store files where functions take them from",
		Long: `Store files of this machine at a place, many at a time, large ones in parts; what was stored is compared with what was
sent by its checksum. Ctrl-C aborts uploads that are not complete, so that nothing of them stays.
` + placeGrammar + `

Names are made as by cp:

  PATH      PLACE             becomes
  x.jpg     s3://photos/in/   s3://photos/in/x.jpg
  x.jpg     s3://photos/in    s3://photos/in, an object of that name
  raw       s3://photos/in/   s3://photos/in/raw/..., with -r
  raw/      s3://photos/in/   s3://photos/in/..., with -r: what is in it
  raw       s3://photos/in    s3://photos/in/..., with -r

A link to a file counts as the file; a link to a folder, inside a folder, is skipped. A file that is there is
replaced, unless -n or --update says otherwise.

With --json, each file is an object of JSON on a line of its own. The exit code is 1 if a file failed.`,
		Example: `  scar put photo.jpg s3://photos/in/
  scar put -r photos/ s3://photos/in/ --exclude '*.tmp'
  scar put -r --update results minio.lab/archive/`,
		Args: cobra.MinimumNArgs(2),
		RunE: c.run,
	}
	c.placeFlags.register(cmd)
	c.moveFlags.register(cmd)
	cmd.ValidArgsFunction = c.completePlace(&c.files, true)
	return cmd
}

func (c *putCommand) run(cmd *cobra.Command, args []string) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	paths, last := args[:len(args)-1], args[len(args)-1]
	if !transfer.IsPlace(last) {
		return fmt.Errorf("%q is no place to put files to: want one such as s3://photos/in/", last)
	}
	to, err := transfer.Parse(last)
	if err != nil {
		return err
	}
	places, _, err := c.connect(cmd, c.app, false, to)
	if err != nil {
		return err
	}
	defer places.Close()
	return c.moveFlags.run(places.Context(cmd.Context()), c.app, c.format.format(), "put", ": --update goes on where it stopped", options,
		func(ctx context.Context, o transfer.Options) (transfer.Tally, error) {
			return transfer.Put(ctx, paths, to, places.Open, o)
		})
}
