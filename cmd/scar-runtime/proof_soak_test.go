package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/runtime/job"
)

// soakScript prints its variables first, and then does what its event asks for.
const soakScript = `#!/bin/sh
env -0
printf 'end of variables\0'
case "$EVENT" in
*soak-copy*) for i in 1 2 3; do cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/$i"; done ;;
*soak-fail*) echo 'this goes wrong' >&2; exit 7 ;;
*soak-litter*)
  cd "${TMPDIR%/*/*}"
  mkdir -p left/closed/deep "$HOME/.cache" && touch left/closed/deep/f "$HOME/.cache/f" && chmod 000 left/closed/deep left/closed
  ln -s / left/link; mkfifo .pipe; touch ./-rf 'new
line'; head -c 1000000 /dev/zero > "$TMPDIR/big" ;;
*soak-daemon*)
  setsid sh -c 'trap "" TERM HUP; exec >/dev/null 2>&1; while :; do sleep 1; done' &
  (setsid sleep 1000 >/dev/null 2>&1 &) ;;
*soak-leak*) export SOAK_LEFT="$REQUEST_ID" LD_SOAK=1; exec 7>"$TMPDIR/open" 8</dev/null; umask 777; cd /; ulimit -n 20 ;;
*soak-talk*) head -c 200000 /dev/zero | tr '\0' x ;;
*soak-hang*) sleep 1000 ;;
esac
`

// soak is a runtime that is looked at from outside after each of many invocations.
type soak struct {
	*function
	events    map[string]string            // what to send, by kind
	variables map[string]map[string]string // as the first script of a kind printed them
	left      map[string][]string          // what was found left, by what it is
	open      []int                        // descriptors, after each invocation
	memory    []float64                    // MB of private memory, after each
}

// soakKinds are the invocations of one round.
func soakKinds() []string {
	return []string{
		"copy", "direct", "fail", "copy", "litter", "direct", "daemon", "copy", "leak", "direct",
		"query", "copy", "talk", "direct", "bad", "copy", "missing", "direct", "copy", "hang",
	}
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	j := newJob()
	j.TimeoutMargin, j.LogLevel = 4, "warning"
	// With so little garbage about, the size of the runtime tells what it keeps.
	s := &soak{function: start(t, j, soakScript, "SOAK_OWN=1", "GOGC=10"), variables: map[string]map[string]string{}, left: map[string][]string{}}
	s.store("in/copy", strings.Repeat("content", 10_000))
	s.store("in/litter", "content")
	s.events = map[string]string{
		"copy":    soakEvent(t, "copy"),
		"litter":  soakEvent(t, "litter"),
		"missing": soakEvent(t, "missing"),
		"direct":  `{"do":"nothing in particular"}`,
		"query":   soakQuery,
		"bad":     "no JSON",
	}
	for _, kind := range []string{"fail", "daemon", "leak", "talk", "hang"} {
		s.events[kind] = fmt.Sprintf(`{"do":"soak-%s"}`, kind)
	}
	return s
}

// soakEvent is about an object, and says to the script what to do.
func soakEvent(t *testing.T, kind string) string {
	return strings.Replace(created(t, "in/"+kind), `"etag"`, `"soak-`+kind+`"`, 1)
}

// soakQuery is the event of a function URL, as
// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html describes it.
const soakQuery = `{"version":"2.0","rawPath":"/","rawQueryString":"soak_query=1","queryStringParameters":{"soak_query":"1"},
"headers":{"host":"h"},"requestContext":{"http":{"method":"GET","path":"/"}},"isBase64Encoded":false}`

// wantFailed are the kinds that end as a failed invocation, and how.
func wantFailed() map[string]string {
	return map[string]string{
		"fail": job.ErrScriptFailed, "bad": job.ErrBadEvent, "missing": job.ErrStageIn, "hang": job.ErrTimeout,
	}
}

func (s *soak) invocation(kind string) {
	s.t.Helper()
	limit := 60 * time.Second
	if kind == "hang" {
		limit = 4300 * time.Millisecond // of which the script gets 300
	}
	a := s.invokeWithin(s.events[kind], limit)
	if want := wantFailed()[kind]; want != "" {
		s.wantFailure(a, want)
	} else {
		s.compareVariables(kind, s.output(a))
	}
	s.look(kind)
}

// compareVariables holds the names of a script's variables against those of the first script of its kind.
func (s *soak) compareVariables(kind, output string) {
	s.t.Helper()
	printed, _, _ := strings.Cut(output, "end of variables\x00")
	found := variables(printed)
	if found["SOAK_OWN"] == "" {
		s.t.Fatalf("%s: the script did not print its variables: %.500q", kind, output)
	}
	if s.variables[kind] == nil {
		s.variables[kind] = found
	}
	for name := range found {
		_, usual := s.variables[kind][name]
		if !usual || name == "SOAK_LEFT" || name == "LD_SOAK" || name == "soak_query" && kind != "query" {
			s.left["variables"] = append(s.left["variables"], kind+": "+name)
		}
	}
}

// look counts what is there once the answer has come.
func (s *soak) look(kind string) {
	s.t.Helper()
	files, err := os.ReadDir(filepath.Join(s.root, "tmp"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range files {
		s.left["files"] = append(s.left["files"], kind+": "+file.Name())
	}
	processes := s.children()
	if kind == "hang" { // the last of a round: all of the machine's processes are looked at
		processes = s.processes()
	}
	for _, pid := range processes {
		s.left["processes"] = append(s.left["processes"], fmt.Sprintf("%s: %d", kind, pid))
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	s.open = append(s.open, len(open))
	// Pages of the binary itself come and go as the machine likes, and are left out.
	s.memory = append(s.memory, megabytes(s.status("RssAnon")))
}

// children are the processes that the runtime has started or adopted.
func (f *function) children() []int {
	f.t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", f.cmd.Process.Pid))
	if err != nil || len(lists) == 0 { // a kernel without these lists
		return f.processes()
	}
	var found []int
	for _, list := range lists {
		content, _ := os.ReadFile(list) // of a thread that has just ended, another has adopted them
		for word := range strings.FieldsSeq(string(content)) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				f.t.Fatal(err)
			}
			found = append(found, pid)
		}
	}
	return found
}

// status reads a field of /proc/PID/status of the runtime, in KB where it is an amount of memory.
func (f *function) status(field string) float64 {
	f.t.Helper()
	return status(f.t, f.cmd.Process.Pid, field)
}

func status(t testing.TB, pid int, field string) float64 {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^` + field + `:\s+(\d+)`).FindSubmatch(content)
	if found == nil {
		t.Fatalf("/proc/%d/status has no %s", pid, field)
	}
	value, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func megabytes(kilobytes float64) float64 { return kilobytes * 1024 / 1e6 } // the kernel's are of 1,024 bytes

// goroutines ends the runtime in such a way that it lists its goroutines, and returns by which functions they were
// started. Those of Go itself and of open connections, which are counted as descriptors, are left out.
func (f *function) goroutines() []string {
	f.t.Helper()
	if err := f.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		f.t.Fatal(err)
	}
	_ = f.cmd.Wait() // it ends with exit code 2
	_, dump, found := strings.Cut(f.log.String(), "SIGQUIT: quit")
	if !found {
		f.t.Fatalf("the runtime listed no goroutines; its log:\n%s", f.log)
	}
	var list []string
	for _, m := range regexp.MustCompile(`(?m)^created by (\S+)`).FindAllStringSubmatch(dump, -1) {
		if !strings.HasPrefix(m[1], "runtime.") && m[1] != "net/http.(*Transport).dialConn" {
			list = append(list, m[1])
		}
	}
	return list
}

// A thousand invocations leave nothing behind, and no more in memory than two hundred do.
func TestThousandWarmInvocationsLeaveNothing(t *testing.T) {
	t.Parallel()
	const invocations, warm, window = 1000, 100, 200
	kinds := soakKinds()
	young := newSoak(t)
	for _, kind := range kinds {
		young.invocation(kind)
	}
	s := newSoak(t)
	for i := range invocations {
		s.invocation(kinds[i%len(kinds)])
		if t.Failed() {
			t.Fatalf("after %d invocations", i+1)
		}
	}
	for what, list := range s.left {
		t.Errorf("%d %s are left: %.10q", len(list), what, list)
	}
	// Connections that wait for the next call are kept, and their number goes up and down by a few. What leaks stays.
	if most, least := slices.Max(s.open[:warm]), slices.Min(s.open[invocations-warm:]); least > most {
		t.Errorf("%d descriptors at least are open in the last %d invocations, %d at most were in the first", least, warm, most)
	}
	if before, after := young.goroutines(), s.goroutines(); len(after) > len(before) {
		t.Errorf("goroutines after %d invocations:\n%q\nafter %d:\n%q", invocations, after, len(kinds), before)
	}
	// The size goes up and down with what has not been collected yet: only its middle tells of growth.
	early, late := median(s.memory[warm:warm+window]), median(s.memory[invocations-window:])
	if late-early > 1 {
		t.Errorf("private memory grew from %.2f MB after %d invocations to %.2f MB after %d", early, warm+window, late, invocations)
	}
	for _, what := range []string{"files", "processes", "descriptors", "variables", "goroutines"} {
		proof.Count(t, what+" left", 0, "")
	}
	proof.Count(t, "memory growth", max(0, late-early), "MB")
	proof.Count(t, "warm invocations", invocations, "")
}

func median(values []float64) float64 { return slices.Sorted(slices.Values(values))[len(values)/2] }
