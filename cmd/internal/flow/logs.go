package flow

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/scar-go/scar/applier/aws"
	"github.com/scar-go/scar/planner"
)

// LogOptions say what of a log is read.
type LogOptions struct {
	Since  time.Time
	Follow bool
	Filter string // a CloudWatch Logs filter pattern; empty: everything
}

// LogEvent is one event of a log.
type LogEvent struct {
	Time    time.Time
	Stream  string
	Message string
}

// Logs reads the log of a function, oldest first, until emit returns an error, which is returned.
// Following ends without an error when the context does.
func (a *Account) Logs(ctx context.Context, function string, o LogOptions, emit func(LogEvent) error) error {
	client := cloudwatchlogs.NewFromConfig(a.config)
	options := aws.TailOptions{Since: o.Since, Follow: o.Follow, Filter: o.Filter, Pause: 4 * a.pace()}
	err := aws.Tail(ctx, client, planner.LogGroupName(function), options, func(e aws.LogEvent) error {
		return emit(LogEvent{e.Time, e.Stream, e.Message})
	})
	if o.Follow && ctx.Err() != nil {
		return nil
	}
	return explainCall(err)
}
