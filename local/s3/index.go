package s3

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// The tables of the index. Objects and uploads have one nested bucket per S3 bucket, so that keys are
// ordered as S3 lists them, by their bytes, and any byte may be in them.
var (
	tableBuckets  = []byte("s3.buckets")  // bucket → bucketInfo
	tableObjects  = []byte("s3.objects")  // bucket → key → object
	tableUploads  = []byte("s3.uploads")  // bucket → key NUL upload id → upload
	tableParts    = []byte("s3.parts")    // upload id, part number → part
	tableSegments = []byte("s3.segments") // blob of an object made of parts → its parts
	tableOutbox   = []byte("s3.outbox")   // sequence → event
	tableMeta     = []byte("s3.meta")
	metaRun       = []byte("run") // how often the index was opened
)

// bucketInfo is what the index knows of a bucket.
type bucketInfo struct {
	Created      time.Time
	Region       string
	Tags         map[string]string `json:",omitempty"`
	Notification string            `json:",omitempty"` // the configuration as it is answered
	Rules        []rule            `json:",omitempty"` // what it says
	EventBridge  bool              `json:",omitempty"` // all events go to the default event bus, too
	Encryption   *encryption       `json:",omitempty"` // nil: S3's own keys
}

// summary is what a listing shows of an object. Names are short: a page decodes a thousand of them.
type summary struct {
	Size     int64     `json:"s"`
	ETag     string    `json:"e"` // without quotes
	Modified time.Time `json:"m"`
	Class    string    `json:"c,omitempty"` // storage class, if not STANDARD
	Sum      checksum  `json:"x"`
}

// object is what the index knows of an object.
type object struct {
	summary
	seal
	Blob    string            `json:"b"`
	Headers map[string]string `json:"h,omitempty"` // Content-Type and the like
	Meta    map[string]string `json:"u,omitempty"` // x-amz-meta-*, without that prefix
	Tags    map[string]string `json:"t,omitempty"`
	Parts   int               `json:"p,omitempty"` // number of parts, if it was a multipart upload
}

// segment is a part of an object, in order.
type segment struct {
	Blob string `json:"b"`
	Size int64  `json:"s"`
}

// prepareIndex makes the tables and returns the number of this run, which is higher than that of every
// earlier one.
func prepareIndex(db *bbolt.DB) (run uint64, err error) {
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{tableBuckets, tableObjects, tableUploads, tableParts, tableSegments, tableOutbox, tableMeta} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		meta := tx.Bucket(tableMeta)
		if old := meta.Get(metaRun); len(old) == 8 {
			run = binary.BigEndian.Uint64(old)
		}
		run++
		return meta.Put(metaRun, binary.BigEndian.AppendUint64(nil, run))
	})
	return run, err
}

// read decodes the value of a key, and says whether there is one.
func read(table *bbolt.Bucket, key []byte, v any) (bool, error) {
	if table == nil {
		return false, nil
	}
	text := table.Get(key)
	if text == nil {
		return false, nil
	}
	if err := json.Unmarshal(text, v); err != nil {
		return false, fmt.Errorf("read S3 index %q: %w", key, err)
	}
	return true, nil
}

func write(table *bbolt.Bucket, key []byte, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write S3 index %q: %w", key, err)
	}
	return table.Put(key, text)
}

// bucketOf reads a bucket; one that is absent is NoSuchBucket.
func bucketOf(tx *bbolt.Tx, name string) (bucketInfo, error) {
	var info bucketInfo
	found, err := read(tx.Bucket(tableBuckets), []byte(name), &info)
	if err == nil && !found {
		err = errNoSuchBucket(name)
	}
	return info, err
}

// objectOf reads an object of a bucket that exists, and says whether there is one.
func objectOf(tx *bbolt.Tx, bucket, key string) (object, bool, error) {
	var o object
	found, err := read(tx.Bucket(tableObjects).Bucket([]byte(bucket)), []byte(key), &o)
	return o, found, err
}

// segmentsOf returns the files that hold an object's bytes, in order.
func segmentsOf(tx *bbolt.Tx, o object) ([]segment, error) {
	if o.Parts == 0 {
		return []segment{{o.Blob, o.Size}}, nil
	}
	var parts []segment
	found, err := read(tx.Bucket(tableSegments), []byte(o.Blob), &parts)
	if err == nil && !found {
		err = fmt.Errorf("the parts of object %s are missing in the index", o.Blob)
	}
	return parts, err
}

// dropObject forgets the bytes of an object and returns the files to remove once the transaction has
// committed.
func dropObject(tx *bbolt.Tx, o object) (doomed, error) {
	parts, err := segmentsOf(tx, o)
	if err != nil {
		return doomed{}, err
	}
	d := doomed{holder: o.Blob}
	for _, p := range parts {
		d.files = append(d.files, p.Blob)
	}
	if o.Parts == 0 {
		return d, nil
	}
	return d, tx.Bucket(tableSegments).Delete([]byte(o.Blob))
}

func (s *Service) view(do func(*bbolt.Tx) error) error   { return s.DB.Bolt().View(do) }
func (s *Service) update(do func(*bbolt.Tx) error) error { return s.DB.Bolt().Update(do) }

// bucketInfo reads a bucket; one that is absent is NoSuchBucket.
func (s *Service) bucketInfo(name string) (info bucketInfo, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		info, err = bucketOf(tx, name)
		return err
	})
	return info, err
}

// eachBucket visits every bucket, by name.
func (s *Service) eachBucket(visit func(name string, info bucketInfo)) error {
	return s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket(tableBuckets).ForEach(func(k, v []byte) error {
			var info bucketInfo
			if err := json.Unmarshal(v, &info); err != nil {
				return fmt.Errorf("read bucket %s: %w", k, err)
			}
			visit(string(k), info)
			return nil
		})
	})
}

// changeBucket changes what is known of a bucket in one transaction.
func (s *Service) changeBucket(name string, change func(*bucketInfo) error) error {
	return s.update(func(tx *bbolt.Tx) error {
		info, err := bucketOf(tx, name)
		if err != nil {
			return err
		}
		if err := change(&info); err != nil {
			return err
		}
		return write(tx.Bucket(tableBuckets), []byte(name), info)
	})
}
