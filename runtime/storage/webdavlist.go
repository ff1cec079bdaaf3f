package storage

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const listBody = `<?xml version="1.0" encoding="utf-8"?>` +
	`<propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/><getetag/></prop></propfind>`

// List implements Catalogue.
func (d webDAVCatalogue) List(ctx context.Context, bucket, folder string, deep bool, emit func(Entry) error) error {
	if err := checkFolder(bucket, folder); err != nil {
		return d.wrap("list", folder, err)
	}
	return d.list(ctx, folder, deep, 0, emit)
}

func (d webDAVCatalogue) list(ctx context.Context, folder string, deep bool, depth int, emit func(Entry) error) error {
	if depth > maxDepth {
		return d.wrap("list", folder, errTooDeep)
	}
	var folders []string
	err := d.members(ctx, folder, func(e Entry) error {
		if e.Folder && deep {
			folders = append(folders, e.Key)
			return nil
		}
		return emit(e)
	})
	if err != nil {
		return err
	}
	for _, inner := range folders {
		if err := d.list(ctx, inner, deep, depth+1, emit); err != nil {
			return err
		}
		if err := emit(Entry{Key: inner, Folder: true}); err != nil {
			return err
		}
	}
	return nil
}

// emitError is an error of whoever is told of entries. It is no error of the listing.
type emitError struct{ error }

// members tells emit of what lies in a folder itself.
func (d webDAVCatalogue) members(ctx context.Context, folder string, emit func(Entry) error) error {
	response, _, err := d.do(ctx, call{
		method: "PROPFIND", path: escapePath(folder),
		header: map[string]string{"Depth": "1", "Content-Type": "application/xml"}, body: section([]byte(listBody)),
	})
	if err != nil {
		return d.wrap("list", folder, err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotFound:
		return nil
	case response.StatusCode != http.StatusMultiStatus:
		return d.wrap("list", folder, refusal(response.StatusCode, response.Header))
	}
	base, err := url.PathUnescape(strings.TrimSuffix(d.root.EscapedPath(), "/") + "/" + escapePath(folder))
	if err != nil {
		return d.wrap("list", folder, err)
	}
	err = readMembers(response.Body, base, func(e Entry) error {
		e.Key = folder + e.Key
		if !e.Folder && ours(e.Key) {
			return nil
		}
		if err := emit(e); err != nil {
			return emitError{err}
		}
		return nil
	})
	var told emitError
	if errors.As(err, &told) {
		return told.error
	}
	return d.wrap("list", folder, err)
}

// readMembers reads the answer to a PROPFIND of a folder, one response at a time. Keys are below the folder, whose path is base. What
// a server tells of other places is an error: a key made of it could lead anywhere.
func readMembers(body io.Reader, base string, emit func(Entry) error) error {
	decoder := xml.NewDecoder(body)
	began := false
	for {
		token, err := decoder.Token()
		if err == io.EOF && began {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the answer to PROPFIND: %w", err)
		}
		element, isStart := token.(xml.StartElement)
		if !isStart {
			continue
		}
		if !began {
			if element.Name != (xml.Name{Space: "DAV:", Local: "multistatus"}) {
				return fmt.Errorf("read the answer to PROPFIND: it begins with <%s>", element.Name.Local)
			}
			began = true
			continue
		}
		if element.Name != (xml.Name{Space: "DAV:", Local: "response"}) {
			if err := decoder.Skip(); err != nil {
				return fmt.Errorf("read the answer to PROPFIND: %w", err)
			}
			continue
		}
		var r member
		if err := decoder.DecodeElement(&r, &element); err != nil {
			return fmt.Errorf("read the answer to PROPFIND: %w", err)
		}
		entry, itself, err := r.entry(base)
		if err != nil {
			return err
		}
		if itself {
			continue
		}
		if err := emit(entry); err != nil {
			return err
		}
	}
}

// member is one response of a multistatus.
type member struct {
	Href      string `xml:"DAV: href"`
	Propstats []struct {
		Status   string    `xml:"DAV: status"`
		Folder   *struct{} `xml:"DAV: prop>resourcetype>collection"`
		Size     string    `xml:"DAV: prop>getcontentlength"`
		Modified string    `xml:"DAV: prop>getlastmodified"`
		ETag     string    `xml:"DAV: prop>getetag"`
	} `xml:"DAV: propstat"`
}

// entry is what a member says, or that it is the folder itself.
func (r *member) entry(base string) (e Entry, itself bool, err error) {
	address, err := url.Parse(strings.TrimSpace(r.Href))
	if err != nil {
		return e, false, fmt.Errorf("read the answer to PROPFIND: %q is no address", r.Href)
	}
	for _, p := range r.Propstats {
		if statusOf(p.Status) != http.StatusOK {
			continue
		}
		e.Folder = e.Folder || p.Folder != nil
		if size, err := strconv.ParseInt(strings.TrimSpace(p.Size), 10, 64); err == nil && size >= 0 {
			e.Size = size
		}
		if at, err := http.ParseTime(strings.TrimSpace(p.Modified)); err == nil {
			e.Modified = at.UTC()
		}
		if p.ETag != "" {
			e.ETag = bareETag(strings.TrimSpace(p.ETag))
		}
	}
	path := strings.TrimSuffix(address.Path, "/")
	if path == strings.TrimSuffix(base, "/") {
		return e, true, nil
	}
	name, inside := strings.CutPrefix(path, strings.TrimSuffix(base, "/")+"/")
	if !inside || strings.Contains(name, "/") || checkPath(name) != nil {
		return e, false, fmt.Errorf("the server tells of %q, which is not in the folder", r.Href)
	}
	e.Key = name
	if e.Folder {
		return Entry{Key: name + "/", Folder: true, Modified: time.Time{}}, false, nil
	}
	return e, false, nil
}

// Stat implements Catalogue.
func (d webDAVCatalogue) Stat(ctx context.Context, bucket, key string) (Entry, error) {
	if err := checkPlace(bucket, key); err != nil {
		return Entry{}, d.wrap("look at", key, err)
	}
	var found *Entry
	response, _, err := d.do(ctx, call{
		method: "PROPFIND", path: escapePath(key),
		header: map[string]string{"Depth": "0", "Content-Type": "application/xml"}, body: section([]byte(listBody)),
	})
	if err != nil {
		return Entry{}, d.wrap("look at", key, err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotFound, toFolder(response.StatusCode, response.Header):
		return Entry{}, d.wrap("look at", key, ErrNotExist)
	case response.StatusCode != http.StatusMultiStatus:
		return Entry{}, d.wrap("look at", key, refusal(response.StatusCode, response.Header))
	}
	base, err := url.PathUnescape(strings.TrimSuffix(d.root.EscapedPath(), "/") + "/" + escapePath(parent(key)))
	if err != nil {
		return Entry{}, d.wrap("look at", key, err)
	}
	err = readMembers(response.Body, base, func(e Entry) error {
		found = &e
		return nil
	})
	switch {
	case err != nil:
		return Entry{}, d.wrap("look at", key, err)
	case found == nil, found.Folder:
		return Entry{}, d.wrap("look at", key, ErrNotExist)
	}
	found.Key = key
	return *found, nil
}

// Remove implements Catalogue.
func (d webDAVCatalogue) Remove(ctx context.Context, bucket string, keys []string, failed func(key string, err error)) error {
	for _, key := range keys {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := d.removeOne(ctx, bucket, key); err != nil {
			failed(key, d.wrap("remove", key, err))
		}
	}
	return nil
}

var errFilled = errors.New("the folder is not empty")

func (d webDAVCatalogue) removeOne(ctx context.Context, bucket, key string) error {
	name, folder := strings.CutSuffix(key, "/")
	if err := checkPlace(bucket, name); err != nil {
		return err
	}
	if folder {
		// The server would remove all that is in it.
		if err := d.members(ctx, key, func(Entry) error { return errFilled }); err != nil {
			return err
		}
	} else if found, err := d.stat(ctx, key); err == nil && found.folder {
		return errors.New("it is a folder: its name ends in a slash")
	}
	err := d.remove(ctx, key)
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	return err
}
