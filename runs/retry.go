package runs

import (
	"context"
	"fmt"
	"strconv"
)

// FailedOf lists the objects that failed in a run, a page of it at a time: for a run whose parent that is.
func FailedOf(store Ledger, id string) Lister { return &failedOf{ledger{store}, id, nil} }

// failedOf has the numbers of a page as cursors.
type failedOf struct {
	ledger
	id      string
	numbers []int
}

// List implements [Lister]. A page has PageSize objects at most, so that one is taken whole or not yet.
func (f *failedOf) List(ctx context.Context, cursor string, limit int) ([]Object, string, error) {
	at, err := f.position(ctx, cursor)
	if err != nil {
		return nil, "", err
	}
	// What a page without room for all would leave out is listed by the next call: the cursor names page and object.
	var objects []Object
	for ; at.page < len(f.numbers); at.page, at.object = at.page+1, 0 {
		p, err := f.known(ctx, f.id, f.numbers[at.page])
		if err != nil {
			return nil, "", err
		}
		entries := p.known()
		for ; at.object < len(entries); at.object++ {
			if entries[at.object].Status != Failed {
				continue
			}
			if len(objects) == limit {
				return objects, at.String(), nil
			}
			objects = append(objects, entries[at.object].Object)
		}
	}
	return objects, "", nil
}

// position reads a cursor, and the first time which pages there are.
func (f *failedOf) position(ctx context.Context, cursor string) (at place, err error) {
	if f.numbers == nil {
		if f.numbers, err = f.ledger.numbers(ctx, f.id, pagesFolder, 0); err != nil {
			return at, fmt.Errorf("list the pages of run %s: %w", f.id, err)
		}
	}
	if cursor == "" {
		return at, nil
	}
	if _, err := fmt.Sscanf(cursor, "%d.%d", &at.page, &at.object); err != nil || at.page < 0 || at.object < 0 {
		return at, fmt.Errorf("%q is no cursor of run %s", cursor, f.id)
	}
	return at, nil
}

// place is an object in the pages of a run.
type place struct{ page, object int }

func (p place) String() string { return strconv.Itoa(p.page) + "." + strconv.Itoa(p.object) }
