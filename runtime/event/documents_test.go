package event

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// readDocument returns a payload as a sender writes it, fields that nobody uses included.
func readDocument(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// same compares events but for what they are in their original form, and errors by their text.
var same = cmp.Options{
	cmpopts.IgnoreFields(Event{}, "Raw"),
	cmpopts.IgnoreFields(Item{}, "Raw"),
	cmp.Transformer("text", func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}),
}

// What the documents of several senders are about.
const (
	sentAt    = "2026-03-04T05:06:07.089Z"
	topicTime = "2026-03-04T05:06:08.100Z"
	busTime   = "2026-03-04T05:06:07Z"
)

func uploaded(key string) *Object {
	return &Object{
		Event: "ObjectCreated:Put", Bucket: "photos", Key: key, Size: 1024,
		ETag: "9b2cf535f27731c974343645a3985328", Sequencer: "0068A1B2C3D4E5F607",
	}
}

func onBus() *Object {
	return &Object{
		Event: "ObjectCreated:Put", Bucket: "photos", Key: "in/a+b c%20ü.png", Size: 5,
		ETag: "b1946ac92492d2347c6235b4d2611184", Sequencer: "617f08299329d189",
	}
}

func inMinIO() *Object {
	return &Object{
		Provider: "minio", Event: "ObjectCreated:Put", Bucket: "images", Key: "in/a b.png", Size: 1019645,
		ETag: "dd20b7e4b74467ff16ce2d901c054419", Sequencer: "17A5D7C3C4A8E0F1",
	}
}

var errEscape = errors.New(`object of bucket "photos": decode key "in/%zz.png": invalid URL escape "%zz"`)

func TestDocuments(t *testing.T) {
	file := func(name, content string) *File { return &File{Name: name, Content: []byte(content)} }
	documents := map[string]*Event{
		"s3-several": {Kind: Objects, Items: []Item{
			{Time: sentAt, Object: uploaded("in/one.png")},
			{Time: sentAt, Object: &Object{
				Event: "ObjectCreated:CompleteMultipartUpload", Bucket: "photos", Key: "in/two words.png", Size: 7,
				ETag: "9b2cf535f27731c974343645a3985328", Sequencer: "0068A1B2C3D4E5F608",
			}},
			{Time: sentAt, Err: errEscape},
			{Time: sentAt, Object: &Object{
				Event: "ObjectRemoved:Delete", Bucket: "photos", Key: "in/gone.png", Size: 1024,
				ETag: "9b2cf535f27731c974343645a3985328", Sequencer: "0068A1B2C3D4E5F607",
			}},
		}},
		"minio": {Kind: Objects, Items: []Item{{Time: sentAt, Object: inMinIO()}}},
		"onetrigger": {Kind: Objects, Items: []Item{{
			Time:   "2026-03-04T05:06:07.347823",
			Object: &Object{Provider: "onedata", Bucket: "my-space", Key: "in/a b%20c.txt"},
		}}},
		"eventbridge-s3":       {Kind: Objects, Items: []Item{{Time: busTime, Object: onBus()}}},
		"eventbridge-schedule": whole(t, Schedule, "eventbridge-schedule"),
		"scheduler":            whole(t, Schedule, "scheduler"),
		"eventbridge-other":    whole(t, Direct, "eventbridge-other"),
		"sns-s3":               {Kind: Objects, Items: []Item{{Time: sentAt, Object: uploaded("in/a b.png")}}},
		"sns-plain": {Kind: Topic, Items: []Item{
			{Time: topicTime, File: file("message.txt", "the lab is open")},
			{Time: topicTime, File: file("message.json", `{"alarm": "CPU"}`)},
		}},
		"sqs": {
			Kind: Queue,
			Items: []Item{
				{Time: sentAt, Message: &Message{ID: "m-s3"}, Object: uploaded("in/one.png")},
				{Time: sentAt, Message: &Message{ID: "m-s3"}, Err: errEscape},
				{Time: sentAt, Message: &Message{ID: "m-sns"}, Object: uploaded("in/two.png")},
				{Time: topicTime, Message: &Message{ID: "m-sns-plain"}, File: file("message.txt", "a note")},
				{Time: busTime, Message: &Message{ID: "m-bus"}, Object: onBus()},
				{Time: sentAt, Message: &Message{ID: "m-minio"}, Object: inMinIO()},
				{Time: sentAt, Message: &Message{ID: "m-text"}, File: file("message.txt", "just text")},
				{Time: sentAt, Message: &Message{ID: "m-json"}, File: file("message.json", " [1, 2]")},
			},
			Messages: []Message{
				{ID: "m-s3"}, {ID: "m-test"}, {ID: "m-sns"}, {ID: "m-sns-plain"}, {ID: "m-bus"}, {ID: "m-minio"}, {ID: "m-text"}, {ID: "m-json"},
			},
		},
		"sqs-fifo": {
			Kind: Queue,
			Items: []Item{
				{Time: sentAt, Message: &Message{ID: "f1", Group: "left"}, File: file("message.txt", "one")},
				{Time: sentAt, Message: &Message{ID: "f2", Group: "right"}, File: file("message.txt", "two")},
				{Message: &Message{ID: "f3", Group: "left"}, File: file("message.txt", "three")},
			},
			Messages: []Message{{ID: "f1", Group: "left"}, {ID: "f2", Group: "right"}, {ID: "f3", Group: "left"}},
		},
		// A group of a queue that is not FIFO shares consumers fairly and has no order.
		"sqs-fair": {
			Kind:     Queue,
			Items:    []Item{{Time: sentAt, Message: &Message{ID: "a1"}, File: file("message.txt", "one")}},
			Messages: []Message{{ID: "a1"}},
		},
		"url": {
			Kind:  HTTP,
			Items: []Item{{Time: sentAt, File: file("body.png", "\x89PNG\r\n\x1a\n\x00\xff")}},
			Request: &Request{
				Front: URL, Method: "POST", Path: "/gray%20scale", Query: "level=1&level=2&name=a%2Bb+c&bad=%zz&empty=&flag",
				Parameters: map[string]string{"level": "2", "name": "a+b c", "empty": "", "flag": ""}, ContentType: "image/png", Async: true,
			},
		},
		"minio-webhook": {
			Kind:    HTTP,
			Items:   []Item{{Time: sentAt, Object: inMinIO(), File: file("body.json", string(bodyOf(t, "minio-webhook")))}},
			Request: &Request{Front: URL, Method: "POST", Path: "/", ContentType: "application/json"},
		},
		"http-api-2.0": {
			Kind: HTTP, Items: []Item{{Time: sentAt}},
			Request: &Request{Front: URL, Method: "GET", Path: "/prod/status"},
		},
		"http-api-1.0": {
			Kind: HTTP, Items: []Item{{Time: sentAt}},
			Request: &Request{Front: REST, Method: "DELETE", Path: "/launch"},
		},
		"rest": {
			Kind:  HTTP,
			Items: []Item{{Time: sentAt, File: file("body.json", `{"gray": true, "n": 1e400}`)}},
			Request: &Request{
				Front: REST, Method: "POST", Path: "/launch", Query: "level=1&level=2&name=a%2Bb+c%26d%3D%C3%BC",
				Parameters: map[string]string{"level": "2", "name": "a+b c&d=ü"}, ContentType: "application/json; charset=utf-8",
			},
		},
		"alb": {
			Kind:  HTTP,
			Items: []Item{{File: file("body.txt", "grüße")}},
			Request: &Request{
				Front: LoadBalancer, Method: "PUT", Path: "/launch", Query: "name=a%2Bb+c&na%20me=x%zz&level=2",
				Parameters: map[string]string{"level": "2", "name": "a+b c"}, ContentType: "text/plain",
			},
		},
		"alb-multi": {
			Kind: HTTP, Items: []Item{{}},
			Request: &Request{
				Front: LoadBalancerMulti, Method: "POST", Path: "/launch", Query: "level=1&level=2&name=a%26b",
				Parameters: map[string]string{"level": "2", "name": "a&b"}, ContentType: "application/pdf", Async: true,
			},
		},
	}
	for name, want := range documents {
		t.Run(name, func(t *testing.T) {
			payload := readDocument(t, name)
			got, err := Parse(payload)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, same); diff != "" {
				t.Error(diff)
			}
			if string(got.Raw) != string(payload) {
				t.Error("Raw is not the payload")
			}
		})
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name, _ := strings.CutSuffix(filepath.Base(file), ".json"); documents[name] == nil {
			t.Errorf("nobody says what %s is", file)
		}
	}
}

// whole is the event of a document that is the input file itself.
func whole(t *testing.T, kind Kind, name string) *Event {
	return &Event{Kind: kind, Items: []Item{{Time: busTime, File: &File{Name: "event.json", Content: readDocument(t, name)}}}}
}

func bodyOf(t *testing.T, name string) []byte {
	return openRequest(readDocument(t, name)).body.bytes()
}

// TestRaw checks what the script gets to see of an event.
func TestRaw(t *testing.T) {
	parse := func(payload []byte) *Event {
		t.Helper()
		e, err := Parse(payload)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, name := range []string{"minio", "onetrigger", "sns-s3", "sqs-fair", "url", "minio-webhook", "alb", "scheduler", "eventbridge-s3", "eventbridge-other"} {
		payload := readDocument(t, name)
		if got := parse(payload).Items[0].Raw; string(got) != string(payload) {
			t.Errorf("%s: the only item is %s", name, got)
		}
	}
	for _, name := range []string{"s3-several", "sns-plain", "sqs-fifo"} {
		payload := readDocument(t, name)
		i := 0
		for record := range open(payload).records.elements() {
			if got, want := string(parse(payload).Items[i].Raw), `{"Records":[`+string(record)+`]}`; got != want {
				t.Errorf("%s: item %d is %s, want %s", name, i, got, want)
			}
			i++
		}
	}
	// Items that came in one message show all of it.
	items := parse(readDocument(t, "sqs")).Items
	if string(items[0].Raw) != string(items[1].Raw) || items[0].Err != nil || items[1].Err == nil {
		t.Errorf("items of one message are %s and %s", items[0].Raw, items[1].Raw)
	}
	again := parse(items[0].Raw)
	if diff := cmp.Diff(items[:2], again.Items, same); diff != "" {
		t.Errorf("the raw form of a message is another event:\n%s", diff)
	}
}
