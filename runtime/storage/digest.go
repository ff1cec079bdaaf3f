package storage

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// digest answers one challenge of the scheme Digest.
type digest struct {
	realm, nonce, opaque string
	algorithm            string // as the server wrote it; empty if it did not
	session              bool   // the algorithm's name ends in -sess
	make                 func() hash.Hash
	quality              bool // qop=auth; else the older form, which signs no count
	stale                bool // only the nonce was too old
	count                uint32
}

// newDigest is nil where the challenge is one that cannot be answered: of another algorithm, or over the bodies of calls.
func newDigest(parameters map[string]string) *digest {
	d := &digest{
		realm: parameters["realm"], nonce: parameters["nonce"], opaque: parameters["opaque"],
		algorithm: parameters["algorithm"], stale: strings.EqualFold(parameters["stale"], "true"),
	}
	name, session := strings.CutSuffix(strings.ToUpper(d.algorithm), "-SESS")
	d.session = session
	switch name {
	case "", "MD5":
		d.make = md5.New
	case "SHA-256":
		d.make = sha256.New
	default:
		return nil
	}
	if offered := parameters["qop"]; offered != "" {
		d.quality = slices.ContainsFunc(strings.Split(offered, ","), func(q string) bool {
			return strings.EqualFold(strings.TrimSpace(q), "auth")
		})
		if !d.quality {
			return nil
		}
	}
	if d.nonce == "" {
		return nil
	}
	return d
}

// authorization is the header Authorization of the next call.
func (d *digest) authorization(user, password, method, uri string) string {
	d.count++
	return d.answer(user, password, method, uri, rand.Text())
}

func (d *digest) answer(user, password, method, uri, own string) string {
	secret := d.sum(user, d.realm, password)
	if d.session {
		secret = d.sum(secret, d.nonce, own)
	}
	count := fmt.Sprintf("%08x", d.count)
	signed := d.sum(secret, d.nonce, d.sum(method, uri))
	if d.quality {
		signed = d.sum(secret, d.nonce, count, own, "auth", d.sum(method, uri))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Digest username=%s, realm=%s, nonce=%s, uri=%s, response=%s",
		quoted(user), quoted(d.realm), quoted(d.nonce), quoted(uri), quoted(signed))
	if d.algorithm != "" {
		fmt.Fprintf(&b, ", algorithm=%s", d.algorithm)
	}
	if d.opaque != "" {
		fmt.Fprintf(&b, ", opaque=%s", quoted(d.opaque))
	}
	if d.quality {
		fmt.Fprintf(&b, ", qop=auth, nc=%s, cnonce=%s", count, quoted(own))
	} else if d.session {
		fmt.Fprintf(&b, ", cnonce=%s", quoted(own))
	}
	return b.String()
}

func (d *digest) sum(fields ...string) string {
	h := d.make()
	h.Write([]byte(strings.Join(fields, ":")))
	return hex.EncodeToString(h.Sum(nil))
}

// quoted is a text as a header's quoted string.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
