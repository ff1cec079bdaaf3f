package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
)

// logsCommand prints the log of a function.
type logsCommand struct {
	*app
	files   fileFlags
	account accountFlags
	format  formatFlags

	follow       bool
	since, until string
	filter       string
	stream       string
	request      string
}

func (c *logsCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs [NAME]",
		Short: "Print the log of a function",
		Long: `Print what a function wrote to its log, oldest first: of the last hour, unless told otherwise. NAME is the function's, or of
the only function of the file, of which region and profile are read too; a file is not needed, nor need the function still be
there, as long as its log group is. With --follow it goes on until it is interrupted, which is no error.

--request-id prints one request, all of its attempts, from its first line to its last; it is looked for in the last day, and then
in all of the log. --stream takes the name of a stream, the beginning of one, such as a day (2026/01/31), or another part of it.
Lambda has a stream for each instance of a function, which serves one request after the other.`,
		Example: `  scar logs grayify
  scar logs grayify --follow --since 10m
  scar logs grayify --since 2026-01-31T08:00:00Z --until 2026-01-31T09:00:00Z --filter ERROR
  scar logs grayify --request-id 8f7a6c1e-5a0f-4a3e-9d8e-0c1b2a3d4e5f
  scar logs grayify --stream '2026/01/31' --json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.completeFunction(&c.files),
		RunE:              c.run,
	}
	c.files.register(cmd)
	c.account.register(cmd)
	c.format.register(cmd)
	cmd.Flags().BoolVar(&c.follow, "follow", false, "go on printing what is written")
	cmd.Flags().StringVar(&c.since, "since", "1h", "begin here: "+momentHelp)
	cmd.Flags().StringVar(&c.until, "until", "", "end here: likewise")
	cmd.Flags().StringVar(&c.filter, "filter", "", "print matching lines only: a CloudWatch Logs filter pattern")
	cmd.Flags().StringVar(&c.stream, "stream", "", "print this stream only, from its beginning unless --since is given")
	cmd.Flags().StringVar(&c.request, "request-id", "", "print the lines of this request only")
	cmd.MarkFlagsMutuallyExclusive("request-id", "filter")
	cmd.MarkFlagsMutuallyExclusive("follow", "until")
	return cmd
}

func (c *logsCommand) run(cmd *cobra.Command, args []string) error {
	if err := notEmpty(cmd, "since", "until", "filter", "stream", "request-id"); err != nil {
		return err
	}
	options, err := c.options(cmd, time.Now())
	if err != nil {
		return err
	}
	function, file, err := c.files.function(cmd, c.app, args)
	if err != nil {
		return err
	}
	connected, err := c.account.connect(cmd, c.app, file.Region, file.Profile, view.NewStatus(c.streams(), c.format.format()))
	if err != nil {
		return err
	}
	c.following.Store(c.follow)
	emit := view.Logs(c.streams(), c.format.format(), term.IsTerminal(int(c.stdout.Fd())))
	return connected.Logs(cmd.Context(), function, options, func(e flow.LogEvent) error {
		return emit(view.LogLine(e))
	})
}

// options are what the flags say. A stream and a request are looked at as a whole, unless a time is given.
func (c *logsCommand) options(cmd *cobra.Command, now time.Time) (o flow.LogOptions, err error) {
	o = flow.LogOptions{Follow: c.follow, Filter: c.filter, Stream: c.stream, RequestID: c.request}
	if cmd.Flags().Changed("since") || c.stream == "" && c.request == "" {
		if o.Since, err = parseTime("--since", c.since, now); err != nil {
			return o, err
		}
	}
	if c.until == "" {
		return o, nil
	}
	if o.Until, err = parseTime("--until", c.until, now); err == nil && o.Until.Before(o.Since) {
		err = fmt.Errorf("--until %s ends before --since %s begins", c.until, c.since)
	}
	return o, err
}
