// Package supervisor is one invocation of a function: it reads the event, stages each object in, runs
// the script, stages its results out, writes down what happened, and answers. It tells the truth: an
// invocation succeeds only if the script did and every output is stored. Nothing of one invocation is
// there in the next: no process, no file, no variable.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/scar-go/scar/runtime/event"
	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/runtime/storage"
)

// Options is what a supervisor works with.
type Options struct {
	Job    *job.Job
	Log    *Log
	Getenv func(name string) string // where region, endpoint and credentials of the account's own storage are found

	// Secrets gives what Job.Secrets and the credentials of Job.Storage name; nil where there are none.
	Secrets storage.Secrets

	Script string // path of the user's script
	Files  string // path of the folder with the user's files

	// Temp is an absolute path of a folder that belongs to the function alone. Everything in it is
	// removed after each input, whoever put it there.
	Temp string
}

// Supervisor handles the invocations of a function, one at a time. It is the Handler that aws-lambda-go asks for.
type Supervisor struct {
	Options
	stores *storage.Stores
	spoilt error // why no script may run in this process any more: the last one left something that cannot be removed
}

// New returns a supervisor. It makes this process the parent of every orphan among its descendants, and refuses a Temp
// that may hold files of others. A job that cannot be carried out is a *job.Error.
func New(o Options) (*Supervisor, error) {
	if err := checkJob(o.Job); err != nil {
		return nil, err
	}
	if err := ownFolder(o.Temp); err != nil {
		return nil, err
	}
	if err := errors.Join(adoptOrphans(), closeInherited()); err != nil {
		return nil, err
	}
	options := storage.Options{Getenv: o.Getenv, Providers: o.Job.Storage}
	if o.Secrets != nil {
		options.Secrets = storageSecrets{o.Secrets}
	}
	return &Supervisor{Options: o, stores: storage.New(options)}, nil
}

// ownFolder refuses a folder that a machine's other programs use, and a link, unless this process is the entrypoint of an image that scar
// made: there, and nowhere else, /tmp is the function's alone.
func ownFolder(temp string) error {
	if exe, err := os.Readlink("/proc/self/exe"); err == nil && exe == job.RuntimePath && filepath.IsAbs(temp) {
		return nil
	}
	info, err := os.Lstat(temp)
	if err != nil {
		return fmt.Errorf("folder for temporary files: %w", err)
	}
	if !filepath.IsAbs(temp) || !info.IsDir() {
		return fmt.Errorf("folder for temporary files: %q is not the absolute path of a folder", temp)
	}
	home, _ := os.UserHomeDir() // one that is not known is not refused
	for _, shared := range []string{os.TempDir(), "/", "/tmp", "/var/tmp", "/dev/shm", home} {
		if same(temp, shared) {
			return fmt.Errorf("folder for temporary files: %q belongs to other programs too, it is not emptied", temp)
		}
	}
	return nil
}

// same reports whether two paths lead to one folder.
func same(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// Invoke handles one event. Its errors are of a type that aws-lambda-go hands on as it is, so that
// callers see an error type of job's.
func (s *Supervisor) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	v := s.begin(ctx)
	defer func() { s.Log.Flush(min(logPatience, max(0, time.Until(v.tidyBy)))) }()
	answer, failed := v.guard(func() ([]byte, *job.Error) { return v.handle(ctx, payload) })
	if failed != nil && v.answersByHTTP() && s.spoilt == nil {
		answer, failed = v.guard(func() ([]byte, *job.Error) { return v.answerFailure(failed) })
	}
	if failed != nil {
		return nil, failure(failed, s.spoilt != nil)
	}
	return answer, nil
}

// guard makes a fault of the runtime itself an error as any other.
func (v *invocation) guard(do func() ([]byte, *job.Error)) (answer []byte, failed *job.Error) {
	defer func() {
		if cause := recover(); cause != nil {
			v.print(Error, "%v\n%s", cause, debug.Stack())
			answer, failed = nil, &job.Error{Type: job.ErrInternal, Message: fmt.Sprint(cause)}
		}
	}()
	return do()
}

// handle does what the event asks for and returns the payload of the answer.
func (v *invocation) handle(ctx context.Context, payload []byte) ([]byte, *job.Error) {
	v.clear() // what a runtime left that was ended at its deadline
	parsed, err := event.Parse(payload)
	if err != nil {
		v.print(Error, "%s: %v", job.ErrBadEvent, err)
		return nil, &job.Error{Type: job.ErrBadEvent, Message: err.Error()}
	}
	v.event = parsed
	switch parsed.Kind {
	case event.Queue:
		return v.handleQueue(ctx)
	case event.Test:
		v.print(Info, "a test event: nothing to do")
	}
	r, failed := v.handleItems(ctx)
	if failed != nil {
		return nil, failed
	}
	return v.answer(r)
}

// failure is an error in the form that aws-lambda-go answers with. That repeats the message in a header, so it may
// be neither long nor hold the one control character that JSON leaves as it is. If last is true it ends the process once
// it has answered, and Lambda starts another.
func failure(e *job.Error, last bool) error {
	message := strings.ReplaceAll(cut(e.Message, maxMessage), "\x7f", "")
	return messages.InvokeResponse_Error{Type: e.Type, Message: message, ShouldExit: last}
}

// invocation is what is known of one invocation.
type invocation struct {
	*Supervisor
	id       string
	started  time.Time
	stop     time.Time     // when the script is ended
	grace    time.Duration // that it has then to end by itself
	storeBy  time.Time     // when outputs that are not stored are given up
	tidyBy   time.Time     // when what is left is left, and the log waited for no longer
	answerBy time.Time
	event    *event.Event
}

const (
	maxMessage = 16 << 10               // bytes of an error's message
	answerTime = 500 * time.Millisecond // kept back from the deadline for the answer to travel
	sendTime   = 50 * time.Millisecond  // kept back from that for the answer to be made and sent
	recordTime = time.Second            // kept back from the answer for the record, and for what is left to be removed
	minMargin  = time.Second
	maxGrace   = 2 * time.Second
)

func (s *Supervisor) begin(ctx context.Context) *invocation {
	v := &invocation{Supervisor: s, started: time.Now()}
	if lambda, ok := lambdacontext.FromContext(ctx); ok {
		v.id = lambda.AwsRequestID
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = v.started.Add(15 * time.Minute) // no function runs longer
	}
	margin := marginOf(time.Duration(s.Job.TimeoutMargin)*time.Second, deadline.Sub(v.started))
	v.stop = deadline.Add(-margin)
	v.grace = min(margin/4, maxGrace)
	v.answerBy = deadline.Add(-min(answerTime, margin/2))
	v.tidyBy = v.answerBy.Add(-min(sendTime, margin/20))
	v.storeBy = v.answerBy.Add(-min(recordTime, margin/4))
	return v
}

// marginOf is the part of the time that is kept back from the script. A function whose whole time is no more than
// its margin gives the script half of it.
func marginOf(wanted, total time.Duration) time.Duration {
	margin := max(wanted, minMargin)
	if margin >= total {
		return max(total, 0) / 2
	}
	return margin
}

// print logs a message with the invocation's id.
func (v *invocation) print(level Level, format string, args ...any) {
	v.Log.Print(level, v.id, format, args...)
}

// clear empties the folder for temporary files.
func (v *invocation) clear() {
	if err := empty(v.Temp, v.tidyBy); err != nil {
		v.print(Warning, "files are left: %v", err)
	}
}

// asError is the error of job's that err wraps, or one of the given type that says what err says.
func asError(err error, kind string) *job.Error {
	var known *job.Error
	if errors.As(err, &known) {
		return known
	}
	if full(err) {
		kind = job.ErrDiskFull
	}
	return &job.Error{Type: kind, Message: err.Error()}
}
