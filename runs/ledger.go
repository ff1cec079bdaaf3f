package runs

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// formatVersion is the version of the documents that are written.
const formatVersion = 1

// The documents of a ledger. Those of one run are in a folder that has its id.
const (
	leaseName     = "lease.json"
	infoName      = "run.json"
	endName       = "end.json"
	pagesFolder   = "pages/"   // what was listed, before any of it is sent
	resultsFolder = "results/" // what became of a whole page
	partialFolder = "partial/" // what had become of a page when the run was stopped
)

// PageSize is how many objects a page has at most.
const PageSize = 1000

// idPattern is what the id of a run looks like.
var idPattern = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}$`)

// IsID says whether a text is the id of a run.
func IsID(text string) bool { return idPattern.MatchString(text) }

// newID makes the id of a run: ids are in the order of time, and the three random bytes set those of one second apart.
func newID(at time.Time, random [3]byte) string {
	return fmt.Sprintf("%s-%x", at.UTC().Format("20060102T150405Z"), random)
}

func pageName(id, folder string, number int) string {
	return fmt.Sprintf("%s/%s%06d.jsonl", id, folder, number)
}

// End is how a run ended.
type End struct {
	State State     `json:"state"` // Finished or Abandoned
	Ended time.Time `json:"ended"`
	Tally
}

// State is how far a run is.
type State string

// The states of a run.
const (
	Running   State = "running"   // by all that is known, a process is at it
	Stopped   State = "stopped"   // it can be gone on with
	Finished  State = "finished"  // every object has a result
	Abandoned State = "abandoned" // another run was begun instead of going on with it
)

// ledger reads and writes the documents of a function's runs.
type ledger struct{ store Ledger }

func (l ledger) readJSON(ctx context.Context, name string, v any) error {
	doc, err := l.store.Read(ctx, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(doc.Content, v); err != nil {
		return fmt.Errorf("parse %s: %w", name, err)
	}
	return nil
}

func (l ledger) info(ctx context.Context, id string) (*Info, error) {
	var i Info
	if err := l.readJSON(ctx, id+"/"+infoName, &i); err != nil {
		return nil, err
	}
	if i.Version != formatVersion {
		return nil, fmt.Errorf("run %s was written in version %d of the ledger, this scar reads version %d: use the scar that began it", id, i.Version, formatVersion)
	}
	return &i, nil
}

// end is nil for a run that has not ended.
func (l ledger) end(ctx context.Context, id string) (*End, error) {
	var e End
	err := l.readJSON(ctx, id+"/"+endName, &e)
	if errors.Is(err, ErrNotExist) {
		return nil, nil
	}
	return &e, err
}

// create stores a document that there must not be yet. One that is there with the same content is the work of a call whose
// answer was lost.
func (l ledger) create(ctx context.Context, name string, content []byte) error {
	_, err := l.store.Write(ctx, name, content, Condition{Absent: true})
	if !errors.Is(err, ErrConflict) {
		return err
	}
	doc, again := l.store.Read(ctx, name)
	if again == nil && bytes.Equal(doc.Content, content) {
		return nil
	}
	return errors.Join(err, again)
}

func (l ledger) createJSON(ctx context.Context, name string, v any) error {
	content, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return l.create(ctx, name, content)
}

// numbers are the pages from one on that have a document in a folder of a run, in order.
func (l ledger) numbers(ctx context.Context, id, folder string, from int) ([]int, error) {
	names, err := l.store.List(ctx, id+"/"+folder)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, name := range names {
		digits, found := strings.CutSuffix(name, ".jsonl")
		n, err := strconv.Atoi(digits)
		if found && err == nil && n >= from {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// pageHead is the first line of a page.
type pageHead struct {
	Page int    `json:"page"`
	Next string `json:"next,omitempty"` // cursor behind the page; empty: it is the last one
}

// pageLine is one object of a page, with what was known of it when it was listed.
type pageLine struct {
	Object
	Skip     string `json:"skip,omitempty"`     // why it is not sent; empty: it is
	Request  string `json:"request,omitempty"`  // that the object's record was of
	Attempts int    `json:"attempts,omitempty"` // that the record counted on this version of the object
}

func encodeLines[T any](head any, lines []T) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if head != nil {
		if err := enc.Encode(head); err != nil {
			return nil, err
		}
	}
	for i := range lines {
		if err := enc.Encode(&lines[i]); err != nil {
			return nil, err
		}
	}
	return buf.Bytes(), nil
}

// decodeLines reads lines of JSON, the first of which may be a head.
func decodeLines[T any](content []byte, head any) ([]T, error) {
	d := json.NewDecoder(bufio.NewReader(bytes.NewReader(content)))
	if head != nil {
		if err := d.Decode(head); err != nil {
			return nil, err
		}
	}
	var lines []T
	for {
		var line T
		err := d.Decode(&line)
		if err == io.EOF {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		if lines = append(lines, line); len(lines) > PageSize {
			return nil, fmt.Errorf("more than %d lines", PageSize)
		}
	}
}

func (l ledger) writePage(ctx context.Context, id string, head pageHead, lines []pageLine) error {
	content, err := encodeLines(head, lines)
	if err == nil {
		err = l.create(ctx, pageName(id, pagesFolder, head.Page), content)
	}
	if err != nil {
		return fmt.Errorf("write page %d of run %s: %w", head.Page, id, err)
	}
	return nil
}

func (l ledger) readPage(ctx context.Context, id string, number int) (head pageHead, lines []pageLine, err error) {
	doc, err := l.store.Read(ctx, pageName(id, pagesFolder, number))
	if err == nil {
		lines, err = decodeLines[pageLine](doc.Content, &head)
	}
	if err == nil && head.Page != number {
		err = fmt.Errorf("it says that it is page %d", head.Page)
	}
	if err != nil {
		return head, nil, fmt.Errorf("read page %d of run %s: %w", number, id, err)
	}
	return head, lines, nil
}

func (l ledger) writeResults(ctx context.Context, id string, number int, entries []Entry) error {
	content, err := encodeLines(nil, entries)
	if err == nil {
		err = l.create(ctx, pageName(id, resultsFolder, number), content)
	}
	if err != nil {
		return fmt.Errorf("write the results of page %d of run %s: %w", number, id, err)
	}
	return nil
}

// writePartial keeps what is known of a page that has no results yet.
func (l ledger) writePartial(ctx context.Context, id string, number int, entries []Entry) error {
	content, err := encodeLines(nil, entries)
	if err == nil {
		_, err = l.store.Write(ctx, pageName(id, partialFolder, number), content, Condition{})
	}
	if err != nil {
		return fmt.Errorf("write what is known of page %d of run %s: %w", number, id, err)
	}
	return nil
}

// readEntries reads results, or what is known of a page. It is nil if there are none.
func (l ledger) readEntries(ctx context.Context, id, folder string, number int) ([]Entry, error) {
	doc, err := l.store.Read(ctx, pageName(id, folder, number))
	if errors.Is(err, ErrNotExist) {
		return nil, nil
	}
	var entries []Entry
	if err == nil {
		entries, err = decodeLines[Entry](doc.Content, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("read the results of page %d of run %s: %w", number, id, err)
	}
	return entries, nil
}
