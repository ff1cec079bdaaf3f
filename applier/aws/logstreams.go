package aws

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// LogStreams are some streams of a log group. The zero value is all of them.
type LogStreams struct {
	Names  []string // 100 at most, as FilterLogEvents takes them
	Prefix string   // of the names, streams to come included; only without Names
}

const (
	maxNamedStreams = 100 // of FilterLogEvents (CloudWatch Logs API reference)
	shownStreams    = 5   // that a message names, the latest
)

// FindLogStreams returns the streams of a group that a text stands for: the stream of that name, or those whose names begin
// with it, or else contain it, such as the hexadecimal digits at the end of Lambda's. Of the last, those are looked for that
// were written last. None is an error that names some of those that there are.
func FindLogStreams(ctx context.Context, client cloudwatchlogs.DescribeLogStreamsAPIClient, group, text string) (LogStreams, error) {
	first, err := client.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: &group, LogStreamNamePrefix: &text, Limit: ptr(int32(1))})
	if err != nil {
		return LogStreams{}, logError(group, err)
	}
	if len(first.LogStreams) > 0 {
		if deref(first.LogStreams[0].LogStreamName) == text {
			return LogStreams{Names: []string{text}}, nil
		}
		return LogStreams{Prefix: text}, nil
	}
	pages := cloudwatchlogs.NewDescribeLogStreamsPaginator(client, &cloudwatchlogs.DescribeLogStreamsInput{
		LogGroupName: &group, OrderBy: types.OrderByLastEventTime, Descending: ptr(true),
	})
	var latest []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return LogStreams{}, logError(group, err)
		}
		var found []string
		for _, s := range page.LogStreams {
			name := deref(s.LogStreamName)
			if len(latest) < shownStreams {
				latest = append(latest, name)
			}
			if strings.Contains(name, text) {
				found = append(found, name)
			}
		}
		if len(found) > 0 {
			return LogStreams{Names: found[:min(len(found), maxNamedStreams)]}, nil
		}
	}
	if len(latest) == 0 {
		return LogStreams{}, fmt.Errorf("the log group %s has no streams yet", group)
	}
	return LogStreams{}, fmt.Errorf("the log group %s has no stream %q; the last that were written to are %s", group, text, strings.Join(latest, ", "))
}

// AbsentLogGroupError says that there is no log group of a name.
type AbsentLogGroupError struct{ Group string }

func (e *AbsentLogGroupError) Error() string {
	return fmt.Sprintf("the log group %s does not exist: is the function applied, in this region?", e.Group)
}

// logError says what is wrong with reading a log group.
func logError(group string, err error) error {
	switch {
	case isNotFound(err) && messageHas(err, "log stream"):
		return fmt.Errorf("a stream of log group %s is gone, perhaps by its retention: read the log again", group)
	case isNotFound(err):
		return &AbsentLogGroupError{group}
	default:
		return fmt.Errorf("read log group %s: %w", group, explain(err))
	}
}
