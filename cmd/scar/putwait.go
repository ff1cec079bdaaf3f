package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/transfer"
)

// putAndWait puts files, waits until functions have processed them, and shows what came of each.
func (c *putCommand) putAndWait(cmd *cobra.Command, places *flow.Places, paths []string, to transfer.Place, o transfer.Options) error {
	wait, err := places.Wait(to)
	if err != nil {
		return err
	}
	began := time.Now()
	format := c.format.format()
	shown := view.NewTransfer(c.streams(), view.Human, "put", c.verbose)
	if format == view.JSON {
		shown = view.NewQuietTransfer()
	}
	put := &putFiles{Transfer: shown, wait: wait, from: map[transfer.Place]string{}}
	o.Observer, o.Before = put, wait.Before
	ctx := places.Context(cmd.Context())
	tally, err := transfer.Put(ctx, paths, to, places.Open, o)
	shown.Stop()
	if ctx.Err() != nil {
		err = fmt.Errorf("interrupted: %d files were put%s", tally.Done, goOn)
	}
	if err != nil {
		return err
	}
	run := view.NewRun(c.streams(), format, wait.Files())
	results, err := wait.Results(cmd.Context(), flow.WaitOptions{
		Timeout: c.timeout, Get: c.get, From: put.path,
		Ended: func(r flow.RunResult) { run.Processed(r.Status == view.RunDone) },
	})
	if err != nil {
		run.Stop()
		return err
	}
	rows := rowsOf(put.rows, results)
	if err := run.Finish(rows, time.Since(began)); err != nil {
		return err
	}
	if failed := slices.IndexFunc(rows, func(r view.RunFile) bool { return r.Status == view.RunFailed }); failed >= 0 {
		return exitCode(exitError)
	}
	return nil
}

// rowsOf are the results of all files, in the order of their names. What started no function counts as that of the only one that ran.
func rowsOf(others []view.RunFile, results []flow.RunResult) []view.RunFile {
	only := ""
	if len(results) > 0 && !slices.ContainsFunc(results, func(r flow.RunResult) bool { return r.Function != results[0].Function }) {
		only = results[0].Function
	}
	rows := slices.Clone(others)
	for i := range rows {
		rows[i].Function = only
	}
	for _, r := range results {
		rows = append(rows, view.RunFile(r))
	}
	slices.SortStableFunc(rows, func(a, b view.RunFile) int { return strings.Compare(a.File, b.File) })
	return rows
}

// putFiles is told of files that are put, and remembers what they are called here. Those that no function takes have their
// results at once.
type putFiles struct {
	*view.Transfer
	wait *flow.Wait

	mu   sync.Mutex
	from map[transfer.Place]string
	rows []view.RunFile
}

// Ended implements transfer.Observer.
func (p *putFiles) Ended(item transfer.Item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case item.Err != nil:
		p.rows = append(p.rows, view.RunFile{File: item.From, Status: view.RunFailed, Error: item.Err.Error()})
		return
	case item.Skipped != "" || !p.wait.Put(item):
		p.rows = append(p.rows, view.RunFile{File: item.From, Status: view.RunSkipped})
	}
	p.from[item.At] = item.From
	p.Transfer.Ended(item)
}

func (p *putFiles) path(at transfer.Place) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.from[at]
}

var _ transfer.Observer = (*putFiles)(nil)
