package main

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scar-go/scar/runtime/job"
)

func TestFailedUploadNamesWhatIsStored(t *testing.T) {
	f := start(t, newJob(), `cd $TMP_OUTPUT_DIR; echo 1 > one; echo 2 > two; echo 3 > three`)
	event := f.put("in/a", "x")
	f.s3.refuse(func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/out/two")
	})
	f.wantFailure(f.invoke(event), job.ErrStageOut, "1 of 3 outputs could not be stored: s3://photos/out/two (AccessDenied: Access Denied)",
		"stored: s3://photos/out/one, s3://photos/out/three")
	r := f.record("in/a")
	if r.Status != job.Failed || r.Error.Type != job.ErrStageOut || len(r.Outputs) != 2 {
		t.Errorf("record %+v", r)
	}
	f.checkClean()
	f.s3.refuse(nil)
	f.output(f.invoke(event))
	if r := f.record("in/a"); r.Status != job.Done || r.Attempts != 2 || len(r.Outputs) != 3 {
		t.Errorf("record %+v", r)
	}
}

func TestWhatCannotBeStoredIsRefusedBeforeAnythingIs(t *testing.T) {
	long := strings.Repeat("n", 250)
	for _, c := range []struct{ name, script, text string }{
		{"long key", `cd $TMP_OUTPUT_DIR; touch first; mkdir -p ` + strings.Repeat(long+"/", 4) + `; touch ` + strings.Repeat(long+"/", 4) + long, "S3 takes 1024 at most"},
		{"no UTF-8", `touch $TMP_OUTPUT_DIR/first $TMP_OUTPUT_DIR/$(printf '\377')`, "not UTF-8"},
		{"replaced folder", `rmdir $TMP_OUTPUT_DIR; ln -s /etc $TMP_OUTPUT_DIR`, "replaced it by a symbolic link"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, newJob(), c.script)
			f.wantFailure(f.invoke(f.put("in/a", "x")), job.ErrStageOut, c.text)
			if got := f.objects("out/"); len(got) > 0 {
				t.Errorf("outputs %q", keys(got))
			}
		})
	}
	j := newJob()
	j.KeepFolders = false
	j.Outputs = []job.Output{{Provider: "s3", Bucket: bucket}}
	f := start(t, j, `mkdir $TMP_OUTPUT_DIR/.scar; touch $TMP_OUTPUT_DIR/.scar/f`)
	f.wantFailure(f.invoke(f.put("in/a", "x")), job.ErrStageOut, "kept for records")

	j.Outputs = []job.Output{{Provider: "s3", Bucket: bucket, Prefix: "a/"}, {Provider: "s3", Bucket: bucket, Prefix: "a/b/"}}
	f = start(t, j, `cd $TMP_OUTPUT_DIR; mkdir b; touch b/c c`)
	f.wantFailure(f.invoke(f.put("in/a", "x")), job.ErrStageOut, "would both be stored as s3://photos/a/b/c")

}

func TestNoOutputsIsFine(t *testing.T) {
	f := start(t, newJob(), `rmdir "$TMP_OUTPUT_DIR"; echo ok`)
	if got := f.output(f.invoke(f.put("in/a", "x"))); got != "ok\n" {
		t.Errorf("output %q", got)
	}
}

func TestUnwrittenRecordFailsASuccess(t *testing.T) {
	f := start(t, newJob(), `touch $TMP_OUTPUT_DIR/o; ! grep bad "$INPUT_FILE_PATH"`)
	f.s3.refuse(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/.scar/") })
	f.wantFailure(f.invoke(f.put("in/a", "good")), job.ErrRecord, "AccessDenied")
	f.wantFailure(f.invoke(f.put("in/a", "bad")), job.ErrScriptFailed)
	if !strings.Contains(f.log.String(), "the record of this failure is not written") {
		t.Error("the log does not say that the record of a failure is missing")
	}

	// A record that cannot be read is no reason to fail: the role may lack the right to list, and then a missing one is denied.
	f.s3.refuse(func(r *http.Request) bool {
		return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/.scar/")
	})
	f.output(f.invoke(f.put("in/b", "good")))
	if r := f.record("in/b"); r.Attempts != 1 {
		t.Errorf("record %+v", r)
	}

	j := newJob()
	j.Records = nil
	f = start(t, j, `touch $TMP_OUTPUT_DIR/o`)
	f.output(f.invoke(f.put("in/a", "x")))
	if got := keys(f.objects("")); !slices.Equal(got, []string{"in/a", "out/o"}) {
		t.Errorf("objects %q", got)
	}
}

func TestStorageThatCannotBeReached(t *testing.T) {
	f := start(t, newJob(), "echo ran")
	f.wantFailure(f.invoke(created(t, "in/none")), job.ErrStageIn, "fetch s3://photos/in/none: the object does not exist")
	f.s3.refuse(func(*http.Request) bool { return true })
	f.wantFailure(f.invoke(created(t, "in/none")), job.ErrStageIn, "AccessDenied: Access Denied")

	f = start(t, newJob(), "echo ran", "AWS_ACCESS_KEY_ID=")
	f.wantFailure(f.invoke(created(t, "in/none")), job.ErrStageIn, "AWS_ACCESS_KEY_ID")
	if got := f.output(f.invoke("{}")); got != "ran\n" {
		t.Errorf("without storage: output %q", got)
	}
}

// A slow input must not cost the time in which the failure is to be told.
func TestInputThatTakesTooLong(t *testing.T) {
	j := newJob()
	j.TimeoutMargin = 2
	j.Records = nil
	f := prepare(t, j, "echo ran")
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	f.s3.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		select {
		case <-ended:
		case <-r.Context().Done():
		}
	})
	f.run()
	f.wantFailure(f.invokeWithin(created(t, "in/a"), 3*time.Second), job.ErrTimeout, "before the input was fetched")
	f.checkClean()
}

// An output that is not stored in time leaves time to write down that it is not, and to say so.
func TestOutputThatTakesTooLong(t *testing.T) {
	j := newJob()
	j.TimeoutMargin = 4
	f := prepare(t, j, `echo x > "$TMP_OUTPUT_DIR/o"`)
	store := f.s3.Handler
	f.s3.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/out/o") {
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server see the client go away
			<-r.Context().Done()
			return
		}
		store.ServeHTTP(w, r)
	})
	f.run()
	deadline := time.Now().Add(7 * time.Second) // of which the script has 3
	a := f.send(invocation{payload: f.put("in/a", "x"), deadline: deadline})
	f.wantFailure(a, job.ErrStageOut, "1 of 1 outputs could not be stored: s3://photos/out/o")
	if early := deadline.Sub(a.at); early < inTime {
		t.Errorf("the answer came %s before the deadline", early)
	}
	if r := f.record("in/a"); r.Status != job.Failed || r.Error == nil || r.Error.Type != job.ErrStageOut {
		t.Errorf("record %+v", r)
	}
	f.checkClean()
}

func TestTempIsEmptiedAtTheFirstInvocation(t *testing.T) {
	f := prepare(t, newJob(), `ls -A "${TMPDIR%/*/*}" | grep -v scar-`)
	f.write("tmp/left/by/an/earlier/runtime", "x", 0o600)
	f.run()
	f.wantFailure(f.invoke("{}"), job.ErrScriptFailed, "exit code 1") // grep finds nothing
	f.checkClean()
}
