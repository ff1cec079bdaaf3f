package main

import (
	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/schemas"
)

// schemaCommand prints what a file may hold.
type schemaCommand struct {
	*app
}

func (c *schemaCommand) command() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print what a file may hold, as JSON Schema",
		Long: `Print the JSON Schema (draft-07) of func.yaml: every key with its description, default, unit and example.
Editors complete and check files with it.`,
		Example: `  scar schema > scar.schema.json
  sed -i '1i # yaml-language-server: $schema=scar.schema.json' func.yaml`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return view.Document(c.streams(), schemas.Native())
		},
	}
}
