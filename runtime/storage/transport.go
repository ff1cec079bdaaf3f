package storage

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// UploadsAtOnce is how many uploads are worth having under way at a time, whatever their sizes. Small files are bound by
// the time that an answer takes, so it is many. It needs no lowering for large ones: they are read from their files
// as they are sent, and calls that find all connections to a host in use wait for one.
const UploadsAtOnce = connections

// connections is how many there are to one host at most. All that a call holds in memory is in its connection.
const connections = 32

const (
	dialTimeout  = 5 * time.Second
	maxRedirects = 5

	// silence is how long what was sent may stay unacknowledged. An instance that was frozen between two invocations finds
	// its connections as they were, while what lies between has long forgotten them and drops every packet. Without this
	// limit the first call would wait for many minutes.
	silence = 5 * time.Second
)

// newTransport makes what all clients of a Stores send their calls through. Certificates are always verified. There is no
// HTTP/2: one connection of it carries less than several, and a call that is given up could not be told from one that stalls.
func newTransport() *http.Transport {
	dialer := &net.Dialer{
		Timeout:         dialTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: silence, Count: 3},
		Control:         limitSilence,
	}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   2 * dialTimeout,
		ExpectContinueTimeout: time.Second,
		MaxConnsPerHost:       connections,
		MaxIdleConnsPerHost:   connections,
		MaxIdleConns:          2 * connections,
		IdleConnTimeout:       90 * time.Second,
		DisableCompression:    true, // a file is to arrive as it lies there
	}
}

// noRedirect leaves redirects to the caller, to whom they are errors.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// safeRedirect follows redirects of downloads only, and takes the credentials off where they lead to another host or another
// protocol. The standard library would keep those in headers that it doesn't know, and those for subdomains.
func safeRedirect(next *http.Request, before []*http.Request) error {
	first := before[0]
	if first.Method != http.MethodGet || strings.HasSuffix(next.URL.Path, "/") { // no file lies there, but a folder's list
		return http.ErrUseLastResponse
	}
	if len(before) > maxRedirects {
		return fmt.Errorf("the server redirects more than %d times", maxRedirects)
	}
	if within(next.URL) && !within(first.URL) {
		return fmt.Errorf("the server redirects to %s, which is no address of a server but of the function's own machine", next.URL.Host)
	}
	if !sameServer(next.URL, first.URL) {
		for _, name := range credentialHeaders {
			next.Header.Del(name)
		}
	}
	return nil
}

// sameServer reports whether two addresses are of one server, in one protocol.
func sameServer(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

// within reports whether an address is of this machine, where Lambda's Runtime API is, or of its link, where others have their
// services for credentials. A name that only a name server knows to be so is not noticed.
func within(u *url.URL) bool {
	name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	ip = ip.Unmap()
	return err == nil && (ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified())
}

// credentialHeaders are those that the providers are asked with.
var credentialHeaders = []string{"Authorization", tokenHeader}
