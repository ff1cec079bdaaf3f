package wire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"
)

// Keys knows the access keys: the secret of each, and whose it is. Whatever the error says, the caller is unknown.
type Keys interface {
	Lookup(ctx context.Context, accessKey, token string) (secret string, id Identity, err error)
}

// Caller is who signed a request for a service in a region. It is for the addresses that functions and APIs have of their own,
// which say of every error no more than that the call is forbidden. The body must be the request's, whole.
//
// A signature is made by the clock of its client: no virtual clock moves it.
func Caller(r *http.Request, body []byte, service, region string, keys Keys) (Identity, error) {
	signature, err := ParseSignature(r)
	if err != nil {
		return Identity{}, err
	}
	if signature.Service != service || signature.Region != region {
		return Identity{}, fmt.Errorf("%w: it is for %s in %s, not for %s in %s", ErrSignatureMismatch, signature.Service, signature.Region, service, region)
	}
	secret, id, err := keys.Lookup(r.Context(), signature.AccessKey, signature.Token)
	if err != nil {
		return Identity{}, fmt.Errorf("look up access key: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := signature.Verify(r, secret, hex.EncodeToString(sum[:]), time.Now()); err != nil {
		return Identity{}, err
	}
	return id, nil
}
