package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/runs"
	"github.com/scar-go/scar/spec"
)

// sweepHelp is what the help of run says of --all.
const sweepHelp = `With --all the function gets one event for each object that is already in its inputs, as if it had just been stored: the first
alone, then up to --concurrency at a time, fewer while Lambda has no place for them. What a record says to be done in the version
that is there is skipped, unless --again is given. What fails does not stop the run. What became of each object is written into
a ledger in the records bucket: scar runs shows it, and scar retry takes what failed once more. A run that was stopped, however
that was, is gone on with by the same command. A function with a queue gets its events through that.`

// paceFlags say how fast a run goes, and when it gives up.
type paceFlags struct {
	concurrency, maxFailures int
	fresh                    bool
}

func (f *paceFlags) register(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.concurrency, "concurrency", 0, fmt.Sprintf("invocations at a time (default: what is reserved for the function, else %d); with a queue, messages in it (default %d)", flow.DefaultConcurrency, flow.DefaultQueued))
	cmd.Flags().IntVar(&f.maxFailures, "max-failures", 0, "stop the run when more than this many objects failed (default: never)")
	cmd.Flags().BoolVar(&f.fresh, "new", false, "begin a run even if one is unfinished, which stays as it is")
}

func (f *paceFlags) check(cmd *cobra.Command) error {
	if cmd.Flags().Changed("concurrency") && (f.concurrency < 1 || f.concurrency > flow.MaxConcurrency) {
		return fmt.Errorf("--concurrency %d: it is from 1 to %d", f.concurrency, flow.MaxConcurrency)
	}
	if f.maxFailures < 0 {
		return fmt.Errorf("--max-failures %d: it is a number of objects", f.maxFailures)
	}
	return nil
}

// sweepFlags say which of the objects in a function's inputs it is run for.
type sweepFlags struct {
	paceFlags
	all, again, dryRun bool
	prefix, suffix     string
	newerThan          string
	limit              int
}

// selecting are the flags that choose objects; those of a run that is gone on with have to be the same.
var selecting = []string{"prefix", "suffix", "newer-than", "limit", "again"}

// sweeping are the flags that have a meaning with --all only.
var sweeping = append([]string{"concurrency", "max-failures", "new", "dry-run"}, selecting...)

func (f *sweepFlags) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.all, "all", false, "run the function for every object that is already in its inputs")
	cmd.Flags().StringVar(&f.prefix, "prefix", "", "with --all: only objects whose key begins so, below the input's own prefix")
	cmd.Flags().StringVar(&f.suffix, "suffix", "", "with --all: only objects whose key ends so")
	cmd.Flags().StringVar(&f.newerThan, "newer-than", "", "with --all: only objects stored later: "+momentHelp)
	cmd.Flags().IntVar(&f.limit, "limit", 0, "with --all: at most so many objects that are not done (default: all)")
	cmd.Flags().BoolVar(&f.again, "again", false, "with --all: objects that are done, too")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "with --all: count what would be sent, and send nothing")
	f.paceFlags.register(cmd)
}

// active says whether the function is to be run for objects that are there.
func (f *sweepFlags) active() bool { return f.all }

// check refuses flags that have no meaning, or no sense.
func (f *sweepFlags) check(cmd *cobra.Command) error {
	for _, name := range sweeping {
		if !f.all && cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s says which objects --all takes, or how: give --all too", name)
		}
	}
	if f.limit < 0 {
		return fmt.Errorf("--limit %d: it is a number of objects", f.limit)
	}
	return f.paceFlags.check(cmd)
}

// selection is what the flags choose, and whether they choose anything.
func (f *sweepFlags) selection(cmd *cobra.Command, now time.Time) (s runs.Selection, chosen bool, err error) {
	for _, name := range selecting {
		chosen = chosen || cmd.Flags().Changed(name)
	}
	s = runs.Selection{Prefix: f.prefix, Suffix: f.suffix, Limit: f.limit}
	if f.newerThan == "" {
		return s, chosen, nil
	}
	s.NewerThan, err = parseTime("--newer-than", f.newerThan, now)
	return s, chosen, err
}

// run runs a function for every object that is already in its inputs.
func (f *sweepFlags) run(cmd *cobra.Command, a *app, files *fileFlags, account *accountFlags, format *formatFlags, args []string) error {
	selection, chosen, err := f.selection(cmd, time.Now())
	if err != nil {
		return err
	}
	file, err := files.load(cmd, a)
	if err != nil {
		return err
	}
	function, err := sweptFunction(file, args)
	if err != nil {
		return err
	}
	connected, err := account.connect(cmd, a, file.Region, file.Profile, view.NewStatus(a.streams(), format.format()))
	if err != nil {
		return err
	}
	sweep := flow.Sweep{
		File: file, Function: function, Selection: selection, Again: f.again, New: f.fresh, Chosen: chosen,
		Concurrency: f.concurrency, MaxFailures: f.maxFailures,
	}
	if f.dryRun {
		return a.countSweep(cmd, connected, sweep, format.format())
	}
	return a.sweep(cmd, connected, sweep, format.format())
}

// sweptFunction is the function that is named, or the only one that there is something to list for.
func sweptFunction(file *spec.File, args []string) (*spec.Function, error) {
	if len(args) > 0 {
		for i := range file.Functions {
			if file.Functions[i].Name == args[0] {
				return &file.Functions[i], nil
			}
		}
		return nil, fmt.Errorf("the file has no function %q; it has %q", args[0], functionNames(file))
	}
	var fed []*spec.Function
	var names []string
	for i := range file.Functions {
		fn := &file.Functions[i]
		if len(fn.Inputs) > 0 {
			fed, names = append(fed, fn), append(names, fn.Name)
		}
	}
	switch len(fed) {
	case 0:
		return nil, errors.New("no function of the file has an input: there is nothing to list")
	case 1:
		return fed[0], nil
	}
	return nil, fmt.Errorf("several functions have an input: name one of %q", names)
}

// countSweep counts what a run would take.
func (a *app) countSweep(cmd *cobra.Command, connected *flow.Account, sweep flow.Sweep, format view.Format) error {
	status := view.NewStatus(a.streams(), format)
	counted, err := connected.CountSweep(cmd.Context(), sweep, func(c runs.Counted) {
		status.Say(fmt.Sprintf("%s: %d objects to send, %d done", sweep.Function.Name, c.ToSend, c.Done))
	})
	status.Clear()
	if err != nil {
		return err
	}
	return view.SweepStart{Function: sweep.Function.Name, Counted: counted}.Print(a.streams(), format)
}

// sweep carries a run out, and shows it.
func (a *app) sweep(cmd *cobra.Command, connected *flow.Account, sweep flow.Sweep, format view.Format) error {
	shown := view.NewSweep(a.streams(), format, sweep.Function.Name)
	sweep.Note, sweep.Progress = shown.Note, shown.Progress
	if sweep.Function.Records == "" {
		shown.Note("the function writes no records: nothing of this run is written down, and nothing can go on with it if it is stopped")
	}
	began := time.Now()
	summary, err := connected.Sweep(cmd.Context(), sweep)
	shown.Stop()
	if summary == nil {
		return err
	}
	end := view.SweepEnd{Summary: summary, Records: sweep.Function.Records, Took: time.Since(began), Same: sameFlags(cmd)}
	if printed := end.Print(a.streams(), format); printed != nil || err != nil {
		return errors.Join(err, printed)
	}
	if summary.State != runs.Finished || summary.Tally.Failed > 0 {
		return exitCode(exitError)
	}
	return nil
}
