package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/transfer"
)

// putCommand stores files at a place.
type putCommand struct {
	*app
	placeFlags
	moveFlags
	wait    bool
	timeout time.Duration
	get     string
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
  -         s3://photos/in/x  s3://photos/in/x, of what standard input has until its end

A link to a file counts as the file; a link to a folder, inside a folder, is skipped. A file that is there is
replaced, unless -n or --update says otherwise.

With --wait it waits until the functions of the file that take these files have ended, retries included, and shows what
came of each; with --get it fetches that too, into a folder, with the paths below the output's folder. The functions need
their records for it, which they keep where they have an output in S3. A function that has failed makes it fail.

With --json, each file is an object of JSON on a line of its own; with --wait, the results are one document. The exit code is 1 if a file failed.`,
		Example: `  scar put photo.jpg s3://photos/in/
  scar put -r photos/ s3://photos/in/ --exclude '*.tmp'
  scar put -r --update results minio.lab/archive/
  scar put photo.jpg s3://photos/in/ --wait --get results
  pg_dump shop | scar put - s3://backups/shop.sql`,
		Args: cobra.MinimumNArgs(2),
		RunE: c.run,
	}
	c.placeFlags.register(cmd)
	c.files.registerProject(cmd)
	c.moveFlags.register(cmd)
	cmd.Flags().BoolVar(&c.wait, "wait", false, "wait for what functions make of the files")
	cmd.Flags().DurationVar(&c.timeout, "timeout", 15*time.Minute, "with --wait: how long")
	cmd.Flags().StringVar(&c.get, "get", "", "with --wait: fetch the outputs into `FOLDER`")
	_ = cmd.MarkFlagDirname("get") // it fails only for flags that do not exist
	places := c.completePlace(&c.files, true)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, text string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveDefault // the first is a file of this machine
		}
		return places(cmd, args, text)
	}
	return cmd
}

func (c *putCommand) run(cmd *cobra.Command, args []string) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	options.Input = c.stdin
	paths, last := args[:len(args)-1], args[len(args)-1]
	if !transfer.IsPlace(last) {
		return fmt.Errorf("%q is no place to put files to: want one such as s3://photos/in/", last)
	}
	to, err := transfer.Parse(last)
	if err != nil {
		return err
	}
	if err := c.checkWait(cmd); err != nil {
		return err
	}
	places, _, err := c.connect(cmd, c.app, c.wait, to)
	if err != nil {
		return err
	}
	defer places.Close()
	if c.wait {
		return c.putAndWait(cmd, places, paths, to, options)
	}
	return c.moveFlags.run(places.Context(cmd.Context()), c.app, c.format.format(), "put", goOn, options,
		func(ctx context.Context, o transfer.Options) (transfer.Tally, error) {
			return transfer.Put(ctx, paths, to, places.Open, o)
		})
}

// goOn says how to go on after an interrupt.
const goOn = ", the others were not: the same with --update goes on where it stopped"

func (c *putCommand) checkWait(cmd *cobra.Command) error {
	switch {
	case c.wait && c.dryRun:
		return errors.New("--dry-run puts nothing that could be waited for")
	case c.wait && c.timeout <= 0:
		return fmt.Errorf("--timeout %s: nothing is done in no time", c.timeout)
	case !c.wait && (c.get != "" || cmd.Flags().Changed("timeout")):
		return errors.New("--timeout and --get are of --wait")
	}
	return nil
}
