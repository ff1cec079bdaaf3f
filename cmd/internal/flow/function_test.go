package flow

import (
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"grayify", "gray", "thumbnail", "thumbnails", "video-split", "a", "b"}
	for name, want := range map[string][]string{
		"grayfiy":    {"gray", "grayify"},
		"GRAYIFY":    {"grayify", "gray"},
		"thumbnial":  {"thumbnail", "thumbnails"},
		"video":      {"video-split"},
		"c":          {"a", "b"},
		"my-grayify": {"gray", "grayify"},
		"transcode":  nil,
		"split":      {"video-split"},
	} {
		if got := nearest(name, known); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestChanges(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"abc", "", 3}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"ab", "ba", 2}} {
		if got := changes(c.a, c.b); got != c.want || changes(c.b, c.a) != c.want {
			t.Errorf("%q and %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
