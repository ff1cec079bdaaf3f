package aws

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/iam"
	"github.com/scar-go/scar/local/wire"
	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// TestLocalOnABadDay is the life of a project while every call that changes something loses its answer
// once, roles take a while to be seen, reads are old, pages are short and Lambda throttles.
func TestLocalOnABadDay(t *testing.T) {
	t.Parallel()
	script := local.NewScript()
	a := startLocal(t, script)
	script.PageSize(1)
	script.IAMLag(iam.Lag{Reads: 2, Assumes: 3})
	script.Throttle("lambda:*", 2)
	script.Stale("lambda:GetFunction", 2)
	script.Stale("lambda:GetPolicy", 1)
	script.Stale("logs:DescribeLogGroups", 1)
	for _, operation := range []string{
		"iam:CreateRole", "iam:PutRolePolicy", "iam:TagRole", "iam:DeleteRolePolicy", "iam:DeleteRole",
		"logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DeleteLogGroup",
		"ecr:CreateRepository", "ecr:PutImage", "ecr:BatchDeleteImage", "ecr:DeleteRepository",
		"lambda:CreateFunction", "lambda:UpdateFunctionConfiguration", "lambda:UpdateFunctionCode", "lambda:AddPermission",
		"lambda:RemovePermission", "lambda:TagResource", "lambda:DeleteFunction",
		"s3:CreateBucket", "s3:PutBucketNotificationConfiguration", "s3:DeleteBucket",
	} {
		script.Inject(operation, 1, local.Fault{Drop: true, After: true})
	}
	testLifecycle(t, a)
	calls := local.Count(script.Calls())
	for _, operation := range []string{"s3:PutBucketNotificationConfiguration", "lambda:UpdateFunctionCode", "lambda:RemovePermission"} {
		if calls[operation] == 0 {
			t.Errorf("%s was never called: is it named so? %v", operation, calls)
		}
	}
}

// TestLocalStartsOnABadDay is the same for a function that starts in every way.
func TestLocalStartsOnABadDay(t *testing.T) {
	t.Parallel()
	script := local.NewScript()
	a := startLocal(t, script)
	script.PageSize(1)
	script.IAMLag(iam.Lag{Reads: 1, Assumes: 2})
	operations := []string{
		"sqs:CreateQueue", "sqs:SetQueueAttributes", "sqs:DeleteQueue",
		"lambda:CreateEventSourceMapping", "lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping",
		"lambda:PutFunctionEventInvokeConfig", "lambda:DeleteFunctionEventInvokeConfig", "lambda:PutFunctionConcurrency",
		"lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig", "lambda:DeleteFunctionUrlConfig",
		"scheduler:CreateScheduleGroup", "scheduler:DeleteScheduleGroup", "scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule",
		"ssm:PutParameter", "ssm:DeleteParameter", "ssm:AddTagsToResource",
		"apigateway:CreateApi", "apigateway:CreateIntegration", "apigateway:CreateRoute", "apigateway:CreateStage", "apigateway:DeleteApi",
	}
	for _, operation := range operations {
		script.Inject(operation, 1, local.Fault{Drop: true, After: true})
	}
	testStarts(t, a)
	calls := local.Count(script.Calls())
	for _, operation := range operations {
		if calls[operation] == 0 {
			t.Errorf("%s was never called: is it named so? %v", operation, calls)
		}
	}
}

// TestLocalInterrupted ends an apply at its k-th call, and expects that one more reaches what was
// wanted; and the same of a destroy. What was begun of a project is found although nothing remembers it.
func TestLocalInterrupted(t *testing.T) {
	script := local.NewScript()
	a := startLocal(t, script)
	interrupted := 0
	for k := int64(1); k < 190; k += 37 {
		t.Run(fmt.Sprintf("at call %d", k), func(t *testing.T) {
			api := function(fmt.Sprintf("a%d", k))
			api.HTTP = &spec.HTTP{API: fmt.Sprintf("api%d", k), Auth: "none"}
			p := a.project(t, fmt.Sprintf("p%d", k), everything(fmt.Sprintf("f%d", k)), api)
			interrupted += p.interrupt(script, k)
			p.apply()
			p.opts = planner.Options{Destroy: true, DeleteBuckets: true}
			interrupted += p.interrupt(script, k)
			p.apply()
			if left := p.plan(); len(left.Changes) != 0 {
				t.Errorf("left: %v", left.Changes)
			}
		})
	}
	if interrupted < 5 {
		t.Errorf("only %d interruptions came before the end", interrupted)
	}
}

// interrupt applies the present plan until its k-th call, and returns 1 if that ended it.
func (p *project) interrupt(script *local.Script, k int64) int {
	p.t.Helper()
	plan := p.plan()
	ctx, cancel := context.WithCancel(p.t.Context())
	defer cancel()
	var calls atomic.Int64
	script.Observe(func(wire.Call) {
		if calls.Add(1) == k {
			cancel()
		}
	})
	defer script.Observe(nil)
	if _, err := applier.Apply(ctx, p.cloud(), plan, applier.Options{}); err != nil {
		return 1
	}
	return 0
}

// TestLocalPlanDepth counts how many round trips a plan waits for, however many functions there are.
func TestLocalPlanDepth(t *testing.T) {
	t.Parallel()
	script := local.NewScript()
	a := startLocal(t, script)
	var functions []spec.Function
	for i := range 8 {
		functions = append(functions, everything(fmt.Sprintf("f%d", i)))
	}
	for i := range 4 {
		f := function(fmt.Sprintf("a%d", i))
		f.HTTP = &spec.HTTP{API: fmt.Sprintf("api%d", i), Auth: "none"}
		functions = append(functions, f)
	}
	p := a.project(t, "imaging", functions...)
	p.apply()
	p.parallelism = 1000
	// Calls that are made at once overlap only where each lasts longer than it takes to start them all, which a busy
	// machine needs time for: the depth is the least that is measured.
	var depth int
	for _, latency := range []time.Duration{300 * time.Millisecond, time.Second, 4 * time.Second, 10 * time.Second, 30 * time.Second} {
		script.Forget()
		script.Latency(latency)
		p.plan()
		if depth = local.Depth(script.Calls()); depth <= 3 {
			return
		}
	}
	t.Errorf("%d round trips: %v", depth, local.Count(script.Calls()))
}
