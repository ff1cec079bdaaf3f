package transfer

import (
	"context"
	"errors"
	"fmt"

	"github.com/scar-go/scar/runtime/storage"
)

func nothingBelow(at Place) error { return fmt.Errorf("%w below %s", errNothing, at) }

// List tells emit of what is at a place: the file of that name, and what is in the folder of that name; if it is recursive, in
// the folders in it, too. Nothing at all is an error, but for a whole bucket, which may be empty.
func List(ctx context.Context, at Place, open Opener, recursive bool, emit func(Place, Entry) error) error {
	store, err := open(ctx, at)
	if err != nil {
		return err
	}
	anything := at.Key == ""
	if !at.IsFolder() {
		entry, err := store.Stat(ctx, at.Bucket, at.Key)
		switch {
		case err == nil:
			anything = true
			if err := emit(at, entry); err != nil {
				return err
			}
		case !errors.Is(err, storage.ErrNotExist):
			return err
		}
	}
	folder := at.Folder()
	err = store.List(ctx, at.Bucket, folder.Key, recursive, func(e storage.Entry) error {
		anything = true
		if recursive && e.Folder {
			return nil // what is in it says so
		}
		return emit(at.with(e.Key), e)
	})
	switch {
	case err != nil:
		return err
	case !anything && at.IsFolder():
		return nothingBelow(at)
	case !anything:
		return fmt.Errorf("%s does not exist", at)
	}
	return nil
}
