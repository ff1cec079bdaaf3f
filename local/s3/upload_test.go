package s3

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

func wantNotServed(t *testing.T, err error, name string) {
	t.Helper()
	wantCode(t, name, err, "NotImplemented")
	if err != nil && !strings.Contains(err.Error(), name) {
		t.Errorf("%v does not name %s", err, name)
	}
}

// filesOf lists the files that hold bytes of objects.
func filesOf(t testing.TB, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func startUpload(t testing.TB, c *s3.Client, bucket, key string) *string {
	t.Helper()
	out, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	return out.UploadId
}

// parts uploads the bodies and returns what CompleteMultipartUpload wants to hear.
func parts(t testing.TB, c *s3.Client, bucket, key string, id *string, bodies ...string) (done []types.CompletedPart) {
	t.Helper()
	for i, body := range bodies {
		n := aws.Int32(int32(i + 1))
		out, err := c.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: &bucket, Key: &key, UploadId: id, PartNumber: n,
			Body: strings.NewReader(body)})
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, types.CompletedPart{PartNumber: n, ETag: out.ETag})
	}
	return done
}

func complete(t testing.TB, c *s3.Client, bucket, key string, id *string, done []types.CompletedPart) error {
	t.Helper()
	_, err := c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: done}})
	return err
}

func TestMultipart(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	big := strings.Repeat("0123456789abcdef", 5<<20/16)
	put(t, c, "photos", "k", "before")
	id := startUpload(t, c, "photos", "k")
	done := parts(t, c, "photos", "k", id, "replaced", big, "end")
	done[0] = parts(t, c, "photos", "k", id, big)[0]
	parts(t, c, "photos", "k", id, big, big, "end", "not used")
	if got := get(t, c, "photos", "k"); got != "before" {
		t.Errorf("an upload in progress shows as %q", got)
	}
	listed, err := c.ListParts(t.Context(), &s3.ListPartsInput{Bucket: aws.String("photos"), Key: aws.String("k"), UploadId: id,
		MaxParts: aws.Int32(2), PartNumberMarker: aws.String("1")})
	if err != nil || len(listed.Parts) != 2 || *listed.Parts[0].PartNumber != 2 || !*listed.IsTruncated || *listed.NextPartNumberMarker != "3" {
		t.Errorf("list parts: %+v, %v", listed, err)
	}
	swapped := []types.CompletedPart{done[1], done[0]}
	wantCode(t, "wrong order", complete(t, c, "photos", "k", id, swapped), "InvalidPartOrder")
	wrong := []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: aws.String("nope")}}
	wantCode(t, "wrong ETag", complete(t, c, "photos", "k", id, wrong), "InvalidPart")
	small := []types.CompletedPart{done[2], {PartNumber: aws.Int32(4), ETag: aws.String(hexOf(md5Of("not used")))}}
	wantCode(t, "small part", complete(t, c, "photos", "k", id, small), "EntityTooSmall")
	wantCode(t, "no parts", complete(t, c, "photos", "k", id, nil), "MalformedXML")
	wantCode(t, "complete", complete(t, c, "photos", "k", id, done), "")
	wantCode(t, "complete again", complete(t, c, "photos", "k", id, done), "NoSuchUpload")
	if got := get(t, c, "photos", "k"); got != big+big+"end" {
		t.Errorf("%d bytes, want %d", len(got), 2*len(big)+3)
	}
	md5s := [][]byte{md5Of(big), md5Of(big), md5Of("end")}
	head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("photos"), Key: aws.String("k"), PartNumber: aws.Int32(3)})
	if err != nil || *head.ETag != `"`+compositeETag(md5s)+`"` || *head.PartsCount != 3 || *head.ContentLength != 3 {
		t.Errorf("head: %+v, %v", head, err)
	}
	if n := len(filesOf(t, b.dir)); n != 3 {
		t.Errorf("%d files hold 3 parts", n)
	}
	put(t, c, "photos", "k", "after")
	if n := len(filesOf(t, b.dir)); n != 1 {
		t.Errorf("%d files hold one object", n)
	}
}

func TestAbortAndListUploads(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	keys := []string{"a", "a", "b/1", "b/2", "c"}
	var ids []string
	for _, k := range keys {
		ids = append(ids, *startUpload(t, c, "photos", k))
	}
	parts(t, c, "photos", "c", &ids[4], "some bytes")
	list := func(in s3.ListMultipartUploadsInput) (got []string) {
		in.Bucket = aws.String("photos")
		for p := s3.NewListMultipartUploadsPaginator(c, &in); p.HasMorePages(); {
			page, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range page.Uploads {
				got = append(got, *u.Key+" "+*u.UploadId)
			}
			for _, p := range page.CommonPrefixes {
				got = append(got, *p.Prefix)
			}
		}
		return got
	}
	want := []string{"a " + ids[0], "a " + ids[1], "b/1 " + ids[2], "b/2 " + ids[3], "c " + ids[4]}
	if d := cmp.Diff(want, list(s3.ListMultipartUploadsInput{MaxUploads: aws.Int32(1)})); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{want[0], want[1], "b/", want[4]}, list(s3.ListMultipartUploadsInput{Delimiter: aws.String("/"),
		MaxUploads: aws.Int32(1)})); d != "" {
		t.Error(d)
	}
	abort := func() error {
		_, err := c.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: aws.String("photos"), Key: aws.String("c"), UploadId: &ids[4]})
		return err
	}
	wantCode(t, "abort", abort(), "")
	wantCode(t, "abort again", abort(), "NoSuchUpload")
	if n := len(filesOf(t, b.dir)); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

func TestMultipartChecksums(t *testing.T) {
	c := start(t).client()
	makeBucket(t, c, "photos")
	first, second := strings.Repeat("x", 5<<20), "the end"
	for algorithm, newHash := range algorithms {
		for _, kind := range []types.ChecksumType{types.ChecksumTypeComposite, types.ChecksumTypeFullObject} {
			what := fmt.Sprintf("%s %s", algorithm, kind)
			key := aws.String(what)
			created, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String("photos"), Key: key,
				ChecksumAlgorithm: types.ChecksumAlgorithm(algorithm), ChecksumType: kind})
			impossible := algorithm == algorithmCRC64NVME && kind == types.ChecksumTypeComposite ||
				strings.HasPrefix(algorithm, "SHA") && kind == types.ChecksumTypeFullObject
			if impossible {
				wantCode(t, what, err, "InvalidRequest")
				continue
			}
			if err != nil {
				t.Fatal(what, err)
			}
			var done []types.CompletedPart
			for i, body := range []string{first, second} {
				out, err := c.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: aws.String("photos"), Key: key, UploadId: created.UploadId,
					PartNumber: aws.Int32(int32(i + 1)), Body: strings.NewReader(body), ChecksumAlgorithm: types.ChecksumAlgorithm(algorithm)})
				if err != nil {
					t.Fatal(what, err)
				}
				done = append(done, types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32,
					ChecksumCRC32C: out.ChecksumCRC32C, ChecksumCRC64NVME: out.ChecksumCRC64NVME, ChecksumSHA1: out.ChecksumSHA1,
					ChecksumSHA256: out.ChecksumSHA256})
			}
			if kind == types.ChecksumTypeComposite {
				bare := []types.CompletedPart{{PartNumber: done[0].PartNumber, ETag: done[0].ETag}}
				wantCode(t, what+" without the parts'", complete(t, c, "photos", what, created.UploadId, bare), "InvalidRequest")
			}
			wantCode(t, what, complete(t, c, "photos", what, created.UploadId, done), "")
			out, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("photos"), Key: key, ChecksumMode: types.ChecksumModeEnabled})
			if err != nil || out.ChecksumType != kind {
				t.Errorf("%s: head %+v, %v", what, out, err)
				continue
			}
			got := aws.ToString(out.ChecksumCRC32) + aws.ToString(out.ChecksumCRC32C) + aws.ToString(out.ChecksumCRC64NVME) +
				aws.ToString(out.ChecksumSHA1) + aws.ToString(out.ChecksumSHA256)
			want := sum64(newHash, []byte(first+second))
			if kind == types.ChecksumTypeComposite {
				want = sum64(newHash, append(sumOf(newHash, first), sumOf(newHash, second)...)) + "-2"
			}
			if got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
	}
}

func sum64(newHash func() hash.Hash, b []byte) string {
	return base64.StdEncoding.EncodeToString(sumOf(newHash, string(b)))
}

func sumOf(newHash func() hash.Hash, s string) []byte {
	h := newHash()
	h.Write([]byte(s))
	return h.Sum(nil)
}

// The check values are those of the catalogue of parametrised CRC algorithms, of "123456789".
func TestChecksumAlgorithms(t *testing.T) {
	for algorithm, want := range map[string]string{
		"CRC32": "cbf43926", "CRC32C": "e3069283", algorithmCRC64NVME: "ae8b14860a799888",
	} {
		if got := hexOf(sumOf(algorithms[algorithm], "123456789")); got != want {
			t.Errorf("%s: %s, want %s", algorithm, got, want)
		}
	}
}

func FuzzJoinCRC(f *testing.F) {
	f.Add([]byte("123456789"), uint16(4))
	f.Add([]byte(""), uint16(0))
	f.Fuzz(func(t *testing.T, body []byte, cut uint16) {
		at := min(int(cut), len(body))
		a, b := string(body[:at]), string(body[at:])
		for _, algorithm := range []string{"CRC32", "CRC32C", algorithmCRC64NVME} {
			newHash := algorithms[algorithm]
			got := joinCRC(algorithm, [][]byte{sumOf(newHash, a), sumOf(newHash, b)}, []int64{int64(len(a)), int64(len(b))})
			if want := sumOf(newHash, a+b); !bytes.Equal(got, want) {
				t.Errorf("%s of %q and %q: %x, want %x", algorithm, a, b, got, want)
			}
		}
	})
}

func TestUploadPartCopy(t *testing.T) {
	c := start(t).client()
	makeBucket(t, c, "photos")
	random := rand.NewChaCha8([32]byte{1})
	body := make([]byte, 7<<20)
	_, _ = random.Read(body)
	put(t, c, "photos", "source", string(body))
	id := startUpload(t, c, "photos", "k")
	var done []types.CompletedPart
	for i, r := range []string{fmt.Sprintf("bytes=0-%d", 5<<20-1), fmt.Sprintf("bytes=%d-%d", 5<<20, 7<<20-1)} {
		out, err := c.UploadPartCopy(t.Context(), &s3.UploadPartCopyInput{Bucket: aws.String("photos"), Key: aws.String("k"), UploadId: id,
			PartNumber: aws.Int32(int32(i + 1)), CopySource: aws.String("/photos/source"), CopySourceRange: &r})
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: out.CopyPartResult.ETag})
	}
	_, err := c.UploadPartCopy(t.Context(), &s3.UploadPartCopyInput{Bucket: aws.String("photos"), Key: aws.String("k"), UploadId: id,
		PartNumber: aws.Int32(3), CopySource: aws.String("/photos/source"), CopySourceRange: aws.String("bytes=0-99999999")})
	wantCode(t, "range beyond the source", err, "InvalidArgument")
	wantCode(t, "complete", complete(t, c, "photos", "k", id, done), "")
	if get(t, c, "photos", "k") != string(body) {
		t.Error("the copy differs")
	}
}
