package s3

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/scar-go/scar/local/wire"
)

// Put stores an object for another service of the backend, with the rights of who. As with every object, those who ask for its events
// are told. The error is S3's own.
func (s *Service) Put(ctx context.Context, who wire.Identity, bucket, key string, body []byte) error {
	if who.Role == "" {
		return errAccessDenied("Access Denied") // only sessions of roles have rights that can be asked about
	}
	who.AccessKey = "service" // a session has one, and who has none is nobody to S3
	ctx = wire.WithCall(ctx, wire.Call{Service: "s3", Operation: "PutObject", Region: s.Region, RequestID: "service", Identity: who})
	address := url.URL{Scheme: "http", Host: "localhost", Path: "/" + bucket + "/" + key}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, address.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("put %s into bucket %s: %w", key, bucket, err)
	}
	return s.serve(newRequest(nowhere{}, r, s.Region))
}

// nowhere takes an answer that nobody waits for.
type nowhere struct{}

// Header implements http.ResponseWriter.
func (nowhere) Header() http.Header { return http.Header{} }

// Write implements http.ResponseWriter.
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements http.ResponseWriter.
func (nowhere) WriteHeader(int) {}
