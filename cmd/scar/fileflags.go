package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/spec"
)

// defaultFile is the file that is read unless -f names others.
const defaultFile = "func.yaml"

// fileFlags say which files describe the project, and what the variables in them stand for.
type fileFlags struct {
	paths      []string
	envFiles   []string
	allowLoops bool
	project    string // of a classic file
	noted      bool   // what there is to say of the files has been said
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

// registerProject is for commands without a projectFlag.
func (f *fileFlags) registerProject(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.project, "project", "", "name the project of a file in the classic format, instead of its first function")
}

func (f *fileFlags) files() []string {
	if len(f.paths) == 0 {
		return []string{defaultFile}
	}
	return f.paths
}

// options are what reading the files takes.
func (f *fileFlags) options(a *app) (spec.Options, error) {
	if f.project != "" && !regexp.MustCompile(projectName).MatchString(f.project) {
		return spec.Options{}, fmt.Errorf("--project %q: a project is up to 32 of a-z, 0-9 and -, and begins with a letter", f.project)
	}
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
		Project: f.project, Settings: a.settings(),
		Lookup: func(name string) (string, bool) {
			if value, found := a.lookupEnv(name); found {
				return value, true
			}
			value, found := variables[name]
			return value, found
		},
	}, nil
}

// settings is where the original kept the defaults of all files.
func (a *app) settings() string {
	const name = "scar.cfg"
	if folder := a.getenv("SCAR_CONFIG_FOLDER"); folder != "" {
		return filepath.Join(folder, name)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "" // so there are no defaults
	}
	return filepath.Join(home, ".scar", name)
}

// load reads the files in full, and says what there is to say of them.
func (f *fileFlags) load(cmd *cobra.Command, a *app) (*spec.File, error) {
	options, err := f.options(a)
	if err != nil {
		return nil, err
	}
	return f.loadWith(cmd, a, options)
}

// loadWith is load with other options.
func (f *fileFlags) loadWith(cmd *cobra.Command, a *app, options spec.Options) (*spec.File, error) {
	file, err := spec.Load(cmd.Context(), f.files(), options)
	if err != nil {
		return nil, err
	}
	if !f.noted {
		for _, note := range file.Notes {
			view.Note(a.streams(), "note: "+note.Place+": "+note.Text)
		}
		f.noted = true
	}
	return file, nil
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
