package main

import (
	"testing"

	"github.com/spf13/cobra"
)

func TestSameFlags(t *testing.T) {
	for want, args := range map[string][]string{
		"": {},
		" -f a.yaml -f 'it'\\''s.yaml' --env-file .env --local": {"--local", "--file", "a.yaml", "-f", "it's.yaml", "--env-file=.env"},
		" --project lab --region eu-west-1 --profile 'my lab'":  {"--profile", "my lab", "--region=eu-west-1", "--project", "lab"},
	} {
		var files fileFlags
		var account accountFlags
		var project projectFlag
		cmd := &cobra.Command{Use: "x", RunE: func(*cobra.Command, []string) error { return nil }}
		files.register(cmd)
		account.register(cmd)
		project.register(cmd)
		cmd.SetArgs(args)
		if err := cmd.Execute(); err != nil {
			t.Fatal(err)
		}
		if got := sameFlags(cmd); got != want {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
	}
}
