package storage

import (
	"net/http"
	"strings"
	"sync"
)

// tokenHeader carries a token of Onedata.
const tokenHeader = "X-Auth-Token"

// token is a login by a token alone.
type token string

func (t token) authorize(r *http.Request) error {
	r.Header.Set(tokenHeader, string(t))
	return nil
}

func (token) challenged(*http.Response) bool { return false }

// nobody is the login where the user named none.
type nobody struct{}

func (nobody) authorize(*http.Request) error  { return nil }
func (nobody) challenged(*http.Response) bool { return false }

// password is a login by user and password, as Basic or Digest.
// Their source are https://www.rfc-editor.org/rfc/rfc7617 and https://www.rfc-editor.org/rfc/rfc7616
type password struct {
	user, password string

	mu     sync.Mutex
	basic  bool
	digest *digest // nil until a server has asked for it; it comes before Basic
}

// newPassword logs in by Basic from the first call on where the connection is encrypted. Else it waits for
// what the server asks for, because Digest does not show the password to who listens.
func newPassword(user, pass string, encrypted bool) *password {
	return &password{user: user, password: pass, basic: encrypted}
}

func (p *password) authorize(r *http.Request) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.digest != nil:
		r.Header.Set("Authorization", p.digest.authorization(p.user, p.password, r.Method, r.URL.RequestURI()))
	case p.basic:
		r.SetBasicAuth(p.user, p.password)
	}
	return nil
}

func (p *password) challenged(refused *http.Response) bool {
	used := refused.Request.Header.Get("Authorization")
	p.mu.Lock()
	defer p.mu.Unlock()
	var basic bool
	for _, header := range refused.Header.Values("WWW-Authenticate") {
		for _, c := range parseChallenges(header) {
			switch strings.ToLower(c.scheme) {
			case "basic":
				basic = true
			case "digest":
				asked := newDigest(c.parameters)
				if asked == nil {
					continue
				}
				p.digest = asked
				return !strings.HasPrefix(used, "Digest ") || asked.stale
			}
		}
	}
	if !basic || strings.HasPrefix(used, "Basic ") {
		return false
	}
	p.basic, p.digest = true, nil
	return true
}

// challenge is one way of logging in that a server offers.
type challenge struct {
	scheme     string
	parameters map[string]string // by name in lower case
}

// parseChallenges reads a header WWW-Authenticate, which lists challenges and their parameters, all separated by commas. What does
// not follow the grammar is passed over.
func parseChallenges(header string) []challenge {
	var all []challenge
	for rest := header; rest != ""; {
		rest = strings.TrimLeft(rest, " \t,")
		end := strings.IndexAny(rest, " \t,=\"")
		if end < 0 {
			end = len(rest)
		}
		word, after := rest[:end], strings.TrimLeft(rest[end:], " \t")
		switch {
		case word == "": // a character that belongs to nothing
			rest = rest[min(1, len(rest)):]
		case strings.HasPrefix(after, "="):
			var value string
			value, rest = parseValue(strings.TrimLeft(after[1:], " \t"))
			if len(all) > 0 {
				all[len(all)-1].parameters[strings.ToLower(word)] = value
			}
		default:
			all = append(all, challenge{word, map[string]string{}})
			rest = after
		}
	}
	return all
}

// parseValue reads a parameter's value, which is a word or quoted, and returns what follows it.
func parseValue(text string) (value, rest string) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, " \t,")
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:]
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), text[i+1:]
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), ""
}
