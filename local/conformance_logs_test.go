package local

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

func conformLogGroups(t *testing.T, s server) {
	ctx, c := context.Background(), cloudwatchlogs.NewFromConfig(s.cfg)
	name := aws.String("/aws/lambda/f")
	arn := aws.String(fmt.Sprintf("arn:aws:logs:us-east-1:%s:log-group:%s", s.account, *name))
	in := &cloudwatchlogs.CreateLogGroupInput{LogGroupName: name, Tags: map[string]string{"scar:project": "p"}}
	_, err := c.CreateLogGroup(ctx, in)
	must(t, err)
	_, err = c.CreateLogGroup(ctx, in)
	wantCode(t, err, "ResourceAlreadyExistsException")
	_, err = c.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/aws/lambda/f-longer")})
	must(t, err)

	_, err = c.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: name, RetentionInDays: aws.Int32(30)})
	must(t, err)
	_, err = c.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("/absent"), RetentionInDays: aws.Int32(30)})
	wantCode(t, err, "ResourceNotFoundException")
	if !s.differs(t, "it accepts any number of days") {
		_, err = c.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: name, RetentionInDays: aws.Int32(31)})
		wantCode(t, err, "InvalidParameterException")
	}
	out, err := c.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: name})
	must(t, err)
	if len(out.LogGroups) != 2 || *out.LogGroups[0].LogGroupName != *name || *out.LogGroups[0].RetentionInDays != 30 || *out.LogGroups[0].Arn != *arn+":*" {
		t.Errorf("described %+v", out.LogGroups)
	}
	if out.LogGroups[1].RetentionInDays != nil {
		t.Errorf("a group without retention has %d days", *out.LogGroups[1].RetentionInDays)
	}

	_, err = c.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"a": "1", "b": "2"}})
	must(t, err)
	_, err = c.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a"}})
	must(t, err)
	tags, err := c.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: arn})
	must(t, err)
	if len(tags.Tags) != 2 || tags.Tags["b"] != "2" || tags.Tags["scar:project"] != "p" {
		t.Errorf("tags %v", tags.Tags)
	}
	_, err = c.DeleteRetentionPolicy(ctx, &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: name})
	must(t, err)
	_, err = c.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: name})
	must(t, err)
	_, err = c.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: name})
	wantCode(t, err, "ResourceNotFoundException")
}

// putLines makes a group with a stream of n lines, one per second up to now.
func putLines(t *testing.T, cfg aws.Config, group, stream string, n int) (first int64) {
	t.Helper()
	ctx, c := context.Background(), cloudwatchlogs.NewFromConfig(cfg)
	_, err := c.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream})
	must(t, err)
	first = time.Now().Add(-time.Duration(n) * time.Second).UnixMilli()
	var events []types.InputLogEvent
	for i := range n {
		events = append(events, types.InputLogEvent{Timestamp: aws.Int64(first + int64(i)*1000), Message: aws.String(fmt.Sprintf("%s line %d", stream, i))})
	}
	_, err = c.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: events})
	must(t, err)
	return first
}

func conformLogEvents(t *testing.T, s server) {
	ctx, c := context.Background(), cloudwatchlogs.NewFromConfig(s.cfg)
	group := aws.String("/events")
	_, err := c.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group})
	must(t, err)
	stream := aws.String("2026/01/01/[$LATEST]0123")
	first := putLines(t, s.cfg, *group, *stream, 10)
	get := cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream, StartFromHead: aws.Bool(true), Limit: aws.Int32(4)}

	var lines []string
	token := ""
	for range 10 {
		out, err := c.GetLogEvents(ctx, &get)
		must(t, err)
		for _, e := range out.Events {
			lines = append(lines, *e.Message)
		}
		if *out.NextForwardToken == token {
			break
		}
		token = *out.NextForwardToken
		get.NextToken = &token
	}
	if len(lines) != 10 || lines[0] != *stream+" line 0" || lines[9] != *stream+" line 9" {
		t.Errorf("forward: %q", lines)
	}
	last, err := c.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream, Limit: aws.Int32(3)})
	must(t, err)
	if len(last.Events) != 3 || *last.Events[0].Message != *stream+" line 7" {
		t.Errorf("the last three: %+v", last.Events)
	}
	before, err := c.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream, Limit: aws.Int32(3), NextToken: last.NextBackwardToken})
	must(t, err)
	if len(before.Events) != 3 || *before.Events[0].Message != *stream+" line 4" {
		t.Errorf("the three before: %+v", before.Events)
	}
	between, err := c.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: group, LogStreamName: stream, StartFromHead: aws.Bool(true), StartTime: aws.Int64(first + 2000), EndTime: aws.Int64(first + 5000)})
	must(t, err)
	if n := len(between.Events); n != 3 && !s.differs(t, "its endTime is inclusive") {
		t.Errorf("%d events from second 2 up to 5", n)
	}
	_, err = c.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: aws.String("absent")})
	wantCode(t, err, "ResourceNotFoundException")
	_, err = c.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream})
	wantCode(t, err, "ResourceAlreadyExistsException")

	streams, err := c.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: group, OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true)})
	must(t, err)
	if len(streams.LogStreams) != 1 || *streams.LogStreams[0].FirstEventTimestamp != first || *streams.LogStreams[0].LastEventTimestamp != first+9000 {
		t.Errorf("streams %+v", streams.LogStreams)
	}
	if s.differs(t, "it accepts events out of order") {
		return
	}
	_, err = c.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream, LogEvents: []types.InputLogEvent{
		{Timestamp: aws.Int64(first + 1), Message: aws.String("later")}, {Timestamp: aws.Int64(first), Message: aws.String("earlier")}}})
	wantCode(t, err, "InvalidParameterException")
}

func conformLogFilters(t *testing.T, s server) {
	ctx, c := context.Background(), cloudwatchlogs.NewFromConfig(s.cfg)
	group := aws.String("/filters")
	_, err := c.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group})
	must(t, err)
	first := putLines(t, s.cfg, *group, "a1", 5)
	putLines(t, s.cfg, *group, "b1", 5)
	count := func(in cloudwatchlogs.FilterLogEventsInput) int {
		t.Helper()
		in.LogGroupName = group
		n, ids := 0, map[string]bool{}
		p := cloudwatchlogs.NewFilterLogEventsPaginator(c, &in)
		for p.HasMorePages() {
			out, err := p.NextPage(ctx)
			must(t, err)
			for _, e := range out.Events {
				n++
				ids[*e.EventId] = true
			}
		}
		if len(ids) != n {
			t.Errorf("%d events with %d ids", n, len(ids))
		}
		return n
	}
	for name, q := range map[string]struct {
		in   cloudwatchlogs.FilterLogEventsInput
		want int
	}{
		"all":       {cloudwatchlogs.FilterLogEventsInput{}, 10},
		"paged":     {cloudwatchlogs.FilterLogEventsInput{Limit: aws.Int32(3)}, 10},
		"stream":    {cloudwatchlogs.FilterLogEventsInput{LogStreamNames: []string{"b1"}}, 5},
		"prefix":    {cloudwatchlogs.FilterLogEventsInput{LogStreamNamePrefix: aws.String("a")}, 5},
		"term":      {cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String(`"line 3"`)}, 2},
		"no match":  {cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String("nothing")}, 0},
		"from time": {cloudwatchlogs.FilterLogEventsInput{LogStreamNames: []string{"a1"}, StartTime: aws.Int64(first + 3000)}, 2},
		"to time":   {cloudwatchlogs.FilterLogEventsInput{LogStreamNames: []string{"a1"}, EndTime: aws.Int64(first + 1000)}, 2},
	} {
		if name == "prefix" && s.differs(t, "it ignores logStreamNamePrefix") {
			continue
		}
		if got := count(q.in); got != q.want {
			t.Errorf("%s: %d events, want %d", name, got, q.want)
		}
	}
	if s.differs(t, "its patterns know no exclusion and no alternatives") {
		return
	}
	for pattern, want := range map[string]int{"line -3": 8, `"line 3" a1`: 1, `?"line 3" ?"line 4"`: 4, `a1 "line"`: 5} {
		if got := count(cloudwatchlogs.FilterLogEventsInput{FilterPattern: &pattern}); got != want {
			t.Errorf("%s: %d events, want %d", pattern, got, want)
		}
	}
	_, err = c.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, FilterPattern: aws.String("{ $.a = 1 }")})
	wantCode(t, err, "InvalidParameterException")
}
