package spec

import (
	"slices"
	"strings"
)

// resolveDollars replaces $$ by a dollar sign in the values of a tree, and refuses ${…}, which is kept
// for values from the environment. What belongs to the shell, run and command, is left alone, and so
// are keys that are refused by name.
func resolveDollars(n *node, at level, r *report) {
	for _, f := range n.fields {
		switch {
		case at == functionLevel && (f.name == "run" || f.name == "command" || slices.Contains(notYet.function, f.name)):
		case at == fileLevel && slices.Contains(notYet.file, f.name):
		default:
			resolveDollars(f.value, at.below(f.name), r)
		}
	}
	for _, item := range n.items {
		resolveDollars(item, plainLevel, r)
	}
	if n.kind != scalar || !strings.Contains(n.text, "$") {
		return
	}
	text, found := unescapeDollars(n.text)
	if found != "" && n.private {
		return // read as what it is: no place of a secret
	}
	if found != "" {
		found = shorten(found)
		r.at(n, "interpolation, %s, is not supported by this version; write $%s for the text itself", found, found)
		return
	}
	n.text = text
}

// unescapeDollars returns a text with $$ replaced, or the first ${…} in it.
func unescapeDollars(text string) (unescaped, found string) {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 {
			b.WriteString(text)
			return b.String(), ""
		}
		b.WriteString(text[:i])
		rest := text[i+1:]
		switch {
		case strings.HasPrefix(rest, "$"):
			rest = rest[1:]
		case strings.HasPrefix(rest, "{"):
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				return "", text[i:]
			}
			return "", text[i : i+end+1]
		}
		b.WriteByte('$')
		text = rest
	}
}
