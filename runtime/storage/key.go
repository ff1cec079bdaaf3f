package storage

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// checkPath refuses keys that name no file below a folder. Stores that keep files in folders use them as paths, so that a
// segment of dots would lead out of the folder, and one without characters nowhere. S3 takes every key as it is.
func checkPath(key string) error {
	if key == "" {
		return errors.New("the name is empty")
	}
	if !utf8.ValidString(key) {
		return errors.New("the name is not UTF-8")
	}
	for segment := range strings.SplitSeq(key, "/") {
		switch segment {
		case "":
			return errors.New("the name has an empty part: a slash at its beginning or end, or two in a row")
		case ".", "..":
			return fmt.Errorf("the name has the part %q, which leads to another folder", segment)
		}
	}
	return nil
}

// checkPlace refuses what is no place of a store that has folders, but no buckets.
func checkPlace(bucket, key string) error {
	if bucket != "" {
		return fmt.Errorf("bucket %q: this storage has no buckets", bucket)
	}
	return checkPath(key)
}

// escapePath is a key as part of a URL. Each segment is escaped, so that nothing in it ends the path.
func escapePath(key string) string {
	segments := strings.Split(key, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return strings.Join(segments, "/")
}

// shown is a key as messages have it: on one line, whatever is in it.
func shown(key string) string {
	quoted := strconv.Quote(key)
	return quoted[1 : len(quoted)-1]
}

// parent is the folder that a path lies in: empty for the uppermost.
func parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return ""
}

// below is a name in a folder.
func below(folder, name string) string {
	if folder == "" {
		return name
	}
	return folder + "/" + name
}

// parseEndpoint reads the address of a server as the user wrote it.
func parseEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("the endpoint is no URL") // the error would repeat what it may hold
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, errors.New("the endpoint is no URL of http:// or https:// with a host")
	case u.User != nil:
		return nil, errors.New("the endpoint holds a user: name user and password, or keys, beside it")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the endpoint has a query or a fragment: it is only a host and a path")
	}
	return u, nil
}
