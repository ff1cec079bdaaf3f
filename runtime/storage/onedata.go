package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// onedata is a space of Onedata, through the CDMI interface of a Oneprovider.
// Its source is https://onedata.org/#/home/documentation/stable/doc/using_onedata/cdmi.html, and for what that leaves
// open (a raw body is the file's content, paths in a move are not escaped, a move overwrites nothing) the
// source of Oneprovider, https://github.com/onedata/op-worker.
//
// Onedata keeps no checksums that could be compared; lengths are.
type onedata struct {
	*web
	token token
	space string
}

const (
	cdmiObject    = "application/cdmi-object"
	cdmiContainer = "application/cdmi-container"
)

// cdmi is the header that tells calls of CDMI from those that move content as it is.
func cdmi(content string) map[string]string {
	return map[string]string{"X-CDMI-Specification-Version": "1.1.1", "Content-Type": content, "Accept": content}
}

// place is the path of a key, with its space.
func (o *onedata) place(key string) string { return escapePath(below(o.space, key)) }

// Download implements Store.
func (o *onedata) Download(ctx context.Context, bucket, key, path string, reserve func(int64) error) (Object, error) {
	if err := checkPlace(bucket, key); err != nil {
		return Object{}, o.wrap("fetch", key, err)
	}
	var object Object
	err := again(ctx, o.retries, func() (err error) {
		object, err = o.download(ctx, key, path, reserve)
		return err
	})
	return object, o.wrap("fetch", key, err)
}

func (o *onedata) download(ctx context.Context, key, path string, reserve func(int64) error) (Object, error) {
	response, err := o.get(ctx, call{method: http.MethodGet, path: o.place(key)})
	if err != nil {
		return Object{}, err
	}
	defer response.Body.Close()
	if err := receive(response.Body, response.ContentLength, nil, path, reserve); err != nil {
		return Object{}, err
	}
	return Object{Size: response.ContentLength, ETag: bareETag(response.Header.Get("ETag"))}, nil
}

// Upload implements Store.
func (o *onedata) Upload(ctx context.Context, bucket, key, path string) (int64, error) {
	if err := checkPlace(bucket, key); err != nil {
		return 0, o.wrap("store", key, err)
	}
	size, err := uploadStaged(ctx, o, key, path)
	return size, o.wrap("store", key, err)
}

func (o *onedata) put(ctx context.Context, path, contentType string, content *io.SectionReader) error {
	put := call{method: http.MethodPut, path: o.place(path), body: content, header: map[string]string{"Content-Type": contentType}}
	got, err := o.send(ctx, put)
	if err == nil && noFolder(got.status) && parent(path) != "" {
		if err := o.makeFolder(ctx, parent(path)); err != nil {
			return err
		}
		got, err = o.send(ctx, put)
	}
	if err != nil {
		return err
	}
	if got.status/100 != 2 {
		return o.refusal(got)
	}
	return o.check(ctx, path, content.Size())
}

// noFolder reports whether an answer may mean that the folder of a file is missing. Versions of Oneprovider differ in it.
func noFolder(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusNotFound || status == http.StatusConflict
}

// makeFolder makes a folder and those that it lies in; one that is there is as good.
func (o *onedata) makeFolder(ctx context.Context, folder string) error {
	create := call{method: http.MethodPut, path: o.place(folder) + "/", header: cdmi(cdmiContainer)}
	got, err := o.send(ctx, create)
	if err == nil && noFolder(got.status) && parent(folder) != "" {
		if err := o.makeFolder(ctx, parent(folder)); err != nil {
			return err
		}
		got, err = o.send(ctx, create)
	}
	switch {
	case err != nil:
	case got.status/100 == 2:
		return nil
	case got.status/100 == 3: // to the address without a slash
		err = errors.New("the server has a file of that name")
	default:
		err = o.refusal(got)
	}
	// Of two that make a folder at the same time one may be told that it failed.
	if found, problem := o.stat(ctx, folder+"/"); problem == nil && found.Type == cdmiContainer {
		return nil
	}
	return fmt.Errorf("make folder %s: %w", shown(folder), err)
}

// cdmiInfo is what CDMI says of a file or a folder.
type cdmiInfo struct {
	Type     string `json:"objectType"`
	Status   string `json:"completionStatus"`
	Metadata struct {
		Size string `json:"cdmi_size"`
	} `json:"metadata"`
}

// stat asks what lies at a path, which ends in a slash if it is a folder's. Nothing is ErrNotExist.
func (o *onedata) stat(ctx context.Context, path string) (cdmiInfo, error) {
	got, err := o.send(ctx, call{
		method: http.MethodGet, path: o.place(path), query: "objectType;completionStatus;metadata:cdmi_size",
		header: map[string]string{"X-CDMI-Specification-Version": "1.1.1"},
	})
	switch {
	case err != nil:
		return cdmiInfo{}, err
	case got.status == http.StatusNotFound:
		return cdmiInfo{}, ErrNotExist
	case got.status != http.StatusOK:
		return cdmiInfo{}, o.refusal(got)
	}
	return parseCDMI(got.body)
}

func parseCDMI(content []byte) (cdmiInfo, error) {
	var info cdmiInfo
	if err := json.Unmarshal(content, &info); err != nil {
		return cdmiInfo{}, fmt.Errorf("read what Oneprovider says of the file: %w", err)
	}
	return info, nil
}

// check compares what is stored with what was sent.
func (o *onedata) check(ctx context.Context, path string, size int64) error {
	found, err := o.stat(ctx, path)
	switch {
	case err != nil:
		return fmt.Errorf("compare what was stored: %w", err)
	case found.Metadata.Size != strconv.FormatInt(size, 10):
		return fmt.Errorf("the server has stored %q bytes, %d were sent", found.Metadata.Size, size)
	case found.Status != "" && found.Status != "Complete":
		return fmt.Errorf("the server says that the file is %q", found.Status)
	}
	return nil
}

// move puts a file that has the name aside first, because a move overwrites nothing, and back if it fails. Nobody sees
// a part of a file; for the moment between the two moves there is none.
func (o *onedata) move(ctx context.Context, from, to string, size int64) error {
	_, err := o.stat(ctx, to)
	if errors.Is(err, ErrNotExist) {
		return o.rename(ctx, from, to, size)
	}
	if err != nil {
		return fmt.Errorf("look for a file of the name: %w", err)
	}
	aside := from + "-former"
	if err := o.rename(ctx, to, aside, -1); err != nil {
		return err
	}
	if err := o.rename(ctx, from, to, size); err != nil {
		ctx, cancel := cleanup(ctx)
		defer cancel()
		if back := o.rename(ctx, aside, to, -1); back != nil {
			return fmt.Errorf("%w; the former file is now %s: %w", err, shown(aside), back)
		}
		return err
	}
	if err := o.remove(ctx, aside); err != nil {
		return fmt.Errorf("remove the former file, which is now %s: %w", shown(aside), err)
	}
	return nil
}

// rename moves a file of so many bytes, or of any number where that is negative.
func (o *onedata) rename(ctx context.Context, from, to string, size int64) error {
	body, err := json.Marshal(map[string]string{"move": "/" + below(o.space, from)})
	if err != nil {
		return err
	}
	got, err := o.send(ctx, call{method: http.MethodPut, path: o.place(to), header: cdmi(cdmiObject), body: section(body)})
	if err != nil {
		return err
	}
	switch got.status {
	case http.StatusOK, http.StatusCreated, http.StatusNoContent:
		return nil
	}
	// Another status of success may say that it is not done yet, or not as a whole.
	if (got.status/100 == 2 || got.tries > 1) && o.moved(ctx, from, to, size) {
		return nil
	}
	return fmt.Errorf("give the stored file its name: %w", o.refusal(got))
}

// moved reports whether an earlier try of a move got through, although its answer did not.
func (o *onedata) moved(ctx context.Context, from, to string, size int64) bool {
	if _, err := o.stat(ctx, from); !errors.Is(err, ErrNotExist) {
		return false
	}
	if size < 0 {
		_, err := o.stat(ctx, to)
		return err == nil
	}
	return o.check(ctx, to, size) == nil
}

func (o *onedata) remove(ctx context.Context, path string) error {
	got, err := o.send(ctx, call{method: http.MethodDelete, path: o.place(path)})
	switch {
	case err != nil:
		return err
	case got.status == http.StatusNotFound:
		return ErrNotExist
	case got.status/100 != 2:
		return o.refusal(got)
	}
	return nil
}

// refusal adds what Oneprovider says to an answer's status.
func (o *onedata) refusal(got *answer) error {
	err := refusal(got.status, got.header)
	var said struct {
		Error struct {
			Description string `json:"description"`
		} `json:"error"`
	}
	if json.Unmarshal(got.body, &said) != nil || said.Error.Description == "" {
		return err
	}
	return fmt.Errorf("%w: %.200q", err, strings.ReplaceAll(said.Error.Description, string(o.token), hidden))
}

// newOnedata opens a space at the address of a Oneprovider.
func newOnedata(w *web, t token, space string) (*onedata, error) {
	if space == "" {
		return nil, errors.New("it names no space")
	}
	if err := checkPath(space); err != nil {
		return nil, fmt.Errorf("the space: %w", err)
	}
	w.root = &url.URL{Scheme: w.root.Scheme, Host: w.root.Host, Path: "/cdmi"}
	w.login = t
	return &onedata{web: w, token: t, space: space}, nil
}
