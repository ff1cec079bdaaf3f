package spec

import (
	"slices"
	"strconv"
	"strings"
)

// A secret that somebody wrote into a file is reported, and neither its text nor its line is shown: messages end up in
// logs of CI and on screens that others see.

// openKeys are the keys of a provider that hold no secret. What a slip of the pen made of another key may hold one.
var openKeys = []string{"endpoint", "region", "space", "access_key", "user"}

// hideSecrets marks the values of a tree that hold secrets if they do not say where one is kept, under names that were
// meant for these keys too.
func (r *report) hideSecrets(root *node) {
	if root == nil {
		return
	}
	for _, f := range root.fields {
		switch {
		case meant(f.name, "storage"):
			r.hideProviders(f.value)
		case meant(f.name, "secrets"):
			r.hide(f.value)
		case f.name == "defaults":
			r.hideFunction(f.value)
		case f.name == "functions":
			for _, function := range f.value.fields {
				r.hideFunction(function.value)
			}
		}
	}
}

// meant says whether a name is that of a key, or was probably meant to be.
func meant(name, key string) bool { return nearest(name, []string{key}, otherWords) != "" }

func (r *report) hideFunction(n *node) {
	for _, f := range n.fields {
		if meant(f.name, "secrets") {
			r.hide(f.value)
		}
	}
}

func (r *report) hideProviders(storage *node) {
	if storage.kind != mapping {
		r.hide(storage)
	}
	for _, provider := range storage.fields {
		if provider.value.kind != mapping {
			r.hide(provider.value)
		}
		for _, f := range provider.value.fields {
			switch {
			case !slices.Contains(openKeys, f.name):
				r.hide(f.value)
			case f.name == "endpoint" && strings.Contains(f.value.text, "@"):
				r.hide(f.value)
			}
		}
	}
}

// hide marks a value and what is below it.
func (r *report) hide(n *node) {
	if n == nil {
		return
	}
	n.private = true
	if n.kind == scalar && !isReference(n.text) {
		for _, line := range strings.FieldsFunc(n.text, isLineEnd) {
			r.hidden = append(r.hidden, strings.TrimSpace(line))
		}
	}
	for _, f := range n.fields {
		r.hide(f.value)
	}
	for _, item := range n.items {
		r.hide(item)
	}
}

// isSecret says whether a value is marked and may be a secret. Its text may look otherwise in the file, in quotes.
func (n *node) isSecret() bool { return n.private && n.kind == scalar && !isReference(n.text) }

func isLineEnd(r rune) bool { return r == '\n' || r == '\r' }

// setting matches the name that a line gives a value, in whatever form. It works on lines that are no YAML too.
var setting = pattern(`(?:^|[\s{\[,"'])([\w.-]+)["']?\s*[:=]["'\s]*`)

// showsSecret says whether a line seems to give something whose name promises a secret a value, and not a reference to one.
func showsSecret(line string) bool {
	return slices.ContainsFunc(setting().FindAllStringSubmatchIndex(line, -1), func(at []int) bool {
		name, value := line[at[2]:at[3]], line[at[1]:]
		promises := name != "secrets" && (LooksSecret(name) || strings.EqualFold(name, "pass"))
		return promises && value != "" && value[0] != '#' && !isReference(value)
	})
}

// goesOn says whether a line, by its number, seems to be a further one of text that a line above gives a secret.
func (s *source) goesOn(number int) bool {
	for ; number > 0; number-- {
		if line := s.line(number); strings.Contains(line, ":") {
			return showsSecret(line)
		}
	}
	return false
}

// holdsSecret says whether a line of a file may show a secret. path is that of the key that it is shown for.
func (r *report) holdsSecret(path, line string) bool {
	if inSecrets(path) && !strings.Contains(line, parameterStore+":") && !strings.Contains(line, secretsManager+":") {
		return true
	}
	return showsSecret(line) || slices.ContainsFunc(r.hidden, func(text string) bool { return text != "" && strings.Contains(line, text) })
}

// secretWords are parts of the names of variables that hold secrets, as people name them.
var secretWords = []string{
	"secret", "token", "passw", "passphrase", "pwd", "credential", "apikey", "accesskey", "privatekey", "authorization",
}

// endsInPass matches the names of passwords that are cut short, such as DB_PASS and smtpPass. COMPASS is none.
var endsInPass = pattern(`([_.-](?i:pass)|[a-z0-9]Pass)$`)

// LooksSecret says whether the name of a variable promises something that should not be shown, such as API_TOKEN or
// dbPassword: messages and plans then leave out its value. Case and what separates its words (_ - .) do not matter.
func LooksSecret(name string) bool {
	joined := strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "").Replace(name))
	return endsInPass().MatchString(name) ||
		slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(joined, word) })
}

// concealed is a text that is shown as another one: the value of a variable as what it is called.
type concealed struct{ text, as string }

// shownLength is how much of a text has to be in a message for it to be taken for that text, in bytes: messages cut
// long ones. Whatever is shorter than shortestSecret is none, and would be found everywhere.
const (
	shownLength    = 8
	shortestSecret = 4
)

// conceal keeps a text out of all messages. Messages show texts quoted too.
func (r *report) conceal(text, as string) {
	quoted := strconv.Quote(text)
	for _, form := range []string{text, quoted[1 : len(quoted)-1]} {
		if c := (concealed{form, as}); len(form) >= shortestSecret && !slices.Contains(r.concealed, c) {
			r.concealed = append(r.concealed, c)
		}
	}
}

// withoutSecrets is a message in which what is concealed, or the beginning of it, stands as what it is called.
func (r *report) withoutSecrets(message string) string {
	for _, c := range r.concealed {
		head := c.text[:min(len(c.text), shownLength)]
		for from := 0; ; {
			i := strings.Index(message[from:], head)
			if i < 0 {
				break
			}
			start, length := from+i, 0
			for length < len(c.text) && start+length < len(message) && message[start+length] == c.text[length] {
				length++
			}
			message = message[:start] + c.as + message[start+length:]
			from = start + len(c.as)
		}
	}
	return strings.ToValidUTF8(message, "…")
}

// inSecrets says whether a path is that of a function's secrets, or below it.
func inSecrets(path string) bool { return strings.Contains(path+".", ".secrets.") }
