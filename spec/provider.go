package spec

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// readStorage reads the providers of a file. Those with problems are left out.
func readStorage(n *node, secrets *secretReader) map[string]Storage {
	if n == nil || n.kind != mapping {
		return nil
	}
	providers := map[string]Storage{}
	r := secrets.report
	for _, f := range n.fields {
		if f.value.kind != mapping || f.value.bad {
			continue
		}
		kind, name, _ := strings.Cut(f.name, ".")
		p := providerReader{node: f.value, provider: f.name, name: name, secrets: secrets, report: r}
		before := len(r.found)
		storage := Storage{
			Type:      kind,
			Endpoint:  p.endpoint(kind),
			Region:    f.value.get("region").str(),
			Space:     p.space(),
			AccessKey: p.credential("access_key"),
			SecretKey: p.secret("secret_key"),
			User:      p.user(),
			Password:  p.secret("password"),
			Token:     p.secret("token"),
		}
		if kind == OwnS3 {
			p.checkKeys(storage)
		}
		bad := slices.ContainsFunc(f.value.fields, func(f field) bool { return f.value.bad })
		if !bad && len(r.found) == before {
			providers[f.name] = storage
		}
	}
	return providers
}

// providerReader reads the keys of one provider. Which of them it has to have, and may have, the schema has checked.
type providerReader struct {
	*report
	secrets  *secretReader
	node     *node
	provider string // minio.lab
	name     string // without its type
}

// endpoint reads the address of a provider, without a slash at its end.
func (p *providerReader) endpoint(kind string) string {
	n := p.node.get("endpoint")
	if n == nil || n.kind != scalar || n.bad {
		return ""
	}
	if problem := checkEndpoint(n.text, kind == "s3" || kind == "minio"); problem != "" {
		p.at(n, "%s", problem)
		return ""
	}
	return strings.TrimRight(n.text, "/")
}

// checkEndpoint says what is wrong with the address of a provider. It never shows the address, which may hold a password.
func checkEndpoint(text string, hasBuckets bool) string {
	const wanted = "wants a URL such as https://storage.example.org"
	u, err := url.Parse(text)
	switch {
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return wanted + ", without white space"
	case err != nil && strings.Contains(err.Error(), "port"):
		return wanted + "; its port is no number"
	case err != nil:
		return wanted
	case u.Scheme != "http" && u.Scheme != "https":
		return wanted + ", with https:// or http:// before the host"
	case u.User != nil || strings.Contains(text, "@"):
		return wanted + ", without a name or password in it; those have keys of their own"
	case u.Hostname() == "":
		return wanted + "; it names no host"
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return wanted + ", without ? and #"
	case hasBuckets && strings.Trim(u.Path, "/") != "":
		return wanted + ", without a path; the bucket belongs to the input or output, as in minio.lab/bucket/folder/"
	default:
		return ""
	}
}

// text reads a key that holds a name as it stands.
func (p *providerReader) text(key string) string {
	n := p.node.get(key)
	text := n.str()
	if strings.ContainsFunc(text, unicode.IsControl) {
		p.at(n, "holds a control character")
		return ""
	}
	return text
}

func (p *providerReader) space() string {
	space := p.text("space")
	if strings.Contains(space, "/") || space == "." || space == ".." {
		p.at(p.node.get("space"), "wants the name of a space, without a slash; a folder in it belongs to the input or output, as in onedata.%s/folder/", p.name)
		return ""
	}
	return space
}

// user reads the name of a user. Basic authentication ends it at its first colon (RFC 7617, section 2).
func (p *providerReader) user() *Credential {
	user := p.credential("user")
	if n := p.node.get("user"); user != nil && strings.Contains(n.str(), ":") && !isReference(n.str()) {
		p.at(p.node.get("user"), "a user's name has no colon; a password belongs to the key password")
		return nil
	}
	return user
}

// credential reads a key that holds a name, or says where it is kept. One that a variable holds is kept like a secret.
func (p *providerReader) credential(key string) *Credential {
	text := p.text(key)
	switch {
	case text == "":
		return nil
	case isReference(text), p.node.get(key).isVariable():
		return p.secret(key)
	default:
		return &Credential{Text: text}
	}
}

// secret reads a key that says where a secret is kept.
func (p *providerReader) secret(key string) *Credential {
	instead := "ssm:/" + p.name + "/" + key + " or secretsmanager:" + p.name + "#" + key
	if s := p.secrets.read(p.node.get(key), "storage", p.provider+"/"+key, instead); s != nil {
		return &Credential{Secret: s}
	}
	return nil
}

// checkKeys has a provider of S3 name both of its keys, or neither. The credentials of the function's role go to AWS only.
func (p *providerReader) checkKeys(s Storage) {
	access, secret := p.node.get("access_key"), p.node.get("secret_key")
	switch {
	case access != nil && secret == nil:
		p.missing(p.node, "secret_key", "is missing beside access_key; add secret_key: ssm:/%s/secret_key", p.name)
	case access == nil && secret != nil:
		p.missing(p.node, "access_key", "is missing beside secret_key; add access_key: ssm:/%s/access_key", p.name)
	case access == nil && s.Endpoint != "" && !isAWS(s.Endpoint):
		p.missing(p.node, "access_key", "is missing; the credentials of the function's role are for AWS only: add access_key and secret_key")
	}
}

// awsS3 matches the hosts of AWS's S3 (AWS General Reference, "Amazon S3 endpoints and quotas"; S3 user guide, "AWS PrivateLink
// for Amazon S3"). Machines and load balancers that AWS's users run are under amazonaws.com too, with a MinIO on them perhaps.
var awsS3 = pattern(`^(?:.+\.)?s3(?:-fips|-accelerate|-accesspoint|-accesspoint-fips|-[a-z]{2}(?:-[a-z]+)+-[0-9]+)?(?:\.[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?$`)

// isAWS says whether an endpoint is AWS's S3.
func isAWS(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && awsS3().MatchString(strings.ToLower(u.Hostname()))
}

// UsesRole says whether the provider is reached with the credentials of the function's role.
func (s Storage) UsesRole() bool { return s.Type == OwnS3 && s.AccessKey == nil }

// HasBuckets says whether the places of the provider are a bucket and a folder in it. Those of others are a folder only.
func (s Storage) HasBuckets() bool { return s.Type == "s3" || s.Type == "minio" }

// Store names what is behind a provider: two providers of one name lead to the same files. Buckets of AWS's S3 are one
// store, whoever reaches them.
func (f *File) Store(provider string) string {
	if IsOwnS3(provider) {
		return OwnS3
	}
	switch s, known := f.Storage[provider]; {
	case !known:
		return provider
	case s.HasBuckets() && (s.Endpoint == "" || isAWS(s.Endpoint)):
		return OwnS3
	case s.HasBuckets():
		return OwnS3 + " " + server(s.Endpoint)
	default:
		return s.Type + " " + s.Space + " " + server(s.Endpoint)
	}
}

// server is where an endpoint leads, however it is written: the case of the host, the protocol and its own port make no
// difference.
func server(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return endpoint
	}
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return host + u.Path
}
