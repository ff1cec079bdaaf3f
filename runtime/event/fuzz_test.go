package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// check parses a payload and says which of the promises of Event are broken.
func check(t *testing.T, payload []byte) *Event {
	t.Helper()
	before := bytes.Clone(payload)
	e, err := Parse(payload)
	if !bytes.Equal(before, payload) {
		t.Error("the payload was changed")
	}
	if err != nil {
		if e != nil {
			t.Error("an event beside an error")
		}
		return nil
	}
	if !bytes.Equal(e.Raw, payload) {
		t.Errorf("the raw event is %q", e.Raw)
	}
	if (e.Request != nil) != (e.Kind == HTTP) || (len(e.Messages) > 0) != (e.Kind == Queue) {
		t.Errorf("kind %d with the request %+v and %d messages", e.Kind, e.Request, len(e.Messages))
	}
	switch count := len(e.Items); {
	case e.Kind == Test && count != 0, (e.Kind == Direct || e.Kind == Schedule || e.Kind == HTTP) && count != 1, count > maxItems:
		t.Errorf("kind %d with %d items", e.Kind, count)
	}
	for _, item := range e.Items {
		checkItem(t, e, item)
	}
	return e
}

func checkItem(t *testing.T, e *Event, item Item) {
	t.Helper()
	if o := item.Object; o != nil && (o.Bucket == "" || o.Key == "" || o.Size < 0 || item.Err != nil || strings.HasPrefix(o.Event, "s3:")) {
		t.Errorf("a damaged object, or one beside an error: %+v, %v", o, item.Err)
	}
	if item.File != nil && (item.Err != nil || item.File.Name == "" || strings.ContainsAny(item.File.Name, "/\x00")) {
		t.Errorf("a damaged file, or one beside an error: %+v, %v", item.File, item.Err)
	}
	if item.Object != nil && item.File != nil && (e.Kind != HTTP || item.Object.Provider == "") {
		t.Errorf("an object and a file: %+v", item)
	}
	if (item.Message != nil) != (e.Kind == Queue) {
		t.Errorf("kind %d with the message %+v", e.Kind, item.Message)
	}
	if !json.Valid(item.Raw) && json.Valid(e.Raw) {
		t.Errorf("an item's raw event is no JSON: %q", item.Raw)
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	for _, payload := range []string{
		"", put, testEvent, `{"Event":"s3:TestEvent"}`, keyed(`"%2e%2e%2f","size":-1`), inWrapper(put, "lab"), inWrapper(quote(put), "s3"),
		`{"script":"bHM="}`, `{"cmd_args":"[\"ls\"]"}`, inQueue(inNotification(inTopic(put))), inBody(inWrapper(put, "minio")),
	} {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) { check(t, payload) })
}

// FuzzKey checks that every key comes out as it went into the storage, whoever reports it.
func FuzzKey(f *testing.F) {
	f.Add("in/a b+c%ü.png")
	f.Add("%2B")
	f.Add("a\x00b\nc")
	f.Add("\xff\xfe")
	f.Fuzz(func(t *testing.T, key string) {
		if key == "" {
			return
		}
		payloads := []string{keyed(quote(url.QueryEscape(key)))}
		payloads = append(payloads, inQueue(payloads[0]), inTopic(payloads[0]))
		if utf8.ValidString(key) { // JSON has no other text
			payloads = append(payloads, `{"detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"b"},"object":{"key":`+quote(key)+`}}}`)
			payloads = append(payloads, `{"Key":`+quote("/b/"+key)+`,"Records":[{"eventSource":"OneTrigger"}]}`)
		}
		for _, payload := range payloads {
			if e := check(t, []byte(payload)); e == nil || e.Items[0].Object == nil || e.Items[0].Object.Key != key {
				t.Errorf("key %q came out of %s as %+v", key, payload, e)
			}
		}
	})
}

// FuzzHTTP checks that a body comes out as it went in, and that no caller names an object of the account's own.
func FuzzHTTP(f *testing.F) {
	f.Add("POST", "/a%20b", "a=1&b=%zz", "text/plain", []byte("body"))
	f.Add("PUT", "", "", "application/json", []byte(strings.Replace(put, s3Source, minioSource, 1)))
	f.Add("PUT", "/", "a=%00", "application/json", []byte(inWrapper(put, "s3")))
	f.Add("GET", "\xff", "&;=", "../x", []byte{})
	f.Fuzz(func(t *testing.T, method, path, query, contentType string, body []byte) {
		headers := `"headers":{"content-type":` + quote(contentType) + `},"body":` + quote(base64.StdEncoding.EncodeToString(body)) + `,"isBase64Encoded":true}`
		for _, payload := range []string{
			`{"version":"2.0","requestContext":{"http":{"method":` + quote(method) + `}},"rawPath":` + quote(path) + `,"rawQueryString":` + quote(query) + `,` + headers,
			`{"httpMethod":` + quote(method) + `,"requestContext":{},"path":` + quote(path) + `,"queryStringParameters":{` + quote(query) + `:` + quote(contentType) + `},` + headers,
			`{"httpMethod":` + quote(method) + `,"requestContext":{"elb":{}},"path":` + quote(path) + `,"multiValueQueryStringParameters":{` + quote(query) + `:[` + quote(contentType) + `]},` + headers,
		} {
			e := check(t, []byte(payload))
			if e == nil || e.Kind != HTTP {
				t.Fatalf("%s: %+v", payload, e)
			}
			if utf8.ValidString(method) && utf8.ValidString(path) && (e.Request.Method != method || e.Request.Path != path) {
				t.Errorf("%s: %+v", payload, e.Request)
			}
			switch file := e.Items[0].File; {
			case len(body) == 0 && file != nil, len(body) > 0 && (file == nil || !bytes.Equal(file.Content, body)):
				t.Errorf("%s: the body is %+v", payload, file)
			}
		}
	})
}

// FuzzQueue checks that no message is lost, whatever it says, and that a plain one comes out as it went in.
func FuzzQueue(f *testing.F) {
	f.Add("plain", "id", "group", "1772600767089")
	f.Add(put, "id", "", "-1")
	f.Add(testEvent, "", "", "99999999999999999999")
	f.Add(inNotification(inTopic(put)), "id", "g", "253402300800000")
	f.Add(inQueue(inQueue(inQueue(inQueue(inQueue(put))))), "id", "g", "")
	f.Fuzz(func(t *testing.T, body, id, group, sent string) {
		for _, s := range []string{body, id, group, sent} {
			if !utf8.ValidString(s) {
				return // JSON has no other text
			}
		}
		attributes := `{"MessageGroupId":` + quote(group) + `,"SentTimestamp":` + quote(sent) + `}`
		message := `{"eventSource":"aws:sqs","messageId":` + quote(id) + `,"body":` + quote(body) + `,"attributes":` + attributes + `}`
		e := check(t, []byte(`{"Records":[`+message+`,`+message+`]}`))
		if e == nil || e.Kind != Queue || len(e.Messages) != 2 || len(e.Items)%2 != 0 {
			t.Fatalf("%s: %+v", message, e)
		}
		for _, item := range e.Items {
			if *item.Message != (Message{ID: id, Group: group}) || item.Err == errTooMany {
				t.Errorf("%s: %+v", message, item)
			}
			if !json.Valid([]byte(body)) && (item.File == nil || string(item.File.Content) != body || item.File.Name != "message.txt") {
				t.Errorf("%s: the message is %+v", message, item)
			}
		}
	})
}
