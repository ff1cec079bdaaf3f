package spec

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// interpolation replaces what stands for variables of the environment, and $$ by a dollar sign, in the values of a
// tree: after files are laid over each other, so that what was replaced is not asked for, and before anything is
// checked. Values are put into scalars, which stay scalars: no variable can add keys or items.
//
//	${NAME}           the variable; an error where it is not set
//	${NAME:-default}  the default where it is unset or empty; it can hold variables in turn
//	${NAME:?message}  an error with this message where it is unset or empty
//
// Any other dollar sign stands for itself.
type interpolation struct {
	lookup func(name string) (value string, found bool)
	report *report
	size   int // of the values that were put in, in bytes
}

// resolve replaces variables in a value and below it. What belongs to the shell, run and command, is left alone.
func (in *interpolation) resolve(n *node, want *rule, at level) {
	for _, f := range n.fields {
		if at == functionLevel && (f.name == "run" || f.name == "command") {
			continue
		}
		in.resolve(f.value, want.key(f.name), at.below(f.name))
	}
	for _, item := range n.items {
		in.resolve(item, want.item(), plainLevel)
	}
	if n.kind == scalar && strings.Contains(n.text, "$") && !n.bad {
		in.resolveScalar(n, want)
	}
}

func (in *interpolation) resolveScalar(n *node, want *rule) {
	x := &expansion{lookup: in.lookup}
	text, _, err := x.expand(n.text, false)
	switch {
	case err != nil && n.private && !upperName().MatchString(x.missing):
		return // read as what it is: no place of a secret
	case err != nil && n.private:
		in.report.at(n, "the variable %s is not set; set it in the environment or in a file given with --env-file", x.missing)
		return
	case err != nil:
		in.report.at(n, "%v", err)
		return
	}
	if len(x.variables) == 0 {
		n.text = text
		return
	}
	in.size += len(text)
	switch {
	case in.size > maxSource:
		in.report.at(n, "the values of variables make the file larger than 1 MB, which no file of functions is")
		return
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		in.report.at(n, "%s holds bytes that are no text", strings.Join(x.names(), ", "))
		return
	}
	n.written, n.variables = n.text, x.names()
	n.text, n.tag = text, tagOf(text, want)
	n.private = n.private || strings.HasPrefix(n.path, "storage.") && strings.Contains(text, "@") // a URL may hold a password
	for _, v := range x.variables {
		if v.set && LooksSecret(v.name) {
			in.report.conceal(v.value, "${"+v.name+"}")
		}
	}
	if LooksSecret(n.label) || n.private && n.isVariable() {
		in.report.conceal(text, n.asVariable())
	}
}

// isVariable says whether a value is one variable and nothing else: ${NAME}, with or without a default or a message.
func (n *node) isVariable() bool {
	if n == nil || !strings.HasPrefix(n.written, "${") {
		return false
	}
	x := &expansion{lookup: func(string) (string, bool) { return "set", true }}
	_, rest, err := x.variable(n.written[len("${"):])
	return err == nil && rest == ""
}

// asVariable is a text as it is written, for messages that must not show what it is: without the defaults and messages of
// its variables, unless they are variables again or say where a secret is kept.
func (n *node) asVariable() string { return withoutDefaults(n.written) }

func withoutDefaults(text string) string {
	before, after, found := strings.Cut(text, "${")
	if !found {
		return text
	}
	variable, rest := toBrace(after)
	name, instead := variable[:nameLength(variable)], variable[nameLength(variable):]
	if given, is := strings.CutPrefix(instead, ":-"); is && (isReference(given) || isOneVariable(given)) {
		name += ":-" + withoutDefaults(given)
	}
	return before + "${" + name + "}" + withoutDefaults(rest)
}

// isOneVariable says whether a text is ${…} and nothing else.
func isOneVariable(text string) bool {
	inner, found := strings.CutPrefix(text, "${")
	variable, rest := toBrace(inner)
	return found && rest == "" && len(variable) < len(inner)
}

// toBrace cuts a text at the brace that closes a variable, behind whose ${ it begins; a text without one is all variable.
func toBrace(text string) (variable, rest string) {
	depth := 1
	for i := range len(text) {
		switch {
		case strings.HasPrefix(text[i:], "${"):
			depth++
		case text[i] == '}':
			depth--
		}
		if depth == 0 {
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

// tagOf is what YAML would have made of a text, if the schema asks for no text there.
func tagOf(text string, want *rule) string {
	switch {
	case want != nil && slices.Contains(want.Types, "string"):
		return "!!str"
	case number().MatchString(text) && strings.Contains(text, "."):
		return "!!float"
	case number().MatchString(text):
		return "!!int"
	case text == "true" || text == "false":
		return "!!bool"
	default:
		return "!!str"
	}
}

// expansion is the replacing of the variables of one value.
type expansion struct {
	lookup    func(name string) (value string, found bool)
	variables []variable // that were put in, or had to be replaced by a default
	missing   string     // the variable that is not set, if that is the fault
	depth     int
}

// variable is one that a value holds.
type variable struct {
	name, value string
	set         bool // and not empty, where an empty one counts as unset
}

// names are the variables, as origins show them.
func (x *expansion) names() []string {
	var names []string
	for _, v := range x.variables {
		name := "$" + v.name
		if !v.set {
			name += " unset"
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// maxNested is how deep defaults can be in each other.
const maxNested = 10

// expand replaces what a text holds, to its end, or where it is a default to the brace that closes it, with which rest
// begins then.
func (x *expansion) expand(text string, isDefault bool) (expanded, rest string, err error) {
	var b strings.Builder
	for {
		stop := "$"
		if isDefault {
			stop = "$}"
		}
		i := strings.IndexAny(text, stop)
		if i < 0 {
			b.WriteString(text)
			return b.String(), "", nil
		}
		b.WriteString(text[:i])
		if text[i] == '}' {
			return b.String(), text[i:], nil
		}
		switch text = text[i+1:]; {
		case strings.HasPrefix(text, "$"):
			b.WriteByte('$')
			text = text[1:]
		case strings.HasPrefix(text, "{"):
			value, after, err := x.variable(text[1:])
			if err != nil {
				return "", "", err
			}
			b.WriteString(value)
			text = after
		default:
			b.WriteByte('$')
		}
		if b.Len() > maxSource {
			return "", "", fmt.Errorf("the values of variables make this larger than 1 MB")
		}
	}
}

// variable is the value of the variable that stands at the beginning of a text, behind ${, and what is after its brace.
func (x *expansion) variable(text string) (value, rest string, err error) {
	length := nameLength(text)
	name, after := text[:length], text[length:]
	const how = "write ${NAME}, ${NAME:-default} or ${NAME:?message}, or $${ for the text ${ itself"
	switch {
	case length == 0:
		return "", "", fmt.Errorf("${%s is no variable: a name wants letters, digits and _, a letter or _ first; %s", shorten(text), how)
	case strings.HasPrefix(after, "}"):
		value, set := x.look(name)
		if !set {
			x.missing = name
			return "", "", notSet(name)
		}
		x.variables = append(x.variables, variable{name, value, true})
		return value, after[1:], nil
	case strings.HasPrefix(after, ":-"):
		return x.orDefault(name, after[2:])
	case strings.HasPrefix(after, ":?"):
		message, rest, closed := strings.Cut(after[2:], "}")
		if !closed {
			return "", "", fmt.Errorf("${%s is not closed: } is missing; %s", name, how)
		}
		if value, _ := x.look(name); value != "" {
			x.variables = append(x.variables, variable{name, value, true})
			return value, rest, nil
		}
		x.missing = name
		if message = strings.TrimSpace(message); message == "" {
			return "", "", notSet(name)
		}
		return "", "", fmt.Errorf("the variable %s is not set: %s", name, shorten(message))
	case after == "":
		return "", "", fmt.Errorf("${%s is not closed: } is missing; %s", name, how)
	default:
		return "", "", fmt.Errorf("${%s: %q cannot stand behind the name; %s", name, firstRune(after), how)
	}
}

// orDefault is the value of a variable, or the default, whose text begins behind :-, where it is unset or empty. A
// default that is not taken is read, and what it holds is not asked for.
func (x *expansion) orDefault(name, text string) (value, rest string, err error) {
	if x.depth++; x.depth > maxNested {
		return "", "", fmt.Errorf("${%s: defaults are in each other more than %d times", name, maxNested)
	}
	defer func() { x.depth-- }()
	value, _ = x.look(name)
	x.variables = append(x.variables, variable{name, value, value != ""})
	taken := x
	if value != "" {
		taken = &expansion{lookup: func(string) (string, bool) { return "set", true }, depth: x.depth}
	}
	instead, rest, err := taken.expand(text, true)
	switch {
	case err != nil:
		x.missing = taken.missing
		return "", "", err
	case rest == "":
		return "", "", fmt.Errorf("${%s:- is not closed: } is missing", name)
	case taken == x:
		return instead, rest[1:], nil
	default:
		return value, rest[1:], nil
	}
}

func (x *expansion) look(name string) (value string, set bool) {
	if x.lookup == nil {
		return "", false
	}
	return x.lookup(name)
}

// upperName matches the names that variables have by custom. Another one in a place of secrets may be a password.
var upperName = pattern(`^[A-Z_][A-Z0-9_]*$`)

func notSet(name string) error {
	return fmt.Errorf("the variable %s is not set; set it in the environment or in a file given with --env-file, or write a default, ${%s:-default}", name, name)
}

// nameLength is the length of the variable's name that a text begins with.
func nameLength(text string) int {
	length := 0
	for length < len(text) {
		c := text[length]
		if c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (length == 0 || c < '0' || c > '9') {
			break
		}
		length++
	}
	return length
}

func firstRune(text string) string {
	_, size := utf8.DecodeRuneInString(text)
	return text[:size]
}

// escapeDollars writes a text so that it stands for itself.
func escapeDollars(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteByte(text[i])
		if text[i] == '$' && i+1 < len(text) && (text[i+1] == '$' || text[i+1] == '{') {
			b.WriteByte('$')
		}
	}
	return b.String()
}
