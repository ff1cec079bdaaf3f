package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/internal/localtest"
	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/runs"
	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// sweepWorld is an embedded backend in front of which a function is answered for by the test: after its latency, and with a
// record that the test keeps.
type sweepWorld struct {
	account *Account
	objects *s3.Client

	latency time.Duration
	answer  func(key string) (status int, failure *job.Error) // nil: every invocation succeeds

	mu       sync.Mutex
	invoked  map[string]int
	records  map[string][]byte // by the path of the request
	requests int
	listings int // of records
	looks    int // at one record
}

func newSweepWorld(t testing.TB) *sweepWorld {
	t.Helper()
	behind, err := url.Parse(localtest.Serve(t, local.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	w := &sweepWorld{invoked: map[string]int{}, records: map[string][]byte{}}
	proxy := &httputil.ReverseProxy{
		Transport: &http.Transport{MaxIdleConnsPerHost: 100},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(behind)
			r.Out.Host = r.In.Host // which is signed
		},
	}
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.serve(rw, r, proxy) }))
	t.Cleanup(front.Close)
	w.account, err = Connect(t.Context(), Settings{Endpoint: &Endpoint{
		URL: front.URL, Region: local.DefaultRegion, AccessKey: local.AdminAccessKey, SecretKey: local.AdminSecretKey,
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.objects = w.account.sweepClient()
	if _, err := w.objects.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: sdk.String("photos")}); err != nil {
		t.Fatal(err)
	}
	return w
}

// serve answers for the function, and hands everything else to the backend.
func (w *sweepWorld) serve(rw http.ResponseWriter, r *http.Request, rest http.Handler) {
	record := strings.HasPrefix(r.URL.Path, "/photos/"+job.RecordsPrefix) && !strings.Contains(r.URL.Path, "/.runs/")
	switch {
	case strings.HasSuffix(r.URL.Path, "/invocations"):
		w.invoke(rw, r)
	case strings.HasPrefix(r.URL.Path, "/2015-03-31/functions/"):
		fmt.Fprintf(rw, `{"Configuration": {"FunctionName": "grayify", "Timeout": 3, "State": "Active"}, "Tags": {%q: "imaging"}}`, planner.TagProject)
	case r.Method == http.MethodGet && r.URL.Query().Get("prefix") == job.RecordsPrefix+"grayify/":
		w.listRecords(rw, r.URL.Query().Get("start-after"))
	case record && r.Method == http.MethodGet:
		w.mu.Lock()
		content, found := w.records[r.URL.Path]
		w.looks++
		w.mu.Unlock()
		if !found {
			rw.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(rw, `<Error><Code>NoSuchKey</Code></Error>`)
			return
		}
		_, _ = rw.Write(content)
	default:
		rest.ServeHTTP(rw, r)
	}
}

// listRecords lists up to a thousand records behind a key.
func (w *sweepWorld) listRecords(rw http.ResponseWriter, after string) {
	w.mu.Lock()
	var keys []string
	for path := range w.records {
		if key := strings.TrimPrefix(path, "/photos/"); key > after {
			keys = append(keys, key)
		}
	}
	w.listings++
	w.mu.Unlock()
	slices.Sort(keys)
	listed := keys[:min(len(keys), 1000)]
	fmt.Fprintf(rw, "<ListBucketResult><IsTruncated>%t</IsTruncated>", len(listed) < len(keys))
	for _, key := range listed {
		fmt.Fprintf(rw, "<Contents><Key>%s</Key></Contents>", key)
	}
	_, _ = io.WriteString(rw, "</ListBucketResult>")
}

func (w *sweepWorld) invoke(rw http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller has gone
	}
	time.Sleep(w.latency) // what the invocation takes
	key, etag, err := objectOf(content)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	status, failure := http.StatusOK, (*job.Error)(nil)
	if w.answer != nil {
		status, failure = w.answer(key)
	}
	if status != http.StatusOK {
		rw.Header().Set("X-Amzn-Errortype", map[int]string{429: "TooManyRequestsException"}[status])
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, `{"Message": "no"}`)
		return
	}
	id := w.process(key, etag, failure)
	rw.Header().Set("X-Amzn-Requestid", id)
	if failure != nil {
		rw.Header().Set("X-Amz-Function-Error", "Unhandled")
		_ = json.NewEncoder(rw).Encode(failure)
		return
	}
	_ = json.NewEncoder(rw).Encode(job.NewResponse(id, "", "", []byte("ok")))
}

// process does what the function would do about an object.
func (w *sweepWorld) process(key, etag string, failure *job.Error) (requestID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests++
	id := fmt.Sprintf("request-%d", w.requests)
	w.invoked[key]++
	r := job.Record{Version: 1, Function: "grayify", Bucket: "photos", Key: key, ETag: etag, Status: job.Done, Attempts: w.invoked[key], RequestID: id, Error: failure}
	if failure != nil {
		r.Status = job.Failed
	}
	content, err := json.Marshal(r)
	if err != nil {
		return "" // it has no such values
	}
	w.records["/photos/"+job.RecordKey("grayify", "", "photos", key)] = content
	return id
}

func objectOf(event []byte) (key, etag string, err error) {
	var e struct{ Records []objectRecord }
	if err := json.Unmarshal(event, &e); err != nil || len(e.Records) != 1 {
		return "", "", fmt.Errorf("%s: %w", event, err)
	}
	key, err = url.QueryUnescape(e.Records[0].S3.Object.Key)
	return key, e.Records[0].S3.Object.ETag, err
}

func (w *sweepWorld) put(t testing.TB, keys ...string) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(16)
	for _, key := range keys {
		group.Go(func() error {
			_, err := w.objects.PutObject(t.Context(), &s3.PutObjectInput{Bucket: sdk.String("photos"), Key: &key, Body: strings.NewReader("x" + key)})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func sweepOf(inputs ...spec.Input) Sweep {
	for i := range inputs {
		inputs[i].Bucket, inputs[i].Events = "photos", []string{"s3:ObjectCreated:*"}
		if inputs[i].Suffix == nil {
			inputs[i].Suffix = []string{""}
		}
	}
	fn := spec.Function{Name: "grayify", Inputs: inputs, Outputs: []spec.Output{{Bucket: "photos", Prefix: "out/"}}, Records: "photos"}
	file := &spec.File{Project: "imaging", Functions: []spec.Function{fn}}
	return Sweep{File: file, Function: &file.Functions[0], Concurrency: 8}
}

// entries are those of a run, by key.
func (w *sweepWorld) entries(t testing.TB, s Sweep, id string) map[string]runs.Entry {
	t.Helper()
	found := map[string]runs.Entry{}
	for e, err := range w.account.RunEntries(t.Context(), s.Function, id) {
		if err != nil {
			t.Fatal(err)
		}
		found[e.Key] = e
	}
	return found
}

// drain takes messages as the function's mapping would.
func (w *sweepWorld) drain(ctx context.Context, client *sqs.Client, url *string) error {
	for ctx.Err() == nil {
		out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1})
		if err != nil {
			return err
		}
		for _, m := range out.Messages {
			key, etag, err := objectOf([]byte(sdk.ToString(m.Body)))
			if err != nil {
				return err
			}
			w.process(key, etag, nil)
			if _, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				return err
			}
		}
	}
	return nil
}
