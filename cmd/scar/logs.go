package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/spec"
)

// logsCommand prints the log of a function.
type logsCommand struct {
	*app
	files   fileFlags
	account accountFlags
	format  formatFlags
	follow  bool
	since   string
	filter  string
}

func (c *logsCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs NAME",
		Short: "Print the log of a function",
		Long: `Print what a function wrote to its log, oldest first. Region and profile are the file's, if there is
one; a file is not needed. With --follow it goes on until it is interrupted, which is no error.`,
		Example: `  scar logs grayify
  scar logs grayify --follow --since 10m
  scar logs grayify --since 2026-01-31T08:00:00Z --filter ERROR`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeFunction(&c.files),
		RunE:              func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0]) },
	}
	c.files.register(cmd)
	c.account.register(cmd)
	c.format.register(cmd)
	cmd.Flags().BoolVar(&c.follow, "follow", false, "go on printing what is written")
	cmd.Flags().StringVar(&c.since, "since", "1h", "begin here: a duration back from now (90s, 10m, 24h), or a time (RFC 3339)")
	cmd.Flags().StringVar(&c.filter, "filter", "", "print matching lines only: a CloudWatch Logs filter pattern")
	return cmd
}

func (c *logsCommand) run(cmd *cobra.Command, function string) error {
	c.following.Store(c.follow)
	since, err := parseSince(c.since, time.Now())
	if err != nil {
		return err
	}
	file, err := c.file(cmd)
	if err != nil {
		return err
	}
	connected, err := c.account.connect(cmd, c.app, file.Region, file.Profile, view.NewStatus(c.streams(), c.format.format()))
	if err != nil {
		return err
	}
	emit := view.Logs(c.streams(), c.format.format(), term.IsTerminal(int(c.stdout.Fd())))
	options := flow.LogOptions{Since: since, Follow: c.follow, Filter: c.filter}
	return connected.Logs(cmd.Context(), function, options, func(e flow.LogEvent) error {
		return emit(view.LogLine{Time: e.Time, Stream: e.Stream, Message: e.Message})
	})
}

// file is what the file says of region and profile; nothing where there is no file and none was named.
func (c *logsCommand) file(cmd *cobra.Command) (*spec.File, error) {
	if len(c.files.paths) == 0 && !exists(defaultFile) {
		return &spec.File{}, nil
	}
	return c.files.loadProject(cmd, c.app)
}

func parseSince(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	back, err := time.ParseDuration(text)
	if err != nil {
		return time.Time{}, fmt.Errorf("--since %q: want a duration such as 10m, or a time such as 2026-01-31T08:00:00Z", text)
	}
	if back < 0 {
		return time.Time{}, errors.New("--since: a duration is counted back from now, without a sign")
	}
	return now.Add(-back), nil
}
