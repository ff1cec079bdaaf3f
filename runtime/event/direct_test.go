package event

import (
	"slices"
	"strings"
	"testing"
)

func TestScript(t *testing.T) {
	for payload, want := range map[string]string{
		`{"script":"IyEvYmluL3NoCmxzCg=="}`:      "#!/bin/sh\nls\n",
		"{ \"script\" :\n\"IyEvYmlu\\nL3No\" } ": "#!/bin/sh", // base64 of several lines
		`{"script":"eA==","script":"bHM="}`:      "ls",
		`{"\u0073cript":"bHM="}`:                 "ls",
	} {
		e, err := Parse([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != Direct || string(e.Script) != want || e.Arguments != nil || len(e.Items) != 1 || e.Items[0].File != nil || string(e.Items[0].Raw) != payload {
			t.Errorf("%s: %+v", payload, e)
		}
	}
}

func TestArguments(t *testing.T) {
	for payload, want := range map[string][]string{
		`{"cmd_args":"[\"df\",\"-h\"]"}`:       {"df", "-h"},
		`{"cmd_args":["df","-h"]}`:             {"df", "-h"},
		`{"cmd_args":" [ \"\", \"a\\nb\" ] "}`: {"", "a\nb"},
		`{"cmd_args":["\ufffd", "ü"]}`:         {"\ufffd", "ü"},
	} {
		e, err := Parse([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != Direct || !slices.Equal(e.Arguments, want) || e.Script != nil || len(e.Items) != 1 || e.Items[0].File != nil {
			t.Errorf("%s: %+v", payload, e)
		}
	}
}

// TestDamagedCommands checks that what was meant to be run is never taken for a file.
func TestDamagedCommands(t *testing.T) {
	for payload, want := range map[string]string{
		`{"script":""}`:                  "want the base64",
		`{"script":null}`:                "want the base64",
		`{"script":{"a":1}}`:             "want the base64",
		`{"script":"#!/bin/sh"}`:         "decode base64",
		`{"script":"bHM"}`:               "decode base64",
		`{"script":"bHM=","script":"?"}`: "decode base64",
		`{"cmd_args":""}`:                "want a list of strings",
		`{"cmd_args":"ls -l"}`:           "want a list of strings",
		`{"cmd_args":"[]"}`:              "want a list of strings",
		`{"cmd_args":[]}`:                "want a list of strings",
		`{"cmd_args":[1]}`:               "want a list of strings",
		`{"cmd_args":["ls",null]}`:       "want a list of strings",
		`{"cmd_args":{"0":"ls"}}`:        "want a list of strings",
		`{"cmd_args":"\"ls\""}`:          "want a list of strings",
		`{"cmd_args":null}`:              "want a list of strings",
		`{"cmd_args":["a\u0000b"]}`:      "zero byte",
		`{"cmd_args":["\ud800"]}`:        "not valid Unicode",
		"{\"cmd_args\":[\"\xff\"]}":      "not valid Unicode",
	} {
		if e, err := Parse([]byte(payload)); e != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v, want %q", payload, e, err, want)
		}
	}
}

// TestNoCommands checks payloads that are files, because there is something beside or around a command.
func TestNoCommands(t *testing.T) {
	for _, payload := range []string{
		`{"script":"bHM=","a":1}`, `{"a":1,"script":"bHM="}`, `{"script":"bHM=","cmd_args":["ls"]}`, `{"Script":"bHM="}`, `[{"script":"bHM="}]`,
	} {
		e, err := Parse([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		if e.Script != nil || e.Arguments != nil || string(e.Items[0].File.Content) != payload {
			t.Errorf("%s: %+v", payload, e)
		}
	}
	const command = `{"script":"bHM="}`
	for _, payload := range []string{inQueue(command), inTopic(command), inBody(command), inWrapper(command, "s3")} {
		e, err := Parse([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		if e.Script != nil || len(e.Items) != 1 || e.Items[0].File == nil {
			t.Errorf("%s: %+v", payload, e)
		}
	}
}
