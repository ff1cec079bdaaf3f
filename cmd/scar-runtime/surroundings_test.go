package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/runtime/job"
)

// variables reads the output of env -0.
func variables(output string) map[string]string {
	found := map[string]string{}
	for _, line := range strings.Split(strings.TrimSuffix(output, "\x00"), "\x00") {
		name, value, _ := strings.Cut(line, "=")
		found[name] = value
	}
	return found
}

func TestVariables(t *testing.T) {
	j := newJob()
	j.Files = true
	f := start(t, j, "#!/bin/sh\nexec env -0", "QUALITY=80", "EVENT=stale", "INPUT_FILE_PATH=stale", "STORAGE_OBJECT_KEY=stale")
	event := f.put("in/a b.txt", "x")
	got := variables(f.output(f.invoke(event)))

	for _, name := range []string{"TMP_INPUT_DIR", "TMP_OUTPUT_DIR", "RESPONSE_DIR", "HOME", "TMPDIR"} {
		if !strings.HasPrefix(got[name], f.root+"/tmp/scar-") {
			t.Errorf("%s is %q", name, got[name])
		}
	}
	if got["INPUT_FILE_PATH"] != got["TMP_INPUT_DIR"]+"/a b.txt" {
		t.Errorf("INPUT_FILE_PATH is %q", got["INPUT_FILE_PATH"])
	}
	if net.ParseIP(got["INSTANCE_IP"]) == nil {
		t.Errorf("INSTANCE_IP is %q", got["INSTANCE_IP"])
	}
	for _, name := range []string{"INPUT_FILE_PATH", "TMP_INPUT_DIR", "TMP_OUTPUT_DIR", "RESPONSE_DIR", "HOME", "TMPDIR", "INSTANCE_IP", "PATH", "AWS_ENDPOINT_URL", "PWD"} {
		delete(got, name)
	}
	want := map[string]string{
		"STORAGE_OBJECT_KEY": "in/a b.txt", "EVENT_TIME": "2026-01-02T03:04:05.678Z", "EVENT": event,
		"REQUEST_ID": requestID, "AWS_LAMBDA_REQUEST_ID": requestID, "EXTRA_PAYLOAD": f.root + "/scar/files",
		"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
		"AWS_REGION": "eu-west-1", "AWS_LAMBDA_FUNCTION_NAME": "f",
		"AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f", "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
		"QUALITY": "80", "_X_AMZN_TRACE_ID": "Root=1-abc",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	direct := variables(f.output(f.invoke("{}")))
	for _, name := range []string{"INPUT_FILE_PATH", "STORAGE_OBJECT_KEY"} {
		if value, ok := direct[name]; ok {
			t.Errorf("a direct invocation has %s: %q", name, value)
		}
	}
}

func TestSurroundings(t *testing.T) {
	f := start(t, newJob(), `#!/bin/sh
[ "$(readlink /proc/self/fd/0)" = /dev/null ] || echo "stdin is $(readlink /proc/self/fd/0)"
[ -z "$(ls -A "$HOME" "$TMPDIR" "$TMP_OUTPUT_DIR" | grep -v :)" ] || echo "folders are not empty"
touch "$HOME/a" "$TMPDIR/a" here || echo "not writable"
ls /proc/self/fd | tr '\n' ' '
`)
	for range 2 {
		if got := f.output(f.invoke("{}")); strings.TrimSpace(got) != "0 1 2 3" { // by 3 ls reads the folder
			t.Errorf("the script says %q", got)
		}
	}
}

func TestWarmInvocationsSeeNothingOfEachOther(t *testing.T) {
	f := start(t, newJob(), `#!/bin/sh
left=$(ls -A "`+"${TMPDIR%/*/*}"+`" | wc -l)
[ "$left" = 1 ] || { echo "found $(ls -A ${TMPDIR%/*/*})"; exit 1; }
[ -z "$LEAK" ] || exit 2
export LEAK=1
cd "${TMPDIR%/*/*}"
mkdir -p leftover/forbidden/deep && touch leftover/forbidden/deep/f && chmod 000 leftover/forbidden/deep leftover/forbidden
ln -s / leftover/link; mkfifo .pipe; touch ./-rf 'new
line'
setsid sleep 1000 >/dev/null 2>&1 &
sleep 1000 >/dev/null 2>&1 &
echo "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/o$(ls "$TMP_INPUT_DIR")"
`)
	for i := range 100 {
		key := fmt.Sprintf("in/%d", i)
		if got := f.output(f.invoke(f.put(key, "x"))); got != "" {
			t.Fatalf("invocation %d: output %q", i, got)
		}
		f.checkClean()
	}
	if got := len(f.objects("out/")); got != 100 {
		t.Errorf("%d outputs", got)
	}
	if fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", f.cmd.Process.Pid)); err != nil || len(fds) > 30 {
		t.Errorf("the runtime has %d open files, %v", len(fds), err)
	}
}

// hostileKeys are keys of S3 that something might stumble over.
func hostileKeys() []string {
	keys := []string{
		"in/..", "in/.", "in/../../../../etc/passwd", "in//", "in///x", "in/a//b", "-rf", "in/-rf", "in/--help", "in/script",
		"in/init_script.sh", "in/job.json", "in/ ", "in/ lead", "in/trail ", "in/tab\there", "in/new\nline", "in/cr\r", "in/bell\a",
		"in/del\x7f", "in/esc\x1b[31m", "in/nul\x00byte", "in/quote'", `in/quote"`, "in/back\\slash", "in/$(touch pwned)", "in/`id`",
		"in/*", "in/?", "in/[a]", "in/{a,b}", "in/~", "in/#", "in/&", "in/;", "in/|", "in/<>", "in/a+b", "in/a%20b", "in/%2e%2e%2f",
		"in/%", "in/100%", "in/ü", "in/u\u0308", "in/日本語.png", "in/🐈", "in/\u202egnp.exe", "in/\u200b", "in/\ufeff", "in/=", "in/a=b",
		"in/.hidden", "in/...", "in/x.tar.gz", "in/CON", "in/event.json", "in/in/in", "other/prefix", "in", "top level",
		"in/" + strings.Repeat("n", 255), "in/" + strings.Repeat("n", 256), "in/" + strings.Repeat("n", 1010) + ".tiff",
		"in/" + strings.Repeat("ü", 500), "in/" + strings.Repeat("日", 200) + ".jpeg", "in/" + strings.Repeat("d/", 500),
		"in/x." + strings.Repeat("e", 300),
	}
	for c := rune(1); len(keys) < 200; c++ {
		keys = append(keys, fmt.Sprintf("in/%c%[1]cz", c))
	}
	return keys
}

func TestHostileKeys(t *testing.T) {
	j := newJob()
	j.KeepFolders, j.Records = false, nil
	f := start(t, j, `#!/bin/sh
set -e
case "$INPUT_FILE_PATH" in "$TMP_INPUT_DIR"/*) ;; *) echo "outside: $INPUT_FILE_PATH"; exit 1;; esac
[ "$(readlink -f "$INPUT_FILE_PATH")" = "$INPUT_FILE_PATH" ] || { echo "not itself: $INPUT_FILE_PATH"; exit 1; }
[ "$(cat "$INPUT_FILE_PATH")" = content ]
[ "$(find "$TMP_INPUT_DIR" -type f | wc -l)" -ge 1 ]
cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
printf %s "$STORAGE_OBJECT_KEY"
`)
	all := hostileKeys()
	if len(all) < 200 {
		t.Fatalf("%d keys", len(all))
	}
	for _, key := range all {
		got := f.output(f.invoke(f.put(key, "content")))
		// A shell drops line breaks at the end of a command's output, not of a variable; a variable holds no zero byte.
		if want := strings.ReplaceAll(key, "\x00", ""); got != want {
			t.Errorf("key %q: the script saw %q", key, got)
		}
		f.checkClean()
	}
	outputs := keys(f.objects("out/"))
	for _, want := range []string{"out/-rf", "out/trail ", "out/ lead", "out/new\nline", "out/a+b", "out/%2e%2e%2f", "out/u\u0308", "out/ü", "out/object", "out/nul_byte",
		"out/" + strings.Repeat("n", 250) + ".tiff"} {
		if !slices.Contains(outputs, want) {
			t.Errorf("there is no %q", want)
		}
	}
	for _, output := range outputs {
		if !utf8.ValidString(output) {
			t.Errorf("%q is cut within a character", output)
		}
	}
	if strings.Contains(f.log.String(), "\nscar INFO "+requestID+" \"s3://photos/in/new\nline") {
		t.Error("a key breaks a line of the log")
	}
	if _, err := os.Stat(filepath.Join(f.root, "pwned")); err == nil {
		t.Error("a key was run")
	}
}

func TestOutputsKeepTheirNames(t *testing.T) {
	f := start(t, newJob(), `#!/bin/sh
cd "$TMP_OUTPUT_DIR"
mkdir -p 'sub dir/ ' empty
for n in ' a ' -x 'ü+%' 'sub dir/ /f' .hidden 'new
line'; do echo "$n" > ./"$n"; done
mkfifo pipe
ln -s ' a ' inside; ln -s "$PWD/.hidden" absolute; ln -s /etc/passwd outside; ln -s "$INPUT_FILE_PATH" input; ln -s nowhere dangling; ln -s 'sub dir' folder
chmod 000 -- -x 'sub dir'
`)
	f.output(f.invoke(f.put("in/x/y/k", "x")))
	var want []string
	for _, n := range []string{" a ", "-x", "ü+%", "sub dir/ /f", ".hidden", "new\nline", "inside", "absolute"} {
		want = append(want, "out/x/y/"+n)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, keys(f.objects("out/"))); diff != "" {
		t.Error(diff)
	}
	for _, warning := range []string{
		`"pipe" is not stored: it is a named pipe`, `"outside" is not stored: it is a symbolic link out of`, `"input" is not stored`,
		`"dangling" is not stored: it is a symbolic link that leads nowhere`, `"folder" is not stored: it is a symbolic link to a folder`,
	} {
		if !strings.Contains(f.log.String(), warning) {
			t.Errorf("the log does not say: %s", warning)
		}
	}
	f.checkClean()
}

func TestOutputsAreMatched(t *testing.T) {
	j := newJob()
	j.KeepFolders = false
	j.Outputs = []job.Output{
		{Provider: "s3", Bucket: bucket, Prefix: "sounds/", Match: []string{"*.wav", "*.ogg"}},
		{Provider: "s3", Bucket: bucket, Prefix: "plots/", Match: []string{"plots/**"}},
		{Provider: "s3", Bucket: bucket, Prefix: "waves/", Match: []string{"**/*.wav"}},
	}
	f := start(t, j, `cd $TMP_OUTPUT_DIR; mkdir plots; touch a.wav b.ogg c.txt plots/d.wav plots/e.png`)
	f.output(f.invoke(f.put("in/x/k", "x")))
	want := []string{"plots/plots/d.wav", "plots/plots/e.png", "sounds/a.wav", "sounds/b.ogg", "waves/a.wav", "waves/plots/d.wav"}
	got := slices.DeleteFunc(keys(f.objects("")), func(k string) bool { return strings.HasPrefix(k, "in/") || strings.HasPrefix(k, ".scar/") })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(f.log.String(), `"c.txt" is not stored: no output takes it`) {
		t.Error("the log does not say that a file is dropped")
	}
}

// What an event says is no reason for a script not to start, however long it is.
func TestVariablesThatAreTooLargeAreLeftOut(t *testing.T) {
	f := start(t, newJob(), `#!/bin/sh
echo "${EVENT_TIME-no time} ${STORAGE_OBJECT_KEY-no key} ${EVENT-no event}"`)
	long := strings.Repeat("9", 200_000)
	event := `{"Records":[{"eventSource":"aws:s3","eventTime":"` + long + `","eventName":"ObjectRemoved:Delete","s3":{"bucket":{"name":"photos"},"object":{"key":"` + long + `"}}}]}`
	if got := f.output(f.invoke(event)); got != "no time no key no event\n" {
		t.Errorf("output %q", got)
	}
	for _, name := range []string{"EVENT_TIME", "STORAGE_OBJECT_KEY", "EVENT"} {
		if !strings.Contains(f.log.String(), name+" is not set: it has ") {
			t.Errorf("the log does not say that %s is not set", name)
		}
	}
}
