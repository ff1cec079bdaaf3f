package s3

import (
	"encoding/xml"
	"net/http"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/wire"
)

// maxDelete is the most keys of one DeleteObjects.
const maxDelete = 1000

func (s *Service) deleteObject(req *request) error {
	if err := s.allowObject(req, "s3:DeleteObject"); err != nil {
		return err
	}
	conditions, err := writeConditionsOf(req.Header)
	if err != nil {
		return err
	}
	if err := s.removeObjects(req, conditions, req.key); err != nil {
		return err
	}
	req.w.WriteHeader(http.StatusNoContent)
	return nil
}

// removeObjects deletes objects in one transaction; keys that are absent are no error and no event.
func (s *Service) removeObjects(req *request, conditions writeConditions, keys ...string) error {
	var gone []doomed
	err := s.update(func(tx *bbolt.Tx) error {
		info, err := bucketOf(tx, req.bucket)
		if err != nil {
			return err
		}
		for _, key := range keys {
			old, exists, err := objectOf(tx, req.bucket, key)
			if err != nil {
				return err
			}
			if err := conditions.check(key, old, exists); err != nil {
				return err
			}
			if !exists {
				continue
			}
			d, err := dropObject(tx, old)
			if err != nil {
				return err
			}
			gone = append(gone, d)
			if err := tx.Bucket(tableObjects).Bucket([]byte(req.bucket)).Delete([]byte(key)); err != nil {
				return err
			}
			if err := s.record(tx, req, info, happening{"ObjectRemoved:Delete", key, old}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.blobs.discard(gone...)
	s.wakeDelivery()
	return nil
}

// deletion is the body of DeleteObjects.
type deletion struct {
	XMLName xml.Name `xml:"Delete"`
	Quiet   bool
	Object  []struct {
		Key       string
		VersionID string `xml:"VersionId"`
		ETag      string
	}
}

func (s *Service) deleteObjects(req *request) error {
	declared, _, err := declaredChecksum(req.Header)
	if err != nil {
		return err
	}
	if declared.Algorithm == "" && req.Header.Get("Content-Md5") == "" {
		return errInvalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	var asked deletion
	if err := req.document(&asked); err != nil {
		return err
	}
	if n := len(asked.Object); n == 0 || n > maxDelete {
		return errMalformedXML()
	}
	if _, err := s.bucketInfo(req.bucket); err != nil {
		return err
	}
	doc := newDocument("DeleteResult", namespace)
	var keys []string
	for _, o := range asked.Object {
		if err := s.mayDelete(req, o.Key, o.VersionID, o.ETag); err != nil {
			e := asWire(err)
			doc.open("Error")
			doc.leaf("Key", o.Key)
			doc.leaf("Code", e.Code)
			doc.leaf("Message", e.Message)
			doc.close("Error")
			continue
		}
		keys = append(keys, o.Key)
	}
	if err := s.removeObjects(req, writeConditions{}, keys...); err != nil {
		return err
	}
	for _, key := range keys {
		if !asked.Quiet {
			doc.open("Deleted")
			doc.leaf("Key", key)
			doc.close("Deleted")
		}
	}
	return doc.answer(req, "DeleteResult")
}

// mayDelete says what is wrong with one entry of DeleteObjects.
func (s *Service) mayDelete(req *request, key, version, etag string) error {
	switch {
	case version != "" && version != "null":
		return wire.Errorf(http.StatusBadRequest, "NoSuchVersion", "The specified version does not exist.")
	case etag != "":
		return wire.Unknown("s3", "DeleteObjects with an ETag")
	case key == "":
		return errMalformedXML()
	}
	return s.allow(req, "s3:DeleteObject", s.objectARN(req.bucket, key), nil)
}
