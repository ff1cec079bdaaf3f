package s3

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// document builds an XML answer. It differs from encoding/xml in that it writes control characters
// as references, which XML 1.0 forbids and S3 does: keys may hold them, and clients that expect them
// ask for encoding-type=url.
type document struct{ b bytes.Buffer }

func newDocument(root, namespace string) *document {
	d := &document{}
	d.b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<" + root)
	if namespace != "" {
		d.b.WriteString(` xmlns="` + namespace + `"`)
	}
	d.b.WriteByte('>')
	return d
}

func (d *document) open(name string)  { d.b.WriteString("<" + name + ">") }
func (d *document) close(name string) { d.b.WriteString("</" + name + ">") }

func (d *document) leaf(name, value string) {
	d.open(name)
	d.text(value)
	d.close(name)
}

func (d *document) number(name string, n int64) { d.leaf(name, strconv.FormatInt(n, 10)) }
func (d *document) truth(name string, yes bool) { d.leaf(name, strconv.FormatBool(yes)) }

// optional writes the element only if it has a value.
func (d *document) optional(name, value string) {
	if value != "" {
		d.leaf(name, value)
	}
}

func (d *document) text(s string) {
	for _, r := range s {
		switch {
		case r == '&':
			d.b.WriteString("&amp;")
		case r == '<':
			d.b.WriteString("&lt;")
		case r == '>':
			d.b.WriteString("&gt;")
		case r == '"':
			d.b.WriteString("&quot;")
		case r < 0x20 || r == 0x7f:
			d.b.WriteString("&#x" + strconv.FormatInt(int64(r), 16) + ";")
		default:
			d.b.WriteRune(r)
		}
	}
}

// send answers the request with the document, which must be closed.
func (d *document) send(req *request, status int) {
	h := req.w.Header()
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Length", strconv.Itoa(d.b.Len()))
	req.w.WriteHeader(status)
	// A client that is gone is told nothing more.
	_, _ = req.w.Write(d.b.Bytes())
}

// answer closes the root and sends the document with status 200.
func (d *document) answer(req *request, root string) error {
	d.close(root)
	d.send(req, http.StatusOK)
	return nil
}

// urlEncode encodes a key as S3 does in events and in listings with encoding-type=url: as a form
// value, but with slashes kept.
func urlEncode(key string) string {
	var b strings.Builder
	for i := range len(key) {
		switch c := key[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.*/", c) >= 0:
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			const digits = "0123456789ABCDEF"
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}
