//go:build linux

package storage

import (
	"bytes"
	"testing"

	"github.com/studio-b12/gowebdav"
)

// TestDigestAtApache logs in by Digest, as the server that most others are measured by understands it.
func TestDigestAtApache(t *testing.T) {
	for _, p := range places() {
		if p.name != "webdav.apache" {
			continue
		}
		p.start = startApache("Digest")
		s := p.run(t, nil)
		want := content(1, 3<<20)
		s.put(t, "folder/a b;c,d?.bin", want)
		s.expect(t, "folder/a b;c,d?.bin", want)
		wrongCredentials(t, s)
	}
}

// TestAnotherClientAgrees reads with a client of WebDAV that is not of our making what ours has written, and the other way round.
func TestAnotherClientAgrees(t *testing.T) {
	for _, p := range places() {
		if p.name != "webdav.apache" {
			continue
		}
		s := p.run(t, nil)
		other := gowebdav.NewClient(s.url, user, secret)
		want := content(1, 10_000)
		s.put(t, "folder/our file %ü", want)
		if got, err := other.Read("folder/our file %ü"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("it reads %d bytes, %v", len(got), err)
		}
		entries, err := other.ReadDir("folder")
		if err != nil || len(entries) != 1 {
			t.Errorf("it lists %v, %v", entries, err)
		}
		if err := other.Write("folder/their file +", want, 0); err != nil {
			t.Fatal(err)
		}
		s.expect(t, "folder/their file +", want)
	}
}
