package main

import (
	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/schemas"
	"github.com/scar-go/scar/spec"
)

// schemaCommand prints what a file may hold.
type schemaCommand struct {
	*app
	markdown bool
	classic  bool
}

func (c *schemaCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print what a file may hold, as JSON Schema",
		Long: `Print the JSON Schema (draft-07) of func.yaml: every key with its description, default, unit and example.
Editors complete and check files with it; where one value stands it takes ${NAME} too, since editors see the file before
variables are put in. With --markdown the same is printed as a page to read.

With --classic it is that of files in the format of the original SCAR. Which values they may have is said by the native keys
that they stand for, which scar convert shows.`,
		Example: `  scar schema > scar.schema.json
  sed -i '1i # yaml-language-server: $schema=scar.schema.json' func.yaml
  scar schema --markdown | less
  scar schema --classic > fdl.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return c.run() },
	}
	cmd.Flags().BoolVar(&c.markdown, "markdown", false, "print the reference of all keys as Markdown")
	cmd.Flags().BoolVar(&c.classic, "classic", false, "print the schema of files in the classic Function Definition Language")
	cmd.MarkFlagsMutuallyExclusive("markdown", "classic")
	return cmd
}

func (c *schemaCommand) run() error {
	print := schemas.Editor
	switch {
	case c.markdown:
		print = spec.Reference
	case c.classic:
		return view.Document(c.streams(), schemas.Classic())
	}
	page, err := print()
	if err != nil {
		return err
	}
	return view.Document(c.streams(), page)
}
