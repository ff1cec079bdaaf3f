package event

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The envelopes around an event.
func inQueue(body string) string {
	return `{"Records":[{"eventSource":"aws:sqs","messageId":"m","body":` + quote(body) + `}]}`
}

func inTopic(message string) string {
	return `{"Records":[{"EventSource":"aws:sns","Sns":{"Message":` + quote(message) + `,"Timestamp":"t"}}]}`
}

func inNotification(message string) string {
	return `{"Type":"Notification","Message":` + quote(message) + `,"Timestamp":"n"}`
}

func inWrapper(event, provider string) string {
	return `{"event":` + event + `,"storage_provider":` + quote(provider) + `}`
}

func inBody(body string) string {
	return `{"version":"2.0","requestContext":{"http":{"method":"POST"}},"body":` + quote(body) + `}`
}

func onlyItem(t *testing.T, payload string, kind Kind) Item {
	t.Helper()
	e, err := Parse([]byte(payload))
	if err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	if e.Kind != kind || len(e.Items) != 1 {
		t.Fatalf("%s: kind %d with %d items, want %d with one", payload, e.Kind, len(e.Items), kind)
	}
	return e.Items[0]
}

// TestEnvelopes opens envelopes in each other, down to the greatest depth.
func TestEnvelopes(t *testing.T) {
	event := keyed(`"k"`)
	if o := onlyItem(t, inQueue(inNotification(inNotification(inNotification(event)))), Queue).Object; o == nil || o.Key != "k" {
		t.Errorf("an event in four envelopes is %+v", o)
	}
	for name, payload := range map[string]string{
		"notification": inQueue(inNotification(inNotification(inNotification(inNotification(event))))),
		"queue":        inQueue(inQueue(inQueue(inQueue(inQueue(event))))),
		"topic":        inQueue(inNotification(inNotification(inNotification(inTopic(event))))),
		"wrapper":      inQueue(inNotification(inNotification(inNotification(inWrapper(event, "minio"))))),
	} {
		item := onlyItem(t, payload, Queue)
		if item.Object != nil || item.File == nil || item.File.Name != "message.json" {
			t.Errorf("%s: the fifth envelope is %+v, want a file", name, item)
		}
		if string(item.Raw) != payload {
			t.Errorf("%s: not the outermost message: %s", name, item.Raw)
		}
	}
	// What a queue of failed invocations holds is the event that failed.
	for name, payload := range map[string]string{"topic": inQueue(inTopic(event)), "queue": inQueue(inQueue(event)), "wrapper": inQueue(inWrapper(event, "s3"))} {
		if item := onlyItem(t, payload, Queue); item.Object == nil || item.Message.ID != "m" {
			t.Errorf("%s: %+v", name, item)
		}
	}
	if item := onlyItem(t, inTopic(inQueue("text")), Topic); item.File == nil || item.Message != nil || item.Time != "t" {
		t.Errorf("a message of a queue in a topic: %+v", item)
	}
}

// TestPlainMessages checks what is no event for messages, whatever it would be by itself.
func TestPlainMessages(t *testing.T) {
	for content, name := range map[string]string{
		"text":                         "message.txt",
		"":                             "message.txt",
		"12":                           "message.txt",
		`"quoted"`:                     "message.txt",
		"{":                            "message.txt",
		"{} {}":                        "message.txt",
		"{}":                           "message.json",
		"\n [] ":                       "message.json",
		`{"script":"bHM="}`:            "message.json",
		`{"cmd_args":["ls"]}`:          "message.json",
		`{"Records":[{"id":1}]}`:       "message.json",
		`{"Type":"Notification"}`:      "message.json",
		inBody("hello"):                "message.json",
		inWrapper(inBody("x"), "s3"):   "message.json",
		inWrapper(`{"mine":1}`, "s3"):  "message.json",
		strings.TrimSpace(scheduled()): "message.json",
	} {
		for _, c := range []struct {
			payload string
			kind    Kind
		}{{inQueue(content), Queue}, {inTopic(content), Topic}, {inQueue(inNotification(content)), Queue}} {
			want := &File{Name: name, Content: []byte(content)}
			item := onlyItem(t, c.payload, c.kind)
			if diff := cmp.Diff(want, item.File); diff != "" || item.Err != nil || item.Object != nil {
				t.Errorf("%s: %v\n%s", c.payload, item.Err, diff)
			}
		}
	}
}

func scheduled() string {
	return `{"version":"0","id":"i","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`
}

func TestDamagedMessages(t *testing.T) {
	for payload, want := range map[string]string{
		`{"Records":[{"eventSource":"aws:sqs","messageId":"m"}]}`:                "no body",
		`{"Records":[{"eventSource":"aws:sqs","messageId":"m","body":{"a":1}}]}`: "no body",
		`{"Records":[{"EventSource":"aws:sns"}]}`:                                "no message",
		`{"Records":[{"EventSource":"aws:sns","Sns":{"Message":1}}]}`:            "no message",
		inQueue(keyed(`"%zz"`)):                                                  "decode key",
		inTopic(keyed(`"%zz"`)):                                                  "decode key",
	} {
		e, err := Parse([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Items) != 1 || e.Items[0].Err == nil || !strings.Contains(e.Items[0].Err.Error(), want) {
			t.Errorf("%s: %+v, want %q", payload, e.Items, want)
		}
		if e.Kind == Queue && e.Items[0].Message.ID != "m" {
			t.Errorf("%s: nobody knows which message failed", payload)
		}
	}
	// A record of another sender still says which message it is.
	mixed := `{"Records":[{"eventSource":"aws:sqs","messageId":"a","body":"x"},{"eventSource":"aws:s3","messageId":"b"}]}`
	e, err := Parse([]byte(mixed))
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Items) != 2 || e.Items[1].Err == nil || e.Items[1].Message.ID != "b" || len(e.Messages) != 2 {
		t.Errorf("%+v", e)
	}
}

// TestTopicKinds checks which topics are about objects only.
func TestTopicKinds(t *testing.T) {
	for _, c := range []struct {
		messages []string
		want     Kind
	}{
		{[]string{keyed(`"k"`)}, Objects},
		{[]string{keyed(`"k"`), testEvent}, Objects},
		{[]string{testEvent, testEvent}, Test},
		{[]string{keyed(`"k"`), "text"}, Topic},
		{[]string{testEvent, "text"}, Topic},
		{[]string{keyed(`"%zz"`)}, Objects},
	} {
		var records []string
		for _, message := range c.messages {
			records = append(records, fmt.Sprintf(`{"EventSource":"aws:sns","Sns":{"Message":%s}}`, quote(message)))
		}
		e, err := Parse([]byte(`{"Records":[` + strings.Join(records, ",") + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != c.want {
			t.Errorf("%q: kind %d, want %d", c.messages, e.Kind, c.want)
		}
	}
}

func TestWrapper(t *testing.T) {
	s3 := keyed(`"k"`)
	minio := strings.Replace(s3, s3Source, minioSource, 1)
	onedata := `{"Key":"/b/k","Records":[{"eventSource":"OneTrigger"}]}`
	bus := `{"detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"b"},"object":{"key":"k"}}}`
	for _, c := range []struct{ event, provider, want string }{
		{s3, "", ""},
		{s3, "s3", ""},
		{s3, "s3.default", ""},
		{s3, "default", ""},
		{s3, "s3.lab", "s3.lab"},
		{s3, "lab", "s3.lab"},
		{s3, "minio", "minio"},
		{s3, "minio.lab", "minio.lab"},
		{minio, "", "minio"},
		{minio, "default", "minio"},
		{minio, "lab", "minio.lab"},
		{minio, "minio.lab", "minio.lab"},
		{minio, "s3", ""},
		{minio, "webdav", "webdav"},
		{onedata, "", "onedata"},
		{onedata, "lab", "onedata.lab"},
		{bus, "minio.lab", "minio.lab"},
		{quote(minio), "lab", "minio.lab"},
		{quote(" " + s3 + "\n"), "minio", "minio"},
		{inQueue(minio), "lab", "minio.lab"},
		{inTopic(s3), "minio", "minio"},
		{inWrapper(minio, "inner"), "outer", "minio.outer"},
		{inWrapper(minio, "inner"), "", "minio.inner"},
	} {
		e, err := Parse([]byte(inWrapper(c.event, c.provider)))
		if err != nil {
			t.Fatal(err)
		}
		o := e.Items[0].Object
		if o == nil || o.Provider != c.want || o.Bucket != "b" || o.Key != "k" {
			t.Errorf("%s of %q is %+v, want the provider %q", c.event, c.provider, o, c.want)
		}
	}
	// The wrapper is taken off for the script, but the event is what arrived.
	payload := inWrapper(quote(minio), "lab")
	e, err := Parse([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	if string(e.Raw) != payload || string(e.Items[0].Raw) != minio {
		t.Errorf("%s is %s", e.Raw, e.Items[0].Raw)
	}
}

// TestNoWrapper checks payloads that only look like one: they are files, byte for byte.
func TestNoWrapper(t *testing.T) {
	for _, payload := range []string{
		`{"event":` + put + `,"more":1}`,
		`{"event":` + put + `,"storage_provider":7}`,
		`{"event":` + put + `,"storage_provider":null}`,
		`{"storage_provider":"minio"}`,
		`{"event":"hello"}`,
		`{"event":"hello","storage_provider":"minio"}`,
		`{"event":{"mine":1}}`,
		`{"event":[1]}`,
		`{"event":null}`,
		`{"event":` + quote(put[1:]) + `}`,
		`{"event":{"script":"bHM="}}`,
		`{"event":{"cmd_args":["ls"]},"storage_provider":"s3"}`,
		`{"Event":` + put + `}`,
	} {
		item := onlyItem(t, payload, Direct)
		if item.File == nil || item.File.Name != "event.json" || string(item.File.Content) != payload {
			t.Errorf("%s is %+v", payload, item)
		}
	}
}

func TestOneTrigger(t *testing.T) {
	event := func(key, records string) string { return `{"Key":` + key + `,"Records":[` + records + `]}` }
	const one = `{"eventSource":"OneTrigger","objectKey":"f"}`
	for payload, want := range map[string]string{
		event(`"/space/in/f"`, one):  "space:in/f",
		event(`"space/f"`, one):      "space:f",
		event(`"/space//f/"`, one):   "space:/f/",
		event(`"/space/../f"`, one):  "space:../f",
		event(`"/space"`, one):       "no file",
		event(`"/space/"`, one):      "no file",
		event(`"//f"`, one):          "no file",
		event(`""`, one):             "is missing",
		event(`7`, one):              "is missing",
		event(`"/s/\ud800"`, one):    "not valid Unicode",
		`{"Records":[` + one + `]}`:  "is missing",
		event(`"/s/f"`, one+","+one): "s:f",
		event(`"/s/f"`, `{"eventSource":"OneTrigger","objectKey":"g"},`+one): "folder of",
	} {
		e, err := Parse([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(e.Items[0].Err)
		if o := e.Items[0].Object; o != nil {
			got = o.Bucket + ":" + o.Key
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %q", payload, got, want)
		}
	}
}
