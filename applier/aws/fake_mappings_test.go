package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/scar-go/scar/planner"
)

// fakeMappings keeps event source mappings in memory, for a fakeLambda. Changes take a while, in which other
// changes are refused.
type fakeMappings struct {
	mappings []*fakeMapping
	made     int
	slow     time.Duration // how long a change of a mapping takes
}

type fakeMapping struct {
	types.EventSourceMappingConfiguration
	tags  map[string]string
	until time.Time
	then  string // the state at that time; empty: gone
}

// tagsOf are the tags of a function or a mapping.
func (f *fakeLambda) tagsOf(arn string) map[string]string {
	if m := f.mapping(arn[strings.LastIndex(arn, ":")+1:]); m != nil {
		return m.tags
	}
	name, _ := planner.FunctionOfARN(arn)
	return f.functions[name].now.Tags
}

func (f *fakeLambda) mapping(id string) *fakeMapping {
	for _, m := range f.present() {
		if *m.UUID == id {
			return m
		}
	}
	return nil
}

// present lets time pass.
func (f *fakeLambda) present() []*fakeMapping {
	f.mappings = slices.DeleteFunc(f.mappings, func(m *fakeMapping) bool {
		if time.Now().Before(m.until) {
			return false
		}
		m.State = &m.then
		return m.then == ""
	})
	return f.mappings
}

func (f *fakeLambda) ListEventSourceMappings(_ context.Context, in *lambda.ListEventSourceMappingsInput, _ ...func(*lambda.Options)) (*lambda.ListEventSourceMappingsOutput, error) {
	out := &lambda.ListEventSourceMappingsOutput{}
	return out, f.apply("ListEventSourceMappings", func() error {
		for _, m := range f.present() {
			function, _ := planner.FunctionOfARN(*m.FunctionArn)
			if in.FunctionName != nil && *in.FunctionName != function || in.EventSourceArn != nil && *in.EventSourceArn != *m.EventSourceArn {
				continue
			}
			listed := m.EventSourceMappingConfiguration
			if deref(listed.KMSKeyArn) != "" {
				listed.FilterCriteria = nil
			}
			out.EventSourceMappings = append(out.EventSourceMappings, listed)
		}
		return nil
	})
}

func (f *fakeLambda) ListTags(_ context.Context, in *lambda.ListTagsInput, _ ...func(*lambda.Options)) (*lambda.ListTagsOutput, error) {
	out := &lambda.ListTagsOutput{}
	return out, f.apply("ListTags", func() error {
		out.Tags = maps.Clone(f.tagsOf(*in.Resource))
		return nil
	})
}

func (f *fakeLambda) CreateEventSourceMapping(_ context.Context, in *lambda.CreateEventSourceMappingInput, _ ...func(*lambda.Options)) (*lambda.CreateEventSourceMappingOutput, error) {
	return nil, f.apply("CreateEventSourceMapping", func() error {
		arn := testNaming.FunctionARN(*in.FunctionName)
		for _, m := range f.present() {
			if *m.FunctionArn == arn && *m.EventSourceArn == *in.EventSourceArn {
				return answer("ResourceConflictException", fmt.Sprintf(
					`An event source mapping with SQS arn (" %s ") and function (" %s ") already exists. Please update or delete the existing mapping with UUID %s`,
					*in.EventSourceArn, *in.FunctionName, *m.UUID))
			}
		}
		f.made++
		f.put(&fakeMapping{tags: maps.Clone(in.Tags), EventSourceMappingConfiguration: types.EventSourceMappingConfiguration{
			UUID: ptr(fmt.Sprintf("0000-%d", f.made)), FunctionArn: &arn, EventSourceArn: in.EventSourceArn,
			BatchSize: in.BatchSize, FunctionResponseTypes: in.FunctionResponseTypes, ScalingConfig: in.ScalingConfig,
			FilterCriteria: in.FilterCriteria, MaximumBatchingWindowInSeconds: in.MaximumBatchingWindowInSeconds,
		}}, "Creating", *in.Enabled)
		return nil
	})
}

func (f *fakeLambda) put(m *fakeMapping, meanwhile string, enabled bool) {
	m.then = mappingDisabled
	if enabled {
		m.then = mappingEnabled
	}
	m.State, m.until = &meanwhile, time.Now().Add(f.slow)
	if !slices.Contains(f.mappings, m) {
		f.mappings = append(f.mappings, m)
	}
}

// changeable is a mapping that no other change is under way of.
func (f *fakeLambda) changeable(id string) (*fakeMapping, error) {
	m := f.mapping(id)
	if m == nil {
		return nil, answer("ResourceNotFoundException", "The resource you requested does not exist.")
	}
	if time.Now().Before(m.until) {
		return nil, answer("ResourceInUseException", "Cannot update the event source mapping because it is in use.")
	}
	return m, nil
}

func (f *fakeLambda) UpdateEventSourceMapping(_ context.Context, in *lambda.UpdateEventSourceMappingInput, _ ...func(*lambda.Options)) (*lambda.UpdateEventSourceMappingOutput, error) {
	return nil, f.apply("UpdateEventSourceMapping", func() error {
		m, err := f.changeable(*in.UUID)
		if err != nil {
			return err
		}
		m.BatchSize = in.BatchSize
		if in.FunctionResponseTypes != nil {
			m.FunctionResponseTypes = in.FunctionResponseTypes
		}
		if in.ScalingConfig != nil {
			m.ScalingConfig = in.ScalingConfig
		}
		if in.FilterCriteria != nil {
			m.FilterCriteria = in.FilterCriteria
		}
		if in.MaximumBatchingWindowInSeconds != nil {
			m.MaximumBatchingWindowInSeconds = in.MaximumBatchingWindowInSeconds
		}
		if in.KMSKeyArn != nil {
			m.KMSKeyArn = in.KMSKeyArn
		}
		f.put(m, "Updating", *in.Enabled)
		return nil
	})
}

func (f *fakeLambda) DeleteEventSourceMapping(_ context.Context, in *lambda.DeleteEventSourceMappingInput, _ ...func(*lambda.Options)) (*lambda.DeleteEventSourceMappingOutput, error) {
	return nil, f.apply("DeleteEventSourceMapping", func() error {
		m, err := f.changeable(*in.UUID)
		if err != nil {
			return err
		}
		m.State, m.then, m.until = ptr(mappingDeleting), "", time.Now().Add(f.slow)
		return nil
	})
}

// testEventSource takes messages from testQueue.
func testEventSource() planner.EventSource {
	return planner.EventSource{
		Function: "grayify", Queue: testNaming.QueueARN(planner.QueueName("imaging", "grayify")), BatchSize: 10, MaxConcurrency: 2,
		ReportFailures: true, Enabled: true, Tags: planner.Tags{"scar:project": "imaging", "scar:function": "grayify"},
	}
}
