package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/scar-go/scar/planner"
)

// triggerClient is what the notification rules of buckets need of S3.
type triggerClient interface {
	GetBucketNotificationConfiguration(context.Context, *s3.GetBucketNotificationConfigurationInput, ...func(*s3.Options)) (*s3.GetBucketNotificationConfigurationOutput, error)
	PutBucketNotificationConfiguration(context.Context, *s3.PutBucketNotificationConfigurationInput, ...func(*s3.Options)) (*s3.PutBucketNotificationConfigurationOutput, error)
}

// triggers are the notification rules of buckets. A bucket has one document for all its rules, which
// others write too, and S3 offers no way to replace it only if it is still the one that was read. So
// what is not ours is carried over as it was read, the time between reading and writing is kept short,
// and the result is read back.
type triggers struct {
	client  triggerClient
	project string
	account string
	patience
}

// readAll reads every rule of a bucket. Those of others have the zero Owner.
func (t *triggers) readAll(ctx context.Context, bucket string) ([]planner.Resource, error) {
	doc, err := t.get(ctx, bucket)
	if err != nil {
		return nil, err
	}
	var all []planner.Resource
	for _, v := range doc.rules(bucket) {
		r := planner.Resource{Address: planner.Address{Kind: planner.KindTrigger, Name: bucket + "/" + v.ID}, Value: v}
		if planner.OwnsRule(t.project, v) {
			r.Owner = planner.Owner{Project: t.project, Function: t.functionOf(v)}
		}
		all = append(all, r)
	}
	return all, nil
}

// functionOf is the function of one of the project's rules, which starts it or feeds its queue. Where the name of the
// queue is cut, its id tells.
func (t *triggers) functionOf(v planner.Trigger) string {
	if function, found := planner.FunctionOfARN(v.Target); found {
		return function
	}
	rest := strings.TrimPrefix(v.ID, "scar-"+t.project+"-")
	return rest[:max(strings.LastIndex(rest, "-"), 0)]
}

// staleLooks is how often the document may read as it was before the last put until that put is taken for undone.
const staleLooks = 6

// do makes all changes of one bucket's rules at once. What reads after a put as it did before is more likely
// an old answer than somebody's undoing, and putting it again would undo what others have put since.
func (t *triggers) do(ctx context.Context, bucket string, batch planner.Batch, say sayer) error {
	var base *document // what the last put was made from
	looks := 0
	return t.until(ctx, documentWait, func() (bool, error, error) {
		doc, err := t.get(ctx, bucket)
		if errors.Is(err, errAbsent) && onlyDeletes(batch) {
			return true, nil, nil
		}
		if err != nil {
			return false, nil, err
		}
		notSeen := errors.New("the rules that were written do not show; is something else changing them?")
		if base != nil && doc.equal(base) && looks < staleLooks {
			looks++
			return false, notSeen, nil
		}
		before := doc.clone()
		changed, err := t.merge(doc, batch)
		if err != nil || !changed {
			return true, nil, err
		}
		if base != nil {
			say("writing the bucket's rules again: what was written does not show, or was overwritten", 0, 0)
		}
		if err := t.put(ctx, bucket, doc); err != nil {
			return false, nil, err
		}
		base, looks = before, 0
		return false, notSeen, nil
	})
}

func onlyDeletes(batch planner.Batch) bool {
	return !slices.ContainsFunc(batch, func(c planner.Change) bool { return c.Action != planner.Delete })
}

// merge changes the document so that our rules are as the batch wants them, and says whether it had to.
func (t *triggers) merge(doc *document, batch planner.Batch) (changed bool, err error) {
	for _, c := range batch {
		_, id := c.Split()
		if c.Action == planner.Delete {
			if live, exists := doc.rule(id); exists && (planner.OwnsRule(t.project, live) || isTakenOver(c, live)) {
				doc.remove(id)
				changed = true
			}
			continue
		}
		want, isTrigger := c.After.(planner.Trigger)
		if !isTrigger {
			return false, fmt.Errorf("the plan wants a %T of it", c.After)
		}
		live, exists := doc.rule(id)
		if exists && !planner.OwnsRule(t.project, live) && c.Action != planner.Adopt {
			return false, fmt.Errorf("the bucket has a rule %q of somebody else, which starts %s: remove that rule", id, live.Target)
		}
		live.Bucket = want.Bucket
		if exists && len(planner.Diff(live, want)) == 0 {
			continue
		}
		doc.set(want)
		changed = true
	}
	return changed, nil
}

// isTakenOver says whether a rule is the one of somebody else's that the plan removes, because it starts a function that the
// project has taken over.
func isTakenOver(c planner.Change, live planner.Trigger) bool {
	planned, isTrigger := c.Before.(planner.Trigger)
	live.Bucket = planned.Bucket
	return isTrigger && c.Reason == planner.ReasonTakenOver && len(planner.Diff(planned, live)) == 0
}

func (t *triggers) get(ctx context.Context, bucket string) (*document, error) {
	var unknown []string
	out, err := t.client.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{
		Bucket: &bucket, ExpectedBucketOwner: &t.account,
	}, findUnknown(&unknown))
	if isNotFound(err) {
		return nil, errAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("read notifications of bucket: %w", err)
	}
	return &document{
		unknown: unknown,
		NotificationConfiguration: types.NotificationConfiguration{
			EventBridgeConfiguration:     out.EventBridgeConfiguration,
			LambdaFunctionConfigurations: out.LambdaFunctionConfigurations,
			QueueConfigurations:          out.QueueConfigurations,
			TopicConfigurations:          out.TopicConfigurations,
		},
	}, nil
}

// put writes the document. S3 asks every target of it whether S3 may call it, and what was granted a
// moment ago may not be known to all of S3. The check is never skipped: it is what makes sure that the
// rules work.
func (t *triggers) put(ctx context.Context, bucket string, doc *document) error {
	if len(doc.unknown) > 0 {
		return fmt.Errorf("the bucket's notifications have settings that this version of scar does not know (%s) and would lose: nothing was written", strings.Join(doc.unknown, ", "))
	}
	in := &s3.PutBucketNotificationConfigurationInput{
		Bucket: &bucket, ExpectedBucketOwner: &t.account, NotificationConfiguration: &doc.NotificationConfiguration,
	}
	err := t.retry(ctx, permissionWait, either(isTargetNotReady, isBusy), func() error {
		_, err := t.client.PutBucketNotificationConfiguration(ctx, in)
		return err
	})
	switch {
	case isTargetNotReady(err):
		return fmt.Errorf("write notifications of bucket: S3 may not call one of their targets; it checks those of others too (%s), and one that is gone or does not admit S3 has to be repaired or removed first: %w",
			orNone(doc.foreign(t.project)), err)
	case isOverlap(err):
		return fmt.Errorf("write notifications of bucket: another rule takes the same events (%s): change the prefix or suffix: %w", orNone(doc.foreign(t.project)), err)
	case err != nil:
		return fmt.Errorf("write notifications of bucket: %w", err)
	}
	return nil
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "there are none"
	}
	return strings.Join(list, ", ")
}

// document is the notifications of one bucket.
type document struct {
	types.NotificationConfiguration
	unknown []string // elements that would be lost in writing it
}

// clone is a copy that changes of our rules do not reach.
func (d *document) clone() *document {
	c := *d
	c.LambdaFunctionConfigurations = slices.Clone(d.LambdaFunctionConfigurations)
	c.QueueConfigurations = slices.Clone(d.QueueConfigurations)
	return &c
}

// equal says whether two documents hold the same, in the same order.
func (d *document) equal(other *document) bool {
	return reflect.DeepEqual(d.NotificationConfiguration, other.NotificationConfiguration)
}

// rules lists the rules in the order of the document: those for functions, queues and topics.
func (d *document) rules(bucket string) []planner.Trigger {
	var all []planner.Trigger
	for _, r := range d.LambdaFunctionConfigurations {
		all = append(all, rule(bucket, r.Id, r.LambdaFunctionArn, r.Events, r.Filter))
	}
	for _, r := range d.QueueConfigurations {
		all = append(all, rule(bucket, r.Id, r.QueueArn, r.Events, r.Filter))
	}
	for _, r := range d.TopicConfigurations {
		all = append(all, rule(bucket, r.Id, r.TopicArn, r.Events, r.Filter))
	}
	return all
}

func rule(bucket string, id, target *string, events []types.Event, filter *types.NotificationConfigurationFilter) planner.Trigger {
	v := planner.Trigger{Bucket: bucket, ID: deref(id), Target: deref(target)}
	for _, e := range events {
		v.Events = append(v.Events, string(e))
	}
	slices.Sort(v.Events)
	if filter == nil || filter.Key == nil {
		return v
	}
	for _, f := range filter.Key.FilterRules {
		// S3 answers Prefix and Suffix, whatever case they were written in.
		switch strings.ToLower(string(f.Name)) {
		case "prefix":
			v.Prefix = decodeFilter(deref(f.Value))
		case "suffix":
			v.Suffix = decodeFilter(deref(f.Value))
		}
	}
	return v
}

func (d *document) rule(id string) (planner.Trigger, bool) {
	for _, r := range d.rules("") {
		if r.ID == id {
			return r, true
		}
	}
	return planner.Trigger{}, false
}

// remove takes out one of our rules, which all target functions or queues.
func (d *document) remove(id string) {
	d.LambdaFunctionConfigurations = slices.DeleteFunc(d.LambdaFunctionConfigurations, func(r types.LambdaFunctionConfiguration) bool {
		return deref(r.Id) == id
	})
	d.QueueConfigurations = slices.DeleteFunc(d.QueueConfigurations, func(r types.QueueConfiguration) bool { return deref(r.Id) == id })
}

// set puts one of our rules in the place of the one with its id, or at the end.
func (d *document) set(want planner.Trigger) {
	var events []types.Event
	for _, e := range want.Events {
		events = append(events, types.Event(e))
	}
	if _, toQueue := planner.QueueOfARN(want.Target); toQueue {
		r := types.QueueConfiguration{Id: &want.ID, QueueArn: &want.Target, Events: events, Filter: filterOf(want)}
		at := slices.IndexFunc(d.QueueConfigurations, func(r types.QueueConfiguration) bool { return deref(r.Id) == want.ID })
		if at < 0 {
			d.remove(want.ID) // it may have started a function
			d.QueueConfigurations = append(d.QueueConfigurations, r)
			return
		}
		d.QueueConfigurations[at] = r
		return
	}
	r := types.LambdaFunctionConfiguration{Id: &want.ID, LambdaFunctionArn: &want.Target, Events: events, Filter: filterOf(want)}
	at := slices.IndexFunc(d.LambdaFunctionConfigurations, func(r types.LambdaFunctionConfiguration) bool { return deref(r.Id) == want.ID })
	if at < 0 {
		d.remove(want.ID) // it may have fed a queue
		d.LambdaFunctionConfigurations = append(d.LambdaFunctionConfigurations, r)
		return
	}
	d.LambdaFunctionConfigurations[at] = r
}

func filterOf(want planner.Trigger) *types.NotificationConfigurationFilter {
	values := map[types.FilterRuleName]string{types.FilterRuleNamePrefix: want.Prefix, types.FilterRuleNameSuffix: want.Suffix}
	var rules []types.FilterRule
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if value := encodeFilter(values[name]); value != "" {
			rules = append(rules, types.FilterRule{Name: name, Value: &value})
		}
	}
	if len(rules) == 0 {
		return nil
	}
	return &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: rules}}
}

// encodeFilter writes a prefix or suffix as S3 wants it in a rule: a space as +, and every other character
// that is special in URLs percent-encoded (S3 user guide, "Configuring event notifications using object key
// name filtering"). Slashes stay, as in all of its examples.
func encodeFilter(plain string) string {
	return strings.ReplaceAll(url.QueryEscape(plain), "%2F", "/")
}

// decodeFilter reads a prefix or suffix of a rule. What is not encoded properly, a rule of others may
// hold, stands for itself.
func decodeFilter(encoded string) string {
	if plain, err := url.QueryUnescape(encoded); err == nil {
		return plain
	}
	return encoded
}

// foreign describes the rules that are not the project's, for messages.
func (d *document) foreign(project string) []string {
	var list []string
	for _, r := range d.rules("") {
		if !planner.OwnsRule(project, r) {
			list = append(list, fmt.Sprintf("rule %q → %s", r.ID, r.Target))
		}
	}
	return list
}
