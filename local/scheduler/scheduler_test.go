package scheduler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

const (
	functionARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
	roleARN     = "arn:aws:iam::000000000000:role/scar/p/r"
)

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// event is one start of a function.
type event struct {
	function, payload, source string
	at                        time.Time
}

// neighbours are the other services. Functions and roles fail as they are told to.
type neighbours struct {
	clock  clock.Clock
	events chan event
	fail   chan error // what the next starts of functions end with; none: they succeed
	trust  func(roleARN, principal, sourceARN string) bool
	allow  func(action, resource string) bool
}

func (n *neighbours) InvokeEvent(_ context.Context, arn string, payload []byte, source string) (string, error) {
	n.events <- event{arn, string(payload), source, n.clock.Now()}
	select {
	case err := <-n.fail:
		return "", err
	default:
		return "id", nil
	}
}

func (n *neighbours) Assume(_ context.Context, roleARN, principal, sourceARN, _ string) (wire.Identity, error) {
	if n.trust != nil && !n.trust(roleARN, principal, sourceARN) {
		return wire.Identity{}, errors.New("not trusted")
	}
	return wire.Identity{Role: "r"}, nil
}

func (n *neighbours) Allowed(_ context.Context, id wire.Identity, action, resource string, _ map[string][]string) (bool, error) {
	return id.Role == "r" && (n.allow == nil || n.allow(action, resource)), nil
}

// fixture is a service over a state file, with a clock that tests move.
type fixture struct {
	*neighbours
	clock   *clock.Virtual
	path    string
	service *Service
	db      *store.DB
	client  *scheduler.Client
	server  *httptest.Server
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	c := clock.NewVirtual(start)
	f := &fixture{neighbours: &neighbours{clock: c, events: make(chan event, 100), fail: make(chan error, 100)}, clock: c,
		path: filepath.Join(t.TempDir(), "state")}
	f.open(t)
	t.Cleanup(func() { f.close(t) })
	return f
}

func (f *fixture) open(t *testing.T) {
	t.Helper()
	var err error
	if f.db, err = store.Open(f.path); err != nil {
		t.Fatal(err)
	}
	f.service, err = New(t.Context(), Config{DB: f.db, Clock: f.clock, Account: "000000000000", Region: "us-east-1",
		Invoker: f.neighbours, Roles: f.neighbours, Settle: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	f.server = httptest.NewServer(f.service)
	f.client = newClient(f.server.URL)
}

func (f *fixture) close(t *testing.T) {
	t.Helper()
	f.server.Close()
	if err := errors.Join(f.service.Close(), f.db.Close()); err != nil {
		t.Error(err)
	}
}

func newClient(endpoint string) *scheduler.Client {
	return scheduler.New(scheduler.Options{Region: "us-east-1", BaseEndpoint: &endpoint, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
}

// create makes a schedule in the default group.
func (f *fixture) create(t *testing.T, name, expression string, change ...func(*scheduler.CreateScheduleInput)) {
	t.Helper()
	if _, err := f.client.CreateSchedule(t.Context(), newSchedule(name, expression, change...)); err != nil {
		t.Fatal(err)
	}
}

func newSchedule(name, expression string, change ...func(*scheduler.CreateScheduleInput)) *scheduler.CreateScheduleInput {
	in := &scheduler.CreateScheduleInput{
		Name: &name, ScheduleExpression: &expression, FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		Target: &types.Target{Arn: aws.String(functionARN), RoleArn: aws.String(roleARN)},
	}
	for _, c := range change {
		c(in)
	}
	return in
}

// expect waits for the next start of a function.
func (f *fixture) expect(t *testing.T) event {
	t.Helper()
	select {
	case e := <-f.events:
		return e
	case <-time.After(time.Minute):
		t.Fatal("nothing starts")
		return event{}
	}
}

// sleeps waits until the clockwork has looked at its schedules and waits, and expects that it started nothing.
func (f *fixture) sleeps(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		due, _, err := f.service.due(f.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(due) == 0 && f.clock.Waiting() > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the clockwork does not come to rest")
		}
		time.Sleep(time.Millisecond)
	}
	select {
	case e := <-f.events:
		t.Fatalf("started: %+v", e)
	default:
	}
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestRateFires(t *testing.T) {
	f := newFixture(t)
	f.create(t, "s", "rate(1 hour)")
	for hour := range 3 {
		if hour > 0 {
			f.sleeps(t)
			f.clock.Advance(time.Hour - time.Second)
			f.sleeps(t)
			f.clock.Advance(time.Second)
		}
		e := f.expect(t)
		want := start.Add(time.Duration(hour) * time.Hour)
		arn := "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s"
		if e.function != functionARN || e.source != arn || !e.at.Equal(want) {
			t.Errorf("hour %d: %+v", hour, e)
		}
		var d document
		if err := json.Unmarshal([]byte(e.payload), &d); err != nil {
			t.Fatal(err)
		}
		id := d.ID
		d.ID = ""
		if got, want := fmt.Sprint(d), fmt.Sprint(document{"0", "", "Scheduled Event", "aws.scheduler", "000000000000",
			want.Format(time.RFC3339), "us-east-1", []string{arn}, "{}"}); id == "" || got != want {
			t.Errorf("hour %d: %s, want %s", hour, got, want)
		}
	}
}

func TestOwnInput(t *testing.T) {
	f := newFixture(t)
	f.create(t, "s", "at(2026-11-23T12:30:00)", func(in *scheduler.CreateScheduleInput) {
		in.ScheduleExpressionTimezone = aws.String("Europe/Berlin")
		in.ActionAfterCompletion = types.ActionAfterCompletionDelete
		in.Target.Input = aws.String(`{"arn":"<aws.scheduler.schedule-arn>","at":"<aws.scheduler.scheduled-time>","try":"<aws.scheduler.attempt-number>","other":"<aws.scheduler.x>"}`)
	})
	f.clock.Advance(90 * time.Minute) // 12:30 in Berlin is 11:30 UTC
	const want = `{"arn":"arn:aws:scheduler:us-east-1:000000000000:schedule/default/s","at":"2026-11-23T11:30:00Z","try":"1","other":"<aws.scheduler.x>"}`
	if e := f.expect(t); e.payload != want {
		t.Errorf("payload %s", e.payload)
	}
	f.sleeps(t)
	if _, err := f.client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{Name: aws.String("s")}); code(err) != "ResourceNotFoundException" {
		t.Errorf("it was to be deleted when it had run: %v", err)
	}
}

func TestDisabledSchedulesAndThoseThatEndedDoNothing(t *testing.T) {
	f := newFixture(t)
	f.create(t, "disabled", "rate(1 minute)", func(in *scheduler.CreateScheduleInput) { in.State = types.ScheduleStateDisabled })
	f.create(t, "bounded", "cron(0 * * * ? *)", func(in *scheduler.CreateScheduleInput) {
		in.StartDate, in.EndDate = aws.Time(start.Add(90*time.Minute)), aws.Time(start.Add(150*time.Minute))
	})
	f.sleeps(t)
	for range 8 {
		f.clock.Advance(30 * time.Minute)
		if f.clock.Now().Equal(start.Add(2 * time.Hour)) {
			f.expect(t)
		}
		f.sleeps(t)
	}
}

// TestRestart closes the service for a while in which a schedule is due several times.
func TestRestart(t *testing.T) {
	f := newFixture(t)
	f.create(t, "s", "rate(1 hour)")
	f.expect(t)
	f.sleeps(t)
	f.close(t)
	f.clock.Advance(150 * time.Minute)
	f.open(t)
	if e := f.expect(t); !strings.Contains(e.payload, "2026-11-23T12:00:00Z") {
		t.Errorf("of the missed times the last counts: %s", e.payload)
	}
	f.sleeps(t)
	f.close(t)
	f.open(t)
	f.sleeps(t) // what was done is not done again
	f.clock.Advance(30 * time.Minute)
	f.expect(t)
	f.sleeps(t)
}

func TestOldOccurrencesAreForgotten(t *testing.T) {
	f := newFixture(t)
	f.create(t, "s", "cron(30 10 * * ? *)", func(in *scheduler.CreateScheduleInput) {
		in.Target.RetryPolicy = &types.RetryPolicy{MaximumEventAgeInSeconds: aws.Int32(60)}
	})
	f.sleeps(t)
	f.close(t)
	f.clock.Advance(time.Hour)
	f.open(t)
	f.sleeps(t)
}

func TestRetries(t *testing.T) {
	f := newFixture(t)
	for range 3 {
		f.fail <- errors.New("no")
	}
	f.create(t, "s", "at(2026-11-23T10:01:00)", func(in *scheduler.CreateScheduleInput) {
		in.Target.RetryPolicy = &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(2)}
		in.Target.Input = aws.String(`"<aws.scheduler.attempt-number>"`)
	})
	f.clock.Advance(time.Minute)
	for attempt, pause := range []time.Duration{0, time.Second, 2 * time.Second} {
		if pause > 0 {
			f.sleeps(t)
			f.clock.Advance(pause)
		}
		if e := f.expect(t); e.payload != fmt.Sprintf(`"%d"`, attempt+1) {
			t.Errorf("attempt %d: %s", attempt+1, e.payload)
		}
	}
	f.sleeps(t)
	f.clock.Advance(24 * time.Hour)
	f.sleeps(t)
}

func TestRightsOfTheRole(t *testing.T) {
	f := newFixture(t)
	var asked string
	f.trust = func(_, principal, source string) bool {
		asked = principal + " " + source
		return false
	}
	_, err := f.client.CreateSchedule(t.Context(), newSchedule("s", "rate(1 hour)"))
	var invalid *types.ValidationException
	if !errors.As(err, &invalid) || *invalid.Message != "The execution role you provide must allow AWS EventBridge Scheduler to assume the role." {
		t.Errorf("got %v", err)
	}
	if asked != "scheduler.amazonaws.com arn:aws:scheduler:us-east-1:000000000000:schedule-group/default" {
		t.Errorf("asked for %s", asked)
	}
	f.trust = nil
	checked := make(chan string, 10)
	f.allow = func(action, resource string) bool {
		checked <- action + " " + resource
		return false
	}
	f.create(t, "s", "rate(1 hour)", func(in *scheduler.CreateScheduleInput) {
		in.Target.RetryPolicy = &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(0)}
	})
	select {
	case got := <-checked:
		if got != "lambda:InvokeFunction "+functionARN {
			t.Errorf("checked %s", got)
		}
	case <-time.After(time.Minute):
		t.Fatal("the policy of the role is not asked")
	}
	f.sleeps(t)
}

func TestClientTokens(t *testing.T) {
	f := newFixture(t)
	in, group := newSchedule("s", "cron(0 0 1 1 ? *)"), &scheduler.CreateScheduleGroupInput{Name: aws.String("g")}
	for _, c := range []struct{ token, want string }{{"a", "<nil>"}, {"a", "<nil>"}, {"b", "ConflictException"}} {
		in.ClientToken, group.ClientToken = &c.token, &c.token
		if _, err := f.client.CreateSchedule(t.Context(), in); code(err) != c.want {
			t.Errorf("schedule, token %s: %v", c.token, err)
		}
		if _, err := f.client.CreateScheduleGroup(t.Context(), group); code(err) != c.want {
			t.Errorf("group, token %s: %v", c.token, err)
		}
	}
}

func TestDeletedGroupIsDeletingForAWhile(t *testing.T) {
	f := newFixture(t)
	ctx, group := t.Context(), aws.String("g")
	_, err := f.client.CreateScheduleGroup(ctx, &scheduler.CreateScheduleGroupInput{Name: group})
	if err != nil {
		t.Fatal(err)
	}
	inGroup := func(in *scheduler.CreateScheduleInput) { in.GroupName = group }
	f.create(t, "s", "rate(1 hour)", inGroup)
	f.expect(t)
	f.sleeps(t)
	if _, err := f.client.DeleteScheduleGroup(ctx, &scheduler.DeleteScheduleGroupInput{Name: group}); err != nil {
		t.Fatal(err)
	}
	got, err := f.client.GetScheduleGroup(ctx, &scheduler.GetScheduleGroupInput{Name: group})
	if err != nil || got.State != types.ScheduleGroupStateDeleting {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = f.client.CreateSchedule(ctx, newSchedule("t", "rate(1 hour)", inGroup))
	_, again := f.client.CreateScheduleGroup(ctx, &scheduler.CreateScheduleGroupInput{Name: group})
	if code(err) != "ConflictException" || code(again) != "ConflictException" {
		t.Errorf("while it is deleted: %v, %v", err, again)
	}
	f.clock.Advance(time.Hour)
	f.sleeps(t)
	if _, err := f.client.GetScheduleGroup(ctx, &scheduler.GetScheduleGroupInput{Name: group}); code(err) != "ResourceNotFoundException" {
		t.Errorf("got %v", err)
	}
	if _, err := f.client.CreateScheduleGroup(ctx, &scheduler.CreateScheduleGroupInput{Name: group}); err != nil {
		t.Error(err)
	}
	list, err := f.client.ListSchedules(ctx, &scheduler.ListSchedulesInput{GroupName: group})
	if err != nil || len(list.Schedules) != 0 {
		t.Errorf("left: %+v, %v", list, err)
	}
}

func TestInputThatIsRefused(t *testing.T) {
	f := newFixture(t)
	for name, c := range map[string]struct {
		change func(*scheduler.CreateScheduleInput)
		want   string
	}{
		"expression": {func(in *scheduler.CreateScheduleInput) { in.ScheduleExpression = aws.String("cron(* * * * * *)") }, "ValidationException"},
		"zone":       {func(in *scheduler.CreateScheduleInput) { in.ScheduleExpressionTimezone = aws.String("Mars/Olympus") }, "ValidationException"},
		"name":       {func(in *scheduler.CreateScheduleInput) { in.Name = aws.String("a b") }, "ValidationException"},
		"group":      {func(in *scheduler.CreateScheduleInput) { in.GroupName = aws.String("absent") }, "ResourceNotFoundException"},
		"window": {func(in *scheduler.CreateScheduleInput) {
			in.FlexibleTimeWindow = &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeFlexible}
		}, "ValidationException"},
		"age": {func(in *scheduler.CreateScheduleInput) {
			in.Target.RetryPolicy = &types.RetryPolicy{MaximumEventAgeInSeconds: aws.Int32(59)}
		}, "ValidationException"},
		"attempts": {func(in *scheduler.CreateScheduleInput) {
			in.Target.RetryPolicy = &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(186)}
		}, "ValidationException"},
		"role":   {func(in *scheduler.CreateScheduleInput) { in.Target.RoleArn = aws.String("r") }, "ValidationException"},
		"target": {func(in *scheduler.CreateScheduleInput) { in.Target.Arn = aws.String("f") }, "ValidationException"},
		"queue": {func(in *scheduler.CreateScheduleInput) {
			in.Target.Arn = aws.String("arn:aws:sqs:us-east-1:000000000000:q")
		}, "NotImplemented"},
		"dead letters": {func(in *scheduler.CreateScheduleInput) {
			in.Target.DeadLetterConfig = &types.DeadLetterConfig{Arn: aws.String("arn:aws:sqs:us-east-1:000000000000:q")}
		}, "NotImplemented"},
		"input": {func(in *scheduler.CreateScheduleInput) { in.Target.Input = aws.String("{") }, "ValidationException"},
		"dates": {func(in *scheduler.CreateScheduleInput) { in.StartDate, in.EndDate = aws.Time(start), aws.Time(start) }, "ValidationException"},
	} {
		if _, err := f.client.CreateSchedule(t.Context(), newSchedule("s", "rate(1 hour)", c.change)); code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// answer is the code and the message of an error.
func answer(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return fmt.Sprint(err)
}
