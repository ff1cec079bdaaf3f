package storage

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

func TestCheckPath(t *testing.T) {
	for _, key := range []string{"a", "a/b", "...", "a..b/c", " ", "a\nb", "a\x00b", "%2e%2e/a", "..a", "-rf"} {
		if err := checkPath(key); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
	for _, key := range []string{"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a/../../b", "\xff"} {
		if checkPath(key) == nil {
			t.Errorf("%q is taken", key)
		}
	}
	if checkPlace("bucket", "k") == nil || checkPlace("", "k") != nil {
		t.Error("buckets")
	}
}

// A key that is taken stays below its folder, and the server reads exactly it.
func FuzzKeys(f *testing.F) {
	for _, seed := range []string{"a", "a/b", "../a", "a b+c%2F/ü?#;&", "a\x00\n", "%2e%2e/%2E", "a//b", "\\..\\", "a/.../b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		escaped := escapePath(key)
		if strings.ContainsAny(escaped, "?# \n\x00") {
			t.Errorf("%q is escaped as %q", key, escaped)
		}
		if checkPath(key) != nil {
			return
		}
		u, err := url.Parse("https://host/folder/" + escaped)
		if err != nil {
			t.Fatalf("%q: %v", key, err)
		}
		if u.Path != "/folder/"+key || u.EscapedPath() != "/folder/"+escaped {
			t.Errorf("%q arrives as %q, sent as %q", key, u.Path, u.EscapedPath())
		}
		if clean := path.Clean(u.Path); clean != u.Path {
			t.Errorf("%q leads to %q", key, clean)
		}
	})
}

func TestParseEndpoint(t *testing.T) {
	for _, good := range []string{"https://h", "http://h:9000", "https://h/dav/", "https://h/a%20b"} {
		if _, err := parseEndpoint(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "h", "h:9000", "ftp://h", "https://", "https://u:geheim@h", "https://h?q=geheim", "https://h#f", "https://geheim h", "://"} {
		if _, err := parseEndpoint(bad); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
