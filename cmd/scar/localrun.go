package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/spec"
)

// localRunCommand processes a folder of files with the functions of a file, on this machine.
type localRunCommand struct {
	*app
	files    fileFlags
	format   formatFlags
	in, out  string
	function string
	state    string
	secrets  string
}

func (c *localRunCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Process a folder of files on this machine",
		Long: `Start a local backend, apply the file to it, put every file of a folder into the function's input,
wait until all are processed, and fetch the results. It needs no AWS account and no container engine.

Secrets that the functions name are read from a file of lines such as

  ssm:/imaging/token=VALUE
  secretsmanager:imaging/db={"password": "VALUE"}

which only you may read (chmod 600). Results at providers of storage stay there and are listed.

A file that fails is tried as often as Lambda would: three times in all, unless retries or queue say
otherwise. Of what starts functions only inputs count: no schedule fires, and there are no addresses.
The exit code is 1 if a file could not be processed.`,
		Example: `  scar local run --in photos --out results
  scar local run -f func.yaml --function grayify --in photos --out results --json
  scar local run --in photos --out results --secrets secrets.txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.files.register(cmd)
	c.files.registerProject(cmd)
	c.format.register(cmd)
	cmd.Flags().StringVar(&c.in, "in", "", "folder with the files to process")
	cmd.Flags().StringVar(&c.out, "out", "", "folder for the results, made if absent")
	cmd.Flags().StringVar(&c.function, "function", "", "function that gets the files; needed if the file has several with an input")
	cmd.Flags().StringVar(&c.state, "state", "", "folder to keep the backend's state in (default: a temporary one, removed at the end)")
	cmd.Flags().StringVar(&c.secrets, "secrets", "", "file with the values of secrets, a line REFERENCE=VALUE for each")
	for _, name := range []string{"in", "out"} {
		// It fails only for flags that do not exist.
		_ = cmd.MarkFlagRequired(name)
		_ = cmd.MarkFlagDirname(name)
	}
	_ = cmd.MarkFlagDirname("state")
	_ = cmd.MarkFlagFilename("secrets")
	complete := c.completeFunction(&c.files)
	_ = cmd.RegisterFlagCompletionFunc("function", func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return complete(cmd, nil, prefix)
	}) // likewise
	return cmd
}

func (c *localRunCommand) run(cmd *cobra.Command) (err error) {
	file, err := c.files.load(cmd, c.app)
	if err != nil {
		return err
	}
	function, err := runFunction(file, c.function)
	if err != nil {
		return err
	}
	inputs, err := flow.FindInputs(c.in, function)
	if err != nil {
		return err
	}
	var secrets flow.Secrets
	if c.secrets != "" {
		if secrets, err = flow.ReadSecrets(c.secrets); err != nil {
			return err
		}
	}
	state, cleanup, err := c.stateFolder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cleanup()) }()
	options := flow.RunOptions{
		StateDir: state, CacheDir: c.cacheDir(), Images: c.imageCache(), Version: version, Out: c.out, Secrets: secrets,
	}
	return c.process(cmd, file, function, inputs, options)
}

func (c *localRunCommand) process(cmd *cobra.Command, file *spec.File, function *spec.Function, inputs []flow.RunInput, options flow.RunOptions) error {
	began := time.Now()
	status := view.NewStatus(c.streams(), c.format.format())
	options.Note = c.note(status)
	status.Say("Preparing the images…")
	run, err := flow.PrepareRun(cmd.Context(), file, options)
	status.Clear()
	if err != nil {
		return err
	}
	taken := 0
	for _, in := range inputs {
		if in.Taken {
			taken++
		}
	}
	shown := view.NewRun(c.streams(), c.format.format(), taken)
	results, err := run.Process(cmd.Context(), function, inputs, shown.Processed)
	err = errors.Join(err, run.Close())
	if err != nil {
		shown.Stop()
		return err
	}
	files := make([]view.RunFile, len(results))
	for i, r := range results {
		files[i] = view.RunFile(r)
	}
	if err := shown.Finish(files, time.Since(began)); err != nil {
		return err
	}
	if slices.ContainsFunc(files, func(f view.RunFile) bool { return f.Status == view.RunFailed }) {
		return exitCode(exitError)
	}
	return nil
}

// stateFolder is the folder that was asked for, or a temporary one that cleanup removes.
func (c *localRunCommand) stateFolder() (dir string, cleanup func() error, err error) {
	if c.state != "" {
		dir, err = filepath.Abs(c.state)
		return dir, func() error { return nil }, err
	}
	return flow.TempState()
}

// runFunction is the function that gets the files: they are put into its input on S3.
func runFunction(file *spec.File, name string) (*spec.Function, error) {
	var candidates []string
	elsewhere := "" // a function with inputs at other providers only
	for i := range file.Functions {
		fn := &file.Functions[i]
		fed := slices.ContainsFunc(fn.Inputs, func(in spec.Input) bool { return spec.IsOwnS3(in.Provider) })
		switch {
		case fed && fn.Name == name:
			return fn, nil
		case fed:
			candidates = append(candidates, fn.Name)
		case fn.Name == name && len(fn.Inputs) == 0:
			return nil, noInput(fn)
		case fn.Name == name:
			return nil, inputElsewhere(fn)
		case len(fn.Inputs) > 0 && elsewhere == "":
			elsewhere = fn.Name
		}
	}
	switch {
	case name != "":
		return nil, fmt.Errorf("the file has no function %q with an input; it has %q", name, candidates)
	case len(candidates) == 0 && elsewhere != "":
		return runFunction(file, elsewhere)
	case len(candidates) == 0 && len(file.Functions) == 1:
		return nil, noInput(&file.Functions[0])
	case len(candidates) == 0:
		return nil, errors.New("no function of the file has an input: there is no place to put files")
	case len(candidates) > 1:
		return nil, fmt.Errorf("several functions have an input: choose one with --function, of %q", candidates)
	}
	return runFunction(file, candidates[0])
}

// noInput says how else a function can be started on this machine.
func noInput(fn *spec.Function) error {
	started := ""
	switch {
	case fn.Schedule != nil:
		started = " by its schedule, or at once"
	case fn.HTTP != nil:
		started = " by requests to the address that apply prints, or at once"
	case fn.Queue != nil:
		started = " by messages in its queue, or at once"
	}
	return fmt.Errorf("function %s has no input: there is no place to put files for it; start it on this machine with scar local up and, in another terminal, scar apply --local: it runs%s with scar run %s --local",
		fn.Name, started, fn.Name)
}

// inputElsewhere says why a function cannot be fed on this machine.
func inputElsewhere(fn *spec.Function) error {
	return fmt.Errorf("function %s has its input at %s: a run puts files into S3 only; overlay the file with one that gives it an input there, such as s3://test/in/ (-f func.yaml -f test.yaml)",
		fn.Name, fn.Inputs[0].Provider)
}
