package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/transfer"
)

// getCommand fetches files from places.
type getCommand struct {
	*app
	placeFlags
	moveFlags
}

func (c *getCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "get PLACE... PATH",
		Short: "Fetch files, such as results",
		Long: `Fetch files to this machine, many at a time, large ones over several connections; what arrives is compared with
its checksum. A file gets its name once it is complete, so an interrupt leaves no part of one. Nothing is written outside
PATH, whatever the keys of objects are and wherever links in it lead: a key that is no name of a file there fails, and so does
one below another that is a file; the others are fetched.
` + placeGrammar + `

Names are made as by cp:

  PLACE                 PATH                       becomes
  s3://photos/out/x.jpg dir/, or dir that exists   dir/x.jpg
  s3://photos/out/x.jpg y.jpg                      y.jpg
  s3://photos/out       dir/, or dir that exists   dir/out/..., with -r
  s3://photos/out       dir that does not exist    dir/..., with -r
  s3://photos/out/      dir                        dir/..., with -r: what is in it

A file that is there is replaced, unless -n or --update says otherwise.

With --json, each file is an object of JSON on a line of its own. The exit code is 1 if a file failed.`,
		Example: `  scar get s3://photos/out/photo.jpg .
  scar get -r s3://photos/out/ results --include '*.png'
  scar get -r --update webdav.nas/out/ results`,
		Args: cobra.MinimumNArgs(2),
		RunE: c.run,
	}
	c.placeFlags.register(cmd)
	c.moveFlags.register(cmd)
	cmd.ValidArgsFunction = c.completePlace(&c.files, true)
	return cmd
}

func (c *getCommand) run(cmd *cobra.Command, args []string) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	from, path := args[:len(args)-1], args[len(args)-1]
	switch {
	case path == "-":
		return fmt.Errorf("- is no path: scar cat %s prints what is in a file", from[0])
	case transfer.IsPlace(path):
		return fmt.Errorf("%q is a place, not a path of this machine: a folder of that name is ./%s", path, path)
	}
	parsed, err := parsePlaces(from)
	if err != nil {
		return err
	}
	places, _, err := c.connect(cmd, c.app, false, parsed...)
	if err != nil {
		return err
	}
	defer places.Close()
	return c.moveFlags.run(places.Context(cmd.Context()), c.app, c.format.format(), "fetched", goOn, options,
		func(ctx context.Context, o transfer.Options) (transfer.Tally, error) {
			return transfer.Get(ctx, parsed, path, places.Open, o)
		})
}
