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
