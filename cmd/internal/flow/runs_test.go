package flow

import (
	"context"
	"encoding/json"
	"errors"
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

// TestSweep lists odd keys from inputs that overlap, takes each object once, and keeps a ledger.
func TestSweep(t *testing.T) {
	w := newSweepWorld(t)
	odd := []string{"in/a b+c.png", "in/ü%20.png", "in/\x01control.png", "in/deep/er/x.png", "in/<&>\".png"}
	w.put(t, append(odd, "in/folder/", "in/note.txt", "other/x.png", "in/deep/only.jpg", job.RecordsPrefix+"x.png")...)
	if _, err := w.objects.PutObject(t.Context(), &s3.PutObjectInput{Bucket: sdk.String("photos"), Key: sdk.String("in/marker/")}); err != nil {
		t.Fatal(err)
	}
	s := sweepOf(spec.Input{Prefix: "in/", Suffix: []string{".png", "r/"}}, spec.Input{Prefix: "in/deep/"})
	counted, err := w.account.CountSweep(t.Context(), s, nil)
	want := append(odd, "in/deep/only.jpg", "in/folder/")
	if err != nil || counted.ToSend != len(want) || counted.Done != 0 {
		t.Errorf("%+v, %v", counted, err)
	}
	summary, err := w.account.Sweep(t.Context(), s)
	if err != nil || summary.Tally != (runs.Tally{Done: len(want)}) {
		t.Fatalf("%+v, %v", summary, err)
	}
	found := w.entries(t, s, summary.ID)
	for _, key := range want {
		if w.invoked[key] != 1 || found[key].Status != runs.Done || found[key].RequestID == "" {
			t.Errorf("%q: %d invocations, %+v", key, w.invoked[key], found[key])
		}
	}
	if len(found) != len(want) {
		t.Errorf("%d entries: %v", len(found), found)
	}
	for _, c := range []struct {
		selection runs.Selection
		again     bool
		tally     runs.Tally
	}{
		{runs.Selection{}, false, runs.Tally{Skipped: len(want)}},
		{runs.Selection{Prefix: "deep/"}, true, runs.Tally{Done: 1}},
		{runs.Selection{Suffix: ".jpg"}, true, runs.Tally{Done: 1}},
		{runs.Selection{Limit: 2}, true, runs.Tally{Done: 2}},
		{runs.Selection{NewerThan: time.Now().Add(time.Hour)}, true, runs.Tally{}},
		{runs.Selection{NewerThan: time.Now().Add(-time.Hour)}, true, runs.Tally{Done: len(want)}},
	} {
		one := s
		one.Selection, one.Again = c.selection, c.again
		got, err := w.account.Sweep(t.Context(), one)
		if err != nil || got.Tally != c.tally {
			t.Errorf("%+v: %+v, %v", c, got, err)
		}
	}
	all, err := w.account.Runs(t.Context(), s.Function)
	if err != nil || len(all) != 7 {
		t.Errorf("%d runs, %v", len(all), err)
	}
}

// TestSweepOfManyPages stops in the middle and goes on, with throttling and failures on the way.
func TestSweepOfManyPages(t *testing.T) {
	w := newSweepWorld(t)
	const objects = 2300
	keys := make([]string, objects)
	for i := range keys {
		keys[i] = fmt.Sprintf("in/%04d.png", i)
	}
	w.put(t, keys...)
	var calls, throttled int
	var mu sync.Mutex
	w.answer = func(key string) (int, *job.Error) {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls%100 == 0 {
			throttled++
			return http.StatusTooManyRequests, nil
		}
		if strings.HasSuffix(key, "77.png") {
			return http.StatusOK, &job.Error{Type: job.ErrScriptFailed, Message: "no"}
		}
		return http.StatusOK, nil
	}
	ctx, stop := context.WithCancel(t.Context())
	s := sweepOf(spec.Input{Prefix: "in/"})
	s.Progress = func(p runs.Progress) {
		if p.Done > 1200 {
			stop()
		}
	}
	first, err := w.account.Sweep(ctx, s)
	if err != nil || first.State != runs.Stopped {
		t.Fatalf("%+v, %v", first, err)
	}
	s.Progress = nil
	second, err := w.account.Sweep(t.Context(), s)
	if err != nil || !second.Resumed || second.ID != first.ID || second.Tally != (runs.Tally{Done: objects - 23, Failed: 23}) {
		t.Fatalf("%+v, %v", second, err)
	}
	if throttled == 0 {
		t.Error("nothing was refused")
	}
	for _, key := range keys {
		if w.invoked[key] != 1 {
			t.Errorf("%s: %d invocations", key, w.invoked[key])
		}
	}
	w.answer = nil
	s.Parent = second.ID
	third, err := w.account.Sweep(t.Context(), s)
	if err != nil || third.Tally != (runs.Tally{Done: 23}) {
		t.Errorf("%+v, %v", third, err)
	}
	fn, found, err := w.account.FindRun(t.Context(), s.File, third.ID)
	if err != nil || fn != s.Function || found.Parent != second.ID {
		t.Errorf("%+v, %v", found, err)
	}
	var unknown *UnknownRunError
	if _, _, err := w.account.FindRun(t.Context(), s.File, "20260131T080000Z-1f2e3d"); !errors.As(err, &unknown) {
		t.Errorf("%v", err)
	}
}

// TestSweepOfMuchThatIsNew asks for no record that a listing has shown to be absent, and for all others.
func TestSweepOfMuchThatIsNew(t *testing.T) {
	w := newSweepWorld(t)
	var all []runs.Object
	for i := range 2600 {
		all = append(all, runs.Object{Bucket: "photos", Key: fmt.Sprintf("in/%04d.png", i)})
	}
	for i := range 2100 { // of the first thousand and of others
		w.process(all[i*7%len(all)].Key, "etag", nil)
	}
	s := sweepOf(spec.Input{Prefix: "in/"})
	records := w.account.recordsOf(s.Function)
	page := all[:1000]
	absent, err := records.Absent(t.Context(), page)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range page {
		if recorded := w.invoked[o.Key] > 0; recorded == absent[i] {
			t.Errorf("%s: recorded %t, absent %t", o.Key, recorded, absent[i])
		}
	}
	if w.listings != 3 {
		t.Errorf("%d listings of 2100 records", w.listings)
	}
	// Where there are records of all objects, one listing shows that listing is of no use.
	for _, o := range all {
		w.process(o.Key, "etag", nil)
	}
	w.listings = 0
	if absent, err = records.Absent(t.Context(), page); err != nil || slices.Contains(absent, true) || w.listings != 1 {
		t.Errorf("%v after %d listings, %v", absent, w.listings, err)
	}
}

// TestSweepRefuses tries what cannot be.
func TestSweepRefuses(t *testing.T) {
	w := newSweepWorld(t)
	without := sweepOf(spec.Input{Prefix: "in/"})
	without.Function.Records = ""
	retried := without
	retried.Parent = "20260131T080000Z-1f2e3d"
	elsewhere := sweepOf(spec.Input{Provider: "minio.lab"})
	foreign := sweepOf(spec.Input{Prefix: "in/"})
	foreign.File.Project = "other"
	absent := sweepOf(spec.Input{Prefix: "in/"})
	absent.Function.Inputs[0].Bucket = "absent"
	for says, s := range map[string]Sweep{
		"--again takes all":    without,
		"no runs of it":        retried,
		"nothing to list":      elsewhere,
		"belongs to project":   foreign,
		"apply the file first": absent,
	} {
		if summary, err := w.account.Sweep(t.Context(), s); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v, %v: want an error with %q", summary, err, says)
		}
	}
	without.Again = true
	w.put(t, "in/a", "in/b")
	if summary, err := w.account.Sweep(t.Context(), without); err != nil || summary.Tally.Done != 2 {
		t.Errorf("%+v, %v", summary, err)
	}
}

// TestSweepThroughQueue takes the messages of a run from the function's queue.
func TestSweepThroughQueue(t *testing.T) {
	w := newSweepWorld(t)
	client := sqs.NewFromConfig(w.account.config)
	q, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: sdk.String(planner.QueueName("imaging", "grayify"))})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for i := range 137 {
		keys = append(keys, fmt.Sprintf("in/%03d.png", i))
	}
	w.put(t, keys...)
	ctx, stop := context.WithCancel(t.Context())
	drained := make(chan error, 1)
	go func() { drained <- w.drain(ctx, client, q.QueueUrl) }()
	s := sweepOf(spec.Input{Prefix: "in/"})
	s.Function.Queue = &spec.Queue{}
	s.Concurrency = 100
	summary, err := w.account.Sweep(t.Context(), s)
	stop()
	if err := <-drained; err != nil && ctx.Err() == nil {
		t.Error(err)
	}
	if err != nil || summary.Tally != (runs.Tally{Done: len(keys)}) {
		t.Fatalf("%+v, %v", summary, err)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if w.invoked[key] != 1 {
			t.Errorf("%s: %d times", key, w.invoked[key])
		}
	}
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
