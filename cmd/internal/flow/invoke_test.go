package flow

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/runtime/job"
)

// accountAt is an account whose services are a handler. Like AWS's, it is not waited for long in general.
func accountAt(t *testing.T, serve http.HandlerFunc) *Account {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	endpoint := &Endpoint{URL: server.URL, Region: "eu-west-1", AccessKey: "a", SecretKey: "b"}
	cfg := endpoint.config()
	cfg.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) { tr.ResponseHeaderTimeout = time.Millisecond })
	return &Account{config: cfg}
}

var grayify = &Deployed{Name: "grayify", Timeout: 60, LogGroup: "/aws/lambda/grayify"}

// refuse answers as Lambda does.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Amzn-ErrorType", code)
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message":%q}`, message)
}

// TestInvokeWaitsForTheFunction has a function that takes longer than any other call may.
func TestInvokeWaitsForTheFunction(t *testing.T) {
	account := accountAt(t, func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(100 * time.Millisecond)
		w.Header().Set("X-Amzn-Requestid", "r1")
		fmt.Fprintf(w, `{"statusCode":200,"headers":{"amz-lambda-request-id":"r1","amz-log-stream-name":"s1"},"body":%q,"isBase64Encoded":true}`,
			base64.StdEncoding.EncodeToString([]byte("gray\x00\xff")))
	})
	got, err := account.Invoke(t.Context(), grayify, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &Answer{
		RequestID: "r1", LogGroup: "/aws/lambda/grayify", LogStream: "s1", Status: 200, Output: []byte("gray\x00\xff"),
		Headers: map[string]string{job.HeaderRequestID: "r1", job.HeaderLogStream: "s1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestInvokeFailures(t *testing.T) {
	for payload, want := range map[string]*job.Error{
		`{"errorType":"Scar.ScriptFailed","errorMessage":"exit code 3"}`: {Type: "Scar.ScriptFailed", Message: "exit code 3"},
		`{"errorMessage":"Task timed out after 3.00 seconds"}`:           {Type: "Unhandled", Message: "Task timed out after 3.00 seconds"},
		`"text"`: {Type: "Unhandled", Message: `"text"`},
		``:       {Type: "Unhandled"},
	} {
		account := accountAt(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString([]byte("the log")))
			fmt.Fprint(w, payload)
		})
		got, err := account.Invoke(t.Context(), grayify, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Failure); diff != "" || got.LogTail != "the log" || got.Output != nil {
			t.Errorf("%s: %+v\n%s", payload, got, diff)
		}
	}
}

// TestInvokeOnce drops the connection and answers with faults, after which nobody knows whether the function has run.
func TestInvokeOnce(t *testing.T) {
	for name, fail := range map[string]http.HandlerFunc{
		"fault":   func(w http.ResponseWriter, _ *http.Request) { refuse(w, 500, "ServiceException", "a fault") },
		"gateway": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"no more": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"conflict": func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, 409, "ResourceConflictException", "state: Failed")
		},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			account := accountAt(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				fail(w, r)
			})
			_, err := account.Invoke(t.Context(), grayify, []byte(`{}`), nil)
			var unanswered *UnansweredError
			if err == nil || errors.As(err, &unanswered) != (name == "no more") || calls.Load() != 1 {
				t.Errorf("%d calls: %v", calls.Load(), err)
			}
			if name == "fault" && !strings.Contains(err.Error(), "the function may have run all the same") {
				t.Error(err)
			}
			if name == "no more" && !strings.Contains(err.Error(), "it may have run, so it is not started again") {
				t.Error(err)
			}
		})
	}
}

// TestInvokeAgain is refused for reasons by which nothing has run.
func TestInvokeAgain(t *testing.T) {
	for name, code := range map[string]string{
		"throttled": "TooManyRequestsException", "pending": "ResourceConflictException", "inactive": "ResourceNotReadyException",
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			account := accountAt(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case calls.Add(1) <= 2 && name == "throttled":
					refuse(w, 429, code, "Rate exceeded")
				case calls.Load() <= 2:
					refuse(w, 409, code, "The function is currently in the following state: Pending")
				default:
					w.WriteHeader(http.StatusAccepted)
				}
			})
			said := 0
			_, err := account.InvokeAsync(t.Context(), grayify, nil, func(string) { said++ })
			if err != nil || calls.Load() != 3 || said > 1 || (said == 0) != (name == "throttled") {
				t.Errorf("%d calls, said %d times: %v", calls.Load(), said, err)
			}
		})
	}
}

// TestInvokeInterrupted ends the wait, which does not end the function.
func TestInvokeInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	account := accountAt(t, func(_ http.ResponseWriter, r *http.Request) {
		interrupt()
		<-r.Context().Done()
	})
	_, err := account.Invoke(ctx, grayify, nil, nil)
	var unanswered *UnansweredError
	if !errors.As(err, &unanswered) || !unanswered.Interrupted || !strings.HasPrefix(err.Error(), "interrupted: function grayify goes on") {
		t.Error(err)
	}
	if _, err := account.Invoke(ctx, grayify, nil, nil); !errors.Is(err, context.Canceled) || errors.As(err, &unanswered) {
		t.Errorf("before it is sent: %v", err)
	}
}

// TestInvokeInterruptedBefore ends the wait for a place, and for a function that is not ready: nothing has begun.
func TestInvokeInterruptedBefore(t *testing.T) {
	for code, status := range map[string]int{"TooManyRequestsException": 429, "ResourceNotReadyException": 409} {
		ctx, interrupt := context.WithCancel(t.Context())
		account := accountAt(t, func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, status, code, "not now")
		})
		answered := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{PutIdleConn: func(error) { interrupt() }})
		_, err := account.Invoke(answered, grayify, nil, nil)
		if err == nil || err.Error() != "interrupted: function grayify was not started: context canceled" {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestCheckPayload(t *testing.T) {
	for _, c := range []struct {
		size  int
		async bool
		want  string
	}{
		{MaxPayload, false, ""},
		{MaxPayload + 1, false, "it makes a request of 6291457 bytes, Lambda takes 6 MB at most: do"},
		{MaxEventPayload, true, ""},
		{MaxEventPayload + 1, true, "it makes a request of 1048577 bytes, Lambda takes 1 MB at most; without --async, 6 MB: do"},
		{MaxPayload + 1, true, "it makes a request of 6291457 bytes, Lambda takes 1 MB at most: do"},
	} {
		got := ""
		if err := CheckPayload(make([]byte, c.size), c.async, "it", "do"); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%d, %v: %q", c.size, c.async, got)
		}
	}
}
