package s3

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"

	"go.etcd.io/bbolt"
)

func (s *Service) putOrCopyObject(req *request) error {
	if req.Header.Get("X-Amz-Copy-Source") != "" {
		return s.copyObject(req)
	}
	return s.putObject(req)
}

func (s *Service) putObject(req *request) error {
	if err := s.allowPut(req); err != nil {
		return err
	}
	o := object{summary: summary{Modified: s.Clock.Now()}}
	if err := described(req.Header, &o); err != nil {
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
	if o.seal, err = s.seal(req, info); err != nil {
		return err
	}
	got, err := s.receive(req, "")
	if err != nil {
		return err
	}
	o.Blob, o.Size, o.ETag, o.Sum = got.blob, got.size, o.seal.etag(got.md5), got.sum
	if err := s.storeObject(req, o, conditions, "ObjectCreated:Put"); err != nil {
		s.blobs.remove(o.Blob)
		return err
	}
	h := req.w.Header()
	o.seal.headers(h)
	h.Set("Etag", `"`+o.ETag+`"`)
	h.Set(o.Sum.header(), o.Sum.Value)
	h.Set("X-Amz-Checksum-Type", o.Sum.kind())
	h.Set("X-Amz-Object-Size", strconv.FormatInt(o.Size, 10))
	req.w.WriteHeader(http.StatusOK)
	return nil
}

// allowPut checks the rights that storing an object needs.
func (s *Service) allowPut(req *request) error {
	if err := s.allowObject(req, "s3:PutObject"); err != nil {
		return err
	}
	if req.Header.Get("X-Amz-Tagging") == "" {
		return nil
	}
	return s.allowObject(req, "s3:PutObjectTagging")
}

// received is what came in as the body of an upload.
type received struct {
	blob string
	size int64
	md5  []byte
	sum  checksum // to be stored
	told checksum // to be answered
}

// receive stores the body of a request in a new file, in constant memory. algorithm is of the checksum
// to store; "" stores the one that the request declares.
func (s *Service) receive(req *request, algorithm string) (received, error) {
	in, err := newIncoming(req)
	if err != nil {
		return received{}, err
	}
	if algorithm != "" {
		in.alsoSum(algorithm)
	}
	size, err := in.uploadSize()
	if err != nil {
		return received{}, err
	}
	return s.keep(in, size)
}

// keep stores what in yields, once it has agreed with its digests.
func (s *Service) keep(in *incoming, size int64) (received, error) {
	f, blob, err := s.blobs.create()
	if err != nil {
		return received{}, err
	}
	if err := fill(f, in, size); err != nil {
		s.blobs.remove(blob)
		return received{}, err
	}
	return received{blob, in.n, in.md5.Sum(nil), in.checksum(), in.want}, nil
}

// fill copies in to the file and closes it.
func fill(f *os.File, in io.Reader, size int64) error {
	buffer := make([]byte, min(size+1, 256<<10)) // one byte more than a small body: read and end in one turn
	_, err := io.CopyBuffer(struct{ io.Writer }{f}, in, buffer)
	return errors.Join(err, f.Close())
}

// storeObject makes an object visible, in the transaction that also queues its events. What it replaces
// is removed.
func (s *Service) storeObject(req *request, o object, conditions writeConditions, event string) error {
	var gone []doomed
	err := s.update(func(tx *bbolt.Tx) error {
		var err error
		gone, err = s.putInIndex(tx, req, o, conditions, event)
		return err
	})
	if err != nil {
		return err
	}
	s.blobs.discard(gone...)
	s.wakeDelivery()
	return nil
}

// putInIndex is storeObject within a transaction. It returns what to remove after it.
func (s *Service) putInIndex(tx *bbolt.Tx, req *request, o object, conditions writeConditions, event string) ([]doomed, error) {
	info, err := bucketOf(tx, req.bucket)
	if err != nil {
		return nil, err
	}
	old, exists, err := objectOf(tx, req.bucket, req.key)
	if err != nil {
		return nil, err
	}
	if err := conditions.check(req.key, old, exists); err != nil {
		return nil, err
	}
	var gone []doomed
	if exists {
		d, err := dropObject(tx, old)
		if err != nil {
			return nil, err
		}
		gone = append(gone, d)
	}
	if err := write(tx.Bucket(tableObjects).Bucket([]byte(req.bucket)), []byte(req.key), o); err != nil {
		return nil, err
	}
	return gone, s.record(tx, req, info, happening{event, req.key, o})
}
