package flow

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/scar-go/scar/runtime/event"
)

// TestPayloads has the runtime read what is sent.
func TestPayloads(t *testing.T) {
	script, err := ScriptPayload([]byte("#!/bin/sh\n\x00\xff"))
	if err != nil {
		t.Fatal(err)
	}
	if e, err := event.Parse(script); err != nil || string(e.Script) != "#!/bin/sh\n\x00\xff" {
		t.Errorf("%+v, %v", e, err)
	}
	arguments := []string{"ls", "-l", "", `a "b" ü`, "x\ny"}
	command, err := CommandPayload(arguments)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := event.Parse(command); err != nil || !slices.Equal(e.Arguments, arguments) {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := ScriptPayload(nil); err == nil {
		t.Error("an empty script is sent")
	}
	if _, err := CommandPayload([]string{"a\x00b"}); err == nil {
		t.Error("a zero byte is sent")
	}
}

func TestObjectEvent(t *testing.T) {
	account := &Account{config: sdk.Config{Region: "cn-north-1"}}
	at := time.Date(2026, 1, 31, 8, 9, 10, 11_000_000, time.UTC)
	for _, key := range []string{"in/cat.png", "in/a b+c%20d/ü&=?#.png", "in//x", "in/%zz", "../x"} {
		payload, err := account.objectEvent("photos", key, "e1", 12, at)
		if err != nil {
			t.Fatal(err)
		}
		e, err := event.Parse(payload)
		if err != nil || e.Kind != event.Objects || len(e.Items) != 1 || e.Items[0].Err != nil {
			t.Fatalf("%s: %+v, %v", key, e, err)
		}
		want := event.Object{Event: "ObjectCreated:Put", Bucket: "photos", Key: key, Size: 12, ETag: "e1"}
		if *e.Items[0].Object != want || e.Items[0].Time != "2026-01-31T08:09:10.011Z" {
			t.Errorf("%+v at %s", e.Items[0].Object, e.Items[0].Time)
		}
		if !bytes.Contains(payload, []byte("arn:aws-cn:s3:::photos")) {
			t.Errorf("%s", payload)
		}
	}
}

func TestSplitObject(t *testing.T) {
	if bucket, key, err := splitObject("s3://photos/in//a b.png"); err != nil || bucket != "photos" || key != "in//a b.png" {
		t.Error(bucket, key, err)
	}
	for _, place := range []string{"", "s3://", "s3://photos", "s3://photos/", "s3:///key", "photos/key", "minio.lab/photos/key"} {
		if _, _, err := splitObject(place); err == nil {
			t.Errorf("%q is taken", place)
		}
	}
}

func TestEventPayload(t *testing.T) {
	fn := &Deployed{Name: "grayify", ARN: "arn:aws:lambda:eu-west-1:123456789012:function:grayify"}
	for _, body := range []string{"", "hello", "\x00\xff"} {
		r := HTTPRequest{
			Method: "PUT", Path: "/a b", Query: "x=1&x=2&y=%C3%BC", Header: http.Header{"Content-Type": {"text/plain"}, "X-Own": {"1"}}, Body: []byte(body),
		}
		payload, err := r.EventPayload(t.Context(), fn, time.UnixMilli(1_700_000_000_123))
		if err != nil {
			t.Fatal(err)
		}
		e, err := event.Parse(payload)
		if err != nil || e.Kind != event.HTTP || len(e.Items) != 1 {
			t.Fatalf("%+v, %v", e, err)
		}
		q := e.Request
		if !q.Async || q.Method != "PUT" || q.Path != "/a%20b" || q.Query != r.Query || q.Parameters["x"] != "2" || q.ContentType != "text/plain" || q.Front != event.URL {
			t.Errorf("%+v", q)
		}
		if file := e.Items[0].File; (file == nil) != (body == "") || file != nil && (string(file.Content) != body || file.Name != "body.txt") {
			t.Errorf("%q: %+v", body, file)
		}
		if r.Header.Get(invocationType) != "" {
			t.Error("the request itself was changed")
		}
	}
	if _, err := (HTTPRequest{Method: "A B"}).EventPayload(t.Context(), fn, time.Now()); err == nil {
		t.Error("a bad method is taken")
	}
	if _, err := (HTTPRequest{Header: http.Header{"Host": {"x"}}}).EventPayload(t.Context(), fn, time.Now()); err == nil {
		t.Error("another host is taken")
	}
}

func FuzzNewAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"statusCode":200,"headers":{"amz-lambda-request-id":"r"},"body":"eA==","isBase64Encoded":true}`,
		`{"statusCode":404,"body":"text"}`, `{"statusCode":"x"}`, `{"batchItemFailures":[]}`, `{"statusCode":1,"body":"?","isBase64Encoded":true}`, `"x"`, ``, `null`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, payload []byte, failed bool) {
		out := &lambda.InvokeOutput{Payload: payload}
		if failed {
			out.FunctionError = sdk.String("Unhandled")
		}
		answer, err := newAnswer(grayify, out)
		switch {
		case err != nil:
			return
		case failed != (answer.Failure != nil):
			t.Errorf("%s: %+v", payload, answer)
		case !failed && answer.Status == 0 && json.Valid(payload) && !bytes.Equal(answer.Output, payload) && !bytes.Contains(payload, []byte("tatus")):
			t.Errorf("%s became %q", payload, answer.Output)
		}
	})
}

// TestObjectRefused has S3 answer HEAD requests, which have no body to say more.
func TestObjectRefused(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusNotFound:         "there is no object s3://photos/in/cat.png",
		http.StatusMovedPermanently: "the bucket photos is in another region (eu-south-2): a function takes objects of its own, eu-west-1",
		http.StatusForbidden:        "s3://photos/in/cat.png cannot be looked at: these credentials lack the right s3:GetObject, or it is not there and they lack s3:ListBucket",
	} {
		account := accountAt(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Bucket-Region", "eu-south-2")
			w.WriteHeader(status)
		})
		account.config.HTTPClient = nil
		if _, err := account.ObjectPayload(t.Context(), "s3://photos/in/cat.png"); err == nil || err.Error() != want {
			t.Errorf("%d: %v", status, err)
		}
	}
}
