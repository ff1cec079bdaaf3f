package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// formatFlags say how to print.
type formatFlags struct{ json bool }

func (f *formatFlags) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
}

func (f *formatFlags) format() view.Format {
	if f.json {
		return view.JSON
	}
	return view.Human
}

// accountFlags say which account and region to work in.
type accountFlags struct {
	region, profile string
	local           bool
	parallelism     int
}

func (f *accountFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.region, "region", "", "AWS region, instead of the file's")
	cmd.Flags().StringVar(&f.profile, "profile", "", "AWS profile, instead of the file's")
	cmd.Flags().BoolVar(&f.local, "local", false, "work on a running scar local up instead of AWS")
	cmd.MarkFlagsMutuallyExclusive("local", "region")
	cmd.MarkFlagsMutuallyExclusive("local", "profile")
}

func (f *accountFlags) registerParallelism(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.parallelism, "parallelism", 10, "calls and resources to work on at once")
}

// connect finds the account; region and profile are the file's. Images that have to be converted show
// in status.
func (f *accountFlags) connect(cmd *cobra.Command, a *app, region, profile string, status *view.Status) (*flow.Account, error) {
	if f.parallelism < 0 {
		return nil, fmt.Errorf("--parallelism %d: at least 1 is needed", f.parallelism)
	}
	s := flow.Settings{
		Region: either(f.region, region), Profile: either(f.profile, profile),
		Registry: a.getenv("SCAR_ECR_REGISTRY"), CacheDir: a.cacheDir(),
		Version: version, Parallelism: f.parallelism, Converting: status.Converting,
	}
	if f.local {
		endpoint, err := flow.FindLocal(cmd.Context(), a.stateDir())
		if err != nil {
			return nil, err
		}
		s.Endpoint, s.HostArch, s.Registry = endpoint, true, ""
	}
	return flow.Connect(cmd.Context(), s)
}

// notEmpty refuses flags that are given and empty, as by a variable of the shell that is not set: a command would do something
// else without them than what was meant.
func notEmpty(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		if flag := cmd.Flags().Lookup(name); flag.Changed && flag.Value.String() == "" {
			return fmt.Errorf("--%s is given and empty", name)
		}
	}
	return nil
}

func either(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// planFlags say what a plan is to contain. Their addresses are completed by complete.
type planFlags struct {
	adopt, target []string
	deleteBuckets bool
	keepLogs      bool
}

func (f *planFlags) register(cmd *cobra.Command, complete cobra.CompletionFunc) {
	f.registerDestroy(cmd, complete)
	cmd.Flags().StringArrayVar(&f.adopt, "adopt", nil, "take over the resource `ADDRESS`, which exists and is not this project's, such as log_group//aws/lambda/NAME; repeatable")
	_ = cmd.RegisterFlagCompletionFunc("adopt", complete) // likewise
}

// registerDestroy registers those that a destroy knows too.
func (f *planFlags) registerDestroy(cmd *cobra.Command, complete cobra.CompletionFunc) {
	cmd.Flags().StringArrayVar(&f.target, "target", nil, "plan the resource `ADDRESS` and what it needs only, such as function/NAME; repeatable")
	_ = cmd.RegisterFlagCompletionFunc("target", complete) // it fails only for flags that do not exist
	cmd.Flags().BoolVar(&f.deleteBuckets, "delete-buckets", false, "also destroy buckets that scar made, if they are empty")
	cmd.Flags().BoolVar(&f.keepLogs, "keep-logs", false, "keep the log groups of functions that go")
}

func (f *planFlags) options() (o flow.PlanOptions, err error) {
	o.DeleteBuckets, o.KeepLogs = f.deleteBuckets, f.keepLogs
	if o.Adopt, err = addresses("--adopt", f.adopt); err != nil {
		return o, err
	}
	o.Target, err = addresses("--target", f.target)
	return o, err
}

func addresses(flag string, texts []string) ([]planner.Address, error) {
	var out []planner.Address
	for _, text := range texts {
		address, err := planner.ParseAddress(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		out = append(out, address)
	}
	return out, nil
}

// approvalFlags say how a plan is approved and carried out.
type approvalFlags struct {
	autoApprove bool
	drain       time.Duration
}

func (f *approvalFlags) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.autoApprove, "auto-approve", false, "do not ask for approval")
	cmd.Flags().DurationVar(&f.drain, "drain", 0, "wait this long, and no longer than its timeout, between stopping the events of a function and destroying it")
}

// sameFlags are the flags by which a command was told of files and account, as another command has to be told of them to find
// the same. There is a space before each.
func sameFlags(cmd *cobra.Command) string {
	var b strings.Builder
	for _, name := range []string{"file", "env-file", "project", "local", "region", "profile"} {
		flag := cmd.Flags().Lookup(name)
		if flag == nil || !flag.Changed {
			continue
		}
		spelled := " --" + name
		if flag.Shorthand != "" {
			spelled = " -" + flag.Shorthand
		}
		switch value := flag.Value.(type) {
		case pflag.SliceValue:
			for _, one := range value.GetSlice() {
				b.WriteString(spelled + " " + shellWord(one))
			}
		default:
			b.WriteString(spelled)
			if value.Type() != "bool" {
				b.WriteString(" " + shellWord(value.String()))
			}
		}
	}
	return b.String()
}

// shellWord is a text as one word of a POSIX shell.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_./:@%+=,-", r))
	}
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// projectFlag names a project without a file.
type projectFlag struct{ name string }

func (f *projectFlag) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "project", "", "the project, without a file; or that of a file in the classic format, given with -f")
	cmd.MarkFlagsMutuallyExclusive("project", "env-file")
}

// projectName is what the file's project must look like; the flag's goes the same way into names.
const projectName = `^[a-z][a-z0-9-]{0,31}$`

// named is the project that the flag names, or else the file. Of a file in the classic format that is given too, it takes
// region and profile.
func (f *projectFlag) named(cmd *cobra.Command, a *app, files *fileFlags) (*spec.File, error) {
	if f.name == "" {
		return files.loadProject(cmd, a)
	}
	if !regexp.MustCompile(projectName).MatchString(f.name) {
		return nil, fmt.Errorf("--project %q: a project is up to 32 of a-z, 0-9 and -, and begins with a letter", f.name)
	}
	if len(files.paths) > 0 {
		files.project = f.name
		return files.loadProject(cmd, a)
	}
	return &spec.File{Project: f.name}, nil
}
