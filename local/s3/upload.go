package s3

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/wire"
)

const (
	maxParts    = 10000
	minPartSize = 5 << 20 // of every part but the last
)

// upload is a multipart upload in progress. Its object has no bytes yet.
type upload struct {
	Object    object
	Initiated time.Time
	Algorithm string // of the additional checksum
	Composite bool
	Declared  bool // the client named the algorithm
}

// part is a part of an upload in progress.
type part struct {
	Blob     string `json:"b"`
	Size     int64
	ETag     string // MD5, hexadecimal
	Sum      string // base64, by the upload's algorithm
	Modified time.Time
}

// uploadKey is where an upload is in its bucket's table: uploads are listed by key, then by age.
func uploadKey(key, id string) []byte { return []byte(key + "\x00" + id) }

func partKey(id string, n int) []byte {
	return binary.BigEndian.AppendUint16([]byte(id), uint16(n))
}

// uploadOf reads the upload that the request names.
func uploadOf(tx *bbolt.Tx, req *request) (upload, error) {
	var u upload
	if _, err := bucketOf(tx, req.bucket); err != nil {
		return u, err
	}
	id := req.query.Get("uploadId")
	found, err := read(tx.Bucket(tableUploads).Bucket([]byte(req.bucket)), uploadKey(req.key, id), &u)
	if err == nil && !found {
		err = errNoSuchUpload(id)
	}
	return u, err
}

func (s *Service) upload(req *request) (u upload, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		u, err = uploadOf(tx, req)
		return err
	})
	return u, err
}

// eachPart visits the parts of an upload, by number, from after+1 on, until visit returns false.
func eachPart(tx *bbolt.Tx, id string, after int, visit func(n int, p part) bool) error {
	c := tx.Bucket(tableParts).Cursor()
	for k, v := c.Seek(partKey(id, after+1)); len(k) == len(id)+2 && string(k[:len(id)]) == id; k, v = c.Next() {
		var p part
		if err := json.Unmarshal(v, &p); err != nil {
			return fmt.Errorf("read part of upload %s: %w", id, err)
		}
		if !visit(int(binary.BigEndian.Uint16(k[len(id):])), p) {
			return nil
		}
	}
	return nil
}

func (s *Service) createUpload(req *request) error {
	if err := s.allowPut(req); err != nil {
		return err
	}
	u := upload{Initiated: s.Clock.Now()}
	if err := described(req.Header, &u.Object); err != nil {
		return err
	}
	if err := u.chooseChecksum(req.Header); err != nil {
		return err
	}
	info, err := s.bucketInfo(req.bucket)
	if err != nil {
		return err
	}
	if u.Object.seal, err = s.seal(req, info); err != nil {
		return err
	}
	// The time in front orders uploads of one key by age.
	id := fmt.Sprintf("%016x%s", uint64(max(u.Initiated.UnixNano(), 0)), s.blobs.newName()[len(s.blobs.run):])
	err = s.update(func(tx *bbolt.Tx) error {
		if _, err := bucketOf(tx, req.bucket); err != nil {
			return err
		}
		return write(tx.Bucket(tableUploads).Bucket([]byte(req.bucket)), uploadKey(req.key, id), u)
	})
	if err != nil {
		return err
	}
	if u.Declared {
		req.w.Header().Set("X-Amz-Checksum-Algorithm", u.Algorithm)
		req.w.Header().Set("X-Amz-Checksum-Type", checksum{Composite: u.Composite}.kind())
	}
	u.Object.seal.headers(req.w.Header())
	doc := newDocument("InitiateMultipartUploadResult", namespace)
	doc.leaf("Bucket", req.bucket)
	doc.leaf("Key", req.key)
	doc.leaf("UploadId", id)
	return doc.answer(req, "InitiateMultipartUploadResult")
}

// chooseChecksum reads which checksum the object is to have. S3 user guide, "Checking object
// integrity": CRC64NVME is of the whole object only, SHA of the parts' only.
func (u *upload) chooseChecksum(h http.Header) error {
	algorithm, kind := strings.ToUpper(h.Get("X-Amz-Checksum-Algorithm")), strings.ToUpper(h.Get("X-Amz-Checksum-Type"))
	if u.Declared = algorithm != ""; !u.Declared {
		if kind != "" {
			return errInvalidRequest("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
		}
		algorithm = algorithmCRC64NVME
	}
	if algorithms[algorithm] == nil {
		return wire.Unknown("s3", "checksum algorithm "+algorithm)
	}
	u.Algorithm = algorithm
	u.Composite = kind == "COMPOSITE" || kind == "" && algorithm != algorithmCRC64NVME
	if u.Composite && algorithm == algorithmCRC64NVME || !u.Composite && strings.HasPrefix(algorithm, "SHA") {
		return errInvalidRequest(fmt.Sprintf("The %s checksum type cannot be used with the %s checksum algorithm.",
			kind, strings.ToLower(algorithm)))
	}
	return nil
}

// uploadPart serves UploadPart and UploadPartCopy.
func (s *Service) uploadPart(req *request) error {
	if err := s.allowObject(req, "s3:PutObject"); err != nil {
		return err
	}
	n, err := strconv.Atoi(req.query.Get("partNumber"))
	if err != nil || n < 1 || n > maxParts {
		return errInvalidArgument("partNumber", req.query.Get("partNumber"), "Part number must be an integer between 1 and 10000, inclusive")
	}
	u, err := s.upload(req)
	if err != nil {
		return err
	}
	// A part is encrypted with a key of its own, which the upload's key wraps: that needs both rights.
	if err := s.unseal(req, u.Object.seal); err != nil {
		return err
	}
	if req.Header.Get("X-Amz-Copy-Source") != "" {
		return s.uploadPartCopy(req, u, n)
	}
	declared, _, err := declaredChecksum(req.Header)
	if err != nil {
		return err
	}
	if u.Declared && declared.Algorithm != "" && declared.Algorithm != u.Algorithm {
		return errInvalidRequest(fmt.Sprintf("Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
			strings.ToLower(u.Algorithm), strings.ToLower(declared.Algorithm)))
	}
	got, err := s.receive(req, u.Algorithm)
	if err != nil {
		return err
	}
	if _, err := s.storePart(req, n, got); err != nil {
		return err
	}
	h := req.w.Header()
	u.Object.seal.headers(h)
	h.Set("Etag", `"`+hexOf(got.md5)+`"`)
	h.Set(got.told.header(), got.told.Value)
	req.w.WriteHeader(http.StatusOK)
	return nil
}

// storePart makes a part known, and removes the one that it replaces.
func (s *Service) storePart(req *request, n int, got received) (part, error) {
	id := req.query.Get("uploadId")
	p := part{Blob: got.blob, Size: got.size, ETag: hexOf(got.md5), Sum: got.sum.Value, Modified: s.Clock.Now()}
	var old part
	err := s.update(func(tx *bbolt.Tx) error {
		if _, err := uploadOf(tx, req); err != nil {
			return err
		}
		if _, err := read(tx.Bucket(tableParts), partKey(id, n), &old); err != nil {
			return err
		}
		return write(tx.Bucket(tableParts), partKey(id, n), p)
	})
	if err != nil {
		s.blobs.remove(got.blob)
		return p, err
	}
	if old.Blob != "" {
		s.blobs.remove(old.Blob)
	}
	return p, nil
}

func (s *Service) uploadPartCopy(req *request, u upload, n int) error {
	source, _, _, err := s.copySource(req)
	if err != nil {
		return err
	}
	defer source.close()
	offset, length := int64(0), source.Size
	if text := req.Header.Get("X-Amz-Copy-Source-Range"); text != "" {
		first, last, ok := parseRange(text)
		if !ok || first < 0 || last >= source.Size {
			return errInvalidArgument("x-amz-copy-source-range", text,
				"Range specified is not valid for source object of size: "+strconv.FormatInt(source.Size, 10))
		}
		offset, length = first, last-first+1
	}
	got, err := s.rewrite(source, offset, length, u.Algorithm)
	if err != nil {
		return err
	}
	p, err := s.storePart(req, n, got)
	if err != nil {
		return err
	}
	doc := newDocument("CopyPartResult", namespace)
	doc.leaf("LastModified", p.Modified.UTC().Format(timeFormat))
	doc.leaf("ETag", `"`+p.ETag+`"`)
	doc.leaf(got.sum.element(), got.sum.Value)
	return doc.answer(req, "CopyPartResult")
}

func (s *Service) abortUpload(req *request) error {
	if err := s.allowObject(req, "s3:AbortMultipartUpload"); err != nil {
		return err
	}
	var gone doomed
	err := s.update(func(tx *bbolt.Tx) error {
		if _, err := uploadOf(tx, req); err != nil {
			return err
		}
		var err error
		gone, err = dropUpload(tx, req.bucket, req.key, req.query.Get("uploadId"), nil)
		return err
	})
	if err != nil {
		return err
	}
	s.blobs.discard(gone)
	req.w.WriteHeader(http.StatusNoContent)
	return nil
}

// dropUpload forgets an upload and its parts, and returns the files to remove afterwards: those that
// are not kept.
func dropUpload(tx *bbolt.Tx, bucket, key, id string, keep []segment) (doomed, error) {
	var gone doomed
	var numbers []int
	kept := map[string]bool{}
	for _, k := range keep {
		kept[k.Blob] = true
	}
	err := eachPart(tx, id, 0, func(n int, p part) bool {
		numbers = append(numbers, n)
		if !kept[p.Blob] {
			gone.files = append(gone.files, p.Blob)
		}
		return true
	})
	if err != nil {
		return gone, err
	}
	for _, n := range slices.Backward(numbers) {
		if err := tx.Bucket(tableParts).Delete(partKey(id, n)); err != nil {
			return gone, err
		}
	}
	return gone, tx.Bucket(tableUploads).Bucket([]byte(bucket)).Delete(uploadKey(key, id))
}

// dropUploads forgets all uploads of a bucket.
func dropUploads(tx *bbolt.Tx, bucket string) ([]doomed, error) {
	var gone []doomed
	c := tx.Bucket(tableUploads).Bucket([]byte(bucket)).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.First() {
		key, id := splitUploadKey(k)
		d, err := dropUpload(tx, bucket, key, id, nil)
		if err != nil {
			return nil, err
		}
		gone = append(gone, d)
	}
	return gone, nil
}

// splitUploadKey undoes uploadKey. The id never holds the byte that is between.
func splitUploadKey(k []byte) (key, id string) {
	i := strings.LastIndexByte(string(k), 0)
	return string(k[:i]), string(k[i+1:])
}
