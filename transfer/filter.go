package transfer

import (
	"fmt"
	"path"
	"strings"
)

// Filter chooses files by globs on their path below the folder that is moved: * and ? stand for characters of one name, [ab] for
// one of them, and ** as a whole part for any number of folders. A glob without a slash is one for the name alone. The zero Filter takes all.
type Filter struct {
	include, exclude [][]string // in parts
}

// NewFilter makes a filter that takes what one of include matches, or all if that is empty, but what one of exclude matches.
func NewFilter(include, exclude []string) (Filter, error) {
	var f Filter
	for _, set := range []struct {
		globs []string
		to    *[][]string
	}{{include, &f.include}, {exclude, &f.exclude}} {
		for _, glob := range set.globs {
			parts := strings.Split(strings.TrimPrefix(glob, "/"), "/")
			for _, part := range parts {
				if _, err := path.Match(part, ""); err != nil || part == "" {
					return Filter{}, fmt.Errorf("%q is no glob", glob)
				}
			}
			if !strings.Contains(glob, "/") {
				parts = []string{"**", glob}
			}
			*set.to = append(*set.to, parts)
		}
	}
	return f, nil
}

// IsZero says whether the filter takes everything.
func (f Filter) IsZero() bool { return len(f.include)+len(f.exclude) == 0 }

// Takes says whether a file is chosen. Its path is separated by slashes.
func (f Filter) Takes(name string) bool {
	if f.IsZero() {
		return true
	}
	parts := strings.Split(name, "/")
	return (len(f.include) == 0 || anyMatches(f.include, parts)) && !anyMatches(f.exclude, parts)
}

func anyMatches(globs [][]string, parts []string) bool {
	for _, glob := range globs {
		if matches(glob, parts) {
			return true
		}
	}
	return false
}

// matches compares a glob with a path, part by part. It goes back to the last ** only, which is enough, so that no glob takes long.
func matches(glob, parts []string) bool {
	g, p, back, from := 0, 0, -1, 0
	for p < len(parts) {
		if g < len(glob) && glob[g] == "**" {
			back, from = g, p
			g++
			continue
		}
		if g < len(glob) {
			if ok, _ := path.Match(glob[g], parts[p]); ok { // NewFilter has refused what is no glob
				g, p = g+1, p+1
				continue
			}
		}
		if back < 0 {
			return false
		}
		from++
		g, p = back+1, from
	}
	for g < len(glob) && glob[g] == "**" {
		g++
	}
	return g == len(glob)
}
