package view

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/scar-go/scar/transfer"
)

func TestTransferSaysWhatFailed(t *testing.T) {
	var out, log bytes.Buffer
	v := NewTransfer(&Streams{Out: &out, Err: &log}, Human, "put", false)
	v.Found(10)
	v.Moved(10)
	v.Ended(transfer.Item{From: "a\x1b[2J", To: "s3://b/a", Size: 10})
	v.Ended(transfer.Item{From: "bad\x1b[2J", To: "s3://b/bad", Err: errors.New("no room")})
	if err := v.Finish(transfer.Tally{Done: 1, Skipped: 2, Failed: 1, Bytes: 10}, false); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasPrefix(got, "1 file put, 10 B, 2 skipped, 1 failed in ") {
		t.Errorf("%q", got)
	}
	if got := log.String(); got != "failed: bad\uFFFD[2J: no room\n" {
		t.Errorf("%q", got)
	}
}

func TestTransferAsJSON(t *testing.T) {
	var out, log bytes.Buffer
	v := NewTransfer(&Streams{Out: &out, Err: &log}, JSON, "put", true)
	v.Ended(transfer.Item{From: "a", To: "s3://b/a", Size: 10})
	v.Ended(transfer.Item{From: "b", To: "s3://b/b", Skipped: "it is there"})
	v.Ended(transfer.Item{From: "s3://b/c", Err: errors.New("no room")})
	v.Ended(transfer.Item{From: "d", To: "s3://b/d", Planned: true})
	if err := v.Finish(transfer.Tally{Done: 1}, false); err != nil {
		t.Fatal(err)
	}
	const want = `{"from":"a","to":"s3://b/a","size":10,"status":"done"}
{"from":"b","to":"s3://b/b","size":0,"status":"skipped","reason":"it is there"}
{"from":"s3://b/c","size":0,"status":"failed","reason":"no room"}
{"from":"d","to":"s3://b/d","size":0,"status":"planned"}
`
	if out.String() != want || log.Len() > 0 {
		t.Errorf("%s%s", &out, &log)
	}
}

func TestListing(t *testing.T) {
	at := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	entries := []transfer.Entry{{Key: "in/d/", Folder: true}, {Key: "in/a\n", Modified: at}, {Key: "in/"}}
	entries[1].Size = 2048
	for format, want := range map[Format]string{
		Human: "                        folder  d/\n2026-01-31 08:00:00     2.0 kB  a\uFFFD\n                           0 B  ./\n",
		JSON: `{"place":"s3://b/in/d/","folder":true}` + "\n" +
			`{"place":"s3://b/in/a\n","size":2048,"modified":"2026-01-31T08:00:00Z"}` + "\n" + `{"place":"s3://b/in/","size":0}` + "\n",
	} {
		var out bytes.Buffer
		emit := Listing(&Streams{Out: &out}, format, transfer.Place{Provider: "s3", Bucket: "b", Key: "in/"})
		for _, e := range entries {
			if err := emit(transfer.Place{Provider: "s3", Bucket: "b", Key: e.Key}, e); err != nil {
				t.Fatal(err)
			}
		}
		if out.String() != want {
			t.Errorf("format %d:\n%s\nwant\n%s", format, &out, want)
		}
	}
}
