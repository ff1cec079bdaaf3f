package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestFollowLogs shows what is written while it runs, and takes the interrupt for the end, not for an
// error.
func TestFollowLogs(t *testing.T) {
	a := newAccount(t)
	client := logClient(a.getenv)
	if err := putLog(client, "grayify", time.Now(), []string{"before"}); err != nil {
		t.Fatal(err)
	}
	follow := exec.Command("scar", "logs", "grayify", "--follow")
	var stdout, stderr screen
	follow.Dir, follow.Env, follow.Stdout, follow.Stderr = a.dir, a.env, &stdout, &stderr
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = follow.Process.Kill() // usually it has ended
	})
	stdout.await(t, "before")
	for _, message := range []string{"one more", "and another"} {
		if err := putLog(client, "grayify", time.Now(), []string{message}); err != nil {
			t.Fatal(err)
		}
		stdout.await(t, message)
	}
	if err := follow.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- follow.Wait() }()
	select {
	case err := <-ended:
		if err != nil || stderr.String() != "" {
			t.Errorf("%v, %q", err, &stderr)
		}
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
	if n := strings.Count(stdout.String(), "before"); n != 1 {
		t.Errorf("the first line is shown %d times:\n%s", n, &stdout)
	}
}
