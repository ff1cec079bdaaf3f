package flow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/scar-go/scar/applier/aws"
	"github.com/scar-go/scar/planner"
)

// LogOptions say what of a log is read.
type LogOptions struct {
	Since     time.Time // zero: from the beginning, or as far back as the request is
	Until     time.Time // zero: to the end
	Follow    bool
	Filter    string // a CloudWatch Logs filter pattern; empty: everything. Not with RequestID
	Stream    string // a stream's name, or a part of it; empty: all
	RequestID string // only its lines; empty: all
}

// LogEvent is one event of a log.
type LogEvent struct {
	Time    time.Time
	Stream  string
	Message string
}

// Logs reads the log of a function, which itself may be gone, oldest first, until emit returns an error, which is returned.
// Following ends without an error when the context does.
func (a *Account) Logs(ctx context.Context, function string, o LogOptions, emit func(LogEvent) error) error {
	if !functionName.MatchString(function) {
		return fmt.Errorf("%q is not the name of a function: names are up to 64 of a-z, A-Z, 0-9, - and _", function)
	}
	err := a.readLog(ctx, planner.LogGroupName(function), o, func(e aws.LogEvent) error { return emit(LogEvent(e)) })
	if o.Follow && ctx.Err() != nil {
		return nil
	}
	var absent *aws.AbsentLogGroupError
	var invalid *types.InvalidParameterException
	switch {
	case errors.As(err, &absent):
		return a.explainNoLog(ctx, function, absent)
	case o.Filter != "" && errors.As(err, &invalid):
		return fmt.Errorf("--filter %q is not taken: %s", o.Filter, invalid.ErrorMessage())
	}
	return explainCall(err)
}

func (a *Account) readLog(ctx context.Context, group string, o LogOptions, emit func(aws.LogEvent) error) error {
	client := cloudwatchlogs.NewFromConfig(a.config)
	options := aws.TailOptions{Since: o.Since, Until: o.Until, Follow: o.Follow, Filter: o.Filter, Pause: 4 * a.pace()}
	if o.Stream != "" {
		streams, err := aws.FindLogStreams(ctx, client, group, o.Stream)
		if err != nil {
			return err
		}
		options.Streams = streams
	}
	if o.RequestID != "" {
		return aws.TailRequest(ctx, client, group, o.RequestID, options, emit)
	}
	return aws.Tail(ctx, client, group, options, emit)
}

// explainNoLog says why a function has no log group.
func (a *Account) explainNoLog(ctx context.Context, function string, absent error) error {
	_, err := a.Function(ctx, function)
	var unknown *UnknownFunctionError
	switch {
	case err == nil:
		return fmt.Errorf("the log group of function %s is gone, and what was in it: scar apply makes it again", function)
	case errors.As(err, &unknown) && len(unknown.Near) > 0:
		return fmt.Errorf("%w; %w", absent, unknown)
	default:
		return absent
	}
}

// reportWait bounds the wait for the last line of a request that has answered. CloudWatch Logs has it within seconds.
const reportWait = 20 * time.Second

// skew is how far this machine's clock may be ahead of Lambda's, so that a log is read from before.
const skew = 2 * time.Second

// RunTail is the log of one request from its beginning to its end.
type RunTail struct {
	account *Account
	group   string
	since   time.Time
	earlier map[string]bool // requests that had begun before
}

// TailRun makes ready for following the log of the request that a function is sent next.
func (a *Account) TailRun(ctx context.Context, fn *Deployed) (*RunTail, error) {
	t := &RunTail{account: a, group: fn.LogGroup, since: time.Now().Add(-skew), earlier: map[string]bool{}}
	lines := &aws.RequestLines{}
	err := aws.Tail(ctx, cloudwatchlogs.NewFromConfig(a.config), t.group, aws.TailOptions{Since: t.since}, func(e aws.LogEvent) error {
		id, _ := lines.Of(e)
		t.earlier[id] = true
		return nil
	})
	return t, explainCall(err)
}

// Follow emits the lines of the request, which may be known at its end only. As long as it is not, lines of others that began
// meanwhile are emitted too, each with its own id. The channel brings the id, or is closed without one where there is no
// request. It ends with the request; bound says that it has ended when its id comes, so that what is not there soon after is
// not waited for.
func (t *RunTail) Follow(ctx context.Context, request <-chan string, bound bool, emit func(requestID string, e LogEvent) error) error {
	reading, stop := context.WithCancel(ctx)
	f := &followed{lines: &aws.RequestLines{}, earlier: t.earlier, ended: map[string]bool{}, emit: emit}
	var waiting sync.WaitGroup
	waiting.Go(func() { f.await(reading, stop, request, bound) })
	defer func() {
		stop()
		waiting.Wait()
	}()
	options := aws.TailOptions{Since: t.since, Follow: true, Pause: 4 * t.account.pace()}
	err := aws.Tail(reading, cloudwatchlogs.NewFromConfig(t.account.config), t.group, options, f.take)
	if errors.Is(err, errTold) || reading.Err() != nil && ctx.Err() == nil {
		return nil
	}
	return explainCall(err)
}

// errTold ends the reading of a log that has told all there is.
var errTold = errors.New("the log of the request is read")

// followed is the log of a request that is being read.
type followed struct {
	lines   *aws.RequestLines
	earlier map[string]bool
	emit    func(requestID string, e LogEvent) error

	mu    sync.Mutex
	id    string // empty: not known yet
	ended map[string]bool
}

// await learns which request it is, and bounds the wait for its last line.
func (f *followed) await(ctx context.Context, stop func(), request <-chan string, bound bool) {
	select {
	case <-ctx.Done():
		return
	case id := <-request:
		if id == "" || f.know(id) {
			stop()
			return
		}
	}
	if !bound {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(reportWait):
		stop()
	}
}

func (f *followed) know(id string) (ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.id = id
	return f.ended[id]
}

func (f *followed) take(e aws.LogEvent) error {
	id, last := f.lines.Of(e)
	f.mu.Lock()
	known := f.id
	if last {
		f.ended[id] = true
	}
	f.mu.Unlock()
	if id == "" || known != "" && known != id || f.earlier[id] {
		return nil
	}
	if err := f.emit(id, LogEvent(e)); err != nil {
		return err
	}
	if last && known == id {
		return errTold
	}
	return nil
}
