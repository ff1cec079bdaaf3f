package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// defaultFile is the file that is read unless -f names others.
const defaultFile = "func.yaml"

// fileFlags say which files describe the project.
type fileFlags struct{ paths []string }

func (f *fileFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.paths, "file", "f", nil, "file to read, - for standard input; repeated: later files overlay earlier ones (default "+defaultFile+")")
}

func (f *fileFlags) files() []string {
	if len(f.paths) == 0 {
		return []string{defaultFile}
	}
	return f.paths
}

// load reads the files in full.
func (f *fileFlags) load(cmd *cobra.Command, a *app) (*spec.File, error) {
	return spec.Load(cmd.Context(), f.files(), spec.Options{Stdin: a.stdin})
}

// loadProject reads project, region and profile only.
func (f *fileFlags) loadProject(cmd *cobra.Command, a *app) (*spec.File, error) {
	return spec.LoadProject(cmd.Context(), f.files(), spec.Options{Stdin: a.stdin})
}

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
	cmd.Flags().StringArrayVar(&f.adopt, "adopt", nil, "take over a resource that exists and is not this project's, such as log_group//aws/lambda/NAME; repeatable")
	_ = cmd.RegisterFlagCompletionFunc("adopt", complete) // likewise
}

// registerDestroy registers those that a destroy knows too.
func (f *planFlags) registerDestroy(cmd *cobra.Command, complete cobra.CompletionFunc) {
	cmd.Flags().StringArrayVar(&f.target, "target", nil, "plan this resource and what it needs only, such as function/NAME; repeatable")
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
