package transfer

import (
	"context"
	"io"

	"github.com/scar-go/scar/runtime/storage"
)

// ranger fetches large objects over several connections at a time.
type ranger interface {
	DownloadRanges(ctx context.Context, bucket, key, path string, of storage.Object) error
}

// Opener opens the store that a place is in.
type Opener func(ctx context.Context, at Place) (storage.Catalogue, error)

// Observer is told how a transfer goes on. Its methods are called from several goroutines.
type Observer interface {
	Found(size int64) // one more file will be moved, of so many bytes
	Moved(n int64)    // so many bytes more; fewer, where a part has to be sent again
	Ended(Item)       // that is what became of one file
}

// Item is what became of one file.
type Item struct {
	From, To string // as users write them; one is empty where files are removed
	Size     int64  // bytes
	ETag     string // of an object that was fetched, or removed; empty where none is known
	At       Place  // of the object
	Planned  bool   // nothing was done, as it is a trial
	Skipped  string // why it was left as it is; empty: it was not
	Err      error  // why it failed; nil: it did not
}

// Tally counts what became of files.
type Tally struct {
	Done, Skipped, Failed int
	Bytes                 int64 // of those that are done
}

// Existing says what becomes of a file that would replace one.
type Existing int

// What becomes of it.
const (
	Replace Existing = iota
	Keep             // it is left as it is
	Update           // it is left as it is if it has the same size and is not older
)

// Options say what is moved, and how.
type Options struct {
	Recursive bool
	Filter    Filter
	Existing  Existing
	DryRun    bool
	AtOnce    int      // files at a time; 0: DefaultAtOnce
	Observer  Observer // nil: nobody is told

	// Input is what a path - means, where it is the only one that is put; nil: nothing.
	Input io.Reader

	// Before is called before each file is put, which fails if it returns an error; it may be nil, and is called from
	// several goroutines.
	Before func(ctx context.Context, item Item) error
}

// DefaultAtOnce is how many files are moved at a time. Small ones are bound by the time that an answer takes.
const DefaultAtOnce = storage.UploadsAtOnce

// Entry is what a listing tells of a file or a folder.
type Entry = storage.Entry
