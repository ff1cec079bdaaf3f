package events

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
)

const account = "123456789012"

// inbox stands for queues and functions: those named refused take nothing.
type inbox struct{ got []string }

func (*inbox) Check(_ context.Context, target, principal, source, owner string) error {
	if strings.HasSuffix(target, "refused") || principal != "events.amazonaws.com" || owner != account || !strings.Contains(source, ":rule/") {
		return errors.New("not allowed")
	}
	return nil
}

func (i *inbox) Send(_ context.Context, target string, payload []byte, source string) error {
	i.got = append(i.got, target+" "+source+" "+string(payload))
	return nil
}

func start(t *testing.T) (*Service, *eventbridge.Client, *inbox) {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	must(t, err)
	in := &inbox{}
	s, err := New(Config{DB: db, Clock: clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), Account: account, Region: "us-east-1", Targets: in})
	must(t, err)
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		must(t, db.Close())
	})
	return s, eventbridge.New(eventbridge.Options{
		BaseEndpoint: &server.URL, Region: "us-east-1", Retryer: aws.NopRetryer{}, Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""),
	}), in
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestEventsReachTheTargetsOfTheirRules(t *testing.T) {
	s, c, in := start(t)
	ctx := t.Context()
	made, err := c.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("failures"), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	must(t, err)
	if *made.EventBusArn != "arn:aws:events:us-east-1:"+account+":event-bus/failures" {
		t.Errorf("made %s", *made.EventBusArn)
	}
	_, err = c.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("failures")})
	wantCode(t, "made twice", err, "ResourceAlreadyExistsException")
	rule, err := c.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("r"), EventBusName: aws.String("failures"), EventPattern: aws.String(`{"source":["lambda"]}`)})
	must(t, err)
	if *rule.RuleArn != "arn:aws:events:us-east-1:"+account+":rule/failures/r" {
		t.Errorf("rule %s", *rule.RuleArn)
	}
	const queue = "arn:aws:sqs:us-east-1:" + account + ":"
	_, err = c.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("r"), EventBusName: made.EventBusArn, Targets: []types.Target{
		{Id: aws.String("1"), Arn: aws.String(queue + "refused")}, {Id: aws.String("2"), Arn: aws.String(queue + "q")}, {Id: aws.String("3"), Arn: aws.String(queue + "fixed"), Input: aws.String(`{"a":1}`)}}})
	must(t, err)
	put := func(bus, source, detail string) types.PutEventsResultEntry {
		out, err := c.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
			EventBusName: &bus, Source: &source, DetailType: aws.String("t"), Detail: &detail, Resources: []string{"arn:x"}}}})
		must(t, err)
		return out.Entries[0]
	}
	sent := put("failures", "lambda", `{"b":2}`)
	put("failures", "other", `{}`)
	put("default", "lambda", `{}`)
	want := `{"version":"0","id":"` + *sent.EventId + `","detail-type":"t","source":"lambda","account":"` + account + `","time":"2026-01-02T03:04:05Z","region":"us-east-1","resources":["arn:x"],"detail":{"b":2}}`
	if got := in.got; !slices.Equal(got, []string{queue + "q " + *rule.RuleArn + " " + want, queue + "fixed " + *rule.RuleArn + ` {"a":1}`}) {
		t.Errorf("delivered %v", got)
	}
	if e := put("failures", "aws.s3", `{}`); e.ErrorCode == nil || *e.ErrorCode != "NotAuthorizedForSourceException" {
		t.Errorf("in the name of AWS: %+v", e)
	}
	if e := put("failures", "lambda", `[]`); e.ErrorCode == nil || *e.ErrorCode != "MalformedDetail" {
		t.Errorf("no object: %+v", e)
	}
	if e := put("absent", "lambda", `{}`); e.ErrorCode == nil {
		t.Errorf("to a bus that is not there: %+v", e)
	}
	in.got = nil
	must(t, s.Put(ctx, *made.EventBusArn, Event{Source: "lambda", DetailType: "t", Detail: json.RawMessage(`{}`)}))
	if len(in.got) != 2 {
		t.Errorf("from a service: %v", in.got)
	}
	if err := s.Put(ctx, *made.EventBusArn+"x", Event{}); err == nil {
		t.Error("a service put to a bus that is not there")
	}

	_, err = c.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: aws.String("r"), EventBusName: aws.String("failures")})
	wantCode(t, "delete with targets", err, "ValidationException")
	_, err = c.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: aws.String("r"), EventBusName: aws.String("failures"), Ids: []string{"1", "2", "3"}})
	must(t, err)
	_, err = c.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: aws.String("r"), EventBusName: aws.String("failures")})
	must(t, err)
	_, err = c.DeleteEventBus(ctx, &eventbridge.DeleteEventBusInput{Name: aws.String("failures")})
	must(t, err)
	_, err = c.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: aws.String("failures")})
	wantCode(t, "a deleted bus", err, "ResourceNotFoundException")
	def, err := c.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{})
	must(t, err)
	if *def.Name != "default" {
		t.Errorf("the default bus is %s", *def.Name)
	}
}

func TestListsAndTags(t *testing.T) {
	s, c, _ := start(t)
	ctx := t.Context()
	bus, err := c.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("b")})
	must(t, err)
	buses, err := c.ListEventBuses(ctx, &eventbridge.ListEventBusesInput{Limit: aws.Int32(1)})
	must(t, err)
	if len(buses.EventBuses) != 1 || *buses.EventBuses[0].Name != "b" || buses.NextToken == nil {
		t.Fatalf("buses %+v", buses)
	}
	buses, err = c.ListEventBuses(ctx, &eventbridge.ListEventBusesInput{Limit: aws.Int32(1), NextToken: buses.NextToken})
	must(t, err)
	if len(buses.EventBuses) != 1 || *buses.EventBuses[0].Name != "default" || buses.NextToken != nil {
		t.Errorf("the second page %+v", buses)
	}
	for _, name := range []string{"r1", "r2", "s1"} {
		_, err = c.PutRule(ctx, &eventbridge.PutRuleInput{Name: &name, EventPattern: aws.String(`{"source":["x"]}`), Tags: []types.Tag{{Key: aws.String("of"), Value: &name}}})
		must(t, err)
	}
	rules, err := c.ListRules(ctx, &eventbridge.ListRulesInput{NamePrefix: aws.String("r")})
	must(t, err)
	if len(rules.Rules) != 2 || *rules.Rules[1].Name != "r2" {
		t.Errorf("rules %+v", rules.Rules)
	}
	for _, arn := range []*string{bus.EventBusArn, rules.Rules[0].Arn} {
		_, err = c.TagResource(ctx, &eventbridge.TagResourceInput{ResourceARN: arn, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
		must(t, err)
		_, err = c.UntagResource(ctx, &eventbridge.UntagResourceInput{ResourceARN: arn, TagKeys: []string{"of"}})
		must(t, err)
		tags, err := c.ListTagsForResource(ctx, &eventbridge.ListTagsForResourceInput{ResourceARN: arn})
		must(t, err)
		if len(tags.Tags) != 1 || *tags.Tags[0].Key != "k" {
			t.Errorf("tags of %s: %v", *arn, tags.Tags)
		}
	}
	resources, err := s.Tagged(ctx)
	must(t, err)
	if len(resources) != 4 {
		t.Errorf("the tagging service gets %v", resources)
	}
	for what, in := range map[string]*eventbridge.PutRuleInput{
		"a schedule":         {Name: aws.String("x"), ScheduleExpression: aws.String("rate(1 day)")},
		"a pattern of none":  {Name: aws.String("x"), EventPattern: aws.String(`{"a":1}`)},
		"a bus of none":      {Name: aws.String("x"), EventPattern: aws.String(`{"a":["1"]}`), EventBusName: aws.String("absent")},
		"neither":            {Name: aws.String("x")},
		"an impossible name": {Name: aws.String("a b"), EventPattern: aws.String(`{"a":["1"]}`)},
	} {
		if _, err := c.PutRule(ctx, in); err == nil {
			t.Errorf("put a rule with %s", what)
		}
	}
}

func TestWhatCallsAreAbout(t *testing.T) {
	s, _, _ := start(t)
	const prefix = "arn:aws:events:us-east-1:" + account + ":"
	for _, c := range []struct{ operation, body, want string }{
		{"PutEvents", `{"Entries":[{},{"EventBusName":"default"}]}`, prefix + "event-bus/default"},
		{"PutEvents", `{"Entries":[{},{"EventBusName":"b"}]}`, "*"},
		{"PutEvents", `{"Entries":[{"EventBusName":"` + prefix + `event-bus/b"}]}`, prefix + "event-bus/b"},
		{"DescribeEventBus", `{}`, prefix + "event-bus/default"},
		{"PutRule", `{"Name":"r"}`, prefix + "rule/r"},
		{"PutTargets", `{"Rule":"r","EventBusName":"b"}`, prefix + "rule/b/r"},
		{"TagResource", `{"ResourceARN":"arn:x"}`, "arn:x"},
		// Fields that an operation does not read say nothing.
		{"PutEvents", `{"Entries":[{"EventBusName":"b"}],"ResourceARN":"arn:x"}`, prefix + "event-bus/b"},
		{"PutTargets", `{"Rule":"r","Name":"other"}`, prefix + "rule/r"},
		{"DeleteRule", `{"Name":"r","Rule":"other","ResourceARN":"arn:x"}`, prefix + "rule/r"},
		{"ListEventBuses", `{}`, "*"},
		{"PutEvents", `{`, "*"},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("X-Amz-Target", "AWSEvents."+c.operation)
		if got := s.ResourceARN(r, []byte(c.body)); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.operation, c.body, got, c.want)
		}
	}
}
