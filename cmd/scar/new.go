package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
)

// newCommand writes a first file of functions.
type newCommand struct {
	*app
	format formatFlags
	file   flow.NewFile
	bucket string
}

// newImage is the image of a new file unless another is named: small, public, and with a shell.
const newImage = "public.ecr.aws/docker/library/debian:stable-slim"

func (c *newCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "new [DIR]",
		Short: "Write a first " + flow.NewFileName + " and its script",
		Long: `Write a ` + flow.NewFileName + ` with one function, and a script that works as it is, into this folder or into DIR. What flags do not
say is asked for on a terminal, with a default that Return takes; without a terminal the defaults are taken. Nothing
that is there is overwritten.

What starts the function is one of
  input      files that arrive in a bucket: those of --input, or in/ in --bucket; results go to --output, or out/ there
  http       requests to a URL of its own
  schedule   the time: --schedule
  none       commands such as scar run`,
		Example: `  scar new
  scar new grayify --image dpokidov/imagemagick:7.1 --bucket photos-4711
  scar new --name page --trigger http
  scar new nightly --trigger schedule --schedule 'cron(0 3 * * ? *)'`,
		Args: cobra.MaximumNArgs(1),
		RunE: c.run,
	}
	c.format.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&c.file.Function, "name", "", "name of the function (default: that of the folder)")
	flags.StringVar(&c.file.Project, "project", "", "name of the project (default: the function's)")
	flags.StringVar(&c.file.Image, "image", "", "container image, or an archive of one (default "+newImage+")")
	flags.StringVar(&c.file.Start, "trigger", "", "what starts it: input, http, schedule or none (default input)")
	flags.StringVar(&c.file.Schedule, "schedule", "", "rate(…) or cron(…) (default "+flow.DefaultSchedule+")")
	flags.StringVar(&c.bucket, "bucket", "", "bucket for files and results, in its folders in/ and out/; bucket names are unique in all of AWS")
	flags.StringArrayVar(&c.file.Inputs, "input", nil, "`PLACE` whose files start it, such as s3://photos/in/; repeatable")
	flags.StringArrayVar(&c.file.Outputs, "output", nil, "`PLACE` for results, such as s3://photos/out/; repeatable")
	flags.IntVar(&c.file.Memory, "memory", 512, "memory in MB")
	flags.IntVar(&c.file.Timeout, "timeout", 300, "longest time in seconds")
	cmd.MarkFlagsMutuallyExclusive("bucket", "input")
	cmd.MarkFlagsMutuallyExclusive("bucket", "output")
	// It fails only for flags that do not exist.
	_ = cmd.RegisterFlagCompletionFunc("trigger", cobra.FixedCompletions(newStarts, cobra.ShellCompDirectiveNoFileComp))
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return cmd
}

var newStarts = []string{flow.StartInput, flow.StartHTTP, flow.StartSchedule, flow.StartNone}

func (c *newCommand) run(cmd *cobra.Command, args []string) error {
	c.file.Dir = "."
	if len(args) > 0 {
		c.file.Dir = args[0]
	}
	if exists(filepath.Join(c.file.Dir, flow.NewFileName)) {
		return fmt.Errorf("%s is there already, and is not overwritten: name another folder, as in scar new DIR", filepath.Join(c.file.Dir, flow.NewFileName))
	}
	if err := c.fill(cmd); err != nil {
		return err
	}
	written, err := c.file.Write(cmd.Context())
	if err != nil {
		return err
	}
	shown := view.NewFile{Files: written, Dir: c.file.Dir, Project: c.file.Project, Function: c.file.Function}
	if len(c.file.Inputs) > 0 {
		shown.Input = c.file.Inputs[0]
	}
	return view.New(c.streams(), c.format.format(), shown)
}

// fill asks for what is not given, or takes the defaults.
func (c *newCommand) fill(cmd *cobra.Command) error {
	ask := func(q question) (string, error) { return q.otherwise, nil }
	if term.IsTerminal(int(c.stdin.Fd())) && term.IsTerminal(int(c.stderr.Fd())) && c.format.format() == view.Human {
		ask = func(q question) (string, error) { return c.ask(cmd, q) }
	}
	if err := c.fillStart(); err != nil {
		return err
	}
	f := &c.file
	for _, q := range []struct {
		value    *string
		question string
		fallback func() string
		check    func(string) error
	}{
		{&f.Function, "Name of the function", func() string { return nameOfFolder(f.Dir) }, flow.CheckFunctionName},
		{&f.Project, "Name of the project", func() string { return projectOf(f.Function) }, checkProject},
		{&f.Image, "Container image", func() string { return newImage }, anything},
		{&f.Start, "What starts it: input, http, schedule or none", func() string { return flow.StartInput }, checkStart},
	} {
		if *q.value == "" {
			answer, err := ask(question{q.question, q.fallback(), q.check})
			if err != nil {
				return err
			}
			*q.value = answer
		}
	}
	if err := checkStart(f.Start); err != nil {
		return fmt.Errorf("--trigger %w", err)
	}
	return c.fillRest(ask)
}

// question is one that is asked on a terminal.
type question struct {
	text, otherwise string // otherwise is what an empty answer means; empty: it is asked again
	check           func(answer string) error
}

func anything(string) error { return nil }

func checkStart(start string) error {
	if !slices.Contains(newStarts, start) {
		return fmt.Errorf("%q: want one of %s", start, strings.Join(newStarts, ", "))
	}
	return nil
}

func checkProject(name string) error {
	if !regexp.MustCompile(projectName).MatchString(name) {
		return fmt.Errorf("%q: a project is up to 32 of a-z, 0-9 and -, and begins with a letter", name)
	}
	return nil
}

// checkSchedule looks at the form only: what is in the brackets is checked with the file.
func checkSchedule(expression string) error {
	if !strings.HasSuffix(expression, ")") || !strings.HasPrefix(expression, "rate(") && !strings.HasPrefix(expression, "cron(") {
		return fmt.Errorf("%q: want rate(…) or cron(…), such as %s", expression, flow.DefaultSchedule)
	}
	return nil
}

// bucketName is what S3 takes for the name of a bucket, but for rare exceptions ("Bucket naming rules").
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func checkBucket(name string) error {
	if !bucketName.MatchString(bucketOf(name)) {
		return fmt.Errorf("%q: a bucket's name is 3 to 63 of a-z, 0-9, - and ., and begins and ends with a letter or digit", name)
	}
	return nil
}

// bucketOf is the bucket that people mean, who may write it as a place.
func bucketOf(text string) string { return strings.Trim(strings.TrimPrefix(text, "s3://"), "/") }

// fillStart takes from other flags what starts the function.
func (c *newCommand) fillStart() error {
	f := &c.file
	fed := c.bucket != "" || len(f.Inputs) > 0
	switch {
	case f.Start == "" && fed:
		f.Start = flow.StartInput
	case f.Start == "" && f.Schedule != "":
		f.Start = flow.StartSchedule
	case f.Start != flow.StartSchedule && f.Start != "" && f.Schedule != "":
		return fmt.Errorf("--schedule is for --trigger schedule, not for %s", f.Start)
	case f.Start != flow.StartInput && f.Start != "" && fed:
		return fmt.Errorf("--bucket and --input are for --trigger input, not for %s", f.Start)
	}
	return nil
}

// fillRest asks for what depends on what starts the function.
func (c *newCommand) fillRest(ask func(question) (string, error)) (err error) {
	f := &c.file
	switch {
	case f.Start == flow.StartSchedule && f.Schedule == "":
		f.Schedule, err = ask(question{"When: rate(…) or cron(…)", flow.DefaultSchedule, checkSchedule})
		return err
	case f.Start != flow.StartInput || len(f.Inputs) > 0:
		return nil
	}
	if c.bucket == "" {
		if c.bucket, err = ask(question{"Bucket for files and results, whose name is unique in all of AWS", "", checkBucket}); err != nil {
			return err
		}
	}
	if c.bucket == "" {
		return errors.New("the function needs files: give it --bucket or --input, or another --trigger")
	}
	bucket := bucketOf(c.bucket)
	f.Inputs = []string{"s3://" + bucket + "/in/"}
	if len(f.Outputs) == 0 {
		f.Outputs = []string{"s3://" + bucket + "/out/"}
	}
	return nil
}

// ask asks on the terminal, until an answer will do. An empty one is the default.
func (c *newCommand) ask(cmd *cobra.Command, q question) (string, error) {
	for {
		view.Ask(c.streams(), q.text, q.otherwise)
		answer, err := readLine(cmd.Context(), c.stdin)
		if err != nil {
			return "", errors.New("not answered: nothing was written")
		}
		if answer = either(answer, q.otherwise); answer == "" {
			continue
		}
		if err := q.check(answer); err != nil {
			view.Note(c.streams(), err.Error())
			continue
		}
		return answer, nil
	}
}

// nameOfFolder is a name for a function of a folder.
func nameOfFolder(dir string) string {
	path, err := filepath.Abs(dir)
	if err != nil {
		return "hello"
	}
	name := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, filepath.Base(path)), "-_")
	if name == "" {
		return "hello"
	}
	return name[:min(len(name), 32)]
}

// projectOf is the name of a project that is like a function's.
func projectOf(function string) string {
	name := strings.ReplaceAll(strings.ToLower(function), "_", "-")
	name = strings.TrimLeft(name, "0123456789-")
	for strings.Contains(name, "--") {
		name = strings.ReplaceAll(name, "--", "-")
	}
	if name = strings.TrimRight(name[:min(len(name), 32)], "-"); name == "" {
		return "hello"
	}
	return name
}
