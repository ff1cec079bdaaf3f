package job

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	want := Job{
		Version: Version, Project: "p", Function: "f", Script: true, KeepFolders: true, Dedupe: true,
		Inputs:        []Input{{Provider: OwnS3, Bucket: "b", Prefix: "in/"}},
		Outputs:       []Output{{Provider: "minio.lab", Bucket: "b", Match: []string{"*.wav"}}},
		Records:       &Records{Bucket: "b"},
		Storage:       map[string]Provider{"minio.lab": {Type: MinIO, SecretKey: &Credential{Secret: &Secret{Service: SSM, Name: "/lab/secret"}}}},
		TimeoutMargin: 10, LogLevel: "info",
	}
	b, err := want.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Parse(b); err != nil || !reflect.DeepEqual(got, &want) {
		t.Errorf("%+v, %v", got, err)
	}
	for text, says := range map[string]string{
		"":                            "parse job description",
		"null":                        "version 0",
		`{"version":2}`:               "apply the function again",
		`{"version":1} x`:             "parse job description",
		`{"version":1,"inputs":"s3"}`: "parse job description",
	} {
		if got, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %+v, %v; want an error with %q", text, got, err, says)
		}
	}
}

// Whatever is accepted is the same once it is written and read again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"version":1,"project":"p","function":"f","inputs":[{"provider":"s3","bucket":"b"}],"records":{"bucket":"b"},"timeout_margin":10,"log_level":"info"}`))
	f.Add([]byte(`{"version":1,"storage":{"webdav.a":{"type":"webdav","user":{"text":"u"},"password":{"secret":{"service":"ssm","name":"/n","key":"k"}}}},"secrets":{"A":{"service":"secretsmanager","name":"n"}}}`))
	f.Add([]byte(`{"version":1,"outputs":[{"match":["["]}],"timeout_margin":-9223372036854775808}`))
	f.Add([]byte(`{"version":1e400}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		j, err := Parse(b)
		if err != nil {
			if j != nil {
				t.Errorf("an error and a job: %+v, %v", j, err)
			}
			return
		}
		written, err := j.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(written)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		one, _ := json.Marshal(j)
		other, _ := json.Marshal(again) // what could be written once can be again
		if string(one) != string(other) {
			t.Errorf("%s became %s", one, other)
		}
	})
}
