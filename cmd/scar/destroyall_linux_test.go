package main

import (
	"io"
	"testing"
)

// TestApprovalOfAll takes the number of functions, and nothing else, as the approval to destroy everything.
func TestApprovalOfAll(t *testing.T) {
	a := newAccount(t)
	if _, stderr, code := a.scar("apply", "--auto-approve"); code != exitOK {
		t.Fatal(stderr)
	}
	for _, c := range []struct {
		answer, shows string
		ok            bool
	}{{"yes", "not approved: nothing was changed", false}, {"1", "7 destroyed", true}} {
		cmd, shown, keyboard := onTerminal(t, a.dir, append(a.env, "NO_COLOR=1"), "rm", "-a")
		shown.await(t, "Type the number of functions: ")
		if _, err := io.WriteString(keyboard, c.answer+"\n"); err != nil {
			t.Fatal(err)
		}
		shown.await(t, c.shows)
		if err := cmd.Wait(); (err == nil) != c.ok {
			t.Errorf("%s: %v\n%s", c.answer, err, shown)
		}
	}
}
