package lambda

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
)

const serveVar = "SCAR_TEST_SERVE" // set: be a service that is killed at work, on the state in that folder

func TestEventsAreRetriedAndGivenUp(t *testing.T) {
	b := newBench(t, nil)
	b.create("f", nil)
	for _, do := range []string{"fail", "print"} {
		out, err := b.client.Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String("f"), InvocationType: types.InvocationTypeEvent, Payload: encode(t, testEvent{Do: do, Size: 1}),
		})
		if err != nil || out.StatusCode != 202 {
			t.Fatalf("%v, %v", out, err)
		}
		if err := b.service.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	done := b.invocations()
	if len(done) != 4 {
		t.Fatalf("%d attempts: %+v", len(done), done)
	}
	for n, want := range []struct {
		attempt       int
		final, failed bool
	}{{1, false, true}, {2, false, true}, {3, true, true}, {1, true, false}} {
		got := done[n]
		if got.Attempt != want.attempt || got.Final != want.final || got.Failed() != want.failed || !got.Async || got.RequestID == "" {
			t.Errorf("attempt %d: %+v", n, got)
		}
	}
	if done[0].RequestID != done[2].RequestID || done[0].ErrorMessage != "it went wrong" || !strings.Contains(done[3].LogTail, "line 0") {
		t.Errorf("%+v", done)
	}
}

func TestRetriesWaitForTheClock(t *testing.T) {
	now := clock.NewVirtual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	b := newBench(t, func(c *Config) { c.Clock, c.RetryDelays = now, nil })
	b.create("f", nil)
	if _, err := b.service.InvokeEvent(t.Context(), "arn:aws:lambda:us-east-1:000000000000:function:f", encode(t, testEvent{Do: "fail"}), "arn:aws:s3:::b"); err != nil {
		t.Fatal(err)
	}
	for attempt, delay := range []time.Duration{time.Minute, 2 * time.Minute} {
		eventually(t, "a retry that waits", func() bool { return now.Waiting() > 0 })
		if n := len(b.invocations()); n != attempt+1 {
			t.Errorf("%d attempts before the delay of %s", n, delay)
		}
		now.Advance(delay)
	}
	if err := b.service.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(b.invocations()); n != 3 {
		t.Errorf("%d attempts", n)
	}
}

func TestNoMoreWorkThanAllowed(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Concurrency = 2 })
	b.create("f", nil)
	for range 8 {
		if _, err := b.service.InvokeEvent(t.Context(), "f", encode(t, testEvent{Do: "wait", Size: 50}), ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.service.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(b.account.streams) > 2 {
		t.Errorf("%d instances", len(b.account.streams))
	}
	if n := len(b.invocations()); n != 8 {
		t.Errorf("%d invocations", n)
	}
}

func TestEventsOfADeletedFunctionAreDropped(t *testing.T) {
	now := clock.NewVirtual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	b := newBench(t, func(c *Config) { c.Clock, c.RetryDelays = now, nil })
	b.create("f", nil)
	if _, err := b.service.InvokeEvent(t.Context(), "f", encode(t, testEvent{Do: "fail"}), ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a retry that waits", func() bool { return now.Waiting() > 0 })
	if _, err := b.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	now.Advance(time.Minute)
	if err := b.service.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := b.invocations()
	if last := done[len(done)-1]; len(done) != 2 || !last.Final || last.ErrorType != "ResourceNotFoundException" {
		t.Errorf("%+v", done)
	}
}

// serveUntilKilled is the program that TestEventsSurviveAKill kills while a function runs.
func serveUntilKilled() bool {
	dir := os.Getenv(serveVar)
	if dir == "" {
		return false
	}
	if err := serveEvents(dir); err != nil {
		fmt.Println("error:", err)
	}
	return true
}

func serveEvents(dir string) error {
	db, err := store.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		return err
	}
	account := &fakeAccount{}
	ctx := context.Background() // this is a main function
	s, err := New(ctx, Config{
		DB: db, Clock: clock.Real{}, Account: "000000000000", Region: "us-east-1", Endpoint: func() string { return "" },
		Roles: account, Images: account, Logs: account, Cache: filepath.Join(dir, "cache"), Concurrency: 1,
	})
	if err != nil {
		return err
	}
	img, err := account.Image(ctx, imageURI)
	if err != nil {
		return err
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	f := function{State: stateActive, Update: updateSuccessful, Settings: settings{
		Name: "f", Generation: 1, Role: roleARN, Timeout: 60, Memory: 256, Ephemeral: 512, Architecture: "x86_64",
		ImageURI: imageURI, ResolvedURI: "000000000000.dkr.ecr.us-east-1.amazonaws.com/p@" + digest.String(),
		Logging: loggingConfig{}.withDefaults("f"),
	}}
	if err := s.functions.Put("f", f); err != nil {
		return err
	}
	for range 3 {
		if _, err := s.InvokeEvent(ctx, "f", []byte(`{"Do":"wait","Size":1000}`), ""); err != nil {
			return err
		}
	}
	for {
		s.engine.mu.Lock()
		loaded := len(s.engine.programs) > 0
		s.engine.mu.Unlock()
		if loaded {
			fmt.Println("at work")
			return errors.New("was not killed: " + s.Idle(ctx).Error())
		}
		time.Sleep(time.Millisecond)
	}
}

func TestEventsSurviveAKill(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), serveVar+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "at work" {
		t.Fatal(lines.Text())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	db, err := store.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(c *Config) { c.DB = db })
	if err := b.service.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := b.invocations()
	if len(done) != 3 {
		t.Errorf("%d invocations after the restart, 3 were queued: %+v", len(done), done)
	}
	for _, i := range done {
		if i.Failed() || i.Attempt != 1 {
			t.Errorf("%+v", i)
		}
	}
}
