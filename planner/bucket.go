package planner

import (
	"fmt"
	"strings"

	"github.com/scar-go/scar/spec"
)

// Bucket is an S3 bucket that a function reads from or writes to. One that exists and is not the
// project's is used as it is; one that scar made is tagged, and deleted only on demand.
type Bucket struct {
	Name   string `json:"name"`
	Region string `json:"region" plan:"replace"`
	Tags   Tags   `json:"tags"`
}

// Kind implements Value.
func (Bucket) Kind() Kind { return KindBucket }

func (Bucket) needs(string) []Address { return nil }

func (d *desire) buckets(fn *spec.Function) {
	for _, in := range fn.Inputs {
		if spec.IsOwnS3(in.Provider) {
			d.bucket(fn, in.Bucket)
		}
	}
	for _, out := range fn.Outputs {
		if spec.IsOwnS3(out.Provider) {
			d.bucket(fn, out.Bucket)
		}
	}
	if fn.Records != "" {
		d.bucket(fn, fn.Records)
	}
	if name, found := failureBucket(fn); found {
		d.bucket(fn, name)
	}
}

func (d *desire) bucket(fn *spec.Function, name string) {
	address := Address{KindBucket, name}
	if _, done := d.state[address]; done {
		return
	}
	d.addShared(Bucket{Name: name, Region: d.env.Region, Tags: d.tags(nil)}, name)
	r := d.state[address]
	r.Place = placed(fn, fmt.Errorf("function %s", fn.Name)).Error()
	d.state[address] = r
}

// bucketOfARN is the name in the ARN of a bucket.
func bucketOfARN(arn string) (name string, found bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "s3" || strings.Contains(parts[5], "/") {
		return "", false
	}
	return parts[5], true
}
