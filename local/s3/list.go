package s3

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"
)

// listing is what a page of a listing is asked for.
type listing struct {
	prefix, delimiter string
	after             string // list what sorts behind this key or common prefix
	most              int
}

// listed is an entry of a page: a key, or a common prefix.
type listed struct {
	name   string
	object *summary // nil: a common prefix
}

// page collects entries of a table that is ordered by key. value decodes what stands at a key. It
// reads little more than it returns: behind a common prefix it goes on after all keys below it.
func (l listing) page(table *bbolt.Bucket, value func(k, v []byte) (*summary, error)) (entries []listed, more bool, err error) {
	if l.most == 0 {
		return nil, false, nil
	}
	c := table.Cursor()
	k, v := c.Seek([]byte(max(l.prefix, l.after)))
	for k != nil && bytes.HasPrefix(k, []byte(l.prefix)) {
		name := string(k)
		common := ""
		if i := strings.Index(name[len(l.prefix):], l.delimiter); l.delimiter != "" && i >= 0 {
			common = name[:len(l.prefix)+i+len(l.delimiter)]
		}
		switch {
		case common != "" && common == l.after: // its keys were told of by a page before
			k, v = seekPast(c, common)
			continue
		case name <= l.after && l.after != "":
			k, v = c.Next()
			continue
		case len(entries) == l.most:
			return entries, true, nil
		case common != "":
			entries = append(entries, listed{name: common})
			k, v = seekPast(c, common)
			continue
		}
		o, err := value(k, v)
		if err != nil {
			return nil, false, fmt.Errorf("read S3 index %q: %w", name, err)
		}
		entries = append(entries, listed{name, o})
		k, v = c.Next()
	}
	return entries, false, nil
}

// seekPast goes to the first key that is behind all keys with the prefix.
func seekPast(c *bbolt.Cursor, prefix string) (k, v []byte) {
	end := []byte(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < 0xff {
			end[i]++
			return c.Seek(end[:i+1])
		}
	}
	return nil, nil
}

// decodeObject is for tables whose values are objects.
func decodeObject(_, v []byte) (*summary, error) {
	o := &summary{}
	return o, json.Unmarshal(v, o)
}

// listObjects serves both versions of ListObjects, which differ in how a listing goes on.
func (s *Service) listObjects(req *request) error {
	asked, most, err := req.pageSize("max-keys")
	if err != nil {
		return err
	}
	l := listing{prefix: req.query.Get("prefix"), delimiter: req.query.Get("delimiter"), most: most}
	if err := s.allowList(req, l.prefix, l.delimiter, asked); err != nil {
		return err
	}
	encode, err := req.keyEncoding()
	if err != nil {
		return err
	}
	v2 := req.query.Get("list-type") == "2"
	if l.after, err = req.listAfter(v2); err != nil {
		return err
	}
	var entries []listed
	var more bool
	err = s.view(func(tx *bbolt.Tx) error {
		if _, err := bucketOf(tx, req.bucket); err != nil {
			return err
		}
		entries, more, err = l.page(tx.Bucket(tableObjects).Bucket([]byte(req.bucket)), decodeObject)
		return err
	})
	if err != nil {
		return err
	}
	doc := newDocument("ListBucketResult", namespace)
	doc.leaf("Name", req.bucket)
	doc.leaf("Prefix", encode(l.prefix))
	doc.optional("Delimiter", encode(l.delimiter))
	doc.number("MaxKeys", int64(asked))
	doc.optional("EncodingType", req.query.Get("encoding-type"))
	doc.truth("IsTruncated", more)
	s.listPosition(doc, req, v2, l, entries, more, encode)
	s.listEntries(doc, entries, !v2 || req.query.Get("fetch-owner") == "true", encode)
	return doc.answer(req, "ListBucketResult")
}

// listAfter reads where the page begins.
func (r *request) listAfter(v2 bool) (string, error) {
	if !v2 {
		return r.query.Get("marker"), nil
	}
	token := r.query.Get("continuation-token")
	if token == "" {
		if r.flag("continuation-token") {
			return "", errInvalidArgument("continuation-token", "", "The continuation token provided is incorrect")
		}
		return r.query.Get("start-after"), nil
	}
	after, err := base64.URLEncoding.DecodeString(token)
	if err != nil {
		return "", errInvalidArgument("continuation-token", token, "The continuation token provided is incorrect")
	}
	return string(after), nil
}

// listPosition writes where the page is in the listing, and how to ask for the next.
func (s *Service) listPosition(doc *document, req *request, v2 bool, l listing, entries []listed, more bool, encode func(string) string) {
	last := ""
	if more && len(entries) > 0 {
		last = entries[len(entries)-1].name
	}
	if !v2 {
		doc.leaf("Marker", encode(l.after))
		if l.delimiter != "" {
			doc.optional("NextMarker", encode(last)) // without delimiter, the last key is the marker
		}
		return
	}
	doc.number("KeyCount", int64(len(entries)))
	doc.optional("StartAfter", encode(req.query.Get("start-after")))
	doc.optional("ContinuationToken", req.query.Get("continuation-token"))
	if last != "" {
		doc.leaf("NextContinuationToken", base64.URLEncoding.EncodeToString([]byte(last)))
	}
}

func (s *Service) listEntries(doc *document, entries []listed, withOwner bool, encode func(string) string) {
	for _, e := range entries {
		if e.object == nil {
			continue
		}
		doc.open("Contents")
		doc.leaf("Key", encode(e.name))
		doc.leaf("LastModified", e.object.Modified.UTC().Format(timeFormat))
		doc.leaf("ETag", `"`+e.object.ETag+`"`)
		if e.object.Sum.Algorithm != "" {
			doc.leaf("ChecksumAlgorithm", e.object.Sum.Algorithm)
			doc.leaf("ChecksumType", e.object.Sum.kind())
		}
		doc.number("Size", e.object.Size)
		if withOwner {
			s.owner(doc)
		}
		doc.leaf("StorageClass", e.object.storageClass())
		doc.close("Contents")
	}
	writeCommonPrefixes(doc, entries, encode)
}

func writeCommonPrefixes(doc *document, entries []listed, encode func(string) string) {
	for _, e := range entries {
		if e.object == nil {
			doc.open("CommonPrefixes")
			doc.leaf("Prefix", encode(e.name))
			doc.close("CommonPrefixes")
		}
	}
}

// keyEncoding returns how the keys of the answer are to be encoded.
func (r *request) keyEncoding() (func(string) string, error) {
	switch t := r.query.Get("encoding-type"); t {
	case "":
		return func(s string) string { return s }, nil
	case "url":
		return urlEncode, nil
	default:
		return nil, errInvalidArgument("encoding-type", t, "Invalid Encoding Method specified in Request")
	}
}
