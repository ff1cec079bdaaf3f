package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/spec"
)

// lsCommand lists functions, or what is at places.
type lsCommand struct {
	*app
	files     fileFlags
	account   accountFlags
	format    formatFlags
	project   projectFlag
	noMetrics bool
	recursive bool
}

func (c *lsCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ls [PLACE...]",
		Short: "List functions, or files",
		Long: `List the functions of scar's in the region, of all projects, or of one: that of --project, or of a file that -f
names. The columns say what starts a function, its address if it has one, and how often it ran in the last 24 hours,
as CloudWatch tells, which lags by some minutes and charges for what it is asked: 0.01 USD for about 330 functions;
--no-metrics leaves it out. Functions of the original scar are listed too, as of the project (original).

Of the file, only project, region and profile are read; without -f, region and profile of ` + defaultFile + ` if it is there.

With PLACEs, list the files there instead.
` + placeGrammar,
		Example: `  scar ls
  scar ls --project imaging --region eu-west-1
  scar ls --json | jq -r '.functions[] | select(.last_day.errors > 0).name'
  scar ls -r s3://photos/out/`,
		RunE: c.run,
	}
	c.files.register(cmd)
	c.account.register(cmd)
	c.account.registerParallelism(cmd)
	c.format.register(cmd)
	c.project.register(cmd)
	cmd.Flags().BoolVar(&c.noMetrics, "no-metrics", false, "do not ask CloudWatch how often the functions ran")
	cmd.Flags().BoolVarP(&c.recursive, "recursive", "r", false, "of places, list folders with all that is in them")
	return cmd
}

func (c *lsCommand) run(cmd *cobra.Command, args []string) error {
	if err := notEmpty(cmd, "project"); err != nil {
		return err
	}
	if len(args) > 0 {
		if c.project.name != "" || c.noMetrics {
			return errors.New("--project and --no-metrics are for the list of functions, not for places")
		}
		return c.places(cmd, args)
	}
	if c.recursive {
		return errors.New("--recursive is for places, such as s3://photos/out/")
	}
	file, options, err := c.wanted(cmd)
	if err != nil {
		return err
	}
	status := view.NewStatus(c.streams(), c.format.format())
	connected, err := c.account.connect(cmd, c.app, file.Region, file.Profile, status)
	if err != nil {
		return err
	}
	options.Note = c.note(status)
	status.Say("Looking at the account…")
	list, err := connected.List(cmd.Context(), options)
	status.Clear()
	if err != nil {
		return err
	}
	where := "in region " + connected.Region()
	if options.Project != "" {
		where = "of project " + options.Project + " " + where
	}
	return view.Functions(c.streams(), c.format.format(), listed(list), where)
}

// wanted says where to look, and for what.
func (c *lsCommand) wanted(cmd *cobra.Command) (*spec.File, flow.ListOptions, error) {
	options := flow.ListOptions{Activity: !c.noMetrics}
	if c.project.name == "" && len(c.files.paths) == 0 && !exists(defaultFile) {
		return &spec.File{}, options, nil
	}
	file, err := c.project.named(cmd, c.app, &c.files)
	if err != nil {
		return nil, options, err
	}
	if c.project.name != "" || len(c.files.paths) > 0 {
		options.Project = file.Project
	}
	return file, options, nil
}

func listed(list []flow.Listed) []view.ListedFunction {
	out := make([]view.ListedFunction, len(list))
	for i, l := range list {
		out[i] = view.ListedFunction{
			Name: l.Name, ARN: l.ARN, Project: l.Project, Original: l.Original, Memory: l.Memory, Timeout: l.Timeout,
			Image: l.Image, Starts: l.Starts, URL: l.URL, Last: (*view.Activity)(l.Last),
		}
	}
	return out
}
