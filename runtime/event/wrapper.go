package event

import (
	"encoding/json"
	"strings"
)

// readWrapper reads {"event": …, "storage_provider": …}, by which an event is handed on with the name of the
// storage that it comes from. The event is JSON or the text of one. What holds other fields too, or no event of a
// known sender, is somebody's own payload.
func (p *parser) readWrapper(d document, depth int) (*Event, error) {
	if d.others || d.provider != nil && d.provider.first() != '"' {
		return nil, nil
	}
	inner := d.inner
	if inner.first() == '"' {
		inner = inner.bytes()
		if !json.Valid(inner) {
			return nil, nil
		}
	}
	e, err := p.read(inner, depth+1)
	if err != nil || e == nil {
		return nil, err
	}
	for _, item := range e.Items {
		if item.Object != nil {
			item.Object.Provider = wrapped(d.provider.text(), item.Object.Provider)
		}
	}
	return e, nil
}

// wrapped is the provider of an object that came in a wrapper. That names a type of storage, or one storage such as
// minio.lab, or, as the original's own wrappers do, the second part of such a name only, to which the type of the
// event belongs.
func wrapped(name, own string) string {
	const s3, byDefault = "s3", "default"
	if name == "" {
		return own
	}
	kind, _, _ := strings.Cut(own, ".")
	if kind == "" {
		kind = s3
	}
	switch {
	case name == byDefault:
		name = kind
	case name == s3+"."+byDefault:
		name = s3
	case strings.Contains(name, "."):
	case name == s3, name == minioProvider, name == onedataProvider, name == "webdav":
	default:
		name = kind + "." + name
	}
	if name == s3 {
		return ""
	}
	return name
}
