package flow

import (
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"grayify", "gray", "thumbnail", "thumbnails", "video-split", "a", "b"}
	for name, want := range map[string][]string{
		"grayfiy":    {"grayify", "gray"},
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
