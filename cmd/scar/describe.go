package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// describeCommand shows all there is of one function.
type describeCommand struct {
	*app
	files   fileFlags
	account accountFlags
	format  formatFlags
}

func (c *describeCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "describe [NAME]",
		Short: "Show all there is of a function in the account",
		Long: `Show a function as it is in the account: its state, image, settings and environment, what starts it and what waits in its
queues, the rights of its role, its log, and how often it ran in the last 24 hours. NAME is the function's, or of the only
function of the file. A file is not needed; of one, only project, region and profile are read.

Values of variables that look like secrets are hidden, and secrets are named and not read.`,
		Example: `  scar describe grayify
  scar describe
  scar describe grayify --json | jq .queues`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.completeFunction(&c.files),
		RunE:              c.run,
	}
	c.files.register(cmd)
	c.account.register(cmd)
	c.account.registerParallelism(cmd)
	c.format.register(cmd)
	return cmd
}

func (c *describeCommand) run(cmd *cobra.Command, args []string) error {
	name, file, err := c.files.function(cmd, c.app, args)
	if err != nil {
		return err
	}
	status := view.NewStatus(c.streams(), c.format.format())
	connected, err := c.account.connect(cmd, c.app, file.Region, file.Profile, status)
	if err != nil {
		return err
	}
	status.Say("Looking at the account…")
	described, err := connected.Describe(cmd.Context(), name, c.note(status))
	status.Clear()
	if err != nil {
		return err
	}
	return view.Describe(c.streams(), c.format.format(), description(described))
}

// description is what is shown of what is there.
func description(d *flow.Description) view.Description {
	out := view.Description{
		Name: d.Name, Project: d.Project, ARN: d.ARN, Description: d.Deployed.Description,
		State: d.State, StateReason: d.StateReason, LastUpdate: d.LastUpdate, LastUpdateReason: d.LastUpdateReason, Modified: d.Modified,
		Image: d.Image, Base: d.Tags[planner.TagImage], Memory: d.Memory, Timeout: d.Timeout, EphemeralStorage: d.EphemeralStorage,
		Architecture: d.Architecture, Environment: map[string]string{}, Parameters: nonNil(d.Parameters), URL: d.URL, Role: d.Role,
		LogGroup: d.LogGroup, Retries: planner.DefaultAttempts, Last: (*view.Activity)(d.Last), Tags: d.Tags,
		Duration: float64(d.Duration.Microseconds()) / 1000,
		Starts:   []string{}, Secrets: []string{}, Queues: []view.QueueDepth{}, Rights: []planner.Statement{},
	}
	if d.Stored != nil {
		out.ImageSize, out.Pushed = d.Stored.Size, &d.Stored.Pushed
	}
	if d.Reserved != spec.Unreserved {
		out.Concurrency = &d.Reserved
	}
	for _, q := range d.Queues {
		out.Queues = append(out.Queues, view.QueueDepth(q))
	}
	for _, r := range d.Live.Sorted() {
		describePart(&out, r)
	}
	return out
}

// describePart adds what one resource tells.
func describePart(out *view.Description, r planner.Resource) {
	switch v := r.Value.(type) {
	case planner.Function:
		for name, value := range v.Environment {
			out.Environment[name] = view.Mask(name, value)
		}
	case planner.LogGroup:
		out.Retention = v.RetentionDays
	case planner.InvokeConfig:
		out.OnFailure, out.Retries = v.OnFailure, v.Attempts
	case planner.Role:
		if strings.HasSuffix(out.Role, "/"+v.Name) {
			out.Rights = append(out.Rights, v.Policy.Statements...)
			out.Secrets = append(out.Secrets, secretsOf(v.Policy, out.Parameters)...)
		}
	default:
		if start := startedBy(v); start != "" {
			out.Starts = append(out.Starts, start)
		}
	}
}

// secretsOf are the secrets that a policy lets a function read, but for the parameters that scar made, as files name them.
func secretsOf(policy planner.Policy, made []string) (secrets []string) {
	for _, s := range policy.Statements {
		reads := slices.Contains(s.Action, "ssm:GetParameter") || slices.Contains(s.Action, "secretsmanager:GetSecretValue")
		if s.Effect != "Allow" || !reads {
			continue
		}
		for _, resource := range s.Resource {
			if name := secretName(resource); name != "" && !slices.Contains(made, strings.TrimPrefix(name, "ssm:")) {
				secrets = append(secrets, name)
			}
		}
	}
	return secrets
}

// secretName is what files call a secret, by its ARN; empty: it is none.
func secretName(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	if name, found := strings.CutPrefix(parts[5], "parameter"); found && parts[2] == "ssm" {
		return "ssm:" + name
	}
	if name, found := strings.CutPrefix(parts[5], "secret:"); found && parts[2] == "secretsmanager" {
		return "secretsmanager:" + strings.TrimSuffix(name, "-??????")
	}
	return ""
}

// startedBy says in words how a resource starts its function; empty: it does not.
func startedBy(v planner.Value) string {
	switch v := v.(type) {
	case planner.Trigger:
		text := fmt.Sprintf("s3://%s/%s", v.Bucket, v.Prefix)
		if v.Suffix != "" {
			text += "*" + v.Suffix
		}
		text += " (" + strings.Join(v.Events, ", ") + ")"
		if queue, found := planner.QueueOfARN(v.Target); found {
			text += " by queue " + queue
		}
		return text
	case planner.EventSource:
		queue, _ := planner.QueueOfARN(v.Queue)
		text := fmt.Sprintf("queue %s, %d messages at a time", queue, v.BatchSize)
		if !v.Enabled {
			text += ", disabled"
		}
		return text
	case planner.Schedule:
		text := v.Expression + " " + v.Timezone
		if !v.Enabled {
			text += ", disabled"
		}
		return text
	case planner.FunctionURL:
		return "requests to its URL, auth " + v.Auth
	case planner.HTTPAPI:
		return "requests to the API " + v.Name + ", auth " + v.Auth
	}
	return ""
}

func nonNil(list []string) []string { return append([]string{}, list...) }
