package examples

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// root is the top of the tree, seen from this package.
const root = "../../.."

// patience is how long an example may take. Making an image on a busy machine takes the most of it.
const patience = 15 * time.Minute

// longest is how many lines a README may have.
const longest = 40

// elsewhere are the examples that a test of their own plays, in cmd/internal/lifecycle.
var elsewhere = map[string]string{
	"http":        "TestPicturesAreResizedByRequests",
	"imagemagick": "TestPhotosTurnGray",
	"minio":       "TestLogsArePackedAtAnotherServer",
	"queue":       "TestAThousandOrdersAreAddedUpOnce",
	"schedule":    "TestReportsComeBySchedule",
	"secrets":     "TestDocumentsAreDeliveredWithSecrets",
}

// TestReadmesDoWhatTheySay runs the commands of each README, with scar as it is now, and compares what they print.
func TestReadmesDoWhatTheySay(t *testing.T) {
	found, err := filepath.Glob(root + "/examples/*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	missing := maps.Clone(elsewhere)
	scar := buildScar(t)
	for _, readme := range found {
		name := filepath.Base(filepath.Dir(readme))
		if _, other := elsewhere[name]; other {
			delete(missing, name)
			continue
		}
		t.Run(name, func(t *testing.T) { play(t, name, scar) })
	}
	for name, test := range missing {
		t.Errorf("%s plays the example %s, which is not there", test, name)
	}
}

// buildScar builds scar and returns the folder that it is in.
func buildScar(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "scar"), root+"/cmd/scar").CombinedOutput(); err != nil {
		t.Fatalf("build scar: %v\n%s", err, out)
	}
	return dir
}

var callsCheck = regexp.MustCompile(`(?m)^\./check\b`)

// play runs the commands of one README.
func play(t *testing.T, name, scar string) {
	content, err := os.ReadFile(filepath.Join(root, "examples", name, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(content, []byte("\n")); lines > longest {
		t.Errorf("README.md has %d lines, more than %d", lines, longest)
	}
	commands := steps(string(content))
	if !slices.ContainsFunc(commands, func(s step) bool { return callsCheck.MatchString(s.command) }) {
		t.Error("no command of README.md is ./check")
	}
	printed, folder := t.TempDir(), copyExample(t, name)
	said, err := perform(t, folder, script(commands, printed), scar)
	t.Log(said)
	for i, s := range commands {
		if s.printed == nil {
			continue
		}
		got, readErr := os.ReadFile(filepath.Join(printed, strconv.Itoa(i)))
		if readErr != nil {
			t.Errorf("README.md:%d was not reached", s.line)
			continue
		}
		if !shows(*s.printed, string(got)) {
			t.Errorf("README.md:%d: %sprints\n%s\nand not\n%s", s.line, s.command, got, *s.printed)
		}
	}
	if err != nil {
		t.Errorf("the commands: %v", err)
		return
	}
	if said, err := perform(t, folder, prologue+conversions, scar); err != nil {
		t.Errorf("a file in the original's format is not what scar convert prints of it: %v\n%s", err, said)
	}
}

// conversions compares the plans of each file in the original's format and of what scar convert makes of it.
const conversions = `
for file in scar-*.yaml; do
  [ -e "$file" ] || exit 0
  [ -n "$backend" ] || scar local up
  scar convert -f "$file" >converted.yaml
  scar plan --local --json -f "$file" >classic.json
  scar plan --local --json -f converted.yaml >native.json
  cmp classic.json native.json
done
`

// perform runs a script of bash in a folder, with scar in the PATH, and returns what it said.
func perform(t *testing.T, dir, script, scar string) (said string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "SCAR_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "NO_COLOR=1", "SCAR_STATE_DIR="+t.TempDir(), "PATH="+scar+":"+os.Getenv("PATH"))
	// All that it started is told to end: bash itself waits for what it runs.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// prologue lets scar local up go on in the background, and ends it at last.
const prologue = `set -eu
line=0 backend=
scar() {
  case "${1-} ${2-}" in
    'local up') serve "${@:3}" ;;
    *) command scar "$@" ;;
  esac
}
serve() {
  command scar local up --port 0 "$@" >"$SCAR_STATE_DIR/up.log" 2>&1 &
  backend=$!
  until [ -s "$SCAR_STATE_DIR/endpoint.json" ]; do
    kill -0 "$backend" || return 1
    sleep 0.1 # between two questions, not for the answer
  done
}
finish() {
  code=$?
  trap - EXIT
  [ "$code" = 0 ] || echo "README.md:$line: exit code $code" >&2
  if [ -n "$backend" ]; then
    kill "$backend" && wait "$backend" || code=1
    [ "$code" = 0 ] || cat "$SCAR_STATE_DIR/up.log" >&2
  fi
  exit "$code"
}
trap finish EXIT
`

// script is a script of bash that runs commands and keeps what each prints whose output is shown, in a file named by its number.
func script(commands []step, printed string) string {
	var b strings.Builder
	b.WriteString(prologue)
	for i, s := range commands {
		fmt.Fprintf(&b, "line=%d\n", s.line)
		if s.printed == nil {
			b.WriteString(s.command)
			continue
		}
		fmt.Fprintf(&b, "{ %s} >'%s' 2>&1\n", s.command, filepath.Join(printed, strconv.Itoa(i)))
	}
	return b.String()
}

// copyExample copies an example, links what lies beside it, and returns the copy.
func copyExample(t *testing.T, name string) string {
	t.Helper()
	all, err := filepath.Abs(filepath.Join(root, "examples"))
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	entries, err := os.ReadDir(all)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() == name {
			continue
		}
		if err := os.Symlink(filepath.Join(all, entry.Name()), filepath.Join(to, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
	copied := filepath.Join(to, name)
	if err := os.CopyFS(copied, os.DirFS(filepath.Join(all, name))); err != nil {
		t.Fatal(err)
	}
	ignored, err := os.ReadFile(filepath.Join(all, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines("/" + name + "/*.tar\n" + string(ignored)) {
		pattern, ours := strings.CutPrefix(strings.TrimSpace(line), "/"+name+"/")
		if !ours {
			continue
		}
		leftovers, err := filepath.Glob(filepath.Join(copied, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, left := range leftovers {
			if err := os.RemoveAll(left); err != nil {
				t.Fatal(err)
			}
		}
	}
	return copied
}
