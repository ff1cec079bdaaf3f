package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/planner"
)

// everything destroys all projects of the region, one after the other. Whoever approves has to say how many functions go.
func (c *destroyCommand) everything(cmd *cobra.Command, connected *flow.Account, options flow.PlanOptions, status *view.Status) error {
	if len(options.Target) > 0 {
		return errors.New("--all destroys everything: --target cannot be used with it")
	}
	status.Say("Looking at the account…")
	projects, err := connected.Projects(cmd.Context())
	if err != nil {
		status.Clear()
		return err
	}
	var plans []*flow.Planned
	functions := 0
	for _, project := range projects {
		status.Say("Looking at project " + project + "…")
		planned, err := connected.PlanDestroy(cmd.Context(), project, options)
		if err != nil {
			status.Clear()
			return fmt.Errorf("project %s: %w", project, err)
		}
		if planned.HasChanges() {
			plans = append(plans, planned)
			functions += countFunctions(planned)
		}
	}
	status.Clear()
	if len(plans) == 0 {
		view.Note(c.streams(), "There is nothing of scar's to destroy in region "+connected.Region()+".")
		return nil
	}
	if err := c.approveAll(cmd, plans, functions); err != nil {
		return err
	}
	var errs []error
	for i, planned := range plans {
		if cmd.Context().Err() != nil {
			errs = append(errs, fmt.Errorf("interrupted: %d of %d projects are as they were; the same command goes on", len(plans)-i, len(plans)))
			break
		}
		shown := view.NewApply(c.streams(), c.format.format())
		outputs, err := planned.Apply(cmd.Context(), flow.ApplyOptions{Parallelism: c.account.parallelism, Drain: c.approval.drain, Events: shown.Event})
		errs = append(errs, err, shown.Finish(planned.Plan, view.Outputs(outputs), err != nil))
	}
	return errors.Join(errs...)
}

// approveAll shows all plans and asks for the number of functions that go.
func (c *destroyCommand) approveAll(cmd *cobra.Command, plans []*flow.Planned, functions int) error {
	if c.format.format() == view.JSON && !c.approval.autoApprove {
		return errors.New("--json shows no plan to approve: use --auto-approve")
	}
	if c.format.format() == view.Human {
		for _, planned := range plans {
			view.Note(c.streams(), "\nProject "+planned.Project+":")
			if err := view.Plan(c.streams(), view.Human, planned.Plan); err != nil {
				return err
			}
		}
	}
	if c.approval.autoApprove {
		return nil
	}
	if !term.IsTerminal(int(c.stdin.Fd())) || !term.IsTerminal(int(c.stderr.Fd())) {
		return errors.New("there is no terminal to ask for approval: use --auto-approve")
	}
	view.PromptFor(c.streams(), fmt.Sprintf("Do you want scar to destroy all of its projects in this region (projects: %d, functions: %d)?", len(plans), functions),
		"Type the number of functions")
	answer, err := readLine(cmd.Context(), c.stdin)
	if err != nil {
		return err
	}
	if answer != strconv.Itoa(functions) {
		return errors.New("not approved: nothing was changed")
	}
	return nil
}

func countFunctions(planned *flow.Planned) int {
	n := 0
	for _, change := range planned.Changes {
		if change.Address.Kind == planner.KindFunction && change.Action == planner.Delete {
			n++
		}
	}
	return n
}
