package ecr

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	for path, want := range map[string]target{
		"/v2/":                            {},
		"/v2":                             {},
		"/v2/a/b/manifests/t":             {"a/b", "manifests", "t"},
		"/v2/aa/blobs/sha256:00":          {"aa", "blobs", "sha256:00"},
		"/v2/aa/blobs/uploads":            {"aa", "uploads", ""},
		"/v2/aa/blobs/uploads/":           {"aa", "uploads", ""},
		"/v2/aa/blobs/uploads/ID":         {"aa", "uploads", "ID"},
		"/v2/blobs/uploads/manifests/t":   {"blobs/uploads", "manifests", "t"},
		"/v2/aa/tags/list":                {"aa", "tags", "list"},
		"/v2/blobs/blobs/uploads/uploads": {"blobs", "uploads", "uploads"},
	} {
		got, err := parseTarget(path)
		if err != nil || got != want {
			t.Errorf("%s: %+v %v, want %+v", path, got, err, want)
		}
	}
	for _, path := range []string{"/v2/_catalog", "/v2/a", "/v2/../x/manifests/t", "/v2/A/manifests/t", "/v2//manifests/t", "/v2/a//b/manifests/t"} {
		if got, err := parseTarget(path); err == nil {
			t.Errorf("%s was taken: %+v", path, got)
		}
	}
}

func TestParseURI(t *testing.T) {
	s := &Service{cfg: Config{Account: "000000000000", Region: "us-east-1"}}
	for uri, want := range map[string][2]string{
		"000000000000.dkr.ecr.us-east-1.amazonaws.com/scar/p@sha256:ab":   {"scar/p", "sha256:ab"},
		"000000000000.dkr.ecr.us-east-1.amazonaws.com/scar/p:t":           {"scar/p", "t"},
		"000000000000.dkr.ecr.us-east-1.amazonaws.com/scar/p:t@sha256:ab": {"scar/p", "sha256:ab"},
		"127.0.0.1:4566/p": {"p", "latest"},
		"localhost/p:t":    {"p", "t"},
		"[::1]:80/p:t":     {"p", "t"},
	} {
		repo, reference, err := s.parseURI(uri)
		if err != nil || repo != want[0] || reference != want[1] {
			t.Errorf("%s: %s %s %v", uri, repo, reference, err)
		}
	}
	for _, uri := range []string{"", "p:t", "111111111111.dkr.ecr.us-east-1.amazonaws.com/p:t", "10.0.0.1:80/p:t", "localhost.example.org/p:t"} {
		if _, _, err := s.parseURI(uri); err == nil {
			t.Errorf("%s was taken", uri)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	digest := "sha256:" + strings.Repeat("a", 64)
	f.Add([]byte(fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"digest":%q},"layers":[{"digest":%q,"urls":["http://x"]}]}`, digest, digest)), "")
	f.Add([]byte(fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"digest":%q}]}`, digest)), "application/vnd.oci.image.index.v1+json")
	f.Add([]byte(`{"schemaVersion":1}`), "application/vnd.docker.distribution.manifest.v1+json")
	f.Add([]byte(`null`), "x")
	f.Fuzz(func(t *testing.T, raw []byte, mediaType string) {
		m, err := parseManifest(raw, mediaType)
		if err != nil {
			return
		}
		if m.digest != digestOf(raw) {
			t.Errorf("digest %s", m.digest)
		}
		// What is stored is parsed again later, when nobody can refuse it.
		again, err := parseManifest(m.raw, string(m.mediaType))
		if err != nil || !slices.Equal(again.blobs, m.blobs) || !slices.Equal(again.children, m.children) {
			t.Errorf("parsed again: %+v %v", again, err)
		}
	})
}

func FuzzParseTarget(f *testing.F) {
	for _, path := range []string{"/v2/a/b/manifests/t", "/v2/a/blobs/uploads/x", "/v2/..", "/v2/a/blobs/sha256:00"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, err := parseTarget(path)
		if err != nil || got.kind == "" {
			return
		}
		if !repositoryPattern().MatchString(got.repo) || strings.Contains(got.id, "/") {
			t.Errorf("%q: %+v", path, got)
		}
	})
}
