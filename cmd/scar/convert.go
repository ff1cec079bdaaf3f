package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/spec"
)

// convertCommand prints a file of the original's format in the native one.
type convertCommand struct {
	*app
	files   fileFlags
	secrets string
}

func (c *convertCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "convert",
		Short: "Print a file in the classic Function Definition Language in the native format",
		Long: `Print a file in the format of the original SCAR, with its list of functions under functions: aws:, in the
native format. Both do the same: scar plan shows no difference between them. Comments say what is written otherwise, and
which settings mean nothing any more. Nothing has to be converted: all commands read classic files as they are.

Paths stay as they are, so the printed file belongs into the same folder. Defaults of ~/.scar/scar.cfg are in it.

Credentials, and variables whose names promise a secret, do not stand in what is printed: ${NAME} stands for each. With
--secrets they are written to a file of lines NAME='value' that only you can read, for --env-file. It must not exist yet.`,
		Example: `  scar convert -f scar-grayify.yaml > func.yaml
  scar convert -f scar-grayify.yaml --secrets secrets.env > func.yaml
  scar plan -f func.yaml --env-file secrets.env`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.files.register(cmd)
	c.files.registerProject(cmd)
	c.files.registerLoops(cmd)
	cmd.Flags().StringVar(&c.secrets, "secrets", "", "write the secrets of the file to this new `FILE`, for --env-file")
	_ = cmd.MarkFlagFilename("secrets") // it fails only for flags that do not exist
	return cmd
}

func (c *convertCommand) run(cmd *cobra.Command) error {
	options, err := c.files.options(c.app)
	if err != nil {
		return err
	}
	if len(c.files.files()) > 1 {
		return errors.New("one file is converted at a time: classic files do not overlay each other")
	}
	options.KeepUnbuilt = true
	converted, err := spec.Convert(cmd.Context(), c.files.files()[0], options)
	if err != nil {
		return err
	}
	if c.secrets != "" {
		if err := c.write(converted); err != nil {
			return err
		}
	} else if count := len(converted.Variables); count > 0 {
		view.Note(c.streams(), fmt.Sprintf("%d secrets of the file stand as ${NAME} in what is printed; scar convert --secrets FILE writes them to a file for --env-file.", count))
	}
	return view.Document(c.streams(), converted.YAML)
}

// write writes the secrets where nobody else can read them.
func (c *convertCommand) write(converted *spec.Converted) (err error) {
	text, err := converted.EnvFile()
	if err != nil {
		return err
	}
	file, err := os.OpenFile(c.secrets, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write the secrets: %s exists; remove it, or name another file", c.secrets)
	}
	if err != nil {
		return fmt.Errorf("write the secrets: %w", err)
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = errors.Join(err, os.Remove(c.secrets)) // lest the half of it be in the way of the next attempt
		}
	}()
	if _, err := file.Write(text); err != nil {
		return fmt.Errorf("write the secrets: %w", err)
	}
	return nil
}
