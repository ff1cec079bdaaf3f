package runs

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Runner sends events to one function.
type Runner struct {
	Lister  func(Info) Lister
	Records Records // nil: the function writes none
	Ledger  Ledger  // nil: nothing is written down, and nothing can be gone on with
	Invoker Invoker
	Queue   Queue // nil: the function is invoked

	Concurrency int           // invocations, or messages, that are under way at most
	Timeout     time.Duration // of the function: after it, and a little more, an invocation has ended
	MaxFailures int           // the run stops when more objects failed; 0: however many do

	Host string // for people
	PID  int    // for people
	// Process names this process in a way that no other process ever has; empty where that cannot be told.
	Process string
	Gone    func(Holder) bool // whether the process of a holder has surely ended; nil: nobody knows
	There   func(Holder) bool // whether it surely has not; nil: nobody knows

	Tempo  Tempo
	Now    func() time.Time
	Random func() [3]byte

	Note     func(text string) // is told what the user should know at once; nil: nobody is
	Progress func(Progress)    // is told how far the run is, often, from several goroutines; nil: nobody is
}

// Tempo is how long a runner waits for what.
type Tempo struct {
	Lease   time.Duration // after which a holder that was silent works no more
	Renew   time.Duration // between two signs of life
	Poll    time.Duration // between two looks at a record, at first
	Recheck time.Duration // after which a record is read again before its object is sent
	Backoff time.Duration // before an event that was refused is sent again, at first
	Refused time.Duration // after which a run gives up for which there was no place at all
	Quiet   time.Duration // for which a queue must be empty until what left no record is taken for failed
	Stuck   time.Duration // in which nothing of a queue ended, likewise
}

// DefaultTempo suits AWS.
func DefaultTempo() Tempo {
	return Tempo{
		Lease: time.Minute, Renew: 10 * time.Second, Poll: time.Second, Recheck: time.Minute,
		Backoff: 200 * time.Millisecond, Refused: 10 * time.Minute, Quiet: 2 * time.Minute, Stuck: 3 * time.Hour,
	}
}

// Progress is how far a run is.
type Progress struct {
	Tally
	Total    int  // objects found so far
	Complete bool // all have been found
	InFlight int  // under way now
	Limit    int  // under way at most, at the moment
}

// Begin says how a run begins.
type Begin struct {
	Info        // without ID and Started
	New    bool // leave an unfinished run as it is, and begin another
	Chosen bool // the selection was given, and must be the unfinished run's
}

// Summary is what a run, or the part of it that this process did, came to.
type Summary struct {
	Info
	State   State
	Tally   Tally
	Resumed bool
}

// Run begins a run, or goes on with the one that is unfinished, and works until it is finished, the context ends, or an error
// ends it; then it waits for what is under way. After an interruption there is no error, and the state is Stopped.
//
// Nothing is sent twice without a reason in the ledger. Before an object is sent, its page is in the ledger and the lease's mark
// behind it. So when a run is gone on with, the objects without a result are of three kinds: those behind the mark were never
// sent; those whose record has changed since they were listed have ended; and any other before the mark may be under way, so
// that its record is waited for as long as the function may run, before it is sent again.
func (r *Runner) Run(ctx context.Context, begin Begin) (*Summary, error) {
	if r.Ledger == nil {
		r.Ledger = forgetful{}
	}
	keeper, before, age, err := r.acquire(ctx, r.holder())
	if err != nil {
		return nil, err
	}
	w := &work{Runner: r, keeper: keeper, limit: r.newLimiter(), before: before}
	summary, err := w.begin(ctx, begin, age)
	if err != nil {
		return nil, errors.Join(err, w.release(ctx))
	}
	err = w.process(ctx)
	summary.State, summary.Tally = w.state, w.tally
	return summary, err
}

func (r *Runner) holder() Holder {
	return Holder{Process: r.Process, Host: r.Host, PID: r.PID, Token: fmt.Sprintf("%x%x", r.Random(), r.Random())}
}

// newLimiter begins with few invocations where each may have to wait for a new instance. A queue takes any number.
func (r *Runner) newLimiter() *limiter {
	start := 2
	if r.Queue != nil {
		start = r.Concurrency
	}
	return newLimiter(start, max(1, r.Concurrency), r.Tempo.Backoff, r.Now)
}

func (r *Runner) ledger() ledger { return ledger{r.Ledger} }

func (r *Runner) note(text string) {
	if r.Note != nil {
		r.Note(text)
	}
}

// begin finds the run to go on with, or begins one.
func (w *work) begin(ctx context.Context, begin Begin, age time.Duration) (*Summary, error) {
	unfinished, err := w.unfinished(ctx)
	if err != nil {
		return nil, err
	}
	if unfinished != nil && !begin.New {
		if begin.Chosen && !sameChoice(unfinished, &begin.Info) {
			return nil, &UnfinishedError{ID: unfinished.ID, Function: unfinished.Function, Parent: unfinished.Parent}
		}
		w.info = *unfinished
		err := w.resume(ctx, age)
		w.note(w.resumed())
		return &Summary{Info: w.info, Resumed: true}, err
	}
	if unfinished != nil {
		if err := w.abandon(ctx, unfinished.ID); err != nil {
			return nil, err
		}
	}
	w.info = begin.Info
	w.info.Version, w.info.Started = formatVersion, w.Now().UTC().Truncate(time.Second)
	w.info.ID = newID(w.info.Started, w.Random())
	// The lease names the run before its folder is there: a run that nothing names would never be found again.
	err = w.keeper.update(ctx, func(l *lease) {
		*l = lease{Version: l.Version, Holder: l.Holder, Serial: l.Serial, Run: w.info.ID}
	})
	if err == nil {
		err = w.ledger().createJSON(ctx, w.info.ID+"/"+infoName, &w.info)
	}
	if err != nil {
		return nil, fmt.Errorf("begin a run: %w", err)
	}
	return &Summary{Info: w.info}, nil
}

// resumed tells that a run is gone on with, and what may take its time.
func (w *work) resumed() string {
	text := fmt.Sprintf("going on with run %s, in which %d objects have ended", w.info.ID, w.tally.Total())
	if left := w.doubtUntil.Sub(w.Now()); w.before.Doubt && left > 0 && w.Queue == nil {
		text += fmt.Sprintf("; it was killed, so that what was under way then is waited for, up to %v", left.Round(time.Second))
	}
	return text
}

// unfinished is the last run, if it has not ended.
func (w *work) unfinished(ctx context.Context) (*Info, error) {
	id := w.before.Run
	if id == "" {
		return nil, nil
	}
	info, err := w.ledger().info(ctx, id)
	if errors.Is(err, ErrNotExist) {
		return nil, nil // it was killed before it began
	}
	if err != nil {
		return nil, fmt.Errorf("read the last run: %w", err)
	}
	end, err := w.ledger().end(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read the end of run %s: %w", id, err)
	}
	if end != nil {
		return nil, nil
	}
	return info, nil
}

// abandon ends a run that is not gone on with.
func (w *work) abandon(ctx context.Context, id string) error {
	err := w.ledger().createJSON(ctx, id+"/"+endName, &End{State: Abandoned, Ended: w.Now().UTC(), Tally: w.before.Tally})
	if err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("abandon run %s: %w", id, err)
	}
	text := "run " + id + " was not finished and stays as it is"
	if w.before.Doubt {
		text += ": what was under way when it was killed may be processed twice"
	}
	w.note(text)
	return nil
}

// UnfinishedError says that the last run is to be finished first.
type UnfinishedError struct{ ID, Function, Parent string }

func (e *UnfinishedError) Error() string {
	how := "scar run " + e.Function + " --all without these options goes on with it"
	if e.Parent != "" {
		how = "scar retry " + e.Parent + " --failed goes on with it"
	}
	return fmt.Sprintf("run %s of %s is not finished, and takes other objects: %s, and --new leaves it as it is", e.ID, e.Function, how)
}

// sameChoice says whether two runs take the same objects. How far back "newer than" goes counts from now, each time.
func sameChoice(a, b *Info) bool {
	x, y := a.Selection, b.Selection
	if !x.NewerThan.IsZero() && !y.NewerThan.IsZero() {
		x.NewerThan, y.NewerThan = time.Time{}, time.Time{}
	}
	return x == y && a.Again == b.Again && a.Parent == b.Parent
}

// forgetful is a ledger for runs that nothing is written down of.
type forgetful struct{}

func (forgetful) Read(context.Context, string) (*Document, error) { return nil, ErrNotExist }

func (forgetful) Write(context.Context, string, []byte, Condition) (string, error) { return "", nil }

func (forgetful) List(context.Context, string) ([]string, error) { return nil, nil }
