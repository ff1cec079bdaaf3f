package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/planner"
)

// eventSourceClient is what event source mappings need of Lambda.
type eventSourceClient interface {
	lambda.ListEventSourceMappingsAPIClient
	ListTags(context.Context, *lambda.ListTagsInput, ...func(*lambda.Options)) (*lambda.ListTagsOutput, error)
	CreateEventSourceMapping(context.Context, *lambda.CreateEventSourceMappingInput, ...func(*lambda.Options)) (*lambda.CreateEventSourceMappingOutput, error)
	UpdateEventSourceMapping(context.Context, *lambda.UpdateEventSourceMappingInput, ...func(*lambda.Options)) (*lambda.UpdateEventSourceMappingOutput, error)
	DeleteEventSourceMapping(context.Context, *lambda.DeleteEventSourceMappingInput, ...func(*lambda.Options)) (*lambda.DeleteEventSourceMappingOutput, error)
	TagResource(context.Context, *lambda.TagResourceInput, ...func(*lambda.Options)) (*lambda.TagResourceOutput, error)
	UntagResource(context.Context, *lambda.UntagResourceInput, ...func(*lambda.Options)) (*lambda.UntagResourceOutput, error)
}

// eventSources are the mappings by which Lambda takes messages from queues of SQS. AWS alone knows their ids, which are
// looked up each time. Mappings of other sources, and of versions and aliases of functions, are not seen.
type eventSources struct {
	client eventSourceClient
	naming planner.Naming
	patience
}

// The states of a mapping that are told apart (Lambda API reference, EventSourceMappingConfiguration).
const (
	mappingEnabled   = "Enabled"
	mappingDisabled  = "Disabled"
	mappingDisabling = "Disabling"
	mappingDeleting  = "Deleting"
)

// mapping is one event source mapping as Lambda answers it.
type mapping = types.EventSourceMappingConfiguration

// place says what a mapping joins, if it is one that scar can have made and that is not being deleted.
func (e *eventSources) place(m mapping) (function, queue string, ok bool) {
	function, isFunction := planner.FunctionOfARN(deref(m.FunctionArn))
	queue, isQueue := planner.QueueOfARN(deref(m.EventSourceArn))
	whole := strings.HasSuffix(deref(m.FunctionArn), ":function:"+function)
	return function, queue, isFunction && isQueue && whole && deref(m.State) != mappingDeleting
}

// list lists the mappings that the input asks for.
func (e *eventSources) list(ctx context.Context, in lambda.ListEventSourceMappingsInput) ([]mapping, error) {
	pages := lambda.NewListEventSourceMappingsPaginator(e.client, &in)
	var all []mapping
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if isNotFound(err) {
			return all, nil // the function or the queue is gone
		}
		if err != nil {
			return nil, fmt.Errorf("list event source mappings: %w", err)
		}
		all = append(all, page.EventSourceMappings...)
	}
	return all, nil
}

// all lists the event sources of the account, whoever made them, by their addresses. Those that outlived their functions
// are among them. For many functions that is far fewer calls than to ask for each.
func (e *eventSources) all(ctx context.Context) (map[planner.Ref]mapping, error) {
	all, err := e.list(ctx, lambda.ListEventSourceMappingsInput{})
	if err != nil {
		return nil, err
	}
	found := map[planner.Ref]mapping{}
	for _, m := range all {
		if function, queue, ok := e.place(m); ok {
			found[planner.Ref{Kind: planner.KindEventSource, Name: function + "/" + queue}] = m
		}
	}
	return found, nil
}

func (e *eventSources) read(ctx context.Context, name string) (planner.EventSource, planner.Owner, error) {
	m, err := e.named(ctx, name)
	if err != nil {
		return planner.EventSource{}, planner.Owner{}, err
	}
	return e.complete(ctx, m)
}

// complete reads what the mapping itself does not tell: its tags.
func (e *eventSources) complete(ctx context.Context, m mapping) (planner.EventSource, planner.Owner, error) {
	arn := e.arn(m)
	out, err := e.client.ListTags(ctx, &lambda.ListTagsInput{Resource: &arn})
	if isNotFound(err) {
		return planner.EventSource{}, planner.Owner{}, errAbsent
	}
	if err != nil {
		return planner.EventSource{}, planner.Owner{}, fmt.Errorf("read tags of event source mapping: %w", err)
	}
	v := eventSourceValue(m)
	v.Tags = tagMap(out.Tags)
	return v, planner.OwnerOf(v.Tags), nil
}

func eventSourceValue(m mapping) planner.EventSource {
	function, _ := planner.FunctionOfARN(deref(m.FunctionArn))
	v := planner.EventSource{
		Function:       function,
		Queue:          deref(m.EventSourceArn),
		BatchSize:      int(deref(m.BatchSize)),
		ReportFailures: slices.Contains(m.FunctionResponseTypes, types.FunctionResponseTypeReportBatchItemFailures),
		Enabled:        deref(m.State) != mappingDisabled && deref(m.State) != mappingDisabling,
		Filters:        filters(m),
		BatchingWindow: int(deref(m.MaximumBatchingWindowInSeconds)),
	}
	if m.ScalingConfig != nil {
		v.MaxConcurrency = int(deref(m.ScalingConfig.MaximumConcurrency))
	}
	return v
}

// filters are the patterns of a mapping. Listings leave out those that a key of the customer's encrypts (Lambda API
// reference, EventSourceMappingConfiguration): that there are some is all that has to be known of them.
func filters(m mapping) []string {
	if m.FilterCriteria == nil {
		if key := deref(m.KMSKeyArn); key != "" {
			return []string{"encrypted with " + key}
		}
		return nil
	}
	var patterns []string
	for _, f := range m.FilterCriteria.Filters {
		patterns = append(patterns, deref(f.Pattern))
	}
	return sortedSet(patterns, nil)
}

// filterCriteria without patterns takes them away.
func filterCriteria(v planner.EventSource) *types.FilterCriteria {
	criteria := &types.FilterCriteria{}
	for _, pattern := range v.Filters {
		criteria.Filters = append(criteria.Filters, types.Filter{Pattern: &pattern})
	}
	return criteria
}

// mappingResource is what comes before a mapping's id in its ARN.
const mappingResource = ":event-source-mapping:"

// arn is the mapping's ARN, which older answers lack.
func (e *eventSources) arn(m mapping) string {
	if arn := deref(m.EventSourceMappingArn); arn != "" {
		return arn
	}
	return strings.TrimSuffix(e.naming.FunctionARN(""), "function:") + mappingResource[1:] + deref(m.UUID)
}

// named finds a mapping by the name of its address. The mappings of a function that is gone are not found by its
// name, but by that of the queue.
func (e *eventSources) named(ctx context.Context, name string) (mapping, error) {
	function, queue := splitName(planner.KindEventSource, name)
	all, err := e.list(ctx, lambda.ListEventSourceMappingsInput{FunctionName: &function})
	if err != nil {
		return mapping{}, err
	}
	if m, found := e.pick(all, function, queue); found {
		return m, nil
	}
	return e.at(ctx, function, e.naming.QueueARN(queue))
}

// readAll reads those event sources for which wanted says so, at most parallel of them at a time.
func (e *eventSources) readAll(ctx context.Context, wanted func(planner.Ref) bool, parallel int) ([]planner.Resource, error) {
	all, err := e.all(ctx)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(all, func(ref planner.Ref, _ mapping) bool { return !wanted(ref) })
	refs := slices.SortedFunc(maps.Keys(all), planner.Address.Compare)
	found := make([]planner.Resource, len(refs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, ref := range refs {
		group.Go(func() error {
			v, owner, err := e.complete(ctx, all[ref])
			if errors.Is(err, errAbsent) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("%s: %w", ref, err)
			}
			found[i] = planner.Resource{Address: ref, Value: v, Owner: owner}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(r planner.Resource) bool { return r.Value == nil }), nil
}

// at finds the mapping between a function and a queue.
func (e *eventSources) at(ctx context.Context, function, arn string) (mapping, error) {
	queue, _ := planner.QueueOfARN(arn)
	all, err := e.list(ctx, lambda.ListEventSourceMappingsInput{EventSourceArn: &arn})
	if err != nil {
		return mapping{}, err
	}
	if m, found := e.pick(all, function, queue); found {
		return m, nil
	}
	return mapping{}, errAbsent
}

func (e *eventSources) pick(all []mapping, function, queue string) (mapping, bool) {
	for _, m := range all {
		if f, q, ok := e.place(m); ok && f == function && q == queue {
			return m, true
		}
	}
	return mapping{}, false
}

// create makes the mapping. Lambda refuses a second one between the same two; one that is just being deleted is waited for.
func (e *eventSources) create(ctx context.Context, want planner.EventSource, say sayer) error {
	in := &lambda.CreateEventSourceMappingInput{
		FunctionName: &want.Function, EventSourceArn: &want.Queue, BatchSize: ptr(int32(want.BatchSize)), Enabled: &want.Enabled,
		FunctionResponseTypes: responseTypes(want), Tags: want.Tags,
	}
	if want.MaxConcurrency > 0 {
		in.ScalingConfig = scaling(want)
	}
	if len(want.Filters) > 0 {
		in.FilterCriteria = filterCriteria(want)
	}
	if want.BatchingWindow > 0 {
		in.MaximumBatchingWindowInSeconds = ptr(int32(want.BatchingWindow))
	}
	return e.until(ctx, roleWait, func() (bool, error, error) {
		_, err := e.client.CreateEventSourceMapping(ctx, in)
		switch {
		case err == nil:
			return true, nil, nil
		case isExists(err):
			if _, err := e.at(ctx, want.Function, want.Queue); err == nil {
				return false, nil, errExists
			} else if !errors.Is(err, errAbsent) {
				return false, nil, err
			}
			say("waiting until the mapping before is deleted", 0, 0)
			return false, err, nil
		case isRoleNotReady(err), isQueueNotReady(err), isBusy(err):
			return false, err, nil
		default:
			return false, nil, fmt.Errorf("create event source mapping: %w", err)
		}
	})
}

func responseTypes(v planner.EventSource) []types.FunctionResponseType {
	if v.ReportFailures {
		return []types.FunctionResponseType{types.FunctionResponseTypeReportBatchItemFailures}
	}
	return []types.FunctionResponseType{} // takes them away; none at all would leave them
}

// scaling without a number takes the limit away.
func scaling(v planner.EventSource) *types.ScalingConfig {
	if v.MaxConcurrency == 0 {
		return &types.ScalingConfig{}
	}
	return &types.ScalingConfig{MaximumConcurrency: ptr(int32(v.MaxConcurrency))}
}

func (e *eventSources) update(ctx context.Context, live, want planner.EventSource, _ sayer) error {
	m, err := e.at(ctx, want.Function, want.Queue)
	if err != nil {
		return err
	}
	if err := e.configure(ctx, m, live, want); err != nil {
		return err
	}
	arn := e.arn(m)
	set, remove := retag(live.Tags, want.Tags)
	if len(set) > 0 {
		if _, err := e.client.TagResource(ctx, &lambda.TagResourceInput{Resource: &arn, Tags: set}); err != nil {
			return fmt.Errorf("tag event source mapping: %w", err)
		}
	}
	if len(remove) > 0 {
		if _, err := e.client.UntagResource(ctx, &lambda.UntagResourceInput{Resource: &arn, TagKeys: remove}); err != nil {
			return fmt.Errorf("remove tags from event source mapping: %w", err)
		}
	}
	return nil
}

// configure changes all but the tags. It is repeated while an earlier change is under way.
func (e *eventSources) configure(ctx context.Context, m mapping, live, want planner.EventSource) error {
	live.Tags = want.Tags
	if len(planner.Diff(live, want)) == 0 {
		return nil
	}
	in := &lambda.UpdateEventSourceMappingInput{
		UUID: m.UUID, FunctionName: &want.Function, BatchSize: ptr(int32(want.BatchSize)), Enabled: &want.Enabled,
		FunctionResponseTypes: responseTypes(want), ScalingConfig: scaling(want),
		MaximumBatchingWindowInSeconds: ptr(int32(want.BatchingWindow)),
	}
	if len(live.Filters)+len(want.Filters) > 0 {
		in.FilterCriteria = filterCriteria(want)
		if deref(m.KMSKeyArn) != "" {
			in.KMSKeyArn = ptr("") // it encrypts nothing but filters
		}
	}
	err := e.retry(ctx, roleWait, either(isBusy, isRoleNotReady, isQueueNotReady), func() error {
		_, err := e.client.UpdateEventSourceMapping(ctx, in)
		return err
	})
	if err != nil {
		return fmt.Errorf("change event source mapping: %w", err)
	}
	return nil
}

// ready waits until the mapping takes messages, or has stopped to.
func (e *eventSources) ready(ctx context.Context, name string, say sayer) error {
	return e.until(ctx, mappingWait, func() (bool, error, error) {
		m, err := e.named(ctx, name)
		if err != nil {
			return false, nil, err
		}
		state := deref(m.State)
		if state == mappingEnabled || state == mappingDisabled {
			return true, nil, nil
		}
		say("waiting: the mapping is "+state, 0, 0)
		return false, fmt.Errorf("the mapping is %s (%s)", state, deref(m.StateTransitionReason)), nil
	})
}

// remove deletes the mapping and waits until Lambda takes no more messages for it: what it took has to be worked on
// before the queue goes.
func (e *eventSources) remove(ctx context.Context, live planner.EventSource, say sayer) error {
	m, err := e.at(ctx, live.Function, live.Queue)
	if errors.Is(err, errAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	err = e.retry(ctx, busyWait, isBusy, func() error {
		_, err := e.client.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: m.UUID})
		return err
	})
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("delete event source mapping: %w", err)
	}
	return e.until(ctx, mappingWait, func() (bool, error, error) {
		all, err := e.list(ctx, lambda.ListEventSourceMappingsInput{EventSourceArn: &live.Queue})
		left := slices.ContainsFunc(all, func(other mapping) bool { return deref(other.UUID) == deref(m.UUID) })
		if err != nil || !left {
			return true, nil, err
		}
		say("waiting until Lambda takes no more messages", 0, 0)
		return false, errors.New("the mapping is still being deleted"), nil
	})
}
