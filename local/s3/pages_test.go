package s3

import (
	"errors"
	"slices"
	"testing"

	"go.etcd.io/bbolt"
)

// pagesOf lists keys with listing.page alone, page by page, in a transaction that is undone.
func pagesOf(t *testing.T, s *Service, keys []string, l listing) []string {
	t.Helper()
	undo := errors.New("undo")
	var out []string
	err := s.update(func(tx *bbolt.Tx) error {
		table, err := tx.CreateBucket([]byte("fuzz"))
		if err != nil {
			return err
		}
		for _, k := range keys {
			if k == "" || len(k) > bbolt.MaxKeySize {
				continue
			}
			if err := table.Put([]byte(k), []byte("{}")); err != nil {
				return err
			}
		}
		for {
			entries, more, err := l.page(table, decodeObject)
			if err != nil {
				return err
			}
			for _, e := range entries {
				out = append(out, e.name)
			}
			if !more {
				return undo
			}
			if len(entries) == 0 {
				return errors.New("an empty page with more behind it")
			}
			l.after = entries[len(entries)-1].name
		}
	})
	if !errors.Is(err, undo) {
		t.Fatal(err)
	}
	if !slices.IsSorted(out) {
		t.Errorf("not in order: %q", out)
	}
	return out
}
