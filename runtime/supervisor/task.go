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
)

// lastOutput comes between what is wrong and what the script wrote.
const lastOutput = "; its last output:\n"

// task is one run of the script, with what came in and went out.
type task struct {
	*invocation
	item   event.Item
	object *event.Object // of the item, where it is
	file   *event.File   // of the item, unless the object counts
	work   workspace
	out    *output

	secrets   map[string]string // variables of the script
	input     string            // path of the staged file, empty when there is none
	fetched   storage.Object
	end       *ending
	reply     *reply
	stored    []job.Object
	durations job.Durations
	duplicate bool // nothing was to be done
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

// handleItem does what one item asks for.
func (v *invocation) handleItem(ctx context.Context, item event.Item) (*reply, *job.Error) {
	t := &task{invocation: v, item: item, file: item.File, reply: newReply()}
	failed := t.identify()
	if failed == nil && v.spoilt != nil {
		failed = &job.Error{Type: job.ErrInternal, Message: "not run: " + v.spoilt.Error()}
	}
	if failed == nil {
		if why, ok := skip(t.object); ok {
			t.print(Info, "%q: nothing to do, %s", t.name(), why)
			return t.reply, nil
		}
		failed = t.attempt(ctx)
	}
	t.summarize(failed)
	return t.reply, failed
}

// name is what messages call the item.
func (t *task) name() string {
	if t.object != nil {
		return placeName(t.object.Provider, t.object.Bucket, t.object.Key)
	}
	return t.nameOf(t.item)
}

// identify finds out what the item is. The role says which objects of the account's own S3 may be fetched. With the credentials of
// another provider much more could be, by whoever may send a message or a request, so an object of it counts only if an
// input covers it. A request that names one of the account's own, or of no input, is a request like any other.
func (t *task) identify() *job.Error {
	if t.item.Err != nil {
		return &job.Error{Type: job.ErrBadEvent, Message: t.item.Err.Error()}
	}
	if t.item.Object == nil {
		return nil
	}
	object, err := locate(t.Job, t.item.Object)
	if t.event.Kind == event.HTTP {
		if err == nil && object.Provider != "" && covered(t.Job.Inputs, object) {
			object.Sequencer = "" // anybody may have made it up, and a high one would make all later events of the object late
			t.object, t.file = object, nil
		}
		return nil
	}
	if err == nil && object.Provider != "" && !covered(t.Job.Inputs, object) {
		err = fmt.Errorf("the event names %q in the storage provider %q, where no input of the function covers it: add one", joinPath(object.Bucket, object.Key), object.Provider)
	}
	if err != nil {
		return &job.Error{Type: job.ErrBadEvent, Message: err.Error()}
	}
	t.object, t.file = object, nil
	return nil
}

// attempt processes the item and writes down how that ended, unless there is nothing to be done, or no time.
func (t *task) attempt(ctx context.Context) *job.Error {
	if !time.Now().Before(t.stop) {
		return &job.Error{Type: job.ErrTimeout, Message: "the time was up before its turn came: raise timeout, or have fewer messages at once"}
	}
	started := time.Now()
	prior := t.readPrior(ctx)
	if t.Job.Dedupe && t.object != nil {
		record, err := prior()
		if err != nil {
			return &job.Error{Type: job.ErrRecord, Message: fmt.Sprintf("whether this is a duplicate cannot be told: %v", err)}
		}
		why, ok := duplicate(record, t.object)
		if ok {
			t.duplicate = true
			t.print(Debug, "%q: nothing to do, %s", t.name(), why)
			return nil
		}
	}
	defer t.clear()
	failed := t.process(ctx)
	return t.writeRecord(ctx, started, prior, failed)
}

// process stages in, runs the script and stages out.
func (t *task) process(ctx context.Context) *job.Error {
	var err error
	if t.work, err = newWorkspace(t.Temp); err != nil {
		return asError(err, job.ErrInternal)
	}
	if err := t.fetchSecrets(ctx); err != nil {
		return asError(err, job.ErrSecret)
	}
	if err := t.openOutputs(ctx); err != nil {
		return asError(err, job.ErrStageOut)
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
	if err := t.respond(); err != nil {
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
	if t.file != nil {
		t.fetched.Size = int64(len(t.file.Content))
		if err := t.reserve(t.fetched.Size); err != nil {
			return err
		}
		t.input = filepath.Join(t.work.in, fileName(t.file.Name))
		return os.WriteFile(t.input, t.file.Content, 0o644)
	}
	if t.object == nil || t.object.Removed() {
		return nil
	}
	ctx, cancel := context.WithDeadline(ctx, t.stop)
	defer cancel()
	store, err := t.openStore(ctx, providerOf(t.object))
	if err != nil {
		return err
	}
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
		"the input %s needs %d MB, /tmp has %d MB free: raise ephemeral_storage", shown(t.name()), (size+1<<20-1)>>20, available>>20)}
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
	t.out = newOutput(t.Log, t.id, t.keptOutput(), t.stop)
	cmd, err := t.command()
	if err != nil {
		return err
	}
	end, err := run(cmd, t.out, t.stop, t.grace, t.tidyBy)
	t.out.end()
	if end == nil {
		return startError(cmd, err)
	}
	t.end = end
	if err == nil {
		return nil
	}
	t.print(Error, "%v: this process ends, so that they are not there in the next invocation", err)
	t.spoilt = err
	if t.judge() != nil {
		return nil // which says more
	}
	return &job.Error{Type: job.ErrInternal, Message: err.Error()}
}

// answersOutput reports whether the caller is to get all that the script writes, or the end of it only: somebody who
// waits for the answer to what he asked does, while events are answered to nobody in particular.
func (t *task) answersOutput() bool {
	return t.object == nil && len(t.event.Items) == 1 && (t.event.Kind == event.Direct || t.answersByHTTP())
}

// keptOutput is how many bytes at the output's end the answer needs.
func (t *task) keptOutput() int {
	if t.answersOutput() {
		return t.bodyLimit()
	}
	return eventBody
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

// cut shortens a text to at most n bytes, at a whole character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:runeStart([]byte(s), n)] + "…"
}
