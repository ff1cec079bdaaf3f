package main

import (
	"runtime"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/view"
)

// versionCommand says which scar this is.
type versionCommand struct {
	*app
	format formatFlags
}

func (c *versionCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say which scar this is",
		Example: `  scar version
  scar version --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			build := view.Build{Version: version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
			return view.Version(c.streams(), c.format.format(), build)
		},
	}
	c.format.register(cmd)
	return cmd
}
