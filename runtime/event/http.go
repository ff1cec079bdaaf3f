package event

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// request is the parts of a request that are used. By
// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html (function URLs),
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html (payloads 1.0 and 2.0) and
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html (load balancers).
type request struct {
	method, path, rawPath, rawQuery value
	query, queries                  value // one value a name, several
	headers, lists                  value // one value a name, several
	body, encoded                   value
}

// requestContext is what a front says of itself.
type requestContext struct {
	method, elb, millis value
}

// readRequest reads a request, or returns nil for a document that only looks like one.
func (p *parser) readRequest(d document, depth int) *Event {
	r, c := openRequest(d.raw), openContext(d.context)
	q := &Request{}
	switch {
	case d.version.text() == "2.0" && c.method.first() == '"':
		q.Front, q.Method, q.Path, q.Query = URL, c.method.text(), r.rawPath.text(), r.rawQuery.text()
	case r.method.first() != '"' || d.context.first() != '{':
		return nil
	default:
		q.Method, q.Path = r.method.text(), r.path.text()
		q.Front, q.Query = REST, r.joined(url.QueryEscape)
		if c.elb != nil {
			q.Front, q.Query = LoadBalancer, r.joined(func(s string) string { return s })
			if r.lists.first() == '{' {
				q.Front = LoadBalancerMulti
			}
		}
	}
	q.Parameters = parameters(q.Query)
	q.ContentType = r.header("Content-Type")
	q.Async = r.header("X-Amz-Invocation-Type") == "Event"

	item := Item{Raw: d.raw}
	if ms, err := c.millis.integer(); err == nil {
		item.Time = fromMilliseconds(ms)
	}
	content, err := r.content()
	item.Err = err
	if len(content) > 0 {
		item.File = &File{Name: "body" + extension(q.ContentType), Content: content}
		p.readObject(&item, depth)
	}
	return &Event{Kind: HTTP, Items: []Item{item}, Request: q}
}

func openRequest(v value) request {
	var r request
	for name, member := range v.members() {
		switch string(name) {
		case "httpMethod":
			r.method = member
		case "path":
			r.path = member
		case "rawPath":
			r.rawPath = member
		case "rawQueryString":
			r.rawQuery = member
		case "queryStringParameters":
			r.query = member
		case "multiValueQueryStringParameters":
			r.queries = member
		case "headers":
			r.headers = member
		case "multiValueHeaders":
			r.lists = member
		case "body":
			r.body = member
		case "isBase64Encoded":
			r.encoded = member
		}
	}
	return r
}

func openContext(v value) requestContext {
	var c requestContext
	for name, member := range v.members() {
		switch string(name) {
		case "elb":
			c.elb = member
		case "timeEpoch", "requestTimeEpoch":
			c.millis = member
		case "http":
			for name, inner := range member.members() {
				if string(name) == "method" {
					c.method = inner
				}
			}
		}
	}
	return c
}

// joined is the query of a front that hands over names and values instead, in the order of the event. API Gateway has
// decoded them, a load balancer has not.
func (r *request) joined(encode func(string) string) string {
	var b strings.Builder
	add := func(name []byte, v value) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(encode(string(name)) + "=" + encode(v.text()))
	}
	if r.queries.first() != '{' {
		for name, v := range r.query.members() {
			add(name, v)
		}
		return b.String()
	}
	for name, list := range r.queries.members() {
		for v := range list.elements() {
			add(name, v)
		}
	}
	return b.String()
}

// parameters decodes a query. A parameter that is damaged is left out; the query still has it.
func parameters(query string) map[string]string {
	var decoded map[string]string
	for pair := range strings.SplitSeq(query, "&") {
		name, v, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil || name == "" {
			continue
		}
		if v, err = url.QueryUnescape(v); err != nil {
			continue
		}
		if decoded == nil {
			decoded = map[string]string{}
		}
		decoded[name] = v
	}
	return decoded
}

// header is the value of a header, the last one where it is repeated. Fronts that give both forms say the same in them.
func (r *request) header(wanted string) string {
	found := ""
	for name, v := range r.headers.members() {
		if strings.EqualFold(string(name), wanted) {
			found = v.text()
		}
	}
	for name, list := range r.lists.members() {
		if !strings.EqualFold(string(name), wanted) {
			continue
		}
		for v := range list.elements() {
			found = v.text()
		}
	}
	return found
}

// content is the body.
func (r *request) content() ([]byte, error) {
	switch {
	case r.body == nil || string(r.body) == "null":
		return nil, nil
	case r.body.first() != '"':
		return nil, errors.New("the body of the request is no text")
	case string(r.encoded) != "true":
		return r.body.bytes(), nil
	}
	content, err := base64.StdEncoding.AppendDecode(nil, r.body.bytes())
	if err != nil {
		return nil, fmt.Errorf("decode the body of the request: %w", err)
	}
	return content, nil
}

// readObject looks for an event in the body: MinIO and OneTrigger post one record at a time to a URL that they are
// given. Anybody else can do so too, so an object without a provider, which would be one of the account's own, is none,
// and what is damaged is a body like any other.
func (p *parser) readObject(item *Item, depth int) {
	body := value(item.File.Content)
	if body.first() != '{' || !json.Valid(body) {
		return
	}
	e, err := p.read(body, depth+1)
	if err != nil || e == nil || e.Kind != Objects || len(e.Items) != 1 {
		return
	}
	found := e.Items[0]
	if found.Object == nil || found.Object.Provider == "" {
		return
	}
	item.Object = found.Object
	if found.Time != "" {
		item.Time = found.Time
	}
}

// extension is that of a file by the type of its content, as far as programs are known to care. The table of package
// mime is not used: it depends on the machine.
func extension(contentType string) string {
	mediaType, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(mediaType)) {
	case "application/json":
		return ".json"
	case "text/plain":
		return ".txt"
	case "text/csv":
		return ".csv"
	case "text/html":
		return ".html"
	case "text/markdown":
		return ".md"
	case "application/xml", "text/xml":
		return ".xml"
	case "application/yaml", "application/x-yaml", "text/yaml":
		return ".yaml"
	case "application/pdf":
		return ".pdf"
	case "application/zip":
		return ".zip"
	case "application/gzip", "application/x-gzip":
		return ".gz"
	case "application/x-tar":
		return ".tar"
	case "image/png":
		return ".png"
	case "image/jpeg":
		return ".jpg"
	case "image/gif":
		return ".gif"
	case "image/tiff":
		return ".tif"
	case "image/webp":
		return ".webp"
	case "image/bmp":
		return ".bmp"
	case "image/svg+xml":
		return ".svg"
	case "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave":
		return ".wav"
	case "audio/mpeg":
		return ".mp3"
	case "audio/flac":
		return ".flac"
	case "audio/ogg":
		return ".ogg"
	case "video/mp4":
		return ".mp4"
	case "video/quicktime":
		return ".mov"
	case "video/webm":
		return ".webm"
	}
	return ""
}
