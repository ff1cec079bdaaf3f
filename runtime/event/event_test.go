package event

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
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

const testEvent = `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"t","Bucket":"b","RequestId":"r","HostId":"h"}`

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

// record is an event of one record of S3 with the given fields.
func record(fields string) string { return `{"Records":[{"eventSource":"aws:s3",` + fields + `}]}` }

// keyed is an event of one object with the given key, as it stands in the event.
func keyed(key string) string {
	return record(`"s3":{"bucket":{"name":"b"},"object":{"key":` + key + `}}`)
}

// quote is a text as a JSON string.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // no string does that
	}
	return string(b)
}

func TestParseKinds(t *testing.T) {
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
		{name: "mark of byte order", payload: "\ufeff{}", err: "not JSON"},
		{name: "space that is none of JSON's", payload: "\u00a0", err: "not JSON"},
		{name: "deep", payload: strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)},
		{name: "too deep", payload: strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001), err: "not JSON"},
		{name: "test event", payload: testEvent, want: Test},
		{name: "other case is another field", payload: `{"event":"s3:TestEvent","records":"mine"}`},
		{name: "records in small letters", payload: `{"records":[{"eventSource":"aws:s3"}]}`},
		{name: "source of another case", payload: `{"Records":[{"EventSource":"aws:s3"},{"eventSource":"aws:sns"}]}`},
		{name: "records of the caller's own", payload: `{"Records":[{"id":1},{"id":2}]}`},
		{name: "records of another type", payload: `{"Records":"two"}`},
		{name: "records null", payload: `{"Records":null}`},
		{name: "another source", payload: `{"Records":[{"eventSource":"aws:kinesis","kinesis":{}}]}`},
		{name: "no records", payload: `{"Records":[]}`, want: Objects},
		{name: "two", payload: `{"Records":[` + `{"eventSource":"aws:s3","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}},` +
			`{"eventSource":"aws:s3","s3":{"bucket":{"name":"b"},"object":{"key":"k2"}}}]}`, want: Objects, records: 2},
		{name: "mixed sources", payload: `{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}},{"eventSource":"aws:sqs"}]}`, want: Objects, records: 2, bad: `"aws:sqs" stands beside records of aws:s3`},
		{name: "MinIO beside S3", payload: `{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}},{"eventSource":"minio:s3"}]}`, want: Objects, records: 2, bad: "stands beside"},
		{name: "S3 behind somebody's", payload: `{"Records":[7,{"eventSource":"aws:s3","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}}]}`, want: Objects, records: 2},
		{name: "a message behind objects", payload: `{"Records":[{"EventSource":"aws:sns"},{"eventSource":"aws:s3"}]}`, want: Topic, records: 2, bad: `"aws:s3" stands beside`},
		{name: "no bucket", payload: record(`"s3":{"object":{"key":"k"}}`), want: Objects, records: 1, bad: "name of the bucket is missing"},
		{name: "no key", payload: record(`"s3":{"bucket":{"name":"b"},"object":{}}`), want: Objects, records: 1, bad: `object of bucket "b": its key is missing`},
		{name: "no object", payload: record(`"s3":7`), want: Objects, records: 1, bad: "name of the bucket is missing"},
		{name: "key of another case", payload: record(`"s3":{"bucket":{"name":"b"},"object":{"Key":"k"}}`), want: Objects, records: 1, bad: "its key is missing"},
		{name: "key of another type", payload: keyed("1e999"), want: Objects, records: 1, bad: "its key is missing"},
		{name: "damaged escape", payload: keyed(`"%zz"`), want: Objects, records: 1, bad: "decode key"},
		{name: "cut escape", payload: keyed(`"a%2"`), want: Objects, records: 1, bad: "decode key"},
		{name: "huge size", payload: keyed(`"k","size":1e400`), want: Objects, records: 1, bad: "not a number of bytes"},
		{name: "size over 64 bits", payload: keyed(`"k","size":9223372036854775808`), want: Objects, records: 1, bad: "not a number of bytes"},
		{name: "negative size", payload: keyed(`"k","size":-1`), want: Objects, records: 1, bad: "not a number of bytes"},
		{name: "size null", payload: keyed(`"k","size":null`), want: Objects, records: 1},
		{name: "half a surrogate pair", payload: keyed(`"a\ud800b"`), want: Objects, records: 1, bad: "not valid Unicode"},
		{name: "invalid UTF-8", payload: keyed("\"a\xffb\""), want: Objects, records: 1, bad: "not valid Unicode"},
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
			if len(got.Items) == 0 {
				return
			}
			if err := got.Items[len(got.Items)-1].Err; (err != nil) != (c.bad != "") || err != nil && !strings.Contains(err.Error(), c.bad) {
				t.Errorf("the last item has the error %v, want %q", err, c.bad)
			}
		})
	}
}

// TestOriginalProcessedOnlyTheFirstRecord is about a fault of the original: of an event with several records, or of
// a batch of messages, it looked at Records[0] alone.
func TestOriginalProcessedOnlyTheFirstRecord(t *testing.T) {
	for name, want := range map[string][]string{
		"s3-several": {"in/one.png", "in/two words.png", "", "in/gone.png"},
		"sqs":        {"in/one.png", "", "in/two.png", "", "in/a+b c%20ü.png", "in/a b.png", "", ""},
	} {
		e, err := Parse(readDocument(t, name))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, item := range e.Items {
			if item.Object == nil {
				got = append(got, "")
				continue
			}
			got = append(got, item.Object.Key)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the keys are %q, want %q", name, got, want)
		}
	}
}

// TestOriginalRanTheScriptForTestEvents is about a fault of the original: what a storage sends when a notification is
// configured ran the script. In whatever it comes, there is nothing to be done.
func TestOriginalRanTheScriptForTestEvents(t *testing.T) {
	inTopic := `{"Records":[{"EventSource":"aws:sns","Sns":{"Message":` + quote(testEvent) + `}}]}`
	inQueue := `{"Records":[{"eventSource":"aws:sqs","messageId":"m","body":` + quote(testEvent) + `}]}`
	inBoth := `{"Records":[{"eventSource":"aws:sqs","messageId":"m","body":` + quote(`{"Type":"Notification","Message":`+quote(testEvent)+`}`) + `}]}`
	for payload, want := range map[string]Kind{
		testEvent: Test,
		inTopic:   Test,
		inQueue:   Queue,
		inBoth:    Queue,
		`{"event":` + testEvent + `,"storage_provider":"minio"}`: Test,
		`{"event":` + quote(testEvent) + `}`:                     Test,
	} {
		e, err := Parse([]byte(payload))
		if err != nil {
			t.Fatalf("%s: %v", payload, err)
		}
		if e.Kind != want || len(e.Items) != 0 {
			t.Errorf("%s: kind %d with %d items, want %d without any", payload, e.Kind, len(e.Items), want)
		}
		if e.Kind == Queue && (len(e.Messages) != 1 || e.Messages[0].ID != "m") {
			t.Errorf("%s: the message is not seen: %+v", payload, e.Messages)
		}
	}
}

// TestKeys is a zoo of keys, each of which must come out as it went into the storage: by the form's encoding of S3 and
// MinIO, as it is by EventBridge and OneTrigger.
func TestKeys(t *testing.T) {
	for _, key := range []string{
		"a b", "a+b", "a%b", "a%20b", "a%2Bb", "a&b=c", "ü", "日本語/文件", "e\u0301", "😀", "a\nb", "a\r\nb", "a\tb", "a\x00b", "a\x7fb",
		"..", "../a", "a/../b", "a/..", ".", "./a", "/", "/a", "a/", "//", "a//b", "~", `a\b`, `a"b`, "a'b", "<a>", "-rf", "script", " ", " a ",
		"\ufffd", "a\ufffdb", "%", "%%", "+", strings.Repeat("k", 1024), strings.Repeat("ü", 512), strings.Repeat("a/", 512),
		"{}", `{"Records":[]}`, "$(id)", "`id`", ";id", "*", "?", "[a]",
	} {
		bus := `{"detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"b"},"object":{"key":` + quote(key) + `}}}`
		trigger := `{"Key":` + quote("/b/"+key) + `,"Records":[{"eventSource":"OneTrigger"}]}`
		ours := keyed(quote(url.QueryEscape(key)))
		for sender, payload := range map[string]string{
			"S3": ours, "MinIO": strings.Replace(ours, s3Source, minioSource, 1), "EventBridge": bus, "OneTrigger": trigger,
			"queue": `{"Records":[{"eventSource":"aws:sqs","body":` + quote(ours) + `}]}`,
		} {
			e, err := Parse([]byte(payload))
			if err != nil {
				t.Fatalf("%s: %v", payload, err)
			}
			if o := e.Items[0].Object; o == nil || o.Key != key || o.Bucket != "b" {
				t.Errorf("%s: key %q came out as %+v (%v)", sender, key, o, e.Items[0].Err)
			}
		}
	}
	// S3 leaves slashes as they are, and some senders write hexadecimal digits in small letters.
	for encoded, want := range map[string]string{"in/a%c3%bc%2fb": "in/aü/b", "a%FFb": "a\xffb", `\u0061%ED%A0%80`: "a\xed\xa0\x80"} {
		e, err := Parse([]byte(keyed(`"` + encoded + `"`)))
		if err != nil {
			t.Fatal(err)
		}
		if o := e.Items[0].Object; o == nil || o.Key != want {
			t.Errorf("key %q came out as %+v, want %q", encoded, o, want)
		}
	}
}

func TestNamesOfEvents(t *testing.T) {
	bus := func(kind, detail string) string {
		return `{"detail-type":"` + kind + `","source":"aws.s3","detail":{"bucket":{"name":"b"},"object":{"key":"k"}` + detail + `}}`
	}
	for payload, want := range map[string]string{
		record(`"eventName":"s3:ObjectRemoved:Delete","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}`): "ObjectRemoved:Delete",
		record(`"eventName":"ObjectAcl:Put","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}`):           "ObjectAcl:Put",
		keyed(`"k"`): "",

		bus("Object Created", `,"reason":"PutObject"`):               "ObjectCreated:Put",
		bus("Object Created", `,"reason":"POST Object"`):             "ObjectCreated:Post",
		bus("Object Created", `,"reason":"CopyObject"`):              "ObjectCreated:Copy",
		bus("Object Created", `,"reason":"CompleteMultipartUpload"`): "ObjectCreated:CompleteMultipartUpload",
		bus("Object Created", ``):                                    "ObjectCreated:",

		bus("Object Deleted", `,"reason":"DeleteObject","deletion-type":"Permanently Deleted"`):           "ObjectRemoved:Delete",
		bus("Object Deleted", `,"reason":"DeleteObject","deletion-type":"Delete Marker Created"`):         "ObjectRemoved:DeleteMarkerCreated",
		bus("Object Deleted", `,"reason":"Lifecycle Expiration","deletion-type":"Permanently Deleted"`):   "LifecycleExpiration:Delete",
		bus("Object Deleted", `,"reason":"Lifecycle Expiration","deletion-type":"Delete Marker Created"`): "LifecycleExpiration:DeleteMarkerCreated",

		bus("Object Restore Initiated", ``):     "ObjectRestore:Post",
		bus("Object Restore Completed", ``):     "ObjectRestore:Completed",
		bus("Object Restore Expired", ``):       "ObjectRestore:Delete",
		bus("Object Storage Class Changed", ``): "LifecycleTransition",
		bus("Object Access Tier Changed", ``):   "IntelligentTiering",
		bus("Object ACL Updated", ``):           "ObjectAcl:Put",
		bus("Object Tags Added", ``):            "ObjectTagging:Put",
		bus("Object Tags Deleted", ``):          "ObjectTagging:Delete",
	} {
		e, err := Parse([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		if o := e.Items[0].Object; e.Kind != Objects || o == nil || o.Event != want {
			t.Errorf("%s: %+v, want the event %q", payload, o, want)
		}
	}
	for _, kind := range []string{"AWS API Call via CloudTrail", "Async Copy Completion", "Object created"} {
		e, err := Parse([]byte(bus(kind, "")))
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != Direct || e.Items[0].File == nil {
			t.Errorf("%s is %+v, want a file", kind, e)
		}
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
		"[]": false, `{"a":1}`: false, "0": false, `""`: false, "{": false, "}": false, "{\u00a0}": false,
	} {
		if got := empty([]byte(payload)); got != want {
			t.Errorf("empty(%q) = %v", payload, got)
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

// TestManyRecords checks that a small payload does not grow into a large event.
func TestManyRecords(t *testing.T) {
	many := func(n int) string {
		return `{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}}` + strings.Repeat(",0", n-1) + `]}`
	}
	if _, err := Parse([]byte(many(maxItems + 1))); err == nil || !strings.Contains(err.Error(), "more than 100000 records") {
		t.Errorf("the error is %v", err)
	}
	e, err := Parse([]byte(many(maxItems)))
	if err != nil || len(e.Items) != maxItems {
		t.Errorf("the greatest number of records: %v", err)
	}
	if e, err = Parse([]byte(strings.Replace(many(maxItems+1), s3Source, "mine", 1))); err != nil || e.Kind != Direct {
		t.Errorf("a list of somebody's own: %v", err)
	}
	// Of several messages, only the one that is too much fails.
	messages := fmt.Sprintf(`{"Records":[{"eventSource":"aws:sqs","messageId":"a","body":%s},{"eventSource":"aws:sqs","messageId":"b","body":%s}]}`,
		quote(many(maxItems)), quote(many(10)))
	if e, err = Parse([]byte(messages)); err != nil {
		t.Fatal(err)
	}
	if len(e.Items) != 11 || e.Items[0].Err == nil || e.Items[0].Message.ID != "a" || e.Items[1].Object == nil {
		t.Errorf("%d items, the first is %+v", len(e.Items), e.Items[0])
	}
}
