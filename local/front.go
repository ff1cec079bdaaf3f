package local

import (
	"net/http"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// The fronts are what functions show to the world: their own addresses and HTTP APIs. Each has a host of its own below localhost, which
// says what a request is for; who may call is the business of the service behind.
const (
	urlFront = "lambda-url"  // hosts ID.lambda-url.REGION.localhost
	apiFront = "execute-api" // hosts ID.execute-api.REGION.localhost
)

// frontOf is the front of a host, or empty.
func (b *Backend) frontOf(host string) string {
	_, rest, _ := strings.Cut(strings.ToLower(withoutPort(host)), ".")
	for _, front := range []string{urlFront, apiFront} {
		if rest == front+"."+b.options.Region+".localhost" {
			return front
		}
	}
	return ""
}

// isFront says whether a host is one of a front, of whichever backend on this machine.
func isFront(host string) bool {
	labels := strings.Split(strings.ToLower(withoutPort(host)), ".")
	return len(labels) > 2 && (labels[1] == urlFront || labels[1] == apiFront)
}

// serveFront serves a request to a function's address or API. Pages of other hosts may make it: CORS is the front's to grant. But they
// may not bring a signature in the address, which browsers send without asking, since everybody knows the administrator's keys.
func (b *Backend) serveFront(w http.ResponseWriter, r *http.Request, front string) {
	if fromWebPage(r) && strings.Contains(r.URL.RawQuery, "X-Amz-Algorithm=") {
		refuseWebPage(w)
		return
	}
	call := wire.Call{Service: front, Operation: "Invoke", Region: b.options.Region, RequestID: newRequestID()}
	b.dispatch(w, r, call, b.fronts[front])
}
