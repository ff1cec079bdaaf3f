package event

import (
	"encoding/base64"
	"maps"
	"strings"
	"testing"
)

// request2 is a request of payload format 2.0 with the given fields beside the necessary ones.
func request2(fields string) string {
	return `{"version":"2.0","requestContext":{"http":{"method":"POST"}}` + fields + `}`
}

func TestBody(t *testing.T) {
	for _, c := range []struct {
		name, fields, contentType, file, content, err string
	}{
		{name: "none"},
		{name: "null", fields: `,"body":null`},
		{name: "empty", fields: `,"body":""`},
		{name: "empty base64", fields: `,"body":"","isBase64Encoded":true`},
		{name: "text", fields: `,"body":"grüße\n"`, contentType: "text/plain; charset=utf-8", file: "body.txt", content: "grüße\n"},
		{name: "no type", fields: `,"body":"x"`, file: "body", content: "x"},
		{name: "unknown type", fields: `,"body":"x"`, contentType: "../../etc/passwd", file: "body", content: "x"},
		{name: "form", fields: `,"body":"a=1"`, contentType: "application/x-www-form-urlencoded", file: "body", content: "a=1"},
		{name: "type in capitals", fields: `,"body":"x"`, contentType: " IMAGE/JPEG ;q=1", file: "body.jpg", content: "x"},
		{name: "not said to be base64", fields: `,"body":"bHM=","isBase64Encoded":false`, file: "body", content: "bHM="},
		{name: "said in text", fields: `,"body":"bHM=","isBase64Encoded":"true"`, file: "body", content: "bHM="},
		{name: "bytes", fields: `,"body":"` + base64.StdEncoding.EncodeToString([]byte{0, 255, '\n'}) + `","isBase64Encoded":true`, contentType: "image/webp", file: "body.webp", content: "\x00\xff\n"},
		{name: "damaged base64", fields: `,"body":"%%%","isBase64Encoded":true`, err: "decode the body"},
		{name: "cut base64", fields: `,"body":"bHM","isBase64Encoded":true`, err: "decode the body"},
		{name: "object", fields: `,"body":{"a":1}`, err: "no text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			item := onlyItem(t, request2(`,"headers":{"Content-Type":`+quote(c.contentType)+`}`+c.fields), HTTP)
			if c.err != "" {
				if item.Err == nil || !strings.Contains(item.Err.Error(), c.err) || item.File != nil {
					t.Errorf("%+v, want the error %q", item, c.err)
				}
				return
			}
			if item.Err != nil || (item.File != nil) != (c.file != "") {
				t.Fatalf("%+v", item)
			}
			if item.File != nil && (item.File.Name != c.file || string(item.File.Content) != c.content) {
				t.Errorf("%q: %q", item.File.Name, item.File.Content)
			}
		})
	}
}

func TestExtensions(t *testing.T) {
	for _, c := range []struct{ contentType, want string }{
		{"application/json", ".json"}, {"text/plain", ".txt"}, {"image/png", ".png"}, {"image/jpeg", ".jpg"}, {"application/pdf", ".pdf"},
		{"text/csv;header=present", ".csv"}, {"audio/x-wav", ".wav"}, {"audio/mpeg", ".mp3"}, {"video/mp4", ".mp4"}, {"image/tiff", ".tif"},
		{"image/gif", ".gif"}, {"application/zip", ".zip"}, {"text/xml", ".xml"}, {"text/html; charset=utf-8", ".html"},
		{"application/octet-stream", ""}, {"", ""}, {";", ""}, {"json", ""},
	} {
		if got := extension(c.contentType); got != c.want {
			t.Errorf("extension(%q) = %q, want %q", c.contentType, got, c.want)
		}
	}
}

func TestParameters(t *testing.T) {
	for query, want := range map[string]map[string]string{
		"":                    nil,
		"&&=&=x":              nil,
		"a=1&b=2":             {"a": "1", "b": "2"},
		"a=1&a=2&a=":          {"a": ""},
		"a":                   {"a": ""},
		"a=b=c":               {"a": "b=c"},
		"a%20b=c+d%2B":        {"a b": "c d+"},
		"a=%zz&%zz=1&b=%2&c=": {"c": ""},
		"a=1;b=2":             {"a": "1;b=2"},
		"a=%00%FF":            {"a": "\x00\xff"},
	} {
		if got := parameters(query); !maps.Equal(got, want) {
			t.Errorf("parameters(%q) = %q, want %q", query, got, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	for fields, want := range map[string]bool{
		`,"headers":{"X-Amz-Invocation-Type":"Event"}`:                            true,
		`,"headers":{"x-AMZ-invocation-type":"Event"}`:                            true,
		`,"multiValueHeaders":{"x-amz-invocation-type":["Event"]}`:                true,
		`,"headers":null,"multiValueHeaders":{"x-amz-invocation-type":["Event"]}`: true,
		`,"headers":{"X-Amz-Invocation-Type":"RequestResponse"}`:                  false,
		`,"headers":{"X-Amz-Invocation-Type":"event"}`:                            false,
		`,"headers":{"X-Amz-Invocation-Type":["Event"]}`:                          false,
		`,"headers":{"Invocation-Type":"Event"}`:                                  false,
		`,"headers":[]`:                                                           false,
		``:                                                                        false,
	} {
		e, err := Parse([]byte(request2(fields)))
		if err != nil {
			t.Fatal(err)
		}
		if e.Request.Async != want {
			t.Errorf("%s: asynchronous %v", fields, e.Request.Async)
		}
	}
}

// TestObjectsInBodies checks which objects a caller can name by HTTP: one at a time, and none of the account's own.
func TestObjectsInBodies(t *testing.T) {
	s3 := keyed(`"k"`)
	minio := strings.Replace(s3, s3Source, minioSource, 1)
	onedata := `{"Key":"/b/k","Records":[{"eventSource":"OneTrigger"}]}`
	bus := `{"detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"b"},"object":{"key":"k"}}}`
	two := strings.Replace(minio, `]}`, `,{"eventSource":"minio:s3","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}}]}`, 1)
	for body, want := range map[string]string{
		minio:                        "minio",
		onedata:                      "onedata",
		inWrapper(minio, "lab"):      "minio.lab",
		inWrapper(s3, "minio.lab"):   "minio.lab",
		inWrapper(s3, "s3.lab"):      "s3.lab",
		s3:                           "",
		bus:                          "",
		inWrapper(minio, "s3"):       "",
		inWrapper(s3, "s3.default"):  "",
		inQueue(minio):               "",
		inBody(minio):                "",
		two:                          "",
		testEvent:                    "",
		`{"Records":[]}`:             "",
		keyed(`"%zz"`):               "",
		minio[1:]:                    "",
		"[" + minio + "]":            "",
		`{"EventName":"s3:Probe"}`:   "",
		strings.Repeat("[", 10_000):  "",
		strings.Repeat("{", 100_000): "",
	} {
		item := onlyItem(t, inBody(body), HTTP)
		if item.File == nil || string(item.File.Content) != body || item.Err != nil {
			t.Errorf("%.200s: the body is %+v", body, item)
		}
		got := ""
		if item.Object != nil {
			if got = item.Object.Provider; got == "" {
				t.Errorf("%.200s names an object of the account's own", body)
			}
		}
		if got != want {
			t.Errorf("%.200s: provider %q, want %q", body, got, want)
		}
	}
	// MinIO asks by HEAD and without a body whether somebody is there.
	if item := onlyItem(t, `{"version":"2.0","requestContext":{"http":{"method":"HEAD"}}}`, HTTP); item.Object != nil || item.File != nil || item.Err != nil {
		t.Errorf("a probe is %+v", item)
	}
}

// TestNoRequest checks documents that only look like a request: they are files.
func TestNoRequest(t *testing.T) {
	for _, payload := range []string{
		`{"version":"2.0","requestContext":{"http":{}}}`,
		`{"version":"2.0","requestContext":{"http":{"method":1}}}`,
		`{"version":"2.0","requestContext":null}`,
		`{"requestContext":{"http":{"method":"GET"}}}`,
		`{"httpMethod":"GET","path":"/"}`,
		`{"httpMethod":"GET","requestContext":"x"}`,
		`{"httpMethod":["GET"],"requestContext":{}}`,
		`{"HTTPMethod":"GET","requestContext":{}}`,
	} {
		if item := onlyItem(t, payload, Direct); item.File == nil || string(item.File.Content) != payload {
			t.Errorf("%s is %+v", payload, item)
		}
	}
}
