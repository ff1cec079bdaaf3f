package s3

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/scar-go/scar/local/wire"
)

// httpClient is a client that follows nothing and keeps nothing.
func httpClient(t testing.TB) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// signed makes a request that the test's frame takes for the administrator's.
func signed(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=ADMIN/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00")
	return r
}

func TestBucketOfHost(t *testing.T) {
	for host, want := range map[string]string{
		"localhost:4566": "", "127.0.0.1:4566": "", "[::1]:4566": "", "photos.localhost:4566": "photos",
		"photos.s3.localhost": "photos", "s3.localhost": "", "my.photos.localhost": "my.photos",
		"photos.s3.amazonaws.com": "photos", "photos.s3.eu-west-1.amazonaws.com": "photos", "s3.eu-west-1.amazonaws.com": "",
		"my.photos.s3.us-east-1.amazonaws.com": "my.photos", "example.org": "", "": "",
	} {
		if got := bucketOfHost(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}

func TestVirtualHostStyle(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	put(t, c, "photos", "a//b", "x")
	r := signed(t, "GET", b.url+"/a//b", nil)
	r.Host = "photos.localhost"
	resp, err := httpClient(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); string(text) != "x" {
		t.Errorf("%s %q", resp.Status, text)
	}
}

func TestErrorsAreXML(t *testing.T) {
	b := start(t)
	resp, err := httpClient(t).Do(signed(t, "GET", b.url+"/absent/a%20%3C", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	want := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message>` +
		`<BucketName>absent</BucketName><Resource>/absent/a &lt;</Resource><RequestId>REQUEST1</RequestId></Error>`
	if string(text) != want || resp.StatusCode != 404 || resp.Header.Get("Content-Type") != "application/xml" {
		t.Errorf("%s %s\n%s", resp.Status, resp.Header, text)
	}
	resp, err = httpClient(t).Do(signed(t, "PATCH", b.url+"/photos", nil))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("PATCH: %s", resp.Status)
	}
}

func TestBrokenBodies(t *testing.T) {
	b := start(t)
	makeBucket(t, b.client(), "photos")
	for _, test := range []struct {
		name, body, status string
		headers            map[string]string
	}{
		{"a signed chunk", "5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\n\r\n", "200", streaming(5)},
		{"two chunks, trailer", "2\r\nhe\r\n3\r\nllo\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", "200", trailing(5)},
		{"trailer without an empty line", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n", "200", trailing(5)},
		{"wrong trailer", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "400", trailing(5)},
		{"no trailer", "5\r\nhello\r\n0\r\n\r\n", "400", trailing(5)},
		{"cut chunk", "5\r\nhel", "400", streaming(5)},
		{"no last chunk", "5\r\nhello\r\n", "400", streaming(5)},
		{"less than declared", "5\r\nhello\r\n0\r\n\r\n", "400", streaming(6)},
		{"more than declared", "5\r\nhello\r\n0\r\n\r\n", "400", streaming(4)},
		{"no size", "hello", "400", streaming(5)},
		{"negative size", "-5\r\nhello\r\n0\r\n\r\n", "400", streaming(5)},
		{"no decoded length", "5\r\nhello\r\n0\r\n\r\n", "411", map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}},
		{"checksum by name only", "hello", "400", map[string]string{"X-Amz-Sdk-Checksum-Algorithm": "CRC32"}},
		{"two checksums", "hello", "400", map[string]string{"X-Amz-Checksum-Crc32": "NhCmhg==", "X-Amz-Checksum-Crc32c": "NhCmhg=="}},
		{"unknown checksum", "hello", "501", map[string]string{"X-Amz-Checksum-Md4": "NhCmhg=="}},
	} {
		r := signed(t, "PUT", b.url+"/photos/k", strings.NewReader(test.body))
		for k, v := range test.headers {
			r.Header.Set(k, v)
		}
		resp, err := httpClient(t).Do(r)
		if err != nil {
			t.Fatal(test.name, err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !strings.HasPrefix(resp.Status, test.status) {
			t.Errorf("%s: %s, want %s\n%s", test.name, resp.Status, test.status, text)
		}
		if resp.StatusCode == http.StatusOK {
			if got := get(t, b.client(), "photos", "k"); got != "hello" {
				t.Errorf("%s: stored %q", test.name, got)
			}
		}
	}
	if n := len(filesOf(t, b.dir)); n != 1 {
		t.Errorf("%d files of one object", n)
	}
}

func streaming(n int) map[string]string {
	return map[string]string{"X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "X-Amz-Decoded-Content-Length": fmt.Sprint(n),
		"Content-Encoding": "aws-chunked"}
}

func trailing(n int) map[string]string {
	return map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length": fmt.Sprint(n),
		"X-Amz-Trailer": "x-amz-checksum-crc32", "Content-Encoding": "aws-chunked"}
}

func FuzzChunked(f *testing.F) {
	f.Add([]byte("5;chunk-signature=00\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"), 3)
	f.Add([]byte("0\r\n\r\n"), 1)
	f.Fuzz(func(t *testing.T, encoded []byte, step int) {
		c := newChunked(bytes.NewReader(encoded))
		decoded, err := io.ReadAll(c)
		if len(decoded) > len(encoded) {
			t.Errorf("%d bytes became %d", len(encoded), len(decoded))
		}
		if err == nil && !c.ended {
			t.Error("it ended without an end")
		}
		// What is encoded here decodes to itself.
		var b bytes.Buffer
		for rest := encoded; len(rest) > 0; {
			n := min(len(rest), 1+max(step, 0)%100)
			fmt.Fprintf(&b, "%x;chunk-signature=%d\r\n%s\r\n", n, step, rest[:n])
			rest = rest[n:]
		}
		fmt.Fprintf(&b, "0\r\nx-amz-checksum-crc32: %x\r\n\r\n", crc32.ChecksumIEEE(encoded))
		c = newChunked(&b)
		decoded, err = io.ReadAll(c)
		if err != nil || !bytes.Equal(decoded, encoded) || c.value("x-amz-checksum-crc32") != fmt.Sprintf("%x", crc32.ChecksumIEEE(encoded)) {
			t.Errorf("%q became %q, %v", encoded, decoded, err)
		}
	})
}

func FuzzRequest(f *testing.F) {
	b := start(f)
	makeBucket(f, b.client(), "photos")
	handler := frame(b.Service)
	f.Add("GET", "/photos/k?partNumber=1", "Range: bytes=0-1", "")
	f.Add("POST", "/photos?delete", "Content-MD5: AAAA", "<Delete><Object><Key>k</Key></Object></Delete>")
	f.Add("PUT", "/photos/k", "X-Amz-Copy-Source: photos/%zz", "")
	f.Add("PUT", "/photos?notification", "A: b", "<NotificationConfiguration/>")
	f.Add("POST", "/photos/k?uploadId=1", "X-Amz-Checksum-Crc32: AAAA-2", "<CompleteMultipartUpload/>")
	f.Fuzz(func(t *testing.T, method, target, header, body string) {
		r, err := http.NewRequest(method, "http://127.0.0.1", strings.NewReader(body))
		if err != nil || !strings.HasPrefix(target, "/") {
			return
		}
		if r.URL, err = r.URL.Parse(target); err != nil {
			return
		}
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
		r.Header.Set("Authorization", "Credential=ADMIN/20260101/us-east-1/s3/aws4_request")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Errorf("%s %s %s: %d\n%s", method, target, header, w.Code, w.Body)
		}
	})
}

func TestAsWire(t *testing.T) {
	for err, want := range map[error]string{
		errNoSuchKey("k"): "NoSuchKey",
		fmt.Errorf("x: %w", errInvalidRange("", 0)): "InvalidRange",
		io.ErrUnexpectedEOF:                         "IncompleteBody",
		errors.New("other"):                         "InternalError",
		wire.Unknown("s3", "X"):                     "NotImplemented",
	} {
		if got := asWire(err).Code; got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}
