package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/spec"
)

// applyCommand changes the account to what the file says, or carries out a saved plan.
type applyCommand struct {
	*app
	files    fileFlags
	account  accountFlags
	plan     planFlags
	format   formatFlags
	approval approvalFlags
}

func (c *applyCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply [PLAN]",
		Short: "Change the account to what the file says",
		Long: `Show what would change in the account, ask, and change it. What is approved is what is done, to the
field. After an error or an interruption one more apply goes on where this one stopped.

With the name of a plan that scar plan --out saved, exactly that plan is carried out, without a question;
it is refused if the account, a script or an image has changed since. It names the files that it was made
from, those of --env-file too; variables of the environment have to be set as they were. It is refused, too,
if a secret that a variable brings has changed.

At the end, functions that got other code and have preheat: true are started once, with an event that runs
no script, so that Lambda has their image at hand. That this fails is a warning.

Without a terminal to ask on, --auto-approve is needed.`,
		Example: `  scar apply
  scar apply --auto-approve
  scar apply plan.json
  scar apply --adopt log_group//aws/lambda/grayify
  scar apply --local`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return c.saved(cmd, args[0])
			}
			return c.fresh(cmd)
		},
	}
	c.files.register(cmd)
	c.files.registerProject(cmd)
	c.account.register(cmd)
	c.account.registerParallelism(cmd)
	c.files.registerLoops(cmd)
	c.plan.register(cmd, c.completeAddress(&c.files, &c.account))
	c.format.register(cmd)
	c.approval.register(cmd)
	return cmd
}

func (c *applyCommand) fresh(cmd *cobra.Command) error {
	planned, _, err := makePlan(cmd, c.app, &c.files, &c.account, &c.plan, c.format.format())
	if err != nil {
		return err
	}
	return c.carryOut(cmd.Context(), planned, c.format.format(), c.approval, c.account.parallelism, "Do you want scar to make these changes?")
}

// saved carries out a plan from a file. It was approved when it was handed over.
func (c *applyCommand) saved(cmd *cobra.Command, path string) error {
	for _, name := range []string{"file", "env-file", "project", "allow-loops", "adopt", "target", "delete-buckets", "keep-logs"} {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s cannot be used with a saved plan: the plan settles it", name)
		}
	}
	plan, err := flow.Load(path)
	if err != nil {
		return err
	}
	status := view.NewStatus(c.streams(), c.format.format())
	connected, err := c.account.connect(cmd, c.app, plan.Region, plan.Source.Profile, status)
	if err != nil {
		return err
	}
	status.Say("Comparing the plan with the files and the account…")
	files := fileFlags{paths: plan.Source.Files, envFiles: plan.Source.EnvFiles, project: plan.Project, allowLoops: true} // the plan settles what loops
	load := func() (*spec.File, error) { return files.load(cmd, c.app) }
	planned, err := connected.Resume(cmd.Context(), plan, load)
	status.Clear()
	if err != nil {
		return err
	}
	approval := c.approval
	approval.autoApprove = true
	return c.carryOut(cmd.Context(), planned, c.format.format(), approval, c.account.parallelism, "")
}

// carryOut shows a plan, has it approved, and applies it.
func (a *app) carryOut(ctx context.Context, planned *flow.Planned, format view.Format, approval approvalFlags, parallelism int, question string) error {
	if format == view.Human {
		if err := view.Plan(a.streams(), format, planned.Plan); err != nil {
			return err
		}
	}
	if !planned.HasChanges() {
		return a.nothingToDo(ctx, planned, format)
	}
	if format == view.JSON && !approval.autoApprove {
		return errors.New("--json shows no plan to approve: use --auto-approve" + a.orSave(planned))
	}
	if err := a.approve(ctx, approval.autoApprove, question, a.orSave(planned)); err != nil {
		return err
	}
	shown := view.NewApply(a.streams(), format)
	outputs, err := planned.Apply(ctx, flow.ApplyOptions{Parallelism: parallelism, Drain: approval.drain, Events: shown.Event, Preheated: shown.Preheat})
	return errors.Join(err, shown.Finish(planned.Plan, view.Outputs(outputs), err != nil))
}

// nothingToDo ends an apply that has nothing to change; people have read it in the plan.
func (a *app) nothingToDo(ctx context.Context, planned *flow.Planned, format view.Format) error {
	outputs, err := planned.Outputs(ctx)
	if err != nil {
		return err
	}
	if format == view.Human {
		return view.Outputs(outputs).PrintBelow(a.streams())
	}
	return view.NewApply(a.streams(), format).Finish(planned.Plan, view.Outputs(outputs), false)
}

// orSave is the other way to approve a plan, where scar plan can make it: not of a removal, nor of what flags of the original say.
func (a *app) orSave(planned *flow.Planned) string {
	if planned.Destroys() || a.document != nil {
		return ""
	}
	return ", or scar plan --out FILE and scar apply FILE"
}

// approve asks on the terminal. It never waits where nobody can answer; otherwise is what to do there, beside --auto-approve.
func (a *app) approve(ctx context.Context, auto bool, question, otherwise string) error {
	if auto {
		return nil
	}
	if !term.IsTerminal(int(a.stdin.Fd())) || !term.IsTerminal(int(a.stderr.Fd())) {
		return errors.New("there is no terminal to ask for approval: use --auto-approve" + otherwise)
	}
	view.Prompt(a.streams(), question)
	answer, err := readLine(ctx, a.stdin)
	if err != nil {
		return err
	}
	if answer != "yes" {
		return errors.New("not approved: nothing was changed")
	}
	return nil
}

// readLine reads a line unless the context ends first. The read itself cannot be interrupted; it ends
// with the process.
func readLine(ctx context.Context, from *os.File) (string, error) {
	type result struct {
		line string
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(from).ReadString('\n')
		read <- result{strings.TrimSpace(line), err}
	}()
	select {
	case r := <-read:
		if r.err != nil && r.line == "" {
			return "", errors.New("not approved: nothing was changed")
		}
		return r.line, nil
	case <-ctx.Done():
		return "", errors.New("not approved: nothing was changed")
	}
}
