package transfer

import "context"

// Folder is a folder of this machine that single files are fetched into, safe as in Get.
type Folder struct{ landing *landing }

// OpenFolder opens a folder, which is made if it is absent.
func OpenFolder(dir string) (*Folder, error) {
	l, err := newLanding(dir)
	if err != nil {
		return nil, err
	}
	return &Folder{l}, nil
}

// Fetch fetches a file under a name, whose parts are separated by slashes.
func (f *Folder) Fetch(ctx context.Context, open Opener, at Place, name string) error {
	store, err := open(ctx, at)
	if err != nil {
		return err
	}
	entry, err := store.Stat(ctx, at.Bucket, at.Key)
	if err != nil {
		return err
	}
	return f.landing.receive(name, func(path string) error { return fetch(ctx, store, at, entry, path) })
}

// Close removes what is left of files that are not complete.
func (f *Folder) Close() error { return f.landing.close() }
