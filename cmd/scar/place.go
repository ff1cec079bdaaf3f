package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/spec"
	"github.com/scar-go/scar/transfer"
)

// placeGrammar is what the help of every command says of places.
const placeGrammar = `
A PLACE is s3://bucket/folder/ in the account's own S3, or at a provider that the file describes under storage,
minio.lab/bucket/folder/, webdav.nas/folder/ or onedata.eosc/folder/. For s3:// no file is needed: if there is
one, its region and profile are used. A file of this machine with such a name is written ./minio.lab/x.`

// placeFlags say where places are.
type placeFlags struct {
	files   fileFlags
	account accountFlags
	format  formatFlags
}

func (f *placeFlags) register(cmd *cobra.Command) {
	f.files.register(cmd)
	f.account.register(cmd)
	f.format.register(cmd)
}

// connect finds the account, and what the file describes as far as these places need it. whole says that the file is
// needed in any case.
func (f *placeFlags) connect(cmd *cobra.Command, a *app, whole bool, places ...transfer.Place) (*flow.Places, *spec.File, error) {
	others := slices.ContainsFunc(places, func(p transfer.Place) bool { return !spec.IsOwnS3(p.Provider) })
	var file *spec.File
	var err error
	switch {
	case others || whole:
		file, err = f.files.load(cmd, a)
	case len(f.files.paths) > 0 || exists(defaultFile):
		file, err = f.files.loadProject(cmd, a)
	default:
		file = &spec.File{}
	}
	if err != nil {
		return nil, nil, err
	}
	connected, err := f.account.connect(cmd, a, file.Region, file.Profile, view.NewStatus(a.streams(), f.format.format()))
	if err != nil {
		return nil, nil, err
	}
	opened, err := connected.Places(cmd.Context(), file)
	return opened, file, err
}

// moveFlags say what is moved and how.
type moveFlags struct {
	recursive, noClobber, update, dryRun, verbose bool
	include, exclude                              []string
	parallelism                                   int
}

func (f *moveFlags) register(cmd *cobra.Command) {
	f.registerFilter(cmd)
	cmd.Flags().BoolVarP(&f.noClobber, "no-clobber", "n", false, "leave files as they are that are there")
	cmd.Flags().BoolVarP(&f.update, "update", "u", false, "leave files as they are that are there with the same size and are not older")
	cmd.MarkFlagsMutuallyExclusive("no-clobber", "update")
}

// registerFilter registers those that removing has too.
func (f *moveFlags) registerFilter(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.recursive, "recursive", "r", false, "folders too, with all that is in them")
	cmd.Flags().StringArrayVar(&f.include, "include", nil, "only files that match `GLOB`, such as *.jpg or raw/**; repeatable")
	cmd.Flags().StringArrayVar(&f.exclude, "exclude", nil, "no files that match `GLOB`; repeatable, and stronger than --include")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would be done, and do nothing")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "tell of every file, not only of those that failed")
	cmd.Flags().IntVar(&f.parallelism, "parallelism", transfer.DefaultAtOnce, "files at a time")
}

func (f *moveFlags) options() (transfer.Options, error) {
	filter, err := transfer.NewFilter(f.include, f.exclude)
	if err != nil {
		return transfer.Options{}, err
	}
	if f.parallelism < 1 {
		return transfer.Options{}, fmt.Errorf("--parallelism %d: at least 1 is needed", f.parallelism)
	}
	o := transfer.Options{Recursive: f.recursive, Filter: filter, DryRun: f.dryRun, AtOnce: f.parallelism}
	switch {
	case f.noClobber:
		o.Existing = transfer.Keep
	case f.update:
		o.Existing = transfer.Update
	}
	return o, nil
}

// run shows a transfer, and makes an error of files that failed and of an interrupt. again is what the latter says of other files.
func (f *moveFlags) run(ctx context.Context, a *app, format view.Format, verb, again string, o transfer.Options, step func(context.Context, transfer.Options) (transfer.Tally, error)) error {
	shown := view.NewTransfer(a.streams(), format, verb, f.verbose || f.dryRun)
	o.Observer = shown
	tally, err := step(ctx, o)
	if ctx.Err() != nil {
		err = fmt.Errorf("interrupted: %d files were %s%s", tally.Done, verb, again)
	}
	if err != nil && tally == (transfer.Tally{}) {
		shown.Stop() // it did not begin
		return err
	}
	if printed := shown.Finish(tally, o.DryRun); err == nil {
		err = printed
	}
	if err == nil && tally.Failed > 0 {
		err = errFailedFiles(tally)
	}
	return err
}

func errFailedFiles(tally transfer.Tally) error {
	if tally.Failed == 1 {
		return errors.New("1 file failed")
	}
	return fmt.Errorf("%d files failed", tally.Failed)
}

// parsePlaces reads the places of a command line.
func parsePlaces(texts []string) ([]transfer.Place, error) {
	places := make([]transfer.Place, len(texts))
	for i, text := range texts {
		var err error
		if places[i], err = transfer.Parse(text); err != nil {
			return nil, err
		}
	}
	return places, nil
}

// completePlace completes the places that the inputs and outputs of the file are. Where paths of this machine are meant
// too, the shell completes those.
func (a *app) completePlace(files *fileFlags, paths bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		directive := cobra.ShellCompDirectiveNoSpace
		if !paths {
			directive |= cobra.ShellCompDirectiveNoFileComp
		}
		file, err := files.outline(cmd, a)
		if err != nil {
			return nil, directive
		}
		return flow.PlacesOf(file), directive
	}
}
