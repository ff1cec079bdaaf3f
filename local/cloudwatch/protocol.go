package cloudwatch

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/scar-go/scar/local/wire"
)

// protocol is one of those that CloudWatch is asked in ("Smithy RPC v2 CBOR", "AWS JSON 1.0" and "AWS query" in Smithy's
// documentation). Errors of the first two have names of shapes, and bring the code of the third in a header.
type protocol int

const (
	rpcCBOR protocol = iota
	json10
	query
)

const (
	rpcPath     = "/service/GraniteServiceVersion20100801/operation/"
	shapePrefix = "com.amazonaws.cloudwatch#"
)

func protocolOf(r *http.Request) protocol {
	switch {
	case strings.HasPrefix(r.URL.Path, rpcPath):
		return rpcCBOR
	case r.Header.Get("X-Amz-Target") != "":
		return json10
	default:
		return query
	}
}

// Operation is the operation that a request asks for, in any of the protocols, or empty where it cannot be told.
func Operation(r *http.Request, body []byte) string {
	switch protocolOf(r) {
	case rpcCBOR:
		return strings.TrimPrefix(r.URL.Path, rpcPath)
	case json10:
		return wire.JSONTarget(r)
	}
	form, err := wire.QueryForm(r, body)
	if err != nil {
		return ""
	}
	return form.Get("Action")
}

// toJSON brings an input into JSON.
func (p protocol) toJSON(body []byte) ([]byte, error) {
	if len(body) == 0 {
		return []byte("{}"), nil
	}
	if p != rpcCBOR {
		return body, nil
	}
	value, err := cbor.Decode(body)
	if err != nil {
		return nil, serialization(err)
	}
	plain, err := plainCBOR(value)
	if err != nil {
		return nil, serialization(err)
	}
	out, err := json.Marshal(plain)
	if err != nil { // such as a number that is none
		return nil, serialization(err)
	}
	return out, nil
}

func serialization(err error) error {
	return wire.Errorf(http.StatusBadRequest, "SerializationException", "%v", err)
}

// write answers in RPC v2 or JSON.
func (p protocol) write(w http.ResponseWriter, status int, t tree) {
	var body []byte
	if p == rpcCBOR {
		body = cbor.Encode(toCBOR(t))
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		w.Header().Set("Content-Type", "application/cbor")
	} else {
		var err error
		if body, err = json.Marshal(toJSON(t)); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone away is told nothing
}

// WriteError answers a request with an error, in the protocol of the request.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	p := protocolOf(r)
	if p == query {
		wire.Query.WriteError(w, r, err)
		return
	}
	e := wire.AsError(err)
	fault := "Sender"
	if e.Status >= http.StatusInternalServerError {
		fault = "Receiver"
	}
	w.Header().Set("X-Amzn-Query-Error", e.Code+";"+fault)
	p.write(w, e.Status, fields{{"__type", shapePrefix + shapeOf(e.Code)}, {"message", e.Message}})
}

// shapeOf is the shape of an error that has a code of the query protocol.
func shapeOf(code string) string {
	switch code {
	case "InvalidParameterValue", "InvalidParameterCombination", "MissingParameter":
		return code + "Exception"
	}
	return code
}

// newQueryAPI serves the operations in the query protocol.
func newQueryAPI(s *Service) wire.QueryAPI {
	api := wire.QueryAPI{Service: "cloudwatch", Namespace: namespaceXML, Operations: map[string]wire.QueryOperation{}}
	for name, do := range operations {
		api.Operations[name] = func(ctx context.Context, form url.Values) (any, error) {
			body, err := formToJSON(form)
			if err != nil {
				return nil, err
			}
			out, err := do(s, ctx, body)
			return xmlTree{out}, err
		}
	}
	return api
}
