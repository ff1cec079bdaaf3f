package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// childrenAtOnce is how many names of a folder are asked for by one call, and looked at before the next.
const childrenAtOnce = 200

// List implements Catalogue.
func (o onedataCatalogue) List(ctx context.Context, bucket, folder string, deep bool, emit func(Entry) error) error {
	if err := checkFolder(bucket, folder); err != nil {
		return o.wrap("list", folder, err)
	}
	return o.list(ctx, folder, deep, 0, emit)
}

func (o onedataCatalogue) list(ctx context.Context, folder string, deep bool, depth int, emit func(Entry) error) error {
	if depth > maxDepth {
		return o.wrap("list", folder, errTooDeep)
	}
	total, err := o.countChildren(ctx, folder)
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	if err != nil {
		return o.wrap("list", folder, err)
	}
	for from := 0; from < total; from += childrenAtOnce {
		entries, err := o.children(ctx, folder, from, min(from+childrenAtOnce, total)-1)
		if err != nil {
			return o.wrap("list", folder, err)
		}
		for _, e := range entries {
			if e.Folder && deep {
				if err := o.list(ctx, e.Key, deep, depth+1, emit); err != nil {
					return err
				}
			}
			if err := emit(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// countChildren is how many names a folder has. CDMI says it as a range, 0-2 for three.
func (o onedataCatalogue) countChildren(ctx context.Context, folder string) (int, error) {
	var said struct {
		Range string `json:"childrenrange"`
	}
	if err := o.ask(ctx, folder, "childrenrange", &said); err != nil || said.Range == "" {
		return 0, err
	}
	_, last, found := strings.Cut(said.Range, "-")
	n, err := strconv.Atoi(last)
	if !found || err != nil || n < 0 {
		return 0, fmt.Errorf("read what Oneprovider says of the folder: its range is %q", said.Range)
	}
	return n + 1, nil
}

// children are the entries of a folder from one index to another, which is included.
func (o onedataCatalogue) children(ctx context.Context, folder string, from, to int) ([]Entry, error) {
	var said struct {
		Children []string `json:"children"`
	}
	if err := o.ask(ctx, folder, fmt.Sprintf("children:%d-%d", from, to), &said); err != nil {
		return nil, err
	}
	entries := make([]Entry, len(said.Children))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(connections / 2)
	for i, name := range said.Children {
		bare, isFolder := strings.CutSuffix(name, "/")
		if strings.Contains(bare, "/") || checkPath(bare) != nil {
			return nil, fmt.Errorf("the server tells of %q, which is not in the folder", name)
		}
		if isFolder {
			entries[i] = Entry{Key: folder + name, Folder: true}
			continue
		}
		group.Go(func() (err error) {
			entries[i], err = o.look(ctx, folder+name)
			if errors.Is(err, ErrNotExist) { // it was removed meanwhile
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	kept := entries[:0]
	for _, e := range entries {
		if e.Key != "" && (e.Folder || !ours(e.Key)) {
			kept = append(kept, e)
		}
	}
	return kept, nil
}

// ask asks for one thing of a file or a folder, whose path ends in a slash.
func (o onedataCatalogue) ask(ctx context.Context, path, query string, to any) error {
	place := o.place(path)
	if path == "" {
		place = escapePath(o.space) + "/"
	}
	got, err := o.send(ctx, call{
		method: http.MethodGet, path: place, query: query, header: map[string]string{"X-CDMI-Specification-Version": "1.1.1"},
	})
	switch {
	case err != nil:
		return err
	case got.status == http.StatusNotFound, got.status/100 == 3: // to the address of a file, or of a folder
		return ErrNotExist
	case got.status != http.StatusOK:
		return o.refusal(got)
	}
	if err := json.Unmarshal(got.body, to); err != nil {
		return fmt.Errorf("read what Oneprovider says: %w", err)
	}
	return nil
}

// look looks at a file.
func (o onedataCatalogue) look(ctx context.Context, key string) (Entry, error) {
	var said struct {
		Type     string `json:"objectType"`
		Metadata struct {
			Size     string `json:"cdmi_size"`
			Modified string `json:"cdmi_mtime"`
		} `json:"metadata"`
	}
	if err := o.ask(ctx, key, "objectType;metadata:cdmi_", &said); err != nil {
		return Entry{}, err
	}
	if said.Type == cdmiContainer {
		return Entry{}, ErrNotExist
	}
	e := Entry{Key: key}
	if size, err := strconv.ParseInt(said.Metadata.Size, 10, 64); err == nil && size >= 0 {
		e.Size = size
	}
	if at, err := time.Parse(time.RFC3339, said.Metadata.Modified); err == nil {
		e.Modified = at.UTC()
	}
	return e, nil
}

// Stat implements Catalogue.
func (o onedataCatalogue) Stat(ctx context.Context, bucket, key string) (Entry, error) {
	if err := checkPlace(bucket, key); err != nil {
		return Entry{}, o.wrap("look at", key, err)
	}
	e, err := o.look(ctx, key)
	return e, o.wrap("look at", key, err)
}

// Remove implements Catalogue.
func (o onedataCatalogue) Remove(ctx context.Context, bucket string, keys []string, failed func(key string, err error)) error {
	for _, key := range keys {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := o.removeOne(ctx, bucket, key); err != nil {
			failed(key, o.wrap("remove", key, err))
		}
	}
	return nil
}

func (o onedataCatalogue) removeOne(ctx context.Context, bucket, key string) error {
	name, folder := strings.CutSuffix(key, "/")
	if err := checkPlace(bucket, name); err != nil {
		return err
	}
	if folder {
		n, err := o.countChildren(ctx, key)
		if errors.Is(err, ErrNotExist) {
			return nil
		}
		if err == nil && n > 0 { // the server would remove all that is in it
			err = errFilled
		}
		if err != nil {
			return err
		}
	}
	err := o.remove(ctx, key)
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	return err
}
