package job

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// RecordsPrefix is the folder of a bucket that holds the records of all functions.
const RecordsPrefix = ".scar/"

// Record is what is known of the processing of one input. It is written after the outputs are
// stored, so a record that says done means that every output it lists is there.
type Record struct {
	Version   int       `json:"version"`
	Function  string    `json:"function"`
	Provider  string    `json:"provider,omitempty"` // empty: the account's own S3
	Bucket    string    `json:"bucket,omitempty"`   // empty where the provider has none
	Key       string    `json:"key"`
	ETag      string    `json:"etag,omitempty"`
	Sequencer string    `json:"sequencer,omitempty"` // S3's order of events of one key
	Status    Status    `json:"status"`
	Attempts  int       `json:"attempts"` // invocations that began on this version of the object
	RequestID string    `json:"request_id"`
	Started   time.Time `json:"started"` // of the last attempt
	Durations Durations `json:"durations"`
	Outputs   []Object  `json:"outputs,omitempty"`
	Error     *Error    `json:"error,omitempty"` // set when Status is Failed
}

// Status is how the last attempt on an input ended.
type Status string

// The ends that an attempt can have.
const (
	Done   Status = "done"
	Failed Status = "failed"
)

// Durations are the parts of one attempt, in milliseconds.
type Durations struct {
	StageIn  int64 `json:"stage_in_ms"`
	Run      int64 `json:"run_ms"`
	StageOut int64 `json:"stage_out_ms"`
}

// Object is a stored output.
type Object struct {
	Provider string `json:"provider"`
	Bucket   string `json:"bucket,omitempty"`
	Key      string `json:"key"`
	Size     int64  `json:"size"` // bytes
}

// RecordKey is the key of the record for one input of a function. The key of the input is hashed,
// because it may have up to 1,024 bytes of its own. The provider is empty, or OwnS3, for the account's own S3.
func RecordKey(function, provider, bucket, key string) string {
	place := bucket + "/" + key
	if provider != "" && provider != OwnS3 {
		place = provider + "://" + place // no bucket has a colon in its name
	}
	sum := sha256.Sum256([]byte(place))
	return RecordsPrefix + function + "/" + hex.EncodeToString(sum[:]) + ".json"
}
