package s3

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// maxPage is the most entries that S3 answers in one page of a listing.
const maxPage = 1000

// Targets are where S3 delivers notifications to: functions, queues, topics and the default event bus, by their ARNs.
type Targets interface {
	// Check says whether the target's policy lets principal send to it on behalf of sourceARN in sourceAccount. An error means
	// that it does not, or that there is no such target.
	Check(ctx context.Context, targetARN, principal, sourceARN, sourceAccount string) error
	// Send hands an event over, and returns once it is durable. Source is the ARN of the bucket. The event bus gets an event of
	// EventBridge's form, with source, detail-type, resources and detail; all others get S3's own.
	Send(ctx context.Context, targetARN string, payload []byte, source string) error
}

// Authorizer decides what sessions of roles may do.
type Authorizer interface {
	Allowed(ctx context.Context, id wire.Identity, action, resource string, condition map[string][]string) (bool, error)
}

// Config is what a Service is made of.
type Config struct {
	DB         *store.DB
	Dir        string // where the bytes of objects are kept; made if absent
	Clock      clock.Clock
	Account    string  // twelve digits: owner of every bucket
	Region     string  // of requests whose signature names none
	Keys       Keys    // nil: nothing can be encrypted with keys of KMS
	Targets    Targets // nil: nobody is told of anything
	Authorizer Authorizer
	Log        *slog.Logger // events that could not be delivered; nil discards them
}

// Service is the S3 of one account. It is an http.Handler; the caller's identity is taken from
// wire.CallOf. It must get paths as the client sent them: a ServeMux in front would clean keys.
type Service struct {
	Config
	partition string
	blobs     *blobs
	wake      chan struct{} // has room for one: tells Run that there are events to deliver

	mu    sync.Mutex
	moved chan struct{} // closed when events leave the outbox; nil if nobody waits for it
}

// New opens the service on its index and directory. Events are delivered while Run runs.
func New(cfg Config) (*Service, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	run, err := prepareIndex(cfg.DB.Bolt())
	if err != nil {
		return nil, fmt.Errorf("open S3 index: %w", err)
	}
	b, err := newBlobs(cfg.Dir, run)
	if err != nil {
		return nil, fmt.Errorf("open S3 directory: %w", err)
	}
	s := &Service{Config: cfg, partition: partitionOf(cfg.Region), blobs: b, wake: make(chan struct{}, 1)}
	return s, nil
}

// Run delivers events, those that an earlier process left first, and removes files that an earlier
// process left unnamed, until ctx is done. It returns nil then.
func (s *Service) Run(ctx context.Context) error {
	if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
		s.Log.Warn("remove left-over files of S3", "error", err)
	}
	return s.deliverLoop(ctx)
}

// Tagged lists the buckets that have tags, by name.
func (s *Service) Tagged(context.Context) ([]wire.Resource, error) {
	var out []wire.Resource
	err := s.eachBucket(func(name string, b bucketInfo) {
		if len(b.Tags) > 0 {
			out = append(out, wire.Resource{ARN: s.bucketARN(name), Tags: b.Tags})
		}
	})
	return out, err
}

func (s *Service) bucketARN(bucket string) string { return "arn:" + s.partition + ":s3:::" + bucket }

func (s *Service) objectARN(bucket, key string) string { return s.bucketARN(bucket) + "/" + key }

func partitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := newRequest(w, r, s.Region)
	h := w.Header()
	h.Set("Server", "AmazonS3")
	if req.call.RequestID != "" {
		h.Set("X-Amz-Request-Id", req.call.RequestID)
	}
	if err := s.serve(req); err != nil {
		s.writeError(req, err)
	}
}

func (s *Service) serve(req *request) error {
	if req.call.Identity.AccessKey == "" {
		return errAccessDenied("Access Denied")
	}
	op, err := req.operation()
	if err != nil {
		return err
	}
	if err := s.checkOwner(req); err != nil {
		return err
	}
	if err := s.checkRegion(req, op); err != nil {
		return err
	}
	return op.serve(s, req)
}

// checkOwner refuses calls that expect another account to own the bucket.
func (s *Service) checkOwner(req *request) error {
	for _, h := range []string{"X-Amz-Expected-Bucket-Owner", "X-Amz-Source-Expected-Bucket-Owner"} {
		if want := req.Header.Get(h); want != "" && want != s.Account {
			return errAccessDenied("Access Denied")
		}
	}
	return nil
}

// checkRegion refuses calls to a bucket that were signed for another region than the bucket's, as AWS
// does everywhere but in GetBucketLocation and where there is no bucket yet.
func (s *Service) checkRegion(req *request, op operation) error {
	if req.bucket == "" || op.anyRegion {
		return nil
	}
	info, err := s.bucketInfo(req.bucket)
	if isCode(err, "NoSuchBucket") {
		return nil // the operation itself says so, after it looked at the caller's rights
	}
	if err != nil {
		return err
	}
	req.w.Header().Set("X-Amz-Bucket-Region", info.Region)
	if info.Region != req.call.Region {
		return errPermanentRedirect(req.bucket, info.Region)
	}
	if !op.tellsRegion {
		req.w.Header().Del("X-Amz-Bucket-Region")
	}
	return nil
}

func isCode(err error, code string) bool {
	var e *wire.Error
	return errors.As(err, &e) && e.Code == code
}
