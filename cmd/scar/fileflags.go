package main

import (
	"maps"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/spec"
)

// defaultFile is the file that is read unless -f names others.
const defaultFile = "func.yaml"

// fileFlags say which files describe the project, and what the variables in them stand for.
type fileFlags struct {
	paths      []string
	envFiles   []string
	allowLoops bool
}

func (f *fileFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.paths, "file", "f", nil, "read `FILE`, - for standard input; repeated: later files overlay earlier ones (default "+defaultFile+")")
	f.registerEnvFiles(cmd)
}

func (f *fileFlags) registerEnvFiles(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.envFiles, "env-file", nil, "take ${NAME} in the files from `FILE`, lines NAME=VALUE; repeated: later ones win, and the environment wins over all")
	_ = cmd.MarkFlagFilename("env-file") // it fails only for flags that do not exist
}

func (f *fileFlags) registerLoops(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.allowLoops, "allow-loops", false, "allow functions whose outputs start functions without end")
}

func (f *fileFlags) files() []string {
	if len(f.paths) == 0 {
		return []string{defaultFile}
	}
	return f.paths
}

// options are what reading the files takes.
func (f *fileFlags) options(a *app) (spec.Options, error) {
	variables := map[string]string{}
	for _, path := range f.envFiles {
		read, err := spec.ReadEnvFile(path)
		if err != nil {
			return spec.Options{}, err
		}
		maps.Copy(variables, read)
	}
	return spec.Options{
		Stdin: a.standardInput(), Version: version, AllowLoops: f.allowLoops,
		Lookup: func(name string) (string, bool) {
			if value, found := a.lookupEnv(name); found {
				return value, true
			}
			value, found := variables[name]
			return value, found
		},
	}, nil
}

// load reads the files in full.
func (f *fileFlags) load(cmd *cobra.Command, a *app) (*spec.File, error) {
	options, err := f.options(a)
	if err != nil {
		return nil, err
	}
	return spec.Load(cmd.Context(), f.files(), options)
}

// loadProject reads project, region and profile only.
func (f *fileFlags) loadProject(cmd *cobra.Command, a *app) (*spec.File, error) {
	options, err := f.options(a)
	if err != nil {
		return nil, err
	}
	return spec.LoadProject(cmd.Context(), f.files(), options)
}

// outline reads what can be made out of the files, for completion. Standard input is the shell's.
func (f *fileFlags) outline(cmd *cobra.Command, a *app) (*spec.File, error) {
	options, err := f.options(a)
	if err != nil {
		return nil, err
	}
	options.Stdin = nil
	return spec.Outline(cmd.Context(), f.files(), options)
}
