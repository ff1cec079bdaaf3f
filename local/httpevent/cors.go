package httpevent

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// IsPreflight says whether a request is a browser's question before another one.
func IsPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// CORS is what a gateway tells browsers about pages of other origins. The zero CORS is none.
type CORS struct {
	AllowOrigins     []string // scheme://host[:port], or *
	AllowMethods     []string // or *
	AllowHeaders     []string // or *
	ExposeHeaders    []string
	AllowCredentials bool
	MaxAge           int // seconds; 0: not said
}

// Headers are the headers of an answer to a request, which is a preflight or not: none for one without an origin, or of an origin
// that is not allowed.
func (c CORS) Headers(r *http.Request) http.Header {
	origin := r.Header.Get("Origin")
	allowed := c.origin(origin)
	if origin == "" || allowed == "" {
		return nil
	}
	h := http.Header{"Access-Control-Allow-Origin": {allowed}}
	if allowed != "*" {
		h.Set("Vary", "Origin")
	}
	if c.AllowCredentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if !IsPreflight(r) {
		setList(h, "Access-Control-Expose-Headers", c.ExposeHeaders)
		return h
	}
	setList(h, "Access-Control-Allow-Methods", c.AllowMethods)
	setList(h, "Access-Control-Allow-Headers", c.AllowHeaders)
	if c.MaxAge > 0 {
		h.Set("Access-Control-Max-Age", strconv.Itoa(c.MaxAge))
	}
	return h
}

func setList(h http.Header, name string, values []string) {
	if len(values) > 0 {
		h.Set(name, strings.Join(values, ","))
	}
}

// origin is what to answer to an origin; empty: it is not allowed.
func (c CORS) origin(origin string) string {
	if slices.Contains(c.AllowOrigins, "*") {
		return "*"
	}
	if slices.ContainsFunc(c.AllowOrigins, func(allowed string) bool { return matchesOrigin(allowed, origin) }) {
		return origin
	}
	return ""
}

// matchesOrigin knows a wildcard for the host: https://* allows every host.
func matchesOrigin(allowed, origin string) bool {
	if strings.EqualFold(allowed, origin) {
		return true
	}
	scheme, found := strings.CutSuffix(allowed, "*")
	return found && strings.HasSuffix(scheme, "://") && strings.HasPrefix(strings.ToLower(origin), strings.ToLower(scheme))
}
