package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/view"
)

// outputsCommand prints what AWS alone knows of a project that has been applied.
type outputsCommand struct {
	*app
	files   fileFlags
	account accountFlags
	format  formatFlags
	project projectFlag
}

func (c *outputsCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "outputs [NAME [OUTPUT]]",
		Short: "Print the addresses of what has been applied",
		Long: `Print what the last scar apply printed under Outputs: the ARN of each function, arn, and its address if it has
one, url, whether that is a URL of its own or the address of its HTTP API. With the NAME of a function, only what is of
it; with OUTPUT too, the value and nothing else, for other commands, or an error if there is none. They are read from
the account. Of the file, only project, region and profile are read.

With --json they are under the resources that they are of: function/NAME, function_url/NAME and http_api/NAME.`,
		Example: `  scar outputs
  curl "$(scar outputs grayify url)"
  scar outputs --project imaging --region eu-west-1
  scar outputs --json | jq -r '."function_url/grayify".url'`,
		Args: cobra.MaximumNArgs(2),
		RunE: c.run,
	}
	c.files.register(cmd)
	c.account.register(cmd)
	c.account.registerParallelism(cmd)
	c.format.register(cmd)
	c.project.register(cmd)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 1 {
			return []string{"arn", "url"}, cobra.ShellCompDirectiveNoFileComp
		}
		return c.completeFunction(&c.files)(cmd, args, typed)
	}
	return cmd
}

func (c *outputsCommand) run(cmd *cobra.Command, args []string) error {
	file, err := c.project.named(cmd, c.app, &c.files)
	if err != nil {
		return err
	}
	status := view.NewStatus(c.streams(), c.format.format())
	connected, err := c.account.connect(cmd, c.app, file.Region, file.Profile, status)
	if err != nil {
		return err
	}
	function := ""
	if len(args) > 0 {
		function = args[0]
	}
	status.Say("Looking at the account…")
	outputs, err := connected.Outputs(cmd.Context(), file.Project, function)
	status.Clear()
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return view.Outputs(outputs).Print(c.streams(), c.format.format())
	}
	values := outputs.Functions[function]
	if values == nil {
		return fmt.Errorf("project %s has no function %q in this account and region: scar outputs lists those that it has", file.Project, function)
	}
	if len(args) == 1 {
		return view.Outputs(outputs).Print(c.streams(), c.format.format())
	}
	value, found := values[args[1]]
	if !found {
		return noOutput(function, args[1], values)
	}
	return view.Output(c.streams(), c.format.format(), value)
}

// noOutput is that a function has no output of a name.
func noOutput(function, name string, values map[string]string) error {
	if name == "url" {
		return fmt.Errorf("function %s has no url: give it http in the file, and apply that", function)
	}
	return fmt.Errorf("function %s has no output %q: it has %s", function, name, strings.Join(slices.Sorted(maps.Keys(values)), ", "))
}
