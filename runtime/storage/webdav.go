package storage

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// webDAV is a server of WebDAV, by https://www.rfc-editor.org/rfc/rfc4918
//
// A server that knows ownCloud's header OC-Checksum compares the sum of what is sent, and says that of what it sends. Of
// others the length alone is compared.
type webDAV struct{ *web }

// Download implements Store.
func (d *webDAV) Download(ctx context.Context, bucket, key, path string, reserve func(int64) error) (Object, error) {
	if err := checkPlace(bucket, key); err != nil {
		return Object{}, d.wrap("fetch", key, err)
	}
	var object Object
	err := again(ctx, d.retries, func() (err error) {
		object, err = d.download(ctx, key, path, reserve)
		return err
	})
	return object, d.wrap("fetch", key, err)
}

func (d *webDAV) download(ctx context.Context, key, path string, reserve func(int64) error) (Object, error) {
	response, size, err := d.open(ctx, key)
	if err != nil {
		return Object{}, err
	}
	defer response.Body.Close()
	sum := parseOCChecksum(response.Header.Get("OC-Checksum"))
	if err := receive(response.Body, size, sum, path, reserve); err != nil {
		return Object{}, err
	}
	return Object{Size: size, ETag: bareETag(response.Header.Get("ETag"))}, nil
}

// open asks for a file, and for its size where the answer doesn't say it.
func (d *webDAV) open(ctx context.Context, key string) (*http.Response, int64, error) {
	get := call{method: http.MethodGet, path: escapePath(key)}
	response, err := d.get(ctx, get)
	if err != nil || response.ContentLength >= 0 {
		return response, sizeOf(response), err
	}
	response.Body.Close()
	found, err := d.stat(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	response, err = d.get(ctx, get)
	return response, found.size, err
}

func sizeOf(response *http.Response) int64 {
	if response == nil {
		return -1
	}
	return response.ContentLength
}

// Upload implements Store.
func (d *webDAV) Upload(ctx context.Context, bucket, key, path string) (int64, error) {
	if err := checkPlace(bucket, key); err != nil {
		return 0, d.wrap("store", key, err)
	}
	size, err := uploadStaged(ctx, d, key, path)
	return size, d.wrap("store", key, err)
}

func (d *webDAV) put(ctx context.Context, path, contentType string, content *io.SectionReader) error {
	digits, err := sumOf(content, sha1.New())
	if err != nil {
		return err
	}
	sum := "SHA1:" + hex.EncodeToString(digits)
	put := call{method: http.MethodPut, path: escapePath(path), body: content, header: map[string]string{
		"Content-Type": contentType, "OC-Checksum": sum,
	}}
	got, err := d.send(ctx, put)
	if err == nil && (got.status == http.StatusConflict || got.status == http.StatusNotFound) {
		if err := d.makeFolder(ctx, parent(path)); err != nil {
			return err
		}
		got, err = d.send(ctx, put)
	}
	if err != nil {
		return err
	}
	if got.status/100 != 2 {
		return refusal(got.status, got.header)
	}
	return d.check(ctx, path, content.Size(), sum)
}

// check compares what the server has stored with what it was sent, by a sum too where one is given and the server has one.
func (d *webDAV) check(ctx context.Context, path string, size int64, sum string) error {
	found, err := d.stat(ctx, path)
	switch {
	case err != nil:
		return fmt.Errorf("compare what was stored: %w", err)
	case found.size < 0:
		return errors.New("compare what was stored: the server does not say how many bytes it has")
	case found.size != size:
		return fmt.Errorf("the server has stored %d of %d bytes", found.size, size)
	}
	for stored := range strings.FieldsSeq(found.sums) {
		if sum != "" && strings.HasPrefix(stored, "SHA1:") && !strings.EqualFold(stored, sum) {
			return fmt.Errorf("the checksum is wrong: what was sent has %s, the server has stored %s", sum, stored)
		}
	}
	return nil
}

// makeFolder makes a folder and those that it lies in. Others may do so at the same time: a folder that is there is as good.
func (d *webDAV) makeFolder(ctx context.Context, folder string) error {
	if folder == "" {
		return errors.New("the server has no folder at the endpoint")
	}
	mkcol := call{method: "MKCOL", path: escapePath(folder) + "/"}
	got, err := d.send(ctx, mkcol)
	if err == nil && (got.status == http.StatusConflict || got.status == http.StatusNotFound) {
		if err := d.makeFolder(ctx, parent(folder)); err != nil {
			return err
		}
		got, err = d.send(ctx, mkcol)
	}
	if err != nil {
		return fmt.Errorf("make folder %s: %w", shown(folder), err)
	}
	if got.status == http.StatusCreated {
		return nil
	}
	found, err := d.stat(ctx, folder)
	switch {
	case err == nil && found.folder:
		return nil
	case err == nil:
		return fmt.Errorf("make folder %s: the server has a file of that name", shown(folder))
	}
	return fmt.Errorf("make folder %s: %w", shown(folder), refusal(got.status, got.header))
}

// move asks the server to overwrite nothing first: it would overwrite a folder with all that is in it, too.
func (d *webDAV) move(ctx context.Context, from, to string, size int64) error {
	got, err := d.sendMove(ctx, from, to, "F")
	if err == nil && got.tries > 1 && got.status >= 300 && d.moved(ctx, from, to, size) {
		return nil
	}
	if err == nil && got.status == http.StatusPreconditionFailed {
		if err := d.refuseFolder(ctx, to); err != nil {
			return err
		}
		got, err = d.sendMove(ctx, from, to, "T")
	}
	switch {
	case err != nil:
		return err
	case got.status == http.StatusCreated, got.status == http.StatusNoContent, got.status == http.StatusOK:
		return nil
	case got.tries > 1 && d.moved(ctx, from, to, size):
		return nil
	case got.status == http.StatusMethodNotAllowed, got.status == http.StatusNotImplemented:
		return fmt.Errorf("the server has no MOVE, without which others would see files that are stored in part: %w", refusal(got.status, got.header))
	}
	return fmt.Errorf("give the stored file its name: %w", refusal(got.status, got.header))
}

// moved reports whether an earlier try of a move got through, although its answer did not.
func (d *webDAV) moved(ctx context.Context, from, to string, size int64) bool {
	_, err := d.stat(ctx, from)
	return errors.Is(err, ErrNotExist) && d.check(ctx, to, size, "") == nil
}

func (d *webDAV) sendMove(ctx context.Context, from, to, overwrite string) (*answer, error) {
	return d.send(ctx, call{method: "MOVE", path: escapePath(from), header: map[string]string{
		"Destination": d.url(escapePath(to)), "Overwrite": overwrite,
	}})
}

func (d *webDAV) refuseFolder(ctx context.Context, path string) error {
	found, err := d.stat(ctx, path)
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	if err == nil && found.folder {
		err = errors.New("the server has a folder of that name")
	}
	return err
}

func (d *webDAV) remove(ctx context.Context, path string) error {
	got, err := d.send(ctx, call{method: http.MethodDelete, path: escapePath(path)})
	switch {
	case err != nil:
		return err
	case got.status == http.StatusNotFound:
		return ErrNotExist
	case got.status/100 != 2, got.status == http.StatusMultiStatus: // which tells of what could not be removed
		return refusal(got.status, got.header)
	}
	return nil
}
