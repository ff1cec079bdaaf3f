package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/spec"
)

// function is the function that a command is about: the one that its first argument names, or else the only one of the
// file. Of the file, project, region and profile are read; with a name it may be absent, and is empty then. What else is
// wrong with it, such as an image that is gone, is no obstacle.
func (f *fileFlags) function(cmd *cobra.Command, a *app, args []string) (name string, file *spec.File, err error) {
	absent := len(f.paths) == 0 && !exists(defaultFile)
	switch {
	case absent && len(args) > 0:
		return args[0], &spec.File{}, nil
	case absent:
		return "", nil, errors.New("name a function: there is no " + defaultFile + " here whose only function could be meant")
	}
	options, err := f.options(a)
	if err != nil {
		return "", nil, err
	}
	again, err := f.rereadable(a)
	if err != nil {
		return "", nil, err
	}
	options.Stdin = again()
	if file, err = spec.LoadProject(cmd.Context(), f.files(), options); err != nil {
		return "", nil, err
	}
	if len(args) > 0 {
		return args[0], file, nil
	}
	options.Stdin = again()
	outline, err := spec.Outline(cmd.Context(), f.files(), options)
	if err != nil {
		return "", nil, err
	}
	switch names := functionNames(outline); len(names) {
	case 0:
		return "", nil, fmt.Errorf("name a function: %s has none that can be read; scar validate says why", f.files()[0])
	case 1:
		return names[0], file, nil
	default:
		return "", nil, fmt.Errorf("name a function: %s has several: %s", f.files()[0], strings.Join(names, ", "))
	}
}

// rereadable returns a function that gives standard input from its beginning, where that is one of the files.
func (f *fileFlags) rereadable(a *app) (func() io.Reader, error) {
	if !f.takesStdin() {
		return func() io.Reader { return nil }, nil
	}
	content, err := io.ReadAll(a.stdin)
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	return func() io.Reader { return bytes.NewReader(content) }, nil
}

func functionNames(file *spec.File) []string {
	names := make([]string, len(file.Functions))
	for i := range file.Functions {
		names[i] = file.Functions[i].Name
	}
	return names
}

// takesStdin says whether standard input is one of the files.
func (f *fileFlags) takesStdin() bool { return slices.Contains(f.paths, "-") }
