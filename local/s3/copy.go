package s3

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// copySource opens the object that x-amz-copy-source names, after the rights and conditions on it.
func (s *Service) copySource(req *request) (c *content, bucket, key string, err error) {
	bucket, key, err = parseCopySource(req.Header.Get("X-Amz-Copy-Source"))
	if err != nil {
		return nil, "", "", err
	}
	if err := s.allow(req, "s3:GetObject", s.objectARN(bucket, key), nil); err != nil {
		return nil, "", "", err
	}
	c, err = s.acquire(req, bucket, key)
	if err != nil {
		return nil, "", "", err
	}
	err = readConditions(req.Header, "X-Amz-Copy-Source-", c.object)
	if err == nil {
		err = s.unseal(req, c.seal)
	}
	if err != nil {
		c.close()
		return nil, "", "", err
	}
	return c, bucket, key, nil
}

// parseCopySource reads BUCKET/KEY, url-encoded, with or without a slash in front.
func parseCopySource(text string) (bucket, key string, err error) {
	bad := errInvalidArgument("x-amz-copy-source", text, "Invalid copy source object key")
	text, version, _ := strings.Cut(text, "?versionId=")
	if version != "" && version != "null" {
		return "", "", errInvalidArgument("x-amz-copy-source", version, "Invalid version id specified")
	}
	text, err = url.PathUnescape(text)
	if err != nil {
		return "", "", bad
	}
	if strings.HasPrefix(text, "arn:") {
		return "", "", wire.Unknown("s3", "CopyObject from an access point")
	}
	bucket, key, _ = strings.Cut(strings.TrimPrefix(text, "/"), "/")
	if bucket == "" || key == "" || checkKey(key) != nil {
		return "", "", bad
	}
	return bucket, key, nil
}

func (s *Service) copyObject(req *request) error {
	if err := s.allowPut(req); err != nil {
		return err
	}
	conditions, err := writeConditionsOf(req.Header)
	if err != nil {
		return err
	}
	info, err := s.bucketInfo(req.bucket)
	if err != nil {
		return err
	}
	source, bucket, key, err := s.copySource(req)
	if err != nil {
		return err
	}
	defer source.close()
	o, err := s.copied(req, source.object, bucket == req.bucket && key == req.key)
	if err != nil {
		return err
	}
	if o.seal, err = s.seal(req, info); err != nil {
		return err
	}
	if source.Size > maxPut {
		return errInvalidRequest("The specified copy source is larger than the maximum allowable size for a copy source: " +
			strconv.FormatInt(maxPut, 10))
	}
	if err := s.copyBytes(req, source, &o); err != nil {
		return err
	}
	if err := s.storeObject(req, o, conditions, "ObjectCreated:Copy"); err != nil {
		s.blobs.remove(o.Blob)
		return err
	}
	o.seal.headers(req.w.Header())
	doc := newDocument("CopyObjectResult", namespace)
	doc.leaf("LastModified", o.Modified.UTC().Format(timeFormat))
	doc.leaf("ETag", `"`+o.ETag+`"`)
	doc.leaf("ChecksumType", o.Sum.kind())
	doc.leaf(o.Sum.element(), o.Sum.Value)
	return doc.answer(req, "CopyObjectResult")
}

// copied describes the copy: by the source, or by the headers where they say REPLACE.
func (s *Service) copied(req *request, source object, toItself bool) (object, error) {
	o := object{summary: summary{Modified: s.Clock.Now()}}
	if err := described(req.Header, &o); err != nil {
		return o, err
	}
	replaceMeta, err := directive(req.Header, "X-Amz-Metadata-Directive")
	if err != nil {
		return o, err
	}
	replaceTags, err := directive(req.Header, "X-Amz-Tagging-Directive")
	if err != nil {
		return o, err
	}
	if toItself && !replaceMeta && o.Class == source.Class && req.Header.Get(headerSSE) == "" {
		return o, errInvalidRequest("This copy request is illegal because it is trying to copy an object to itself without changing " +
			"the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	if !replaceMeta {
		o.Headers, o.Meta = source.Headers, source.Meta
	}
	if !replaceTags {
		o.Tags = source.Tags
	}
	return o, nil
}

func directive(h http.Header, name string) (replace bool, err error) {
	switch v := h.Get(name); v {
	case "", "COPY":
		return false, nil
	case "REPLACE":
		return true, nil
	default:
		return false, errInvalidArgument(strings.ToLower(name), v, "Unknown metadata directive.")
	}
}

// copyBytes gives the copy its bytes. An object of one file shares it; one of several parts, or one that is encrypted
// otherwise, is written as one, since the ETag of a copy follows from its bytes and its key.
func (s *Service) copyBytes(req *request, source *content, o *object) error {
	algorithm := strings.ToUpper(req.Header.Get("X-Amz-Checksum-Algorithm"))
	if source.Parts == 0 && source.seal == o.seal && (algorithm == "" || algorithm == source.Sum.Algorithm) {
		blob, err := s.blobs.clone(source.Blob)
		o.Blob, o.Size, o.ETag, o.Sum = blob, source.Size, source.ETag, source.Sum
		return err
	}
	if algorithm == "" {
		algorithm = source.Sum.Algorithm
	}
	got, err := s.rewrite(source, 0, source.Size, algorithm)
	o.Blob, o.Size, o.ETag, o.Sum = got.blob, got.size, o.seal.etag(got.md5), got.sum
	return err
}

// rewrite stores some bytes of an object as a file of their own.
func (s *Service) rewrite(source *content, offset, length int64, algorithm string) (received, error) {
	in, err := newInternal(algorithm, length)
	if err != nil {
		return received{}, err
	}
	r, w := io.Pipe()
	defer r.Close()
	go func() { w.CloseWithError(source.send(w, offset, length)) }()
	in.body = r
	return s.keep(in, length)
}
