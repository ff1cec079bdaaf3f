package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/scar-go/scar/runtime/event"
	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/runtime/storage"
)

const (
	eventBody   = 128 << 10 // bytes of output in the answer to an event: Lambda hands it on to destinations, which take 256 KB at least
	messageTail = 2 << 10   // bytes of output in the message of a failure

	// answerLimit is the payload of a synchronous answer in bytes, by
	// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
	answerLimit = 6 << 20

	// directBody is what of that is left for the output, which base64 makes a third longer.
	directBody = (answerLimit - 4<<10) / 4 * 3
)

// lastOutput comes between what is wrong and what the script wrote.
const lastOutput = "; its last output:\n"

// task is one run of the script, with what came in and went out.
type task struct {
	*invocation
	item   event.Item
	object *event.Object // item.Object
	work   workspace
	out    *output

	input     string // path of the staged file, empty when there is none
	fetched   storage.Object
	end       *ending
	stored    []job.Object
	durations job.Durations
}

// ending is how a command ended.
type ending struct {
	code     int            // -1 when a signal ended it
	signal   syscall.Signal // 0 when none did
	timedOut bool           // it was ended because its time was up
}

func (e *ending) String() string {
	switch {
	case e == nil:
		return "-"
	case e.signal != 0:
		return strings.ReplaceAll(e.signal.String(), " ", "-")
	}
	return strconv.Itoa(e.code)
}

func (v *invocation) handleItem(ctx context.Context, item event.Item, keep int) ([]byte, *job.Error) {
	name := nameOf(item)
	if item.Err != nil {
		v.print(Error, "%q: %s: %v", name, job.ErrBadEvent, item.Err)
		return nil, &job.Error{Type: job.ErrBadEvent, Message: item.Err.Error()}
	}
	if why, ok := skip(item.Object); ok {
		v.print(Info, "%q: nothing to do, %s", name, why)
		return nil, nil
	}
	t := &task{invocation: v, item: item, object: item.Object, out: newOutput(v.Log, keep)}
	defer v.clear()
	started := time.Now()
	prior := t.readPrior(ctx)
	err := t.process(ctx)
	err = t.writeRecord(ctx, started, prior, err)
	t.summarize(name, err)
	return t.out.tail(keep), err
}

// process stages in, runs the script and stages out.
func (t *task) process(ctx context.Context) *job.Error {
	var err error
	if t.work, err = newWorkspace(t.Temp); err != nil {
		return asError(err, job.ErrInternal)
	}
	if err := timed(&t.durations.StageIn, func() error { return t.stageIn(ctx) }); err != nil {
		return t.stageInError(err)
	}
	if err := timed(&t.durations.Run, t.runScript); err != nil {
		return asError(err, job.ErrScriptStart)
	}
	if err := t.judge(); err != nil {
		return err
	}
	if err := timed(&t.durations.StageOut, func() error { return t.stageOut(ctx) }); err != nil {
		return asError(err, job.ErrStageOut)
	}
	return nil
}

// timed runs a step and stores how many milliseconds it took.
func timed(ms *int64, step func() error) error {
	start := time.Now()
	defer func() { *ms = time.Since(start).Milliseconds() }()
	return step()
}

// stageIn fetches the object, or writes the file that the event brought. Of an object that was removed the script
// gets to know by its variables only.
func (t *task) stageIn(ctx context.Context) error {
	if file := t.item.File; file != nil {
		t.input = filepath.Join(t.work.in, fileName(file.Name))
		t.fetched.Size = int64(len(file.Content))
		return os.WriteFile(t.input, file.Content, 0o644)
	}
	if t.object == nil || t.object.Removed() {
		return nil
	}
	store, err := t.stores.Open(ctx, job.OwnS3)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, t.stop)
	defer cancel()
	t.input = filepath.Join(t.work.in, fileName(t.object.Key))
	t.fetched, err = store.Download(ctx, t.object.Bucket, t.object.Key, t.input, t.reserve)
	return err
}

// reserve refuses an input that does not fit.
func (t *task) reserve(size int64) error {
	available, err := free(t.work.in)
	if err != nil || size <= available {
		return nil // a file system that does not tell is tried
	}
	return &job.Error{Type: job.ErrDiskFull, Message: fmt.Sprintf(
		"the input s3://%s/%s needs %d MB, /tmp has %d MB free: raise ephemeral_storage",
		t.object.Bucket, t.object.Key, (size+1<<20-1)>>20, available>>20)}
}

func (t *task) stageInError(err error) *job.Error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &job.Error{Type: job.ErrTimeout, Message: "the time was up before the input was fetched: " + err.Error()}
	}
	failed := asError(err, job.ErrStageIn)
	if failed.Type == job.ErrDiskFull && full(err) {
		failed.Message = "/tmp is full: raise ephemeral_storage: " + failed.Message
	}
	return failed
}

// runScript runs the script to its end, good or bad.
func (t *task) runScript() error {
	if !time.Now().Before(t.stop) {
		return &job.Error{Type: job.ErrTimeout, Message: "the time was up before the script could start"}
	}
	cmd, err := t.command()
	if err != nil {
		return err
	}
	end, err := run(cmd, t.out, t.stop, t.grace)
	t.out.end()
	if end == nil {
		return startError(cmd, err)
	}
	if err != nil {
		t.print(Error, "%v", err)
	}
	t.end = end
	return nil
}

// judge turns the end of the script into an error, if it is one.
func (t *task) judge() *job.Error {
	e := &job.Error{}
	switch {
	case t.end.timedOut:
		e.Type = job.ErrTimeout
		e.Message = fmt.Sprintf("the script did not end in time and was ended %.1f s after the invocation began: raise timeout", time.Since(t.started).Seconds())
	case t.end.signal != 0:
		e.Type = job.ErrScriptKilled
		e.Message = fmt.Sprintf("signal %d (%s) ended the script", t.end.signal, t.end.signal)
		if t.end.signal == syscall.SIGKILL {
			e.Message += ", most likely because memory ran out: raise memory"
		}
	case t.end.code != 0:
		e.Type = job.ErrScriptFailed
		e.Message = fmt.Sprintf("the script ended with exit code %d%s", t.end.code, hint(t.end.code))
	case t.object == nil && t.out.total > directBody:
		return &job.Error{Type: job.ErrResponseTooBig, Message: fmt.Sprintf(
			"the script wrote %d bytes, an answer holds %d at most: write large results to $TMP_OUTPUT_DIR", t.out.total, directBody)}
	default:
		return nil
	}
	if available, err := free(t.Temp); err == nil && available < 1<<20 {
		e.Message += "; /tmp is full: raise ephemeral_storage"
	}
	if text := t.out.text(messageTail); text != "" {
		e.Message += lastOutput + text
	}
	return e
}

// hint explains the exit codes that shells use for commands that did not start.
func hint(code int) string {
	switch code {
	case 126:
		return ", by which shells mean that a command cannot be executed"
	case 127:
		return ", by which shells mean that a command is not in the image"
	}
	return ""
}

// summarize logs the one line that every run leaves, and one more for what went wrong. The script's output, which
// follows in the message of an error, is in the log already.
func (t *task) summarize(name string, err *job.Error) {
	status, level := "done", Info
	if err != nil {
		status, level = err.Type, Error
		message, _, _ := strings.Cut(err.Message, lastOutput)
		t.print(Error, "%q: %s: %s", name, err.Type, message)
	}
	var out int64
	for _, o := range t.stored {
		out += o.Size
	}
	t.print(level, "%q status=%s exit=%s bytes_in=%d bytes_out=%d outputs=%d stage_in_ms=%d run_ms=%d stage_out_ms=%d",
		name, status, t.end, t.fetched.Size, out, len(t.stored), t.durations.StageIn, t.durations.Run, t.durations.StageOut)
}

// cut shortens a text to at most n bytes, at a whole character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:runeStart([]byte(s), n)] + "…"
}
