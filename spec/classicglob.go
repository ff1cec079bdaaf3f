package spec

import (
	"slices"
	"strings"
)

// maxAffixes bounds the pairs of a prefix and a suffix of one output: each is compared with each file.
const maxAffixes = 1000

// readFilter reads which files an output takes, as globs: those that begin with one of the prefixes and end with one of
// the suffixes. It returns nil for all of them.
func (f *classicFunction) readFilter(item *node) *node {
	prefixes, any1 := f.readAffixes(item.get("prefix"), noPrefix)
	suffixes, any2 := f.readAffixes(item.get("suffix"), noSuffix)
	if any1 && any2 {
		return nil
	}
	at := item.get("suffix")
	if at == nil {
		at = item.get("prefix")
	}
	globs := made(at, list)
	if pairs := len(prefixes) * len(suffixes); pairs > maxAffixes {
		f.report.at(at, "an output takes %d pairs of a prefix and a suffix, these are %d; make several outputs of it", maxAffixes, pairs)
		return nil
	}
	for _, glob := range nameGlobs(prefixes, suffixes) {
		globs.items = append(globs.items, f.text(at, glob))
	}
	if len(globs.items) == 0 {
		return nil // what is wrong has been reported
	}
	if !any1 {
		f.comment(globs, "A prefix is that of a file's name, or of its path below the output folder.")
	}
	return globs
}

// noPrefix says whether no path begins so, noSuffix whether none ends so.
func noPrefix(text string) bool { return unclean("/" + text) }
func noSuffix(text string) bool { return unclean(text + "/") }

// unclean says whether no path of a file holds a text: one with a folder that has no name, or is called . or ..
func unclean(text string) bool {
	return slices.ContainsFunc([]string{"//", "/./", "/../"}, func(odd string) bool { return strings.Contains(text, odd) })
}

// readAffixes reads the beginnings or ends of paths. all says that they exclude no path.
func (f *classicFunction) readAffixes(n *node, never func(string) bool) (affixes []string, all bool) {
	items := n.list()
	for _, item := range items {
		switch {
		case item.kind != scalar || item.bad:
			continue
		case never(item.text):
			f.report.at(item, "%q fits no file: they are called a.png here, or plots/a.png in a folder", shorten(item.text))
		case item.text == "":
			all = true
		default:
			affixes = append(affixes, item.text)
		}
	}
	if all || len(items) == 0 {
		return []string{""}, true
	}
	return affixes, false
}

// nameGlobs are globs that match a path exactly if it begins with one of the prefixes and ends with one of the suffixes.
// The original compared prefixes with the path below the output folder and documented that it compared names: a name in
// any folder may begin with the prefix too, unless there is a slash in what is compared.
func nameGlobs(prefixes, suffixes []string) []string {
	var globs []string
	add := func(glob string) {
		if !slices.Contains(globs, glob) {
			globs = append(globs, glob)
		}
	}
	for _, prefix := range prefixes {
		for _, suffix := range suffixes {
			begin, end := escapeGlob(prefix), escapeGlob(suffix)
			ofNames := prefix == "" || !strings.Contains(prefix+suffix, "/")
			switch {
			case ofNames:
				add("**/" + begin + "*" + end)
			case strings.HasSuffix(prefix, "/"):
				add(begin + "**/*" + end)
			default:
				add(begin + "*" + end)
			}
			for _, path := range overlaps(prefix, suffix) {
				if ofNames {
					path = "**/" + path
				}
				add(path)
			}
			if prefix != "" && !strings.HasSuffix(prefix, "/") {
				add(begin + "*/**/*" + end)
			}
		}
	}
	return globs
}

// overlaps are globs for the short paths in which prefix and suffix share characters: abc begins with ab and ends with bc.
func overlaps(prefix, suffix string) []string {
	var globs []string
	for shared := 1; shared <= min(len(prefix), len(suffix)); shared++ {
		path := prefix + suffix[shared:]
		if prefix[len(prefix)-shared:] == suffix[:shared] && !unclean("/"+path+"/") {
			globs = append(globs, escapeGlob(path))
		}
	}
	return globs
}

// escapeGlob writes a text as a glob that matches it alone.
func escapeGlob(text string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(text)
}
