package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/scar-go/scar/runtime/job"
)

// inParts is a script's part that makes a result so large that it is sent in parts. Its two ends differ.
const inParts = `cd "$TMP_OUTPUT_DIR"; rm -f partial
truncate -s 17000000 large; printf begin | dd of=large conv=notrunc 2>/dev/null; printf end >> large
`

// three is a script's part that makes three results.
const three = `cd "$TMP_OUTPUT_DIR"; rm partial; echo 1 > one; echo 2 > two; echo 3 > three`

// fetchFailures are the ways in which a storage does not give an input.
func fetchFailures() []failureCase {
	in := job.ErrStageIn
	get := func(f fault) rule { return always("GET in/a", f) }
	return []failureCase{
		{name: "input that is denied", kind: in, rule: get(refuse(403, "AccessDenied")), says: []string{"fetch s3://photos/in/a", "AccessDenied"}},
		{name: "input that does not exist", kind: in, event: func(f *function) string { return created(f.t, "in/none") },
			says: []string{"s3://photos/in/none", "does not exist"}},
		{name: "input in a bucket that does not exist", kind: in, says: []string{"NoSuchBucket"},
			event: func(f *function) string {
				return strings.Replace(created(f.t, "in/a"), `"name":"photos"`, `"name":"nosuch"`, 1)
			}},
		{name: "input whose storage is in error", kind: in, rule: get(refuse(500, "InternalError")), says: []string{"InternalError"}},
		{name: "input whose storage is overloaded", kind: in, rule: get(refuse(503, "SlowDown")), says: []string{"SlowDown"}},
		{name: "input in another region", kind: in, rule: get(refuse(301, "PermanentRedirect")), says: []string{"in/a"}},
		{name: "input with credentials that have expired", kind: in, rule: get(refuse(400, "ExpiredToken")), says: []string{"ExpiredToken"}},
		{name: "input that is archived", kind: in, rule: get(refuse(403, "InvalidObjectState")), says: []string{"InvalidObjectState"}},
		{name: "input whose connection is lost before an answer", kind: in, rule: get(cutBefore), says: []string{"in/a"}},
		{name: "input that is reset half-way", kind: in, rule: get(half(reset)), says: []string{"broke off"}},
		{name: "input that ends half-way", kind: in, rule: get(half(hangUp)), says: []string{"broke off"}},
		{name: "input whose checksum is another", kind: in, rule: get(alter(http.Header{"X-Amz-Checksum-Crc32": {"AAAAAA=="}})), says: []string{"checksum"}},
		{name: "input of unknown size", kind: in, rule: get(unsized), says: []string{"how large"}},
		{name: "storage that cannot be reached", kind: in, says: []string{"connection refused"},
			env: []string{"AWS_ENDPOINT_URL=http://" + closedPort}, repair: func(f *function) { f.again() }},
		{name: "storage whose certificate is not trusted", kind: in, says: []string{"certificate"},
			setup:  func(f *function) { f.tls, f.untrusted = true, true },
			repair: func(f *function) { f.tls = false; f.again() }},
		{name: "no credentials", kind: in, env: []string{"AWS_ACCESS_KEY_ID="}, says: []string{"AWS_ACCESS_KEY_ID"}, repair: func(f *function) { f.again() }},
	}
}

// closedPort is an address of this machine at which nobody listens: TCP's port 1 is tcpmux, which no system of today serves.
var closedPort = net.JoinHostPort("127.0.0.1", "1")

// storeFailures are the ways in which a storage does not take a result.
func storeFailures() []failureCase {
	out := job.ErrStageOut
	put := func(f fault) rule { return always("PUT out/", f) }
	return []failureCase{
		{name: "result that is denied", kind: out, rule: put(refuse(403, "AccessDenied")), says: []string{"1 of 1 outputs", "out/partial", "AccessDenied", "stored: none"}},
		{name: "result whose storage is in error", kind: out, rule: put(refuse(500, "InternalError")), says: []string{"out/partial", "InternalError"}},
		{name: "result whose connection is lost", kind: out, rule: put(cutBefore), says: []string{"out/partial"}},
		{name: "result that arrived as something else", kind: out, rule: put(refuse(400, "BadDigest")), says: []string{"BadDigest"}},
		{name: "result that is too large for the storage", kind: out, rule: put(refuse(400, "EntityTooLarge")), says: []string{"EntityTooLarge"}},
		{name: "bucket for results that does not exist", kind: out, says: []string{"s3://nosuch/out/partial", "NoSuchBucket"}, repair: (*function).asUsual,
			job: func(j *job.Job) { j.Outputs[0].Bucket = "nosuch" }},
		{name: "one result of three", kind: out, script: three, rule: always("PUT out/two", refuse(403, "AccessDenied")),
			says: []string{"1 of 3 outputs"}, stored: []string{"out/one", "out/three"}},
		{name: "all but one result of three", kind: out, script: three, says: []string{"2 of 3 outputs"}, stored: []string{"out/three"},
			rule: either(always("PUT out/two", refuse(403, "AccessDenied")), always("PUT out/one", refuse(500, "InternalError")))},
		{name: "upload that cannot begin", kind: out, script: inParts, rule: always("POST out/large begin", refuse(403, "AccessDenied")), says: []string{"out/large", "AccessDenied"}},
		{name: "part that is denied", kind: out, script: inParts, rule: always("PUT out/large part 2", refuse(403, "AccessDenied")), says: []string{"part 2 of 3", "AccessDenied"}},
		{name: "part whose storage is in error", kind: out, script: inParts, rule: always("PUT out/large part 1", refuse(500, "InternalError")), says: []string{"part 1 of 3"}},
		{name: "part whose connection is lost", kind: out, script: inParts, rule: always("PUT out/large part 3", cutBefore), says: []string{"part 3 of 3"}},
		{name: "upload whose end is denied", kind: out, script: inParts, rule: always("POST out/large complete", refuse(403, "AccessDenied")), says: []string{"out/large", "AccessDenied"}},
		{name: "upload whose end is an error with status 200", kind: out, script: inParts, says: []string{"InternalError"},
			rule: always("POST out/large complete", answerText("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\n<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"))},
		{name: "upload whose end never comes", kind: out, script: inParts, within: 10 * time.Second, job: func(j *job.Job) { j.TimeoutMargin = 6 },
			rule: always("POST out/large complete", hang), says: []string{"out/large"}},
		{name: "upload that cannot be aborted", kind: out, script: inParts, leftParts: true, says: []string{"part 2 of 3", "whose parts stay"},
			rule: either(always("PUT out/large part 2", refuse(403, "AccessDenied")), always("DELETE out/large abort", refuse(403, "AccessDenied")))},
	}
}

// either is the first of several rules that says something.
func either(rules ...rule) rule {
	return func(call string) fault {
		for _, r := range rules {
			if f := r(call); f != nil {
				return f
			}
		}
		return nil
	}
}

// recordFailures are records that cannot be written, or not be read where a decision hangs on them. The results are
// stored by then, if there are any; so an invocation that fails for a record's sake names no outputs but says so.
func recordFailures() []failureCase {
	dedupe := func(j *job.Job) { j.Dedupe = true }
	stored := `rm "$TMP_OUTPUT_DIR/partial"; touch "$TMP_OUTPUT_DIR/o"`
	return []failureCase{
		{name: "record that is denied", kind: job.ErrRecord, script: stored, rule: always("PUT record", refuse(403, "AccessDenied")),
			says: []string{"the outputs are stored, but not their record", "AccessDenied"}, stored: []string{"out/o"}},
		{name: "record whose storage is in error", kind: job.ErrRecord, script: stored, rule: always("PUT record", refuse(500, "InternalError")),
			says: []string{"not their record", "InternalError"}, stored: []string{"out/o"}},
		{name: "record that is never taken", kind: job.ErrRecord, script: stored, rule: always("PUT record", hang), within: 8 * time.Second,
			job: func(j *job.Job) { j.TimeoutMargin = 4 }, says: []string{"not their record"}, stored: []string{"out/o"}},
		{name: "record of a failure that is denied", kind: job.ErrScriptFailed, script: "exit 3", rule: always("PUT record", refuse(403, "AccessDenied")),
			says: []string{"exit code 3"}},
		{name: "earlier record that cannot be read", kind: job.ErrRecord, job: dedupe, rule: always("GET record", refuse(403, "AccessDenied")), says: []string{"AccessDenied"}},
		{name: "earlier record whose storage is in error", kind: job.ErrRecord, job: dedupe, rule: always("GET record", refuse(500, "InternalError")), says: []string{"InternalError"}},
		{name: "earlier record that is damaged", kind: job.ErrRecord, job: dedupe, says: []string{"record"},
			rule: always("GET record", answerText(`{"version": 1, "status": "do`))},
	}
}

// diskFailures are the ways in which /tmp has no room.
func diskFailures() []failureCase {
	large := func(f *function) string { return f.put("in/a", strings.Repeat("x", 5<<20)) }
	return []failureCase{
		{name: "input larger than /tmp", kind: job.ErrDiskFull, tmpfs: "size=4m", event: large, says: []string{"needs 5 MB", "ephemeral_storage"}},
		{name: "event larger than /tmp", kind: job.ErrDiskFull, tmpfs: "size=4m", says: []string{"ephemeral_storage"},
			event: func(*function) string { return `["` + strings.Repeat("x", 5<<20) + `"]` }},
		{name: "/tmp filled by the script", kind: job.ErrScriptFailed, tmpfs: "size=4m", script: `head -c 8000000 /dev/zero > "$TMPDIR/big"`,
			says: []string{"/tmp is full: raise ephemeral_storage"}},
		{name: "/tmp filled by files without bytes", kind: job.ErrScriptFailed, tmpfs: "nr_inodes=64",
			script: `i=0; while [ $i -lt 100 ]; do : > "$TMPDIR/$i" || exit; i=$(($i+1)); done`, says: []string{"exit code"}},
		{name: "result larger than /tmp", kind: job.ErrScriptFailed, tmpfs: "size=4m", script: `head -c 8000000 /dev/zero > "$TMP_OUTPUT_DIR/big"`,
			says: []string{"/tmp is full"}},
	}
}

// unsized serves an answer without saying how long it is.
func unsized(w http.ResponseWriter, r *http.Request, storage http.Handler) {
	whole := httptest.NewRecorder()
	storage.ServeHTTP(whole, r)
	whole.Header().Del("Content-Length")
	for name, values := range whole.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(whole.Code)
	_ = http.NewResponseController(w).Flush()
	_, _ = w.Write(whole.Body.Bytes())
}
