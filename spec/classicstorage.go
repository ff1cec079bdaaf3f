package spec

import (
	"slices"
	"strings"
)

// classicTypes are the types of providers, in the order in which a native file gets them.
var classicTypes = []string{"s3", "minio", "onedata", "webdav"}

// classicProvider says how the keys of a provider are called natively.
type classicProvider struct {
	names   [][2]string // classic, native
	secrets []string    // those, by native name, that hold what nobody may see
	https   string      // the native key of a host, which gets https:// before it
}

var classicKeys = map[string]classicProvider{
	"s3":    {names: [][2]string{{"region", "region"}, {"access_key", "access_key"}, {"secret_key", "secret_key"}}, secrets: []string{"access_key", "secret_key"}},
	"minio": {names: [][2]string{{"endpoint", "endpoint"}, {"region", "region"}, {"access_key", "access_key"}, {"secret_key", "secret_key"}}, secrets: []string{"access_key", "secret_key"}},
	"onedata": {
		names: [][2]string{{"oneprovider_host", "endpoint"}, {"token", "token"}, {"space", "space"}}, secrets: []string{"token"}, https: "endpoint",
	},
	"webdav": {
		names: [][2]string{{"hostname", "endpoint"}, {"login", "user"}, {"password", "password"}}, secrets: []string{"user", "password"}, https: "endpoint",
	},
}

// readStorage reads the providers of storage. Their credentials become secrets.
func (c *classic) readStorage() {
	providers := c.root.get("storage_providers")
	if providers == nil || providers.kind != mapping {
		return
	}
	storage := c.mapping(providers, "storage_providers")
	for _, kind := range classicTypes {
		of := providers.get(kind)
		if of == nil || of.kind != mapping {
			continue
		}
		for _, f := range of.fields {
			if f.value.kind == mapping {
				storage.set(kind+"."+f.name, c.readProvider(kind, f.name, f.value))
			}
		}
	}
	if len(storage.fields) > 0 {
		c.storage = storage
	}
}

func (c *classic) readProvider(kind, id string, n *node) *node {
	known := classicKeys[kind]
	provider := c.mapping(n, n.label)
	for _, name := range known.names {
		value := n.get(name[0])
		switch {
		case value == nil:
		case value.kind == scalar && slices.Contains(known.secrets, name[1]):
			provider.set(name[1], c.secret(value, kind, id, name[1]))
		case value.kind == scalar && known.https == name[1] && !strings.Contains(value.text, "://"):
			provider.set(name[1], c.text(value, "https://"+value.text))
		default:
			provider.set(name[1], c.word(value))
		}
	}
	if verify := n.get("verify"); verify != nil && !verify.truth(true) {
		c.note(verify, "verify", "verify: false is not followed: the certificate of a server is always checked")
	}
	return provider
}

// readInputs reads what starts the function.
func (f *classicFunction) readInputs() {
	input := f.lambda.get("input")
	if len(input.list()) == 0 {
		return
	}
	f.out.set("input", f.listOf(input, input.list(), f.place))
}

// readOutputs reads where results go.
func (f *classicFunction) readOutputs() {
	output := f.lambda.get("output")
	if len(output.list()) == 0 {
		return
	}
	f.out.set("output", f.listOf(output, output.list(), func(item *node) *node {
		to := f.place(item)
		match := f.readFilter(item)
		if to == nil || match == nil {
			return to
		}
		n := f.mapping(item, "output")
		n.set("to", to)
		n.set("match", match)
		return n
	}))
}

// place reads a place; nil where there is none that makes sense.
func (c *classic) place(item *node) *node {
	at, path := item.get("storage_provider"), item.get("path")
	if at.str() == "" || path.str() == "" {
		return nil // has been reported
	}
	provider, problem := c.findProvider(at.text)
	if problem != "" {
		c.report.at(at, "%s", problem)
		return nil
	}
	below := strings.TrimLeft(path.text, "/")
	if provider == OwnS3 {
		return c.text(path, OwnS3+"://"+below)
	}
	return c.text(path, provider+"/"+below)
}

// defaultID is the provider that a type alone means.
const defaultID = "default"

// findProvider finds the provider that TYPE or TYPE.ID means, by its native name.
func (c *classic) findProvider(text string) (provider, problem string) {
	kind, id, named := strings.Cut(text, ".")
	kind = strings.ToLower(kind)
	if !slices.Contains(classicTypes, kind) {
		return "", "wants s3, minio, onedata or webdav, or one of them with the ID of a provider such as minio.lab"
	}
	defined := c.root.get("storage_providers").get(kind)
	if !named {
		id = defaultID
	}
	switch {
	case defined.get(id) != nil:
		return kind + "." + id, ""
	case kind == OwnS3 && id == defaultID:
		return OwnS3, ""
	case !named && defined != nil && len(defined.fields) == 1:
		return kind + "." + defined.fields[0].name, ""
	}
	return "", c.undefinedProvider(kind, id)
}

func (c *classic) undefinedProvider(kind, id string) string {
	said := kind + "." + id + " is not defined in storage_providers"
	var known []string
	for _, of := range c.root.get("storage_providers").get(kind).list() {
		for _, f := range of.fields {
			known = append(known, kind+"."+f.name)
		}
	}
	switch meant := nearest(kind+"."+id, known, nil); {
	case len(known) == 0 && kind == OwnS3:
		return said + "; s3 alone is the account's own S3"
	case len(known) == 0:
		return said + "; add storage_providers: {" + kind + ": {" + id + ": {…}}} at the top of the file"
	case meant != "":
		return said + "; did you mean " + meant + "?"
	default:
		return said + "; it has " + strings.Join(known, ", ")
	}
}

// readFilter reads which files an output takes, as globs: those whose names begin with one of the prefixes and end with
// one of the suffixes. It returns nil for all of them.
func (f *classicFunction) readFilter(item *node) *node {
	prefixes, any1 := f.readAffixes(item.get("prefix"))
	suffixes, any2 := f.readAffixes(item.get("suffix"))
	if any1 && any2 {
		return nil
	}
	at := item.get("suffix")
	if at == nil {
		at = item.get("prefix")
	}
	globs := made(at, list)
	for _, glob := range nameGlobs(prefixes, suffixes) {
		globs.items = append(globs.items, f.text(at, glob))
	}
	if len(globs.items) == 0 {
		return nil // what is wrong has been reported
	}
	return globs
}

// readAffixes reads the beginnings or ends of names. all says that they exclude no name.
func (f *classicFunction) readAffixes(n *node) (affixes []string, all bool) {
	items := n.list()
	for _, item := range items {
		switch {
		case item.kind != scalar || item.bad:
			continue
		case strings.Contains(item.text, "/"):
			f.report.at(item, "%q is compared with the names of files, which hold no slash; scar convert prints the native format, in which match takes folders", shorten(item.text))
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

// nameGlobs are globs that match a path, in any folder, exactly if its name begins with one of the prefixes and ends with
// one of the suffixes. The two may overlap in a short name: abc begins with ab and ends with bc.
func nameGlobs(prefixes, suffixes []string) []string {
	var globs []string
	add := func(glob string) {
		if !slices.Contains(globs, glob) {
			globs = append(globs, glob)
		}
	}
	for _, prefix := range prefixes {
		for _, suffix := range suffixes {
			add("**/" + escapeGlob(prefix) + "*" + escapeGlob(suffix))
			for shared := 1; shared <= min(len(prefix), len(suffix)); shared++ {
				name := prefix + suffix[shared:]
				if prefix[len(prefix)-shared:] == suffix[:shared] && name != "." && name != ".." {
					add("**/" + escapeGlob(name))
				}
			}
		}
	}
	return globs
}

// escapeGlob writes a text as a glob that matches it alone.
func escapeGlob(text string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(text)
}
