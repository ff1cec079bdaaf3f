package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

func get(t testing.TB, c *s3.Client, bucket, key string) string {
	t.Helper()
	out, err := c.GetObject(context.Background(), &s3.GetObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	return string(b)
}

func TestObjectKeepsItsHeaders(t *testing.T) {
	c := start(t).client()
	makeBucket(t, c, "photos")
	in := &s3.PutObjectInput{
		Bucket: aws.String("photos"), Key: aws.String("a.txt"), Body: strings.NewReader("hello"),
		ContentType: aws.String("text/plain"), ContentEncoding: aws.String("gzip"), CacheControl: aws.String("no-store"),
		ContentLanguage: aws.String("de"), ContentDisposition: aws.String("inline"),
		Metadata: map[string]string{"color": "red"}, Tagging: aws.String("a=1&b=x%20y"), StorageClass: types.StorageClassStandardIa,
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	}
	if _, err := c.PutObject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	out, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: in.Bucket, Key: in.Key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{
		*out.ContentType, *out.ContentEncoding, *out.CacheControl, *out.ContentLanguage, *out.ContentDisposition,
		out.Metadata["color"], *out.ContentLength, *out.ETag, out.StorageClass, *out.TagCount, *out.ChecksumCRC32, out.ChecksumType,
	}
	want := []any{
		"text/plain", "gzip", "no-store", "de", "inline", "red", int64(5), fmt.Sprintf("%q", hexOf(md5Of("hello"))),
		types.StorageClassStandardIa, int32(2), "NhCmhg==", types.ChecksumTypeFullObject,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := get(t, c, "photos", "a.txt"); got != "hello" {
		t.Errorf("body %q", got)
	}
}

func md5Of(s string) []byte {
	sum := md5.Sum([]byte(s))
	return sum[:]
}

func TestRanges(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	put(t, c, "photos", "digits", "0123456789")
	put(t, c, "photos", "empty", "")
	for _, test := range []struct{ key, header, want, contentRange, code string }{
		{"digits", "bytes=0-3", "0123", "bytes 0-3/10", ""},
		{"digits", "bytes=8-100", "89", "bytes 8-9/10", ""},
		{"digits", "bytes=4-", "456789", "bytes 4-9/10", ""},
		{"digits", "bytes=-3", "789", "bytes 7-9/10", ""},
		{"digits", "bytes=-99", "0123456789", "bytes 0-9/10", ""},
		{"digits", "bytes=10-", "", "", "InvalidRange"},
		{"digits", "bytes=-0", "", "", "InvalidRange"},
		{"empty", "bytes=0-0", "", "", "InvalidRange"},
		{"digits", "bytes=5-3", "0123456789", "", ""},
		{"digits", "lines=1-2", "0123456789", "", ""},
		{"digits", "bytes=a-b", "0123456789", "", ""},
	} {
		out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("photos"), Key: &test.key, Range: &test.header})
		wantCode(t, test.header, err, test.code)
		if err != nil {
			continue
		}
		body, err := io.ReadAll(out.Body)
		if err != nil || string(body) != test.want || aws.ToString(out.ContentRange) != test.contentRange {
			t.Errorf("%s: got %q, %q, %v; want %q, %q", test.header, body, aws.ToString(out.ContentRange), err, test.want, test.contentRange)
		}
	}
}

func TestConditionsOfReadsAndWrites(t *testing.T) {
	c := start(t).client()
	makeBucket(t, c, "photos")
	bucket, key := aws.String("photos"), aws.String("k")
	etag := put(t, c, "photos", "k", "one").ETag
	other := aws.String(`"00000000000000000000000000000000"`)
	read := func(in s3.GetObjectInput) error {
		in.Bucket, in.Key = bucket, key
		_, err := c.GetObject(t.Context(), &in)
		return err
	}
	head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	at, before := head.LastModified, aws.Time(head.LastModified.Add(-1e10))
	wantCode(t, "If-Match", read(s3.GetObjectInput{IfMatch: etag}), "")
	wantCode(t, "If-Match other", read(s3.GetObjectInput{IfMatch: other}), "PreconditionFailed")
	wantCode(t, "If-None-Match", read(s3.GetObjectInput{IfNoneMatch: etag}), "NotModified")
	wantCode(t, "If-None-Match other", read(s3.GetObjectInput{IfNoneMatch: other}), "")
	wantCode(t, "If-Modified-Since", read(s3.GetObjectInput{IfModifiedSince: at}), "NotModified")
	wantCode(t, "If-Modified-Since before", read(s3.GetObjectInput{IfModifiedSince: before}), "")
	wantCode(t, "If-Unmodified-Since", read(s3.GetObjectInput{IfUnmodifiedSince: before}), "PreconditionFailed")
	wantCode(t, "If-Match wins", read(s3.GetObjectInput{IfMatch: etag, IfUnmodifiedSince: before}), "")

	write := func(in s3.PutObjectInput) error {
		in.Bucket = bucket
		if in.Key == nil {
			in.Key = key
		}
		in.Body = strings.NewReader("two")
		_, err := c.PutObject(t.Context(), &in)
		return err
	}
	wantCode(t, "write If-None-Match", write(s3.PutObjectInput{IfNoneMatch: aws.String("*")}), "PreconditionFailed")
	wantCode(t, "write new", write(s3.PutObjectInput{Key: aws.String("new"), IfNoneMatch: aws.String("*")}), "")
	wantCode(t, "write If-Match other", write(s3.PutObjectInput{IfMatch: other}), "PreconditionFailed")
	wantCode(t, "write If-Match absent", write(s3.PutObjectInput{Key: aws.String("none"), IfMatch: etag}), "NoSuchKey")
	if got := get(t, c, "photos", "k"); got != "one" {
		t.Errorf("refused writes left %q", got)
	}
	wantCode(t, "write If-Match", write(s3.PutObjectInput{IfMatch: etag}), "")
	_, err = c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: key, IfMatch: etag})
	wantCode(t, "delete If-Match old", err, "PreconditionFailed")
}

func TestDigestsAreVerified(t *testing.T) {
	c := start(t).client()
	makeBucket(t, c, "photos")
	wrong := aws.String("AAAAAA==")
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("photos"), Key: aws.String("k"),
		Body: strings.NewReader("x"), ChecksumCRC32: wrong})
	wantCode(t, "wrong CRC32", err, "BadDigest")
	_, err = c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("photos"), Key: aws.String("k"),
		Body: strings.NewReader("x"), ContentMD5: aws.String("AAAAAAAAAAAAAAAAAAAAAA==")})
	wantCode(t, "wrong MD5", err, "BadDigest")
	_, err = c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("photos"), Key: aws.String("k"),
		Body: strings.NewReader("x"), ContentMD5: aws.String("short")})
	wantCode(t, "bad MD5", err, "InvalidDigest")
	_, err = c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("photos"), Key: aws.String("k")})
	wantCode(t, "nothing was stored", err, "NotFound")
	for _, a := range types.ChecksumAlgorithm("").Values() {
		if algorithms[string(a)] == nil {
			continue
		}
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("photos"), Key: aws.String(string(a)),
			Body: strings.NewReader("payload"), ChecksumAlgorithm: a})
		wantCode(t, string(a), err, "")
		if got := get(t, c, "photos", string(a)); got != "payload" {
			t.Errorf("%s: %q", a, got)
		}
	}
}

func TestCopy(t *testing.T) {
	c := start(t).client()
	makeBucket(t, c, "photos")
	makeBucket(t, c, "other")
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("photos"), Key: aws.String("a b+c/ü"),
		Body: strings.NewReader("body"), ContentType: aws.String("text/plain"), Metadata: map[string]string{"k": "v"}})
	wantCode(t, "put", err, "")
	source := aws.String("photos/a%20b%2Bc/%C3%BC")
	out, err := c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: aws.String("other"), Key: aws.String("copy"), CopySource: source})
	if err != nil {
		t.Fatal(err)
	}
	if want := `"` + hexOf(md5Of("body")) + `"`; *out.CopyObjectResult.ETag != want {
		t.Errorf("ETag %s, want %s", *out.CopyObjectResult.ETag, want)
	}
	_, err = c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("photos"), Key: aws.String("a b+c/ü")})
	wantCode(t, "delete the source", err, "")
	if got := get(t, c, "other", "copy"); got != "body" {
		t.Errorf("copy holds %q", got)
	}
	self := func(in s3.CopyObjectInput) error {
		in.Bucket, in.Key, in.CopySource = aws.String("other"), aws.String("copy"), aws.String("other/copy")
		_, err := c.CopyObject(t.Context(), &in)
		return err
	}
	wantCode(t, "copy onto itself", self(s3.CopyObjectInput{}), "InvalidRequest")
	wantCode(t, "replace metadata", self(s3.CopyObjectInput{MetadataDirective: types.MetadataDirectiveReplace,
		Metadata: map[string]string{"k": "w"}}), "")
	head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("other"), Key: aws.String("copy")})
	if err != nil || head.Metadata["k"] != "w" || *head.ContentType != "binary/octet-stream" {
		t.Errorf("after REPLACE: %v, %v", head, err)
	}
	if got := get(t, c, "other", "copy"); got != "body" {
		t.Errorf("copy onto itself holds %q", got)
	}
	_, err = c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: aws.String("other"), Key: aws.String("x"), CopySource: source})
	wantCode(t, "absent source", err, "NoSuchKey")
	wantCode(t, "condition on the source", self(s3.CopyObjectInput{CopySourceIfMatch: aws.String("nope"),
		MetadataDirective: types.MetadataDirectiveReplace}), "PreconditionFailed")
}

func TestDeleteObjects(t *testing.T) {
	c := start(t).client()
	makeBucket(t, c, "photos")
	put(t, c, "photos", "a", "1")
	put(t, c, "photos", "b & <c>", "1")
	put(t, c, "photos", "keep", "1")
	out, err := c.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: aws.String("photos"), Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: aws.String("a")}, {Key: aws.String("b & <c>")}, {Key: aws.String("absent")}},
	}})
	if err != nil || len(out.Deleted) != 3 || len(out.Errors) != 0 {
		t.Fatalf("%v, %v", out, err)
	}
	if got := keysOf(t, c, &s3.ListObjectsV2Input{Bucket: aws.String("photos")}); !cmp.Equal(got, []string{"keep"}) {
		t.Errorf("left %q", got)
	}
}

func TestTransferManager(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	random := rand.NewChaCha8([32]byte{})
	body := make([]byte, 23<<20+7)
	_, _ = random.Read(body)
	tm := transfermanager.New(c)
	_, err := tm.UploadObject(t.Context(), &transfermanager.UploadObjectInput{
		Bucket: aws.String("photos"), Key: aws.String("big"), Body: bytes.NewReader(body), ContentType: aws.String("image/png"),
	})
	if err != nil {
		t.Fatal(err)
	}
	head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("photos"), Key: aws.String("big")})
	if err != nil || !strings.HasSuffix(*head.ETag, `-3"`) || *head.ContentLength != int64(len(body)) || *head.ContentType != "image/png" {
		t.Fatalf("head: %v, %v", head, err)
	}
	out, err := tm.GetObject(t.Context(), &transfermanager.GetObjectInput{Bucket: aws.String("photos"), Key: aws.String("big")})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(out.Body)
	if err != nil || !bytes.Equal(got, body) {
		t.Fatalf("got %d bytes back, %v", len(got), err)
	}
	at := sink{make([]byte, len(body))}
	if _, err := tm.DownloadObject(t.Context(), &transfermanager.DownloadObjectInput{
		Bucket: aws.String("photos"), Key: aws.String("big"), WriterAt: at,
	}); err != nil || !bytes.Equal(at.b, body) {
		t.Fatalf("download by parts: %v", err)
	}
	if _, err := c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: aws.String("photos"), Key: aws.String("copy"),
		CopySource: aws.String("photos/big")}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, c, "photos", "copy"); got != string(body) {
		t.Error("the copy of a multipart object differs")
	}
	rng := fmt.Sprintf("bytes=%d-%d", 8<<20-3, 8<<20+3) // across two parts
	part, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("photos"), Key: aws.String("big"), Range: &rng})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(part.Body); !bytes.Equal(got, body[8<<20-3:8<<20+4]) {
		t.Error("a range across two parts differs")
	}
}

// sink is an io.WriterAt in memory.
type sink struct{ b []byte }

func (s sink) WriteAt(p []byte, at int64) (int, error) { return copy(s.b[at:], p), nil }
