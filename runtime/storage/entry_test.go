//go:build linux

package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func (s *server) catalogue(t testing.TB) Catalogue {
	t.Helper()
	c, err := OpenCatalogue(t.Context(), s.stores, s.name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// listed are the keys of a listing, sorted.
func (s *server) listed(t testing.TB, folder string, deep bool) []string {
	t.Helper()
	keys := []string{}
	err := s.catalogue(t).List(t.Context(), s.bucket, folder, deep, func(e Entry) error {
		if e.Folder != strings.HasSuffix(e.Key, "/") {
			t.Errorf("%+v", e)
		}
		keys = append(keys, e.Key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	return keys
}

// TestCatalogue holds every kind of storage to what it promises beside Store.
func TestCatalogue(t *testing.T) {
	for _, p := range places() {
		t.Run(p.name, func(t *testing.T) {
			s := p.run(t, nil)
			for _, key := range []string{"top.txt", "in/a b.txt", "in/ü+%2F&<.txt", "in/deep/er/x", "in/deep/y", "other/z"} {
				s.put(t, key, []byte(key))
			}
			t.Run("list", func(t *testing.T) { lists(t, s) })
			t.Run("stat and stream", func(t *testing.T) { looks(t, s) })
			t.Run("remove", func(t *testing.T) { removes(t, s) })
		})
	}
}

func lists(t *testing.T, s *server) {
	for _, c := range []struct {
		folder string
		deep   bool
		want   []string
	}{
		{"", false, []string{"in/", "other/", "top.txt"}},
		{"in/", false, []string{"in/a b.txt", "in/deep/", "in/ü+%2F&<.txt"}},
		{"in/", true, []string{"in/a b.txt", "in/deep/er/x", "in/deep/y", "in/ü+%2F&<.txt"}},
		{"none/", true, []string{}},
	} {
		got := s.listed(t, c.folder, c.deep)
		if c.deep {
			got = slices.DeleteFunc(got, func(key string) bool { return strings.HasSuffix(key, "/") })
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q, deep %v: %q, want %q", c.folder, c.deep, got, c.want)
		}
	}
	stop := errors.New("stop")
	if err := s.catalogue(t).List(t.Context(), s.bucket, "", true, func(Entry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a listing that is stopped: %v", err)
	}
}

func looks(t *testing.T, s *server) {
	c := s.catalogue(t)
	e, err := c.Stat(t.Context(), s.bucket, "in/a b.txt")
	if err != nil || e.Key != "in/a b.txt" || e.Size != 10 || time.Since(e.Modified) < -time.Hour || e.Modified.Year() < 2026 {
		t.Errorf("%+v, %v", e, err)
	}
	for _, key := range []string{"in/none", "none/none", "in"} {
		if _, err := c.Stat(t.Context(), s.bucket, key); !errors.Is(err, ErrNotExist) || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
	var got bytes.Buffer
	if err := c.Stream(t.Context(), s.bucket, "in/ü+%2F&<.txt", &got); err != nil || got.String() != "in/ü+%2F&<.txt" {
		t.Errorf("%q, %v", &got, err)
	}
	if err := c.Stream(t.Context(), s.bucket, "in/none", &got); !errors.Is(err, ErrNotExist) {
		t.Errorf("stream of what does not exist: %v", err)
	}
}

func removes(t *testing.T, s *server) {
	failed := map[string]error{}
	remove := func(keys ...string) {
		t.Helper()
		err := s.catalogue(t).Remove(t.Context(), s.bucket, keys, func(key string, err error) { failed[key] = err })
		if err != nil {
			t.Fatal(err)
		}
	}
	remove("in/ü+%2F&<.txt", "in/never.txt", "top.txt")
	if len(failed) > 0 {
		t.Error(failed)
	}
	if s.folders {
		remove("in/deep/")
		if failed["in/deep/"] == nil {
			t.Error("a folder was removed with what is in it")
		}
		clear(failed)
		remove("in/deep/er/x", "in/deep/er/", "in/deep/y", "in/deep/", "in/a b.txt", "in/")
	} else {
		remove("in/deep/er/x", "in/deep/y", "in/a b.txt")
	}
	if len(failed) > 0 {
		t.Error(failed)
	}
	if got := s.listed(t, "", true); !slices.Equal(slices.DeleteFunc(got, func(key string) bool { return key == "other/" }), []string{"other/z"}) {
		t.Errorf("left: %q", got)
	}
}

// TestListOfManyPages lists more keys than fit on a page, and holds no more than one.
func TestListOfManyPages(t *testing.T) {
	s := places()[0].run(t, nil)
	const n = 1500
	var keys []string
	for i := range n {
		keys = append(keys, fmt.Sprintf("many/%05d \x01", i)) // which XML could not hold
	}
	own := s.catalogue(t).(S3Catalogue)
	for _, key := range keys {
		if err := own.Write(t.Context(), s.bucket, key, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.listed(t, "many/", true); !slices.Equal(got, keys) {
		t.Errorf("%d keys of %d", len(got), n)
	}
	if err := own.Remove(t.Context(), s.bucket, keys, func(key string, err error) { t.Error(key, err) }); err != nil {
		t.Fatal(err)
	}
	if got := s.listed(t, "", true); len(got) > 0 {
		t.Errorf("%d keys are left", len(got))
	}
}

func TestRanges(t *testing.T) {
	for _, p := range places() {
		if p.folders {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			s := p.run(t, nil)
			own := s.catalogue(t).(S3Catalogue)
			for i, size := range []int{1, rangeSize, 2*rangeSize + 17} {
				want := content(byte(i), size)
				s.put(t, "k", want)
				e, err := own.Stat(t.Context(), s.bucket, "k")
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(t.TempDir(), "f")
				if err := own.DownloadRanges(t.Context(), s.bucket, "k", path, e.Object); err != nil {
					t.Fatal(err)
				}
				if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes came back as %d others, %v", size, len(got), err)
				}
			}
		})
	}
}

// TestRangesNoticeWhatIsWrong replaces the object, and lies about its sum.
func TestRangesNoticeWhatIsWrong(t *testing.T) {
	lie := false
	s := places()[0].run(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if lie && r.Method == http.MethodHead {
				w = &lying{ResponseWriter: w}
			}
			next.ServeHTTP(w, r)
		})
	})
	own := s.catalogue(t).(S3Catalogue)
	s.put(t, "k", content(1, 3*rangeSize))
	before, err := own.Stat(t.Context(), s.bucket, "k")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "f")
	lie = true
	if err := own.DownloadRanges(t.Context(), s.bucket, "k", path, before.Object); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a wrong sum: %v", err)
	}
	lie = false
	s.put(t, "k", content(2, 3*rangeSize))
	if err := own.DownloadRanges(t.Context(), s.bucket, "k", path, before.Object); err == nil {
		t.Error("an object that was replaced was fetched as the former one")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a part of a file is left: %v", err)
	}
}

// lying makes the sums wrong that an answer has.
type lying struct{ http.ResponseWriter }

func (l *lying) WriteHeader(status int) {
	lieCRC(l.Header())
	l.ResponseWriter.WriteHeader(status)
}

func TestRegionOfABucket(t *testing.T) {
	s := places()[0].run(t, nil)
	own := AccountS3(s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &s.url, UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: user, SecretAccessKey: secret}, nil // which has no rights
		}),
	}))
	admin := s.catalogue(t).(S3Catalogue)
	_, err := admin.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("elsewhere"), CreateBucketConfiguration: &types.CreateBucketConfiguration{
		LocationConstraint: types.BucketLocationConstraintEuWest1,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if region, err := admin.Region(t.Context(), "elsewhere"); err != nil || region != "eu-west-1" {
		t.Errorf("%q, %v", region, err)
	}
	if _, err := own.Region(t.Context(), "elsewhere"); err != nil {
		t.Errorf("without the right to use it: %v", err)
	}
	if _, err := admin.Region(t.Context(), "never-made"); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("a bucket that does not exist: %v", err)
	}
}

// FuzzMembers reads what hostile servers say of a folder: no key leads out of it.
func FuzzMembers(f *testing.F) {
	const head = `<multistatus xmlns="DAV:"><response><href>`
	const tail = `</href><propstat><status>HTTP/1.1 200 OK</status><prop><resourcetype/><getcontentlength>3</getcontentlength></prop></propstat></response></multistatus>`
	for _, href := range []string{"/dav/in/a", "/dav/in/", "/dav/in/../a", "http://h/dav/in/a%2Fb", "/dav/in/%2e%2e", "/other", "a", "/dav/in/a/", "%zz"} {
		f.Add(head + href + tail)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_ = readMembers(strings.NewReader(text), "/dav/in/", func(e Entry) error {
			if name := strings.TrimSuffix(e.Key, "/"); strings.Contains(name, "/") || name == "" || name == "." || name == ".." {
				t.Errorf("%q", e.Key)
			}
			return nil
		})
	})
}
