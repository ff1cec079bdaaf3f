package s3

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

// keysOf lists all pages, keys and then common prefixes of each.
func keysOf(t testing.TB, c *s3.Client, in *s3.ListObjectsV2Input) []string {
	t.Helper()
	var out []string
	for pages := s3.NewListObjectsV2Paginator(c, in); pages.HasMorePages(); {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if n := len(page.Contents) + len(page.CommonPrefixes); int(*page.KeyCount) != n || n > int(*page.MaxKeys) {
			t.Errorf("KeyCount %d of a page of %d, at most %d", *page.KeyCount, n, *page.MaxKeys)
		}
		for _, o := range page.Contents {
			out = append(out, *o.Key)
		}
		for _, p := range page.CommonPrefixes {
			out = append(out, *p.Prefix)
		}
	}
	return out
}

// keysV1 lists by version 1 of the API, following markers as its documentation says.
func keysV1(t testing.TB, c *s3.Client, in *s3.ListObjectsInput) []string {
	t.Helper()
	var out []string
	for {
		page, err := c.ListObjects(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			out = append(out, *o.Key)
		}
		for _, p := range page.CommonPrefixes {
			out = append(out, *p.Prefix)
		}
		if !*page.IsTruncated {
			return out
		}
		in.Marker = page.NextMarker
		if in.Marker == nil {
			in.Marker = page.Contents[len(page.Contents)-1].Key
		}
	}
}

// listModel says what a listing should return, the slow way.
func listModel(keys []string, prefix, delimiter, after string) []string {
	seen := map[string]bool{}
	var out []string
	for _, k := range slices.Sorted(slices.Values(keys)) {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok || k <= after {
			continue
		}
		name := k
		if head, _, found := strings.Cut(rest, delimiter); found && delimiter != "" {
			name = prefix + head + delimiter
		}
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func TestListings(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	random := rand.New(rand.NewPCG(1, 2))
	var keys []string
	for range 120 {
		var parts []string
		for range 1 + random.IntN(3) {
			parts = append(parts, string("ab-ü\xef\xbf\xbf/"[random.IntN(3)])+strings.Repeat("x", random.IntN(2)))
		}
		keys = append(keys, strings.Join(parts, []string{"/", "//", "--"}[random.IntN(3)]))
	}
	keys = append(keys, "/lead", "trail/", "a/", "a", "ü/é", "\U0010ffff/x", "\U0010ffff")
	slices.Sort(keys)
	keys = slices.Compact(keys)
	for _, k := range keys {
		put(t, c, "photos", k, "")
	}
	for _, prefix := range []string{"", "a", "a/", "/", "ü", "none", "ax/b"} {
		for _, delimiter := range []string{"", "/", "--", "x"} {
			for _, after := range []string{"", "a", "a/", "b/a", "zzz"} {
				for _, size := range []int32{1, 3, 1000} {
					what := fmt.Sprintf("prefix %q delimiter %q after %q pages of %d", prefix, delimiter, after, size)
					got := keysOf(t, c, &s3.ListObjectsV2Input{Bucket: aws.String("photos"), Prefix: &prefix,
						Delimiter: &delimiter, MaxKeys: &size, StartAfter: &after})
					slices.Sort(got)
					want := listModel(keys, prefix, delimiter, after)
					want = slices.DeleteFunc(want, func(k string) bool { return k == after })
					if d := cmp.Diff(want, got); d != "" {
						t.Fatalf("%s: %s", what, d)
					}
					got = keysV1(t, c, &s3.ListObjectsInput{Bucket: aws.String("photos"), Prefix: &prefix, Delimiter: &delimiter,
						MaxKeys: &size, Marker: &after})
					slices.Sort(got)
					if d := cmp.Diff(want, got); d != "" {
						t.Fatalf("version 1, %s: %s", what, d)
					}
				}
			}
		}
	}
	page, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("photos"), MaxKeys: aws.Int32(0)})
	if err != nil || *page.IsTruncated || *page.KeyCount != 0 {
		t.Errorf("max-keys 0: %v, %v", page, err)
	}
	page, err = c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("photos"), Prefix: aws.String("ü/"),
		EncodingType: types.EncodingTypeUrl})
	if err != nil || *page.Contents[0].Key != "%C3%BC/%C3%A9" || *page.Prefix != "%C3%BC/" {
		t.Errorf("encoding-type url: %v, %v", page, err)
	}
}

// oddKeys are keys that paths, URLs, XML or file systems get wrong.
func oddKeys() []string {
	keys := []string{
		" ", "  ", " lead", "trail ", "a b", "a+b", "a%20b", "a%2Fb", "%", "%%", "%zz", "a&b", "a=b", "a?b", "a#b", "a;b",
		"ü", "ü", "日本語.png", "😀", "\n", "a\nb", "a\tb", "a\r\nb", "\x01", "\x7f", "a\\b", `"quoted"`, "'", "<x>", "]]>", "{}",
		".", "..", "../x", "a/../b", "a/./b", "./", "../", "//", "///", "a//b", "a", "a/", "a/b", "a/b/", "/", "/a", "/a/",
		"-rf", "--", "*", "?", "~", "$HOME", "`id`", "$(id)", "|", "con", "NUL", "COM1.txt", "a:b", "C:\\x", "x.", "x ",
		"location", "uploads", "?uploads", "tagging", "index", "state.db", "blobs/aa", strings.Repeat("k", 1024),
		strings.Repeat("ü", 512), strings.Repeat("d/", 512), strings.Repeat("/", 1024), "\u202e", "\ufeff", "\u00a0", "e\u0301",
	}
	for c := rune(0x21); c < 0x7f; c++ {
		keys = append(keys, "c"+string(c), string(c)+"/"+string(c)+"c")
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func TestOddKeysRoundTrip(t *testing.T) {
	b := start(t)
	c := b.client()
	makeBucket(t, c, "photos")
	keys := oddKeys()
	if len(keys) < 200 {
		t.Fatalf("only %d keys", len(keys))
	}
	for _, k := range keys {
		put(t, c, "photos", k, "body of "+k)
	}
	for _, k := range keys {
		if got := get(t, c, "photos", k); got != "body of "+k {
			t.Errorf("%q holds %q", k, got)
		}
	}
	var listed []string
	for _, k := range keysOf(t, c, &s3.ListObjectsV2Input{Bucket: aws.String("photos"), EncodingType: types.EncodingTypeUrl,
		MaxKeys: aws.Int32(7)}) {
		listed = append(listed, decodeFilter(k))
	}
	if d := cmp.Diff(keys, listed); d != "" {
		t.Error(d)
	}
	for _, k := range keys {
		if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("photos"), Key: &k}); err != nil {
			t.Errorf("delete %q: %v", k, err)
		}
	}
	if left := keysOf(t, c, &s3.ListObjectsV2Input{Bucket: aws.String("photos")}); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	long := strings.Repeat("k", 1025)
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("photos"), Key: &long, Body: strings.NewReader("")})
	wantCode(t, "a key of 1025 bytes", err, "KeyTooLongError")
	bad := "\xff"
	_, err = c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("photos"), Key: &bad, Body: strings.NewReader("")})
	wantCode(t, "a key that is not UTF-8", err, "InvalidURI")
}

func FuzzURLEncode(f *testing.F) {
	for _, k := range oddKeys() {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, key string) {
		encoded := urlEncode(key)
		if got := decodeFilter(encoded); got != key {
			t.Errorf("%q became %q, which decodes to %q", key, encoded, got)
		}
		if strings.ContainsFunc(encoded, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%q became %q", key, encoded)
		}
	})
}

func FuzzListing(f *testing.F) {
	f.Add("a/b\na\na/", "a", "/", "a/b")
	b := start(f)
	c := b.client()
	makeBucket(f, c, "photos")
	f.Fuzz(func(t *testing.T, text, prefix, delimiter, after string) {
		keys := strings.Split(text, "\n")
		l := listing{prefix: prefix, delimiter: delimiter, after: after, most: 2}
		got := pagesOf(t, b.Service, keys, l)
		want := slices.DeleteFunc(listModel(keys, prefix, delimiter, after), func(k string) bool { return k == after })
		if !slices.Equal(got, want) {
			t.Errorf("%+v of %q: got %q, want %q", l, keys, got, want)
		}
	})
}
