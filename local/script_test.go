package local

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/iam"
	"github.com/scar-go/scar/local/wire"
)

func openScripted(t *testing.T, o Options) (*Script, *Backend, aws.Config) {
	t.Helper()
	o.Script = NewScript()
	b, _ := open(t, o)
	return o.Script, b, adminOf(b)
}

func getRole(cfg aws.Config, name string) (*awsiam.GetRoleOutput, error) {
	return awsiam.NewFromConfig(cfg).GetRole(context.Background(), &awsiam.GetRoleInput{RoleName: &name})
}

func TestThrottle(t *testing.T) {
	ctx := context.Background()
	script, _, cfg := openScripted(t, Options{})
	createRole(t, cfg, "r")
	script.Throttle("iam:GetRole", 2)
	for range 2 {
		_, err := getRole(cfg, "r")
		wantCode(t, err, "Throttling")
		if isThrottle := retry.DefaultThrottles[0]; isThrottle.IsErrorThrottle(err) != aws.TrueTernary {
			t.Errorf("the SDK does not see a throttle in %v", err)
		}
	}
	_, err := getRole(cfg, "r")
	must(t, err)
	script.Throttle("logs:*", 1)
	_, err = cloudwatchlogs.NewFromConfig(cfg).DescribeLogGroups(ctx, nil)
	wantCode(t, err, "ThrottlingException")
}

func TestInject(t *testing.T) {
	script, _, cfg := openScripted(t, Options{})
	fault := wire.Errorf(500, "ServiceFailure", "scripted")
	script.Inject("iam:CreateRole", 2, Fault{Err: fault})
	createRole(t, cfg, "a")
	create := func(name string) error {
		_, err := awsiam.NewFromConfig(cfg).CreateRole(context.Background(), &awsiam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(lambdaTrust)})
		return err
	}
	wantCode(t, create("b"), "ServiceFailure")
	_, err := getRole(cfg, "b")
	wantCode(t, err, "NoSuchEntity")

	script.Inject("iam:CreateRole", 1, Fault{Err: fault, After: true})
	wantCode(t, create("b"), "ServiceFailure")
	_, err = getRole(cfg, "b")
	must(t, err)

	for name, after := range map[string]bool{"before": false, "after": true} {
		script.Inject("*", 1, Fault{Drop: true, After: after})
		var api smithy.APIError
		if err := create(name); err == nil || errors.As(err, &api) {
			t.Errorf("a dropped connection gives %v", err)
		}
		_, err = getRole(cfg, name)
		if after {
			must(t, err)
		} else {
			wantCode(t, err, "NoSuchEntity")
		}
	}
}

func TestStaleReads(t *testing.T) {
	ctx := context.Background()
	script, _, cfg := openScripted(t, Options{})
	script.Stale("iam:GetRole", 2)
	_, err := getRole(cfg, "r")
	wantCode(t, err, "NoSuchEntity")
	createRole(t, cfg, "r")
	for range 2 {
		_, err = getRole(cfg, "r")
		wantCode(t, err, "NoSuchEntity")
	}
	_, err = getRole(cfg, "r")
	must(t, err)
	_, err = awsiam.NewFromConfig(cfg).UpdateRole(ctx, &awsiam.UpdateRoleInput{RoleName: aws.String("r"), Description: aws.String("new")})
	must(t, err)
	for i, want := range []string{"", "", "new"} {
		got, err := getRole(cfg, "r")
		must(t, err)
		if aws.ToString(got.Role.Description) != want {
			t.Errorf("read %d: description %q, want %q", i, aws.ToString(got.Role.Description), want)
		}
	}
}

func TestIAMLag(t *testing.T) {
	ctx := context.Background()
	now := clock.NewVirtual(time.Now())
	script, b, cfg := openScripted(t, Options{Clock: now})
	assume := func(name string) error {
		_, err := b.iam.Session(ctx, "arn:aws:iam::000000000000:role/"+name, "lambda.amazonaws.com", "s")
		return err
	}
	t.Run("by calls", func(t *testing.T) {
		script.IAMLag(iam.Lag{Reads: 1, Assumes: 2})
		createRole(t, cfg, "r")
		_, err := getRole(cfg, "r")
		wantCode(t, err, "NoSuchEntity")
		_, err = getRole(cfg, "r")
		must(t, err)
		for range 2 {
			var e *wire.Error
			if err := assume("r"); !errors.As(err, &e) || e.Code != "InvalidParameterValueException" || e.Message != "The role defined for the function cannot be assumed by Lambda." {
				t.Errorf("got %v", err)
			}
		}
		must(t, assume("r"))
	})
	t.Run("of a new trust policy", func(t *testing.T) {
		script.IAMLag(iam.Lag{Assumes: 1})
		update := func(document string) {
			t.Helper()
			_, err := awsiam.NewFromConfig(cfg).UpdateAssumeRolePolicy(ctx, &awsiam.UpdateAssumeRolePolicyInput{RoleName: aws.String("r"), PolicyDocument: &document})
			must(t, err)
		}
		update(lambdaTrust) // the same
		must(t, assume("r"))
		update(lambdaTrust + " ")
		if err := assume("r"); err == nil {
			t.Error("the new trust policy works at once")
		}
		must(t, assume("r"))
	})
	t.Run("by time", func(t *testing.T) {
		script.IAMLag(iam.Lag{For: 10 * time.Second})
		createRole(t, cfg, "s")
		if _, err := getRole(cfg, "s"); err == nil {
			t.Error("the role is seen at once")
		}
		if err := assume("s"); err == nil {
			t.Error("the role is assumable at once")
		}
		now.Advance(11 * time.Second)
		_, err := getRole(cfg, "s")
		must(t, err)
		must(t, assume("s"))
	})
}

func TestPageSize(t *testing.T) {
	script, _, cfg := openScripted(t, Options{})
	for _, name := range []string{"a", "b", "c"} {
		createRole(t, cfg, name)
	}
	script.PageSize(1)
	script.Forget()
	p := awsiam.NewListRolesPaginator(awsiam.NewFromConfig(cfg), &awsiam.ListRolesInput{})
	for p.HasMorePages() {
		_, err := p.NextPage(context.Background())
		must(t, err)
	}
	if n := Count(script.Calls())["iam:ListRoles"]; n != 3 {
		t.Errorf("%d pages", n)
	}
}

func TestCallsAreRecorded(t *testing.T) {
	script, _, cfg := openScripted(t, Options{})
	script.Latency(20 * time.Millisecond)
	done := make(chan error)
	for range 4 {
		go func() {
			_, err := awsiam.NewFromConfig(cfg).ListRoles(context.Background(), nil)
			done <- err
		}()
	}
	for range 4 {
		must(t, <-done)
	}
	createRole(t, cfg, "r")
	_, err := getRole(cfg, "absent")
	wantCode(t, err, "NoSuchEntity")
	// The record is completed after the answer has left.
	eventually(t, "six calls are recorded", func() bool {
		calls := script.Calls()
		return len(calls) == 6 && calls[5].Status == 404 && !slices.ContainsFunc(calls, func(c Call) bool { return c.End.IsZero() })
	})
	calls := script.Calls()
	if d := Depth(calls); d < 3 {
		t.Errorf("depth %d of four calls at once and two after each other", d)
	}
	if d := calls[4].End.Sub(calls[4].Start); d < 20*time.Millisecond {
		t.Errorf("a call took %v", d)
	}
	if Count(calls)["iam:ListRoles"] != 4 {
		t.Errorf("counts %v", Count(calls))
	}
}

func TestDepth(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	for name, c := range map[string]struct {
		calls []Call
		want  int
	}{
		"none":             {nil, 0},
		"at once":          {[]Call{{Start: at(0), End: at(10)}, {Start: at(1), End: at(11)}}, 1},
		"one after other":  {[]Call{{Start: at(0), End: at(10)}, {Start: at(10), End: at(20)}}, 2},
		"long beside many": {[]Call{{Start: at(0), End: at(100)}, {Start: at(0), End: at(10)}, {Start: at(20), End: at(30)}, {Start: at(40), End: at(50)}}, 3},
		"not answered":     {[]Call{{Start: at(0)}}, 0},
	} {
		if got := Depth(c.calls); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestObserve(t *testing.T) {
	script, _, cfg := openScripted(t, Options{})
	var seen []string
	script.Observe(func(c wire.Call) {
		seen = append(seen, c.Service+":"+c.Operation)
		script.Throttle("iam:GetRole", 1) // what comes next can be scripted from here
	})
	createRole(t, cfg, "r")
	script.Observe(nil)
	_, err := getRole(cfg, "r")
	wantCode(t, err, "Throttling")
	if len(seen) != 1 || seen[0] != "iam:CreateRole" {
		t.Errorf("observed %v", seen)
	}
}
