package s3

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"
)

func (s *Service) listParts(req *request) error {
	if err := s.allowObject(req, "s3:ListMultipartUploadParts"); err != nil {
		return err
	}
	after, err := req.number("part-number-marker", 0, maxParts)
	if err != nil {
		return err
	}
	asked, most, err := req.pageSize("max-parts")
	if err != nil {
		return err
	}
	body := &document{}
	last, n, more := after, 0, false
	var u upload
	err = s.view(func(tx *bbolt.Tx) error {
		if u, err = uploadOf(tx, req); err != nil {
			return err
		}
		return eachPart(tx, req.query.Get("uploadId"), after, func(number int, p part) bool {
			if n == most {
				more = true
				return false
			}
			n, last = n+1, number
			body.open("Part")
			body.number("PartNumber", int64(number))
			body.leaf("LastModified", p.Modified.UTC().Format(timeFormat))
			body.leaf("ETag", `"`+p.ETag+`"`)
			body.number("Size", p.Size)
			body.leaf("Checksum"+u.Algorithm, p.Sum)
			body.close("Part")
			return true
		})
	})
	if err != nil {
		return err
	}
	doc := newDocument("ListPartsResult", namespace)
	doc.leaf("Bucket", req.bucket)
	doc.leaf("Key", req.key)
	doc.leaf("UploadId", req.query.Get("uploadId"))
	s.owner(doc)
	doc.leaf("StorageClass", u.Object.storageClass())
	doc.number("PartNumberMarker", int64(after))
	doc.number("NextPartNumberMarker", int64(last))
	doc.number("MaxParts", int64(asked))
	doc.truth("IsTruncated", more)
	if u.Declared {
		doc.leaf("ChecksumAlgorithm", u.Algorithm)
		doc.leaf("ChecksumType", checksum{Composite: u.Composite}.kind())
	}
	doc.b.Write(body.b.Bytes())
	return doc.answer(req, "ListPartsResult")
}

func (s *Service) listUploads(req *request) error {
	if err := s.allowBucket(req, "s3:ListBucketMultipartUploads"); err != nil {
		return err
	}
	asked, most, err := req.pageSize("max-uploads")
	if err != nil {
		return err
	}
	encode, err := req.keyEncoding()
	if err != nil {
		return err
	}
	marker, idMarker := req.query.Get("key-marker"), req.query.Get("upload-id-marker")
	l := listing{prefix: req.query.Get("prefix"), delimiter: req.query.Get("delimiter"), most: most}
	switch {
	case marker != "" && idMarker != "":
		l.after = string(uploadKey(marker, idMarker))
	case marker != "" && strings.HasSuffix(marker, l.delimiter) && l.delimiter != "":
		l.after = marker // a common prefix
	case marker != "":
		l.after = marker + "\x00\xff" // behind all uploads of that key
	}
	var entries []listed
	var found []upload
	var more bool
	err = s.view(func(tx *bbolt.Tx) error {
		if _, err := bucketOf(tx, req.bucket); err != nil {
			return err
		}
		entries, more, err = l.page(tx.Bucket(tableUploads).Bucket([]byte(req.bucket)), func(_, v []byte) (*summary, error) {
			var u upload
			if err := json.Unmarshal(v, &u); err != nil {
				return nil, fmt.Errorf("read upload: %w", err)
			}
			found = append(found, u)
			return &u.Object.summary, nil
		})
		return err
	})
	if err != nil {
		return err
	}
	doc := newDocument("ListMultipartUploadsResult", namespace)
	doc.leaf("Bucket", req.bucket)
	doc.leaf("KeyMarker", encode(marker))
	doc.leaf("UploadIdMarker", idMarker)
	if more {
		key, id := markersOf(entries[len(entries)-1])
		doc.leaf("NextKeyMarker", encode(key))
		doc.leaf("NextUploadIdMarker", id)
	}
	doc.leaf("Prefix", encode(l.prefix))
	doc.optional("Delimiter", encode(l.delimiter))
	doc.number("MaxUploads", int64(asked))
	doc.optional("EncodingType", req.query.Get("encoding-type"))
	doc.truth("IsTruncated", more)
	s.uploadEntries(doc, entries, found, encode)
	return doc.answer(req, "ListMultipartUploadsResult")
}

// markersOf says where the next page of uploads begins.
func markersOf(e listed) (key, id string) {
	if e.object == nil {
		return e.name, ""
	}
	return splitUploadKey([]byte(e.name))
}

// uploadEntries writes the uploads; found are those of the entries that are no common prefix, in order.
func (s *Service) uploadEntries(doc *document, entries []listed, found []upload, encode func(string) string) {
	for _, e := range entries {
		if e.object == nil {
			continue
		}
		u := found[0]
		found = found[1:]
		key, id := splitUploadKey([]byte(e.name))
		doc.open("Upload")
		doc.leaf("Key", encode(key))
		doc.leaf("UploadId", id)
		s.owner(doc)
		doc.leaf("StorageClass", u.Object.storageClass())
		doc.leaf("Initiated", u.Initiated.UTC().Format(timeFormat))
		if u.Declared {
			doc.leaf("ChecksumAlgorithm", u.Algorithm)
			doc.leaf("ChecksumType", checksum{Composite: u.Composite}.kind())
		}
		doc.close("Upload")
	}
	writeCommonPrefixes(doc, entries, encode)
}
