package s3

import (
	"encoding/xml"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"unicode/utf8"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/wire"
)

const (
	maxBucketTags = 50
	maxObjectTags = 10
)

// tagList is a list of tags as S3's XML has it.
type tagList struct {
	Tag []struct{ Key, Value string }
}

type tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	TagSet  tagList
}

// checked returns the tags as a map, or the error that S3 answers to them.
func (l tagList) checked(most int) (map[string]string, error) {
	if len(l.Tag) > most {
		what := "Bucket"
		if most == maxObjectTags {
			what = "Object"
		}
		return nil, wire.Errorf(http.StatusBadRequest, "BadRequest", "%s tags cannot be greater than %d", what, most)
	}
	tags := map[string]string{}
	for _, t := range l.Tag {
		if _, twice := tags[t.Key]; twice {
			return nil, errInvalidTag("Cannot provide multiple Tags with the same key", t.Key)
		}
		if n := utf8.RuneCountInString(t.Key); n < 1 || n > 128 {
			return nil, errInvalidTag("The TagKey you have provided is invalid", t.Key)
		}
		if utf8.RuneCountInString(t.Value) > 256 {
			return nil, errInvalidTag("The TagValue you have provided is invalid", t.Key)
		}
		if len(t.Key) >= 4 && t.Key[:4] == "aws:" {
			return nil, errInvalidTag("System tags cannot be added/updated by requester", t.Key)
		}
		tags[t.Key] = t.Value
	}
	return tags, nil
}

func errInvalidTag(message, key string) error {
	return detailed(wire.Errorf(http.StatusBadRequest, "InvalidTag", "%s", message), "TagKey", key)
}

// headerTags reads the tags of an object from the x-amz-tagging header.
func headerTags(h http.Header) (map[string]string, error) {
	text := h.Get("X-Amz-Tagging")
	if text == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, errInvalidArgument("x-amz-tagging", text, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded "+
			"URL query parameters without tag name duplicates.")
	}
	var l tagList
	for key, all := range values {
		for _, value := range all {
			l.Tag = append(l.Tag, struct{ Key, Value string }{key, value})
		}
	}
	return l.checked(maxObjectTags)
}

func answerTags(req *request, tags map[string]string) error {
	doc := newDocument("Tagging", namespace)
	doc.open("TagSet")
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		doc.open("Tag")
		doc.leaf("Key", key)
		doc.leaf("Value", tags[key])
		doc.close("Tag")
	}
	doc.close("TagSet")
	return doc.answer(req, "Tagging")
}

func (s *Service) getBucketTagging(req *request) error {
	if err := s.allowBucket(req, "s3:GetBucketTagging"); err != nil {
		return err
	}
	info, err := s.bucketInfo(req.bucket)
	if err != nil {
		return err
	}
	if len(info.Tags) == 0 {
		return detailed(wire.Errorf(http.StatusNotFound, "NoSuchTagSet", "The TagSet does not exist"), "BucketName", req.bucket)
	}
	return answerTags(req, info.Tags)
}

func (s *Service) putBucketTagging(req *request) error {
	if err := s.allowBucket(req, "s3:PutBucketTagging"); err != nil {
		return err
	}
	var doc tagging
	if err := req.document(&doc); err != nil {
		return err
	}
	tags, err := doc.TagSet.checked(maxBucketTags)
	if err != nil {
		return err
	}
	return s.setBucketTags(req, tags)
}

func (s *Service) deleteBucketTagging(req *request) error {
	if err := s.allowBucket(req, "s3:PutBucketTagging"); err != nil {
		return err
	}
	return s.setBucketTags(req, nil)
}

func (s *Service) setBucketTags(req *request, tags map[string]string) error {
	err := s.changeBucket(req.bucket, func(b *bucketInfo) error {
		b.Tags = tags
		return nil
	})
	if err == nil {
		req.w.WriteHeader(http.StatusNoContent)
	}
	return err
}

func (s *Service) getObjectTagging(req *request) error {
	if err := s.allowObject(req, "s3:GetObjectTagging"); err != nil {
		return err
	}
	o, err := s.object(req, req.bucket, req.key)
	if err != nil {
		return err
	}
	return answerTags(req, o.Tags)
}

func (s *Service) putObjectTagging(req *request) error {
	if err := s.allowObject(req, "s3:PutObjectTagging"); err != nil {
		return err
	}
	var doc tagging
	if err := req.document(&doc); err != nil {
		return err
	}
	tags, err := doc.TagSet.checked(maxObjectTags)
	if err != nil {
		return err
	}
	if err := s.setObjectTags(req, tags, "ObjectTagging:Put"); err != nil {
		return err
	}
	req.w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) deleteObjectTagging(req *request) error {
	if err := s.allowObject(req, "s3:DeleteObjectTagging"); err != nil {
		return err
	}
	if err := s.setObjectTags(req, nil, "ObjectTagging:Delete"); err != nil {
		return err
	}
	req.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) setObjectTags(req *request, tags map[string]string, event string) error {
	found := true
	err := s.update(func(tx *bbolt.Tx) error {
		info, err := bucketOf(tx, req.bucket)
		if err != nil {
			return err
		}
		var o object
		if o, found, err = objectOf(tx, req.bucket, req.key); err != nil || !found {
			return err
		}
		o.Tags = tags
		if err := write(tx.Bucket(tableObjects).Bucket([]byte(req.bucket)), []byte(req.key), o); err != nil {
			return err
		}
		return s.record(tx, req, info, happening{event, req.key, o})
	})
	if err == nil && !found {
		return s.missing(req, req.bucket, req.key)
	}
	s.wakeDelivery()
	return err
}

func tagCount(tags map[string]string) string { return strconv.Itoa(len(tags)) }
