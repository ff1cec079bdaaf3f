package local

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// fromWebPage says whether a request comes from a page of another host that a browser on this machine shows. It
// reaches the loopback interface, and could sign with the keys that everybody knows, in the address of a request
// that browsers send without asking; or it calls this machine by a name of its own, which resolves to it. Pages that functions answer with
// are not of this machine: what is in them may come from anywhere.
func fromWebPage(r *http.Request) bool {
	if !isLoopbackName(r.Host) {
		return true
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		return err != nil || !isLoopbackName(u.Host) || isFront(u.Host)
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site":
		return true
	case "same-site": // to browsers, the site of a name below localhost is its last two labels, which the pages of functions may share
		return strings.HasSuffix(strings.ToLower(withoutPort(r.Host)), ".localhost")
	}
	return false
}

func refuseWebPage(w http.ResponseWriter) {
	http.Error(w, "the local backend does not serve web pages of other hosts", http.StatusForbidden)
}

// isLoopbackName says whether a host, with or without a port, is this machine by name or by number. Browsers and
// resolvers keep names below localhost on this machine (RFC 6761, section 6.3).
func isLoopbackName(host string) bool {
	host = strings.ToLower(strings.Trim(withoutPort(host), "[]"))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func withoutPort(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
