package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Holder is a process that works on a run.
type Holder struct {
	Process string `json:"process,omitempty"` // tells it from every other process there ever was, where that can be
	Host    string `json:"host"`
	PID     int    `json:"pid"`
	Token   string `json:"token"` // random: tells holders apart even where Process is empty
}

// lease is the document that lets one process at a time work on the runs of a function, and says before any object is sent
// that it may be.
type lease struct {
	Version  int    `json:"version"`
	Run      string `json:"run"` // the last one that was begun; empty: none
	Holder   Holder `json:"holder"`
	Serial   int    `json:"serial"`             // counts the writes of a holder
	Released bool   `json:"released,omitempty"` // nobody works on the run
	Doubt    bool   `json:"doubt,omitempty"`    // a process was killed: objects before the mark may be under way

	// The mark: objects of the run before it may have been sent, those behind it surely were not.
	Page  int `json:"page"`
	Index int `json:"index"`

	Settled int   `json:"settled"` // pages before this one have results, which Tally counts
	Tally   Tally `json:"tally"`
}

// parseLease reads a lease, and refuses one that this program has not written, or not one like it.
func parseLease(content []byte) (l lease, err error) {
	switch err = json.Unmarshal(content, &l); {
	case err != nil:
	case l.Version > formatVersion:
		return l, fmt.Errorf("%s, which says who works on the runs of the function, was written in version %d of the ledger, this scar reads version %d: use a newer scar", leaseName, l.Version, formatVersion)
	case l.Version < 1, l.Run != "" && !IsID(l.Run), l.Settled < 0, l.Page < 0, l.Index < 0:
		err = errors.New("no lease of a run is like that")
	}
	if err != nil {
		return l, fmt.Errorf("%s, which says who works on the runs of the function, is damaged: remove it from the ledger, and what was under way may be processed twice: %w", leaseName, err)
	}
	return l, nil
}

// mayBeSent says whether an object of a page is before the mark.
func (l *lease) mayBeSent(page, index int) bool {
	return page < l.Page || page == l.Page && index < l.Index
}

// BusyError says that another process works on a run of the function.
type BusyError struct {
	Run    string
	Holder Holder
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("run %s is under way, in process %d on %s: wait for its end, or stop it there", e.Run, e.Holder.PID, e.Holder.Host)
}

// errLost says that another process took the lease, or that it cannot be kept.
var errLost = errors.New("another process has taken this run over: nothing more is sent from here")

// keeper holds the lease. Whoever cannot say so any more sends nothing.
type keeper struct {
	ledger ledger
	tempo  Tempo
	now    func() time.Time

	writing sync.Mutex // serialises writes
	version string

	mu      sync.Mutex
	state   lease
	renewed time.Time // when the last write that succeeded began
	lost    bool
}

// acquire takes the lease. before is what it said, and age how long ago that was written. If its holder may still be there, it waits
// until that must have noticed that it is alone.
func (r *Runner) acquire(ctx context.Context, holder Holder) (k *keeper, before lease, age time.Duration, err error) {
	k = &keeper{ledger: r.ledger(), tempo: r.Tempo, now: r.Now}
	seen := ""
	for {
		doc, err := r.Ledger.Read(ctx, leaseName)
		condition := Condition{Absent: true}
		before, age = lease{}, 0
		switch {
		case err == nil:
			if before, err = parseLease(doc.Content); err != nil {
				return nil, before, 0, err
			}
			condition, age = Condition{Version: doc.Version}, doc.Age
		case !errors.Is(err, ErrNotExist):
			return nil, before, 0, fmt.Errorf("read who works on the runs of the function: %w", err)
		}
		free := err != nil || before.Released || age >= r.Tempo.Lease || r.Gone != nil && r.Gone(before.Holder)
		if !free {
			if r.There != nil && r.There(before.Holder) {
				return nil, before, 0, &BusyError{before.Run, before.Holder}
			}
			if seen != "" && seen != doc.Version {
				return nil, before, 0, &BusyError{before.Run, before.Holder}
			}
			if seen == "" {
				r.note(fmt.Sprintf("process %d on %s worked on run %s %.0f s ago: waiting up to %v for a sign of life",
					before.Holder.PID, before.Holder.Host, before.Run, age.Seconds(), r.Tempo.Lease))
			}
			seen = doc.Version
			if err := pause(ctx, r.Tempo.Lease/20); err != nil {
				return nil, before, 0, err
			}
			continue
		}
		k.state = before
		before.Doubt = before.Doubt || before.Run != "" && !before.Released
		k.state.Version, k.state.Holder, k.state.Released, k.state.Serial = formatVersion, holder, false, 0
		k.state.Doubt = before.Doubt
		err = k.write(ctx, condition)
		if errors.Is(err, errLost) {
			k.lost = false
			continue // another was quicker
		}
		return k, before, age, err
	}
}

// update changes the lease and writes it.
func (k *keeper) update(ctx context.Context, change func(*lease)) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	k.mu.Lock()
	if k.lost {
		k.mu.Unlock()
		return errLost
	}
	change(&k.state)
	k.mu.Unlock()
	return k.write(ctx, Condition{Version: k.version})
}

func (k *keeper) write(ctx context.Context, condition Condition) error {
	began := k.now()
	k.mu.Lock()
	k.state.Serial++
	mine := k.state
	k.mu.Unlock()
	content, err := json.Marshal(mine)
	if err != nil {
		return err
	}
	version, err := k.ledger.store.Write(ctx, leaseName, content, condition)
	if errors.Is(err, ErrConflict) {
		version, err = k.recognise(ctx, mine)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case errors.Is(err, errLost):
		k.lost = true
	case err == nil:
		k.version, k.renewed = version, began
	}
	return err
}

// recognise finds out whether the lease that is there is the one that was just written, by a call whose answer was lost. A
// write that failed before may have had its effect, too: then the one that is there has a lower serial number.
func (k *keeper) recognise(ctx context.Context, mine lease) (version string, err error) {
	doc, err := k.ledger.store.Read(ctx, leaseName)
	if err != nil {
		return "", err
	}
	there, err := parseLease(doc.Content)
	if err != nil {
		return "", err
	}
	switch {
	case there.Holder != mine.Holder:
		return "", errLost
	case there.Serial == mine.Serial:
		return doc.Version, nil
	}
	content, err := json.Marshal(mine)
	if err != nil {
		return "", err
	}
	version, err = k.ledger.store.Write(ctx, leaseName, content, Condition{Version: doc.Version})
	if errors.Is(err, ErrConflict) {
		return "", errLost
	}
	return version, err
}

// keep renews the lease until the context ends. What a renewal fails with is of no consequence until it is too old.
func (k *keeper) keep(ctx context.Context) {
	for pause(ctx, k.tempo.Renew) == nil {
		if k.age() < k.tempo.Renew {
			continue // something else was announced meanwhile
		}
		if err := k.update(ctx, func(*lease) {}); errors.Is(err, errLost) {
			return
		}
	}
}

// age is how long ago the lease was renewed. The clock that counts goes on while a machine sleeps.
func (k *keeper) age() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now().Round(0).Sub(k.renewed.Round(0))
}

// mayWork is nil while nobody else can think that the lease is free. The one half of its time is for calls that are slow.
func (k *keeper) mayWork(ctx context.Context) error {
	k.mu.Lock()
	lost := k.lost
	k.mu.Unlock()
	if lost {
		return errLost
	}
	if k.age() < k.tempo.Lease/2 {
		return nil
	}
	if err := k.update(ctx, func(*lease) {}); err != nil {
		return fmt.Errorf("renew the lease of the run: %w", err)
	}
	return nil
}

// marked says whether an object is before the mark.
func (k *keeper) marked(page, index int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state.mayBeSent(page, index)
}

// note changes what the next write says.
func (k *keeper) note(change func(*lease)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(&k.state)
}

// pause waits, or until the context ends, which is its error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
