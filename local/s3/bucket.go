package s3

import (
	"encoding/xml"
	"net"
	"net/http"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/wire"
)

// defaultRegion is the region whose buckets have no location constraint.
const defaultRegion = "us-east-1"

const timeFormat = "2006-01-02T15:04:05.000Z" // of times in XML

var bucketName = wire.Pattern(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// checkBucketName applies the rules for general purpose buckets of the S3 user guide.
func checkBucketName(name string) error {
	bad := !bucketName().MatchString(name) || strings.Contains(name, "..") || net.ParseIP(name) != nil
	for _, prefix := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		bad = bad || strings.HasPrefix(name, prefix)
	}
	for _, suffix := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		bad = bad || strings.HasSuffix(name, suffix)
	}
	if bad {
		return detailed(wire.Errorf(http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid."), "BucketName", name)
	}
	return nil
}

func (s *Service) owner(doc *document) {
	doc.open("Owner")
	doc.leaf("ID", s.canonicalID())
	doc.close("Owner")
}

// canonicalID stands for the account as S3 writes it: 64 hexadecimal digits.
func (s *Service) canonicalID() string { return strings.Repeat("0", 64-len(s.Account)) + s.Account }

func (s *Service) listBuckets(req *request) error {
	if err := s.allow(req, "s3:ListAllMyBuckets", "*", nil); err != nil {
		return err
	}
	most, err := req.number("max-buckets", 10000, 10000)
	if err != nil {
		return err
	}
	prefix, region, after := req.query.Get("prefix"), req.query.Get("bucket-region"), req.query.Get("continuation-token")
	doc := newDocument("ListAllMyBucketsResult", namespace)
	s.owner(doc)
	doc.open("Buckets")
	var last, token string
	n := 0
	err = s.eachBucket(func(name string, b bucketInfo) {
		if name <= after || !strings.HasPrefix(name, prefix) || region != "" && region != b.Region {
			return
		}
		if n == most {
			token = last
			return
		}
		n, last = n+1, name
		doc.open("Bucket")
		doc.leaf("Name", name)
		doc.leaf("CreationDate", b.Created.UTC().Format(timeFormat))
		doc.leaf("BucketRegion", b.Region)
		doc.leaf("BucketArn", s.bucketARN(name))
		doc.close("Bucket")
	})
	if err != nil {
		return err
	}
	doc.close("Buckets")
	doc.optional("Prefix", prefix)
	doc.optional("ContinuationToken", token)
	return doc.answer(req, "ListAllMyBucketsResult")
}

// createConfiguration is the body of CreateBucket.
type createConfiguration struct {
	XMLName            xml.Name
	LocationConstraint string
	Tags               tagList `xml:"Tags"`
	Location           *struct{}
	Bucket             *struct{}
}

func (s *Service) createBucket(req *request) error {
	if err := s.allowBucket(req, "s3:CreateBucket"); err != nil {
		return err
	}
	if err := checkBucketName(req.bucket); err != nil {
		return err
	}
	if err := refuseHeaders(req.Header); err != nil {
		return err
	}
	body, err := req.body()
	if err != nil {
		return err
	}
	var cfg createConfiguration
	if len(body) > 0 {
		if err := xml.Unmarshal(body, &cfg); err != nil || cfg.XMLName.Local != "CreateBucketConfiguration" {
			return errMalformedXML()
		}
	}
	if cfg.Location != nil || cfg.Bucket != nil {
		return wire.Unknown("s3", "CreateBucket of a directory bucket")
	}
	tags, err := cfg.Tags.checked(50)
	if err != nil {
		return err
	}
	if len(tags) > 0 {
		if err := s.allowBucket(req, "s3:TagResource"); err != nil {
			return err
		}
	}
	region, err := regionFor(req.call.Region, cfg.LocationConstraint)
	if err != nil {
		return err
	}
	if err := s.storeBucket(req, bucketInfo{Created: s.Clock.Now(), Region: region, Tags: tags}); err != nil {
		return err
	}
	req.w.Header().Set("Location", "/"+req.bucket)
	req.w.Header().Set("X-Amz-Bucket-Arn", s.bucketARN(req.bucket))
	req.w.WriteHeader(http.StatusOK)
	return nil
}

// regionFor decides where a bucket is made: only us-east-1 makes buckets elsewhere, and only there is
// the constraint left out.
func regionFor(endpoint, constraint string) (string, error) {
	if constraint == "EU" {
		constraint = "eu-west-1"
	}
	switch {
	case endpoint == defaultRegion && constraint == defaultRegion:
		return "", detailed(wire.Errorf(http.StatusBadRequest, "InvalidLocationConstraint",
			"The specified location-constraint is not valid"), "LocationConstraint", constraint)
	case endpoint == defaultRegion && constraint == "":
		return defaultRegion, nil
	case endpoint == defaultRegion || endpoint == constraint:
		return constraint, nil
	case constraint == "":
		constraint = "unspecified"
	}
	return "", wire.Errorf(http.StatusBadRequest, "IllegalLocationConstraintException", "The %s location constraint is "+
		"incompatible for the region specific endpoint this request was sent to.", constraint)
}

// storeBucket makes the bucket. Making one that is there already is no error in us-east-1 and changes
// nothing.
func (s *Service) storeBucket(req *request, info bucketInfo) error {
	name := []byte(req.bucket)
	return s.update(func(tx *bbolt.Tx) error {
		_, err := bucketOf(tx, req.bucket)
		if err == nil && req.call.Region == defaultRegion && info.Region == defaultRegion {
			return nil
		}
		if err == nil {
			return detailed(wire.Errorf(http.StatusConflict, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket "+
				"succeeded and you already own it."), "BucketName", req.bucket)
		}
		if !isCode(err, "NoSuchBucket") {
			return err
		}
		for _, table := range [][]byte{tableObjects, tableUploads} {
			if _, err := tx.Bucket(table).CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return write(tx.Bucket(tableBuckets), name, info)
	})
}

func (s *Service) headBucket(req *request) error {
	if err := s.allowList(req, "", "", maxPage); err != nil {
		return err
	}
	if _, err := s.bucketInfo(req.bucket); err != nil {
		return err
	}
	req.w.Header().Set("X-Amz-Bucket-Arn", s.bucketARN(req.bucket))
	req.w.Header().Set("X-Amz-Access-Point-Alias", "false")
	req.w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) bucketLocation(req *request) error {
	if err := s.allowBucket(req, "s3:GetBucketLocation"); err != nil {
		return err
	}
	info, err := s.bucketInfo(req.bucket)
	if err != nil {
		return err
	}
	doc := newDocument("LocationConstraint", namespace)
	if info.Region != defaultRegion {
		doc.text(info.Region)
	}
	return doc.answer(req, "LocationConstraint")
}

func (s *Service) deleteBucket(req *request) error {
	if err := s.allowBucket(req, "s3:DeleteBucket"); err != nil {
		return err
	}
	name := []byte(req.bucket)
	var gone []doomed
	err := s.update(func(tx *bbolt.Tx) error {
		if _, err := bucketOf(tx, req.bucket); err != nil {
			return err
		}
		if k, _ := tx.Bucket(tableObjects).Bucket(name).Cursor().First(); k != nil {
			return detailed(wire.Errorf(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty"),
				"BucketName", req.bucket)
		}
		var err error
		if gone, err = dropUploads(tx, req.bucket); err != nil {
			return err
		}
		for _, table := range [][]byte{tableObjects, tableUploads} {
			if err := tx.Bucket(table).DeleteBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(tableBuckets).Delete(name)
	})
	if err != nil {
		return err
	}
	s.blobs.discard(gone...)
	req.w.WriteHeader(http.StatusNoContent)
	return nil
}

// seconds cuts a time as HTTP headers carry it.
func httpTime(t time.Time) string { return t.UTC().Format(http.TimeFormat) }
