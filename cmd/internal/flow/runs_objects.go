package flow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/runs"
	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// sweepConnections is how many connections to S3 are kept for the next call: as many as a run reads records at once, at most.
const sweepConnections = 256

// sweepClient is a client of S3 for many small calls.
func (a *Account) sweepClient() *s3.Client {
	return s3.NewFromConfig(a.config, func(o *s3.Options) {
		o.UsePathStyle = o.UsePathStyle || o.BaseEndpoint != nil
		o.HTTPClient = wideClient(patientClient(a.config.HTTPClient, answerWait), sweepConnections)
	})
}

// wideClient is a client like another that keeps so many connections.
func wideClient(like sdk.HTTPClient, connections int) sdk.HTTPClient {
	client, ok := like.(*awshttp.BuildableClient)
	if !ok {
		return like
	}
	return client.WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost, t.MaxIdleConns = connections, max(t.MaxIdleConns, connections)
	})
}

// listerOf returns what lists the objects of a function's runs.
func (a *Account) listerOf(fn *spec.Function) func(runs.Info) runs.Lister {
	return func(i runs.Info) runs.Lister {
		if i.Parent != "" {
			return runs.FailedOf(a.ledgerOf(fn), i.Parent)
		}
		return &sweepLister{a.sweepClient(), i}
	}
}

// sweepLister lists the objects of a run's sources, one source after the other. A cursor is the number of the source and the
// last key of it that was listed, with a slash between them.
type sweepLister struct {
	client *s3.Client
	info   runs.Info
}

// List implements [runs.Lister].
func (l *sweepLister) List(ctx context.Context, cursor string, limit int) ([]runs.Object, string, error) {
	number, after, err := l.position(cursor)
	if err != nil || number >= len(l.info.From) {
		return nil, "", err
	}
	source := l.info.From[number]
	in := &s3.ListObjectsV2Input{
		Bucket: &source.Bucket, Prefix: sdk.String(source.Prefix + l.info.Prefix), MaxKeys: sdk.Int32(int32(limit)),
		EncodingType: types.EncodingTypeUrl, // keys may hold what XML cannot
	}
	if after != "" {
		in.StartAfter = &after
	}
	out, err := l.client.ListObjectsV2(ctx, in)
	if err != nil {
		return nil, "", fmt.Errorf("s3://%s/%s: %w", source.Bucket, *in.Prefix, explainList(err))
	}
	var objects []runs.Object
	for _, o := range out.Contents {
		key, err := url.QueryUnescape(sdk.ToString(o.Key))
		if err != nil {
			return nil, "", fmt.Errorf("s3://%s: decode the key %q: %w", source.Bucket, sdk.ToString(o.Key), err)
		}
		after = key
		found := runs.Object{
			Bucket: source.Bucket, Key: key, ETag: strings.Trim(sdk.ToString(o.ETag), `"`), Size: sdk.ToInt64(o.Size), Modified: sdk.ToTime(o.LastModified),
		}
		if l.takes(number, found) {
			objects = append(objects, found)
		}
	}
	if sdk.ToBool(out.IsTruncated) && len(out.Contents) > 0 {
		return objects, strconv.Itoa(number) + "/" + after, nil
	}
	if number+1 < len(l.info.From) {
		return objects, strconv.Itoa(number+1) + "/", nil
	}
	return objects, "", nil
}

func (l *sweepLister) position(cursor string) (number int, after string, err error) {
	if cursor == "" {
		return 0, "", nil
	}
	digits, after, _ := strings.Cut(cursor, "/")
	number, err = strconv.Atoi(digits)
	if err != nil || number < 0 {
		return 0, "", fmt.Errorf("%q is no cursor", cursor)
	}
	return number, after, nil
}

// takes says whether a run takes an object of one of its sources. What an earlier source takes is not taken twice.
func (l *sweepLister) takes(number int, o runs.Object) bool {
	marker := o.Size == 0 && strings.HasSuffix(o.Key, "/")
	switch {
	case marker, strings.HasPrefix(o.Key, job.RecordsPrefix), !strings.HasSuffix(o.Key, l.info.Suffix):
		return false
	case !l.info.NewerThan.IsZero() && !o.Modified.After(l.info.NewerThan):
		return false
	}
	return l.inSource(number, o) && !slices.ContainsFunc(l.info.From[:number], func(earlier runs.Source) bool {
		return covers(earlier, l.info.Prefix, o)
	})
}

func (l *sweepLister) inSource(number int, o runs.Object) bool {
	return covers(l.info.From[number], l.info.Prefix, o)
}

func covers(s runs.Source, below string, o runs.Object) bool {
	ends := len(s.Suffix) == 0 || slices.ContainsFunc(s.Suffix, func(suffix string) bool { return strings.HasSuffix(o.Key, suffix) })
	return s.Bucket == o.Bucket && ends && strings.HasPrefix(o.Key, s.Prefix+below)
}

func explainList(err error) error {
	var absent *types.NoSuchBucket
	if errors.As(err, &absent) {
		return errors.New("there is no such bucket: apply the file first")
	}
	return err
}

// recordsOf are the records of a function.
func (a *Account) recordsOf(fn *spec.Function) *sweepRecords {
	return &sweepRecords{a.sweepClient(), fn.Name, fn.Records}
}

// sweepRecords reads the records of a function.
type sweepRecords struct {
	client   *s3.Client
	function string
	bucket   string
}

// Record implements [runs.Records].
func (r *sweepRecords) Record(ctx context.Context, o runs.Object) (*job.Record, error) {
	content, _, err := readDocument(ctx, r.client, r.bucket, job.RecordKey(r.function, job.OwnS3, o.Bucket, o.Key))
	if errors.Is(err, runs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var record job.Record
	if err := json.Unmarshal(content, &record); err != nil {
		return nil, fmt.Errorf("parse it: %w", err)
	}
	return &record, nil
}

// worthListing is how many objects a call has to tell something of so that another one is made. It names 1,000 records, which
// costs about as much as to read a few tens.
const worthListing = 50

// Absent implements [runs.Records]. It lists the records of the function in their order, which is that of hashes, so that each
// call tells of an even share of the objects: of all of them while there are no more records than that, of hardly any where there
// are many.
func (r *sweepRecords) Absent(ctx context.Context, objects []runs.Object) ([]bool, error) {
	absent := make([]bool, len(objects))
	if len(objects) < worthListing {
		return absent, nil
	}
	keys, order := make([]string, len(objects)), make([]int, len(objects))
	for i, o := range objects {
		keys[i], order[i] = job.RecordKey(r.function, job.OwnS3, o.Bucket, o.Key), i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(keys[a], keys[b]) })
	in := &s3.ListObjectsV2Input{Bucket: &r.bucket, Prefix: sdk.String(job.RecordsPrefix + r.function + "/")}
	for {
		out, err := r.client.ListObjectsV2(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("s3://%s/%s: %w", r.bucket, *in.Prefix, explainList(err))
		}
		listed, last := make(map[string]bool, len(out.Contents)), ""
		for _, o := range out.Contents {
			last = sdk.ToString(o.Key)
			listed[last] = true
		}
		more, told := sdk.ToBool(out.IsTruncated), 0
		for len(order) > 0 && (!more || keys[order[0]] <= last) {
			if i := order[0]; !listed[keys[i]] {
				absent[i] = true
				told++
			}
			order = order[1:]
		}
		if !more || told < worthListing {
			return absent, nil
		}
		in.StartAfter = &last
	}
}

// Exists implements [runs.Records].
func (r *sweepRecords) Exists(ctx context.Context, o runs.Object) (bool, error) {
	_, err := r.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.Bucket, Key: &o.Key})
	var absent *types.NotFound
	if errors.As(err, &absent) {
		return false, nil
	}
	return err == nil, err
}

// maxDocument is how large a document of a ledger, or a record, may be: a record names all outputs of an object.
const maxDocument = 64 << 20

// readDocument reads an object and tells how it was answered. One that is not there is [runs.ErrNotExist].
func readDocument(ctx context.Context, client *s3.Client, bucket, key string) ([]byte, *s3.GetObjectOutput, error) {
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	var absent *types.NoSuchKey
	if errors.As(err, &absent) {
		return nil, nil, fmt.Errorf("s3://%s/%s: %w", bucket, key, runs.ErrNotExist)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read s3://%s/%s: %w", bucket, key, explainList(err))
	}
	defer out.Body.Close()
	content, err := io.ReadAll(io.LimitReader(out.Body, maxDocument+1))
	if err == nil && len(content) > maxDocument {
		err = fmt.Errorf("it has more than %d bytes", maxDocument)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read s3://%s/%s: %w", bucket, key, err)
	}
	return content, out, nil
}

// ledgerOf is the ledger of a function's runs.
func (a *Account) ledgerOf(fn *spec.Function) *sweepLedger {
	return &sweepLedger{a.sweepClient(), fn.Records, ledgerPrefix(fn.Name)}
}

// sweepLedger keeps documents as objects below a prefix of the records bucket. Their versions are their ETags.
type sweepLedger struct {
	client         *s3.Client
	bucket, prefix string
}

// Read implements [runs.Ledger].
func (l *sweepLedger) Read(ctx context.Context, name string) (*runs.Document, error) {
	content, out, err := readDocument(ctx, l.client, l.bucket, l.prefix+name)
	if err != nil {
		return nil, err
	}
	d := &runs.Document{Content: content, Version: sdk.ToString(out.ETag)}
	if now, known := awsmiddleware.GetServerTime(out.ResultMetadata); known && out.LastModified != nil {
		d.Age = max(0, now.Sub(*out.LastModified))
	}
	return d, nil
}

// conflictAttempts is how often a document is written that others write in the same moment.
const conflictAttempts = 5

// Write implements [runs.Ledger].
func (l *sweepLedger) Write(ctx context.Context, name string, content []byte, c runs.Condition) (version string, err error) {
	in := &s3.PutObjectInput{Bucket: &l.bucket, Key: sdk.String(l.prefix + name), ContentType: sdk.String("application/json")}
	if c.Absent {
		in.IfNoneMatch = sdk.String("*")
	}
	if c.Version != "" {
		in.IfMatch = &c.Version
	}
	for attempt := 1; ; attempt++ {
		in.Body = bytes.NewReader(content)
		out, err := l.client.PutObject(ctx, in)
		if err == nil {
			return sdk.ToString(out.ETag), nil
		}
		var api smithy.APIError
		code := ""
		if errors.As(err, &api) {
			code = api.ErrorCode()
		}
		switch {
		case code == "PreconditionFailed", code == "NoSuchKey" && c.Version != "":
			return "", fmt.Errorf("write s3://%s/%s: %w", l.bucket, *in.Key, runs.ErrConflict)
		case code == "ConditionalRequestConflict" && attempt < conflictAttempts:
			// S3 asks to try again: "Conditional writes" in its user guide.
			if err := sleep(ctx, time.Duration(attempt)*100*time.Millisecond); err != nil {
				return "", err
			}
		default:
			return "", fmt.Errorf("write s3://%s/%s: %w", l.bucket, *in.Key, explainList(err))
		}
	}
}

// sleep waits, or until the context ends, which is its error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// List implements [runs.Ledger].
func (l *sweepLedger) List(ctx context.Context, folder string) ([]string, error) {
	prefix := l.prefix + folder
	pages := s3.NewListObjectsV2Paginator(l.client, &s3.ListObjectsV2Input{Bucket: &l.bucket, Prefix: &prefix, Delimiter: sdk.String("/")})
	var names []string
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list s3://%s/%s: %w", l.bucket, prefix, explainList(err))
		}
		for _, o := range out.Contents {
			names = append(names, strings.TrimPrefix(sdk.ToString(o.Key), prefix))
		}
		for _, f := range out.CommonPrefixes {
			names = append(names, strings.TrimPrefix(sdk.ToString(f.Prefix), prefix))
		}
	}
	slices.Sort(names)
	return names, nil
}
