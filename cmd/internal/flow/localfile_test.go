package flow

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/local/lambda"
	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

func TestForLocalRun(t *testing.T) {
	arn := spec.Secret{Service: "secretsmanager", Name: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:lab-AbCdEf", Key: "k"}
	f := &spec.File{
		Project: "p",
		Storage: map[string]spec.Storage{"webdav.nas": {Type: "webdav", User: &spec.Credential{Text: "u"}, Password: &spec.Credential{Secret: &arn}}},
		Functions: []spec.Function{
			{Name: "a", Inputs: []spec.Input{{Bucket: "in"}}, Outputs: []spec.Output{{Provider: "webdav.nas"}}, Secrets: map[string]spec.Secret{"T": {Service: "ssm", Name: "arn:aws:ssm:eu-west-1:123456789012:parameter/t"}}},
			{Name: "b", Inputs: []spec.Input{{Provider: "webdav.nas"}}},
			{Name: "c", Inputs: []spec.Input{{Bucket: "in"}}, Records: "out"},
		},
	}
	before := f.Functions[0].Secrets["T"].Name
	here, notes := forLocalRun(f)
	if got := []string{here.Functions[0].Records, here.Functions[1].Records, here.Functions[2].Records}; !slices.Equal(got, []string{localRecords, "", "out"}) {
		t.Errorf("records in %q", got)
	}
	want := []job.Secret{{Service: job.SecretsManager, Name: "lab"}, {Service: job.SSM, Name: "/t"}}
	if diff := cmp.Diff(want, secretsOf(planner.Jobs(here))); diff != "" {
		t.Error(diff)
	}
	if f.Functions[0].Records != "" || f.Functions[0].Secrets["T"].Name != before || f.Storage["webdav.nas"].Password.Secret.Name != arn.Name {
		t.Error("the file itself was changed")
	}
	if len(notes) > 0 {
		t.Errorf("notes %q", notes)
	}
}

// TestForLocalRunLeavesOut gives a function all that a run on one machine cannot have, and what it has no use for.
func TestForLocalRunLeavesOut(t *testing.T) {
	inputs := []spec.Input{{Bucket: "in"}}
	for name, c := range map[string]struct {
		fn, want spec.Function
		notes    []string // a part of each
	}{
		"what is of an account": {
			fn: spec.Function{
				VPC: &spec.VPC{Subnets: []string{"subnet-1"}}, Mounts: []spec.Mount{{Path: "/mnt/data"}}, Role: "arn:aws:iam::123456789012:role/mine",
				OnFailure: "arn:aws:sns:eu-west-1:123456789012:failed",
			},
			notes: []string{"vpc is left out", "nothing at /mnt/data", "on_failure is left out: arn:aws:sns", "role/mine is not on this machine"},
		},
		"triggers but inputs": {
			fn: spec.Function{HTTP: &spec.HTTP{Auth: "none"}, Schedule: &spec.Schedule{Expression: "rate(1 minute)"}},
		},
		"a bucket for failures stays": {
			fn:   spec.Function{OnFailure: "s3://failed"},
			want: spec.Function{OnFailure: "s3://failed"},
		},
		"and by its ARN": {
			fn:   spec.Function{OnFailure: "arn:aws:s3:::failed"},
			want: spec.Function{OnFailure: "arn:aws:s3:::failed"},
		},
		"a queue stays": {
			fn:   spec.Function{Inputs: inputs, Queue: &spec.Queue{BatchSize: 3, Attempts: 2}},
			want: spec.Function{Inputs: inputs, Queue: &spec.Queue{BatchSize: 3, Attempts: 2}},
		},
		"a queue of the user's": {
			fn:    spec.Function{Inputs: inputs, Queue: &spec.Queue{ARN: "arn:aws:sqs:eu-west-1:123456789012:mine", BatchSize: 3}},
			want:  spec.Function{Inputs: inputs, Queue: &spec.Queue{BatchSize: 3, Attempts: localAttempts}},
			notes: []string{":mine is not on this machine"},
		},
		"one that no input fills": {
			fn:    spec.Function{Queue: &spec.Queue{ARN: "arn:aws:sqs:eu-west-1:123456789012:mine"}},
			notes: []string{":mine is not on this machine"},
		},
		"one at a time": {
			fn:   spec.Function{ConcurrencyManaged: true, Concurrency: 1},
			want: spec.Function{ConcurrencyManaged: true, Concurrency: 1},
		},
		"more than the machine runs": {fn: spec.Function{ConcurrencyManaged: true, Concurrency: 5000}},
		"none at all":                {fn: spec.Function{ConcurrencyManaged: true}, notes: []string{"concurrency 0 is left out"}},
		"unreserved":                 {fn: spec.Function{ConcurrencyManaged: true, Concurrency: spec.Unreserved}},
	} {
		t.Run(name, func(t *testing.T) {
			if !c.want.ConcurrencyManaged {
				c.want.Concurrency = spec.Unreserved
			}
			got := c.fn
			notes := leaveOut(&got)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			for i, note := range notes {
				if i >= len(c.notes) || !strings.Contains(strings.Join(notes, "\n"), c.notes[i]) {
					t.Errorf("note %q", note)
				}
			}
			if len(notes) != len(c.notes) {
				t.Errorf("%d notes, want %d: %q", len(notes), len(c.notes), notes)
			}
		})
	}
}

// TestEndingsOfMessages follows two messages of a queue that is tried three times.
func TestEndingsOfMessages(t *testing.T) {
	const payload = `{"Records":[
		{"messageId":"1","body":"{\"Records\":[{\"s3\":{\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"a+b\"}}}]}"},
		{"messageId":"2","body":"{\"Records\":[{\"s3\":{\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"bad\"}}}]}"},
		{"messageId":"3","body":"{\"Service\":\"Amazon S3\",\"Event\":\"s3:TestEvent\",\"Bucket\":\"b\"}"}]}`
	v := newInvocations(&spec.File{Functions: []spec.Function{{Name: "f", Queue: &spec.Queue{Attempts: 3}}}})
	type end struct {
		key     string
		attempt int
		failed  bool
	}
	for _, c := range []struct {
		name     string
		kind     string // of the error that the whole invocation ended with
		messages []lambda.Message
		want     []end
	}{
		{"one of the batch fails", "", []lambda.Message{{ID: "1", Attempt: 1}, {ID: "2", Attempt: 1, Failed: true}, {ID: "3", Attempt: 1}}, []end{{"a b", 1, false}}},
		{"it fails again", "X", []lambda.Message{{ID: "2", Attempt: 2, Failed: true}}, nil},
		{"for the last time", "X", []lambda.Message{{ID: "2", Attempt: 3, Failed: true}}, []end{{"bad", 3, true}}},
		{"all, without a word", "Sandbox.Timedout", []lambda.Message{{ID: "1", Attempt: 3}, {ID: "2", Attempt: 2}}, []end{{"a b", 3, true}}},
		{"or it ends well", "", []lambda.Message{{ID: "2", Attempt: 3}}, []end{{"bad", 3, false}}},
	} {
		i := lambda.Invocation{Function: "f", Payload: []byte(payload), ErrorType: c.kind, Messages: c.messages}
		var got []end
		for _, e := range v.endings(i) {
			got = append(got, end{e.key, e.attempt, e.failed})
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestReasonOfAFailedMessage(t *testing.T) {
	failed := job.Record{RequestID: "r", Error: &job.Error{Type: "Scar.ScriptFailed", Message: "exit code 3"}}
	old := failed
	old.RequestID = "before"
	whole := lambda.Invocation{RequestID: "r", ErrorType: "Sandbox.Timedout", ErrorMessage: "after 3 s"}
	part := lambda.Invocation{RequestID: "r"}
	for _, c := range []struct {
		invocation lambda.Invocation
		record     job.Record
		want       string
	}{
		{part, failed, "Scar.ScriptFailed: exit code 3"},
		{whole, failed, "Scar.ScriptFailed: exit code 3"},
		{whole, old, "Sandbox.Timedout: after 3 s"},
		{part, old, "the function reported that it failed"},
	} {
		if got := (ending{Invocation: c.invocation}).reason(c.record); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
