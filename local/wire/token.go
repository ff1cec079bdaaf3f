package wire

import (
	"encoding/base64"
	"net/http"
)

// PageToken makes an opaque token of the key at which the next page starts.
func PageToken(key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(key))
}

// PageStart is the key in a token that PageToken made; an empty token is the beginning. Code is the
// service's code for a token that is none.
func PageStart(token, code string) (key string, err error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", Errorf(http.StatusBadRequest, code, "The specified token is invalid.")
	}
	return string(b), nil
}
