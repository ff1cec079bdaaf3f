package s3

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/wire"
)

// completion is the body of CompleteMultipartUpload.
type completion struct {
	XMLName xml.Name `xml:"CompleteMultipartUpload"`
	Part    []completedPart
}

type completedPart struct {
	PartNumber int
	ETag       string
	Sums       []xmlLeaf `xml:",any"`
}

type xmlLeaf struct {
	XMLName xml.Name
	Value   string `xml:",chardata"`
}

// sum returns the checksum that the client gives for the part, or "".
func (p completedPart) sum(algorithm string) string {
	for _, leaf := range p.Sums {
		if leaf.XMLName.Local == "Checksum"+algorithm {
			return strings.TrimSpace(leaf.Value)
		}
	}
	return ""
}

func errInvalidPart(id string, p completedPart) error {
	return detailed(wire.Errorf(http.StatusBadRequest, "InvalidPart", "One or more of the specified parts could not be found. "+
		"The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."),
		"UploadId", id, "PartNumber", strconv.Itoa(p.PartNumber), "ETag", strings.Trim(p.ETag, `"`))
}

func (s *Service) completeUpload(req *request) error {
	if err := s.allowObject(req, "s3:PutObject"); err != nil {
		return err
	}
	conditions, err := writeConditionsOf(req.Header)
	if err != nil {
		return err
	}
	want, err := wholeChecksum(req)
	if err != nil {
		return err
	}
	var asked completion
	if err := req.document(&asked); err != nil {
		return err
	}
	if err := asked.check(); err != nil {
		return err
	}
	u, err := s.upload(req)
	if err != nil {
		return err
	}
	if err := s.unseal(req, u.Object.seal); err != nil {
		return err
	}
	var o object
	var gone []doomed
	err = s.update(func(tx *bbolt.Tx) error {
		u, err := uploadOf(tx, req)
		if err != nil {
			return err
		}
		var segments []segment
		if o, segments, err = s.assemble(tx, req, u, asked.Part, want); err != nil {
			return err
		}
		if gone, err = s.putInIndex(tx, req, o, conditions, "ObjectCreated:CompleteMultipartUpload"); err != nil {
			return err
		}
		if err := write(tx.Bucket(tableSegments), []byte(o.Blob), segments); err != nil {
			return err
		}
		unused, err := dropUpload(tx, req.bucket, req.key, req.query.Get("uploadId"), segments)
		gone = append(gone, unused)
		return err
	})
	if err != nil {
		return err
	}
	s.blobs.discard(gone...)
	s.wakeDelivery()
	return answerCompletion(req, o)
}

func answerCompletion(req *request, o object) error {
	o.seal.headers(req.w.Header())
	doc := newDocument("CompleteMultipartUploadResult", namespace)
	doc.leaf("Location", "http://"+req.Host+"/"+req.bucket+"/"+urlEncode(req.key))
	doc.leaf("Bucket", req.bucket)
	doc.leaf("Key", req.key)
	doc.leaf("ETag", `"`+o.ETag+`"`)
	doc.leaf(o.Sum.element(), o.Sum.Value)
	doc.leaf("ChecksumType", o.Sum.kind())
	return doc.answer(req, "CompleteMultipartUploadResult")
}

// wholeChecksum takes the checksum of the whole object out of the headers, where other calls carry that
// of their body.
func wholeChecksum(req *request) (checksum, error) {
	want, _, err := declaredChecksum(req.Header)
	if err != nil && !strings.Contains(want.Value, "-") { // a composite one is longer than its algorithm's
		return want, err
	}
	if want.Algorithm != "" {
		req.Header.Del(want.header())
	}
	return want, nil
}

func (c completion) check() error {
	if n := len(c.Part); n == 0 || n > maxParts {
		return errMalformedXML()
	}
	for i, p := range c.Part {
		if i > 0 && p.PartNumber <= c.Part[i-1].PartNumber {
			return wire.Errorf(http.StatusBadRequest, "InvalidPartOrder", "The list of parts was not in ascending order. "+
				"The parts list must be specified in order by part number.")
		}
	}
	return nil
}

// assemble makes the object of the parts that the client names, without touching their bytes.
func (s *Service) assemble(tx *bbolt.Tx, req *request, u upload, asked []completedPart, want checksum) (object, []segment, error) {
	o := u.Object
	o.Blob, o.Parts, o.Modified = s.blobs.newName(), len(asked), s.Clock.Now()
	var segments []segment
	var md5s, sums [][]byte
	var sizes []int64
	for i, a := range asked {
		p, err := namedPart(tx, req.query.Get("uploadId"), u, a)
		if err != nil {
			return o, nil, err
		}
		if p.Size < minPartSize && i < len(asked)-1 {
			return o, nil, detailed(wire.Errorf(http.StatusBadRequest, "EntityTooSmall",
				"Your proposed upload is smaller than the minimum allowed size"), "ProposedSize", strconv.FormatInt(p.Size, 10),
				"MinSizeAllowed", strconv.Itoa(minPartSize), "PartNumber", strconv.Itoa(a.PartNumber), "ETag", p.ETag)
		}
		md5sum, err := hex.DecodeString(p.ETag)
		if err != nil {
			return o, nil, fmt.Errorf("read ETag of part %d: %w", a.PartNumber, err)
		}
		sum, err := base64.StdEncoding.DecodeString(p.Sum)
		if err != nil {
			return o, nil, fmt.Errorf("read checksum of part %d: %w", a.PartNumber, err)
		}
		segments = append(segments, segment{p.Blob, p.Size})
		md5s, sums, sizes = append(md5s, md5sum), append(sums, sum), append(sizes, p.Size)
		o.Size += p.Size
	}
	o.ETag = compositeETag(md5s)
	o.Sum = u.sumOf(sums, sizes)
	if want.Algorithm == o.Sum.Algorithm && want.Value != o.Sum.Value {
		return o, nil, wire.Errorf(http.StatusBadRequest, "BadDigest",
			"The %s you specified did not match the calculated checksum.", strings.ToLower(want.Algorithm))
	}
	if text := req.Header.Get("X-Amz-Mp-Object-Size"); text != "" && text != strconv.FormatInt(o.Size, 10) {
		return o, nil, errInvalidRequest("The provided 'x-amz-mp-object-size' header value " + text +
			" does not match what was computed: " + strconv.FormatInt(o.Size, 10))
	}
	return o, segments, nil
}

// namedPart finds a part that the client names, which must be the one that it uploaded.
func namedPart(tx *bbolt.Tx, id string, u upload, asked completedPart) (part, error) {
	var p part
	if asked.PartNumber < 1 || asked.PartNumber > maxParts {
		return p, errInvalidPart(id, asked)
	}
	found, err := read(tx.Bucket(tableParts), partKey(id, asked.PartNumber), &p)
	if err != nil {
		return p, err
	}
	sum := asked.sum(u.Algorithm)
	if !found || strings.Trim(asked.ETag, `"`) != p.ETag || sum != "" && sum != p.Sum {
		return p, errInvalidPart(id, asked)
	}
	if sum == "" && u.Declared && u.Composite {
		return p, errInvalidRequest(fmt.Sprintf("The upload was created using a %s checksum. The complete request must include the "+
			"checksum for each part. It was missing for part %d in the request.", strings.ToLower(u.Algorithm), asked.PartNumber))
	}
	return p, nil
}

// sumOf makes the object's checksum from those of its parts.
func (u upload) sumOf(sums [][]byte, sizes []int64) checksum {
	c := checksum{Algorithm: u.Algorithm, Composite: u.Composite}
	if u.Composite {
		c.Value = base64.StdEncoding.EncodeToString(composite(algorithms[u.Algorithm], sums)) + "-" + strconv.Itoa(len(sums))
		return c
	}
	c.Value = base64.StdEncoding.EncodeToString(joinCRC(u.Algorithm, sums, sizes))
	return c
}
