package wire

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

const jsonType = "application/x-amz-json-1.1"

// JSONOperation is one operation of a service that speaks JSON 1.1.
type JSONOperation func(ctx context.Context, body []byte) (any, error)

// JSON makes an operation of a function from its input to its output.
func JSON[In, Out any](do func(context.Context, In) (Out, error)) JSONOperation {
	return func(ctx context.Context, body []byte) (any, error) {
		var in In
		if len(body) > 0 {
			if err := json.Unmarshal(body, &in); err != nil {
				return nil, Errorf(http.StatusBadRequest, "SerializationException", "%v", err)
			}
		}
		return do(ctx, in)
	}
}

// Empty is the output of operations that answer nothing.
type Empty struct{}

// ServeJSON serves one call of a service that speaks JSON 1.1: the operation is what follows the dot
// of X-Amz-Target. The body must have been bounded by the caller.
func ServeJSON(w http.ResponseWriter, r *http.Request, service string, operations map[string]JSONOperation) {
	name := JSONTarget(r)
	do, found := operations[name]
	if !found {
		JSON11.WriteError(w, r, Unknown(service, name))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		JSON11.WriteError(w, r, err)
		return
	}
	out, err := do(r.Context(), body)
	if err != nil {
		JSON11.WriteError(w, r, err)
		return
	}
	writeJSON(w, jsonType, http.StatusOK, out)
}

// JSONTarget is the operation that a request of JSON 1.1 names.
func JSONTarget(r *http.Request) string {
	target := r.Header.Get("X-Amz-Target")
	return target[strings.LastIndexByte(target, '.')+1:]
}
