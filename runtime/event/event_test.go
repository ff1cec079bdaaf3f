package event

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// put is an event as S3 sends it, fields that nobody uses included.
const put = `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-west-1",
"eventTime":"2026-01-02T03:04:05.678Z","eventName":"ObjectCreated:Put","userIdentity":{"principalId":"AWS:X"},
"requestParameters":{"sourceIPAddress":"1.2.3.4"},"responseElements":{"x-amz-request-id":"R","x-amz-id-2":"I"},
"s3":{"s3SchemaVersion":"1.0","configurationId":"rule","bucket":{"name":"photos","ownerIdentity":{"principalId":"A"},
"arn":"arn:aws:s3:::photos"},"object":{"key":"in/a+b%2Bc%25%C3%BC.png","size":1024,"eTag":"d41d8cd98f00b204e9800998ecf8427e",
"sequencer":"0055AED6DCD90281E5"}}}]}`

func TestParseS3(t *testing.T) {
	got, err := Parse([]byte(put))
	if err != nil {
		t.Fatal(err)
	}
	want := &Event{Kind: Objects, Raw: []byte(put), Items: []Item{{
		Raw: []byte(put), Time: "2026-01-02T03:04:05.678Z", Object: &Object{
			Event: "ObjectCreated:Put", Bucket: "photos", Key: "in/a b+c%ü.png",
			Size: 1024, ETag: "d41d8cd98f00b204e9800998ecf8427e", Sequencer: "0055AED6DCD90281E5",
		},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseKinds(t *testing.T) {
	record := func(fields string) string { return `{"Records":[{"eventSource":"aws:s3",` + fields + `}]}` }
	for _, c := range []struct {
		name, payload string
		want          Kind
		records       int    // items with an object, or with an error
		err, bad      string // of the event, of its last item
	}{
		{name: "nothing", payload: ""},
		{name: "blank", payload: " \n"},
		{name: "null", payload: "null"},
		{name: "empty object", payload: "{}"},
		{name: "list", payload: "[1,2]"},
		{name: "number", payload: "1e400"},
		{name: "text", payload: `"hello"`},
		{name: "no JSON", payload: "hello", err: "not JSON"},
		{name: "cut", payload: put[:len(put)-1], err: "not JSON"},
		{name: "two values", payload: "{} {}", err: "not JSON"},
		{name: "test event", payload: `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"t","Bucket":"b","RequestId":"r","HostId":"h"}`, want: Test},
		{name: "other case is another field", payload: `{"event":"s3:TestEvent","records":"mine"}`},
		{name: "records of the caller's own", payload: `{"Records":[{"id":1},{"id":2}]}`},
		{name: "records of another type", payload: `{"Records":"two"}`},
		{name: "records null", payload: `{"Records":null}`},
		{name: "another source", payload: `{"Records":[{"eventSource":"aws:kinesis","kinesis":{}}]}`},
		{name: "no records", payload: `{"Records":[]}`, want: Objects},
		{name: "two", payload: `{"Records":[` + `{"eventSource":"aws:s3","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}},` +
			`{"eventSource":"aws:s3","s3":{"bucket":{"name":"b"},"object":{"key":"k2"}}}]}`, want: Objects, records: 2},
		{name: "mixed sources", payload: `{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}},{"eventSource":"aws:sqs"}]}`, want: Objects, records: 2, bad: "stands beside"},
		{name: "no bucket", payload: record(`"s3":{"object":{"key":"k"}}`), want: Objects, records: 1, bad: "name of the bucket is missing"},
		{name: "no key", payload: record(`"s3":{"bucket":{"name":"b"},"object":{}}`), want: Objects, records: 1, bad: `object of bucket "b": its key is missing`},
		{name: "no object", payload: record(`"s3":7`), want: Objects, records: 1, bad: "name of the bucket is missing"},
		{name: "damaged escape", payload: record(`"s3":{"bucket":{"name":"b"},"object":{"key":"%zz"}}`), want: Objects, records: 1, bad: "decode key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse([]byte(c.payload))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error is %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			records := 0
			for _, item := range got.Items {
				if item.Object != nil || item.Err != nil {
					records++
				}
			}
			if got.Kind != c.want || records != c.records {
				t.Errorf("kind %d with %d records, want %d with %d", got.Kind, records, c.want, c.records)
			}
			if c.bad != "" && !strings.Contains(fmt.Sprint(got.Items[len(got.Items)-1].Err), c.bad) {
				t.Errorf("the last item has the error %v, want %q", got.Items[len(got.Items)-1].Err, c.bad)
			}
		})
	}
}

func TestRemoved(t *testing.T) {
	for name, want := range map[string]bool{
		"ObjectRemoved:Delete": true, "ObjectRemoved:DeleteMarkerCreated": true, "LifecycleExpiration:Delete": true,
		"ObjectCreated:Put": false, "ObjectTagging:Delete": false, "ObjectRestore:Delete": false, "": false,
	} {
		if got := (&Object{Event: name}).Removed(); got != want {
			t.Errorf("%q: removed %v", name, got)
		}
	}
}

func TestEmpty(t *testing.T) {
	for payload, want := range map[string]bool{
		"": true, " ": true, "null": true, "{}": true, " { \n } ": true,
		"[]": false, `{"a":1}`: false, "0": false, `""`: false, "{": false, "}": false,
	} {
		if got := empty([]byte(payload)); got != want {
			t.Errorf("Empty(%q) = %v", payload, got)
		}
	}
}

func TestFolderMarker(t *testing.T) {
	for _, c := range []struct {
		object Object
		want   bool
	}{
		{Object{Key: "a/b/"}, true},
		{Object{Key: "a/b/", Size: 1}, false},
		{Object{Key: "a/b"}, false},
	} {
		if got := c.object.FolderMarker(); got != c.want {
			t.Errorf("FolderMarker(%+v) = %v", c.object, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(put))
	f.Add([]byte(`{"Event":"s3:TestEvent"}`))
	f.Add([]byte(`{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"b"},"object":{"key":"%2e%2e%2f","size":-1}}}]}`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, err := Parse(payload)
		if err != nil {
			if e != nil {
				t.Error("an event beside an error")
			}
			return
		}
		for _, item := range e.Items {
			if o := item.Object; o != nil && (o.Bucket == "" || o.Key == "" || item.Err != nil) {
				t.Errorf("an object without bucket or key, or beside an error: %+v", item)
			}
		}
	})
}

// FuzzKey checks that every key comes out as it went into S3, which encodes it as a form does.
func FuzzKey(f *testing.F) {
	f.Add("in/a b+c%ü.png")
	f.Add("%2B")
	f.Add("a\x00b\nc")
	f.Fuzz(func(t *testing.T, key string) {
		encoded, err := json.Marshal(url.QueryEscape(key))
		if err != nil || key == "" {
			return
		}
		e, err := Parse([]byte(`{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"b"},"object":{"key":` + string(encoded) + `}}}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Items[0].Object.Key; got != key {
			t.Errorf("key %q came out as %q", key, got)
		}
	})
}
