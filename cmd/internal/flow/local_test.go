package flow

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scar-go/scar/local/lambda"
	"github.com/scar-go/scar/spec"
)

func TestFindLocal(t *testing.T) {
	ctx := context.Background()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dir := t.TempDir()
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, announcement), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	url := "http://" + listener.Addr().String()
	if _, err := FindLocal(ctx, dir); err == nil || !strings.Contains(err.Error(), "SCAR_STATE_DIR") {
		t.Errorf("no announcement: %v", err)
	}
	write(`{"endpoint": "` + url + `", "region": "eu-west-1"}`)
	e, err := FindLocal(ctx, dir)
	if err != nil || e.URL != url || e.Region != "eu-west-1" || e.AccessKey == "" {
		t.Errorf("%+v, %v", e, err)
	}
	write(`{"endpoint": "http://127.0.0.1:1"}`) // TCP's port 1 is tcpmux, which no system of today serves
	if _, err := FindLocal(ctx, dir); err == nil || !strings.Contains(err.Error(), "start one with scar local up") {
		t.Errorf("nobody listens: %v", err)
	}
	write(`{"endpoint": "http://192.0.2.1:80"}`)
	if _, err := FindLocal(ctx, dir); err == nil || !strings.Contains(err.Error(), "not on this machine") {
		t.Errorf("another machine: %v", err)
	}
	write(`{`)
	if _, err := FindLocal(ctx, dir); err == nil {
		t.Error("a damaged announcement is no error")
	}
}

func TestInvocationsWaitForTheLastAttempt(t *testing.T) {
	payload := func(key string) []byte {
		return []byte(`{"Records":[{"s3":{"bucket":{"name":"b"},"object":{"key":"` + key + `"}}}]}`)
	}
	v := newInvocations(&spec.File{})
	var mu sync.Mutex
	var told []bool
	v.watch([]object{{"b", "one"}, {"b", "two"}}, func(ok bool) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, ok)
	})
	waited := make(chan error, 1)
	go func() { waited <- v.wait(context.Background()) }()
	v.add(lambda.Invocation{Payload: payload("one"), Attempt: 1, ErrorType: "X"})
	v.add(lambda.Invocation{Payload: payload("one"), Attempt: 2, Final: true})
	v.add(lambda.Invocation{Payload: payload("other"), Final: true})
	select {
	case <-waited:
		t.Fatal("it did not wait for the second file")
	default:
	}
	v.add(lambda.Invocation{Payload: payload("two"), Attempt: 3, Final: true, ErrorType: "X"})
	v.add(lambda.Invocation{Payload: payload("two"), Attempt: 1, Final: true}) // delivered twice
	select {
	case err := <-waited:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits for more than there is")
	}
	if len(told) != 2 || !told[0] || told[1] {
		t.Errorf("told %v", told)
	}
	if n := len(v.take()); n != 3 {
		t.Errorf("%d endings, want 3", n)
	}
	v.watch([]object{{"b", "other"}}, func(bool) { t.Error("told of what had ended before") })
	if err := v.wait(context.Background()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w := newInvocations(&spec.File{})
	w.watch([]object{{"b", "never"}}, func(bool) {})
	if err := w.wait(ctx); err == nil || !strings.Contains(err.Error(), "files not processed: 1") {
		t.Errorf("interrupted: %v", err)
	}
}
