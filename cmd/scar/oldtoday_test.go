package main

import (
	"strings"
	"testing"
)

// TestTranslationsAreCommandsOfToday looks up what the original's command lines become.
func TestTranslationsAreCommandsOfToday(t *testing.T) {
	for _, line := range []string{
		"init -f a.yaml -pf b -j --auto-approve --region r --local --adopt x --env-file e --parallelism 2", "update -f a.yaml", "log -n a -ls b -ri c", "rm -n a", "rm -a",
		"rm --conf-file x", "ls -b a/b", "ls -j", "put -b a -p b", "get -b a -p b", "run -n a -a -j x", "run -f x -s y -o z", "invoke -n a -db x -p {\"a\":1} -o z", "invoke -n a -jd {} -a",
	} {
		got, err := translateOld(strings.Fields(line))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		cmd, rest, err := (&app{}).root().Find(got.args)
		if err != nil {
			t.Errorf("%s: %q: %v", line, got.args, err)
			continue
		}
		if err := cmd.Flags().Parse(rest); err != nil {
			t.Errorf("%s: %q: %v", line, got.args, err)
		}
	}
}
