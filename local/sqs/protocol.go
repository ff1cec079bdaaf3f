package sqs

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// SQS speaks JSON 1.0, and to older clients the query protocol. An error of the JSON protocol has the name of a shape, and brings the code
// that the query protocol has for it in a header ("AWS JSON 1.0 protocol", query compatibility, in Smithy's documentation).

const contentType = "application/x-amz-json-1.0"

func speaksJSON(r *http.Request) bool { return r.Header.Get("X-Amz-Target") != "" }

// Operation is the operation that a request asks for, in either protocol, or empty where it cannot be told.
func Operation(r *http.Request, body []byte) string {
	if speaksJSON(r) {
		return wire.JSONTarget(r)
	}
	form, err := wire.QueryForm(r, body)
	if err != nil {
		return ""
	}
	return form.Get("Action")
}

func (s *Service) serveJSON(w http.ResponseWriter, r *http.Request) {
	name := wire.JSONTarget(r)
	do, found := s.operations[name]
	if !found {
		WriteError(w, r, wire.Unknown("sqs", name))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		WriteError(w, r, err)
		return
	}
	out, err := do(r.Context(), body)
	if err != nil {
		WriteError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, out)
}

// WriteError answers a request with an error, in the protocol of the request.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	if !speaksJSON(r) {
		wire.Query.WriteError(w, r, err)
		return
	}
	e := wire.AsError(err)
	fault := "Sender"
	if e.Status >= http.StatusInternalServerError {
		fault = "Receiver"
	}
	w.Header().Set("X-Amzn-Query-Error", e.Code+";"+fault)
	writeJSON(w, e.Status, struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{typeOf(e.Code), e.Message})
}

// typeOf is the shape of the JSON protocol that an error has.
func typeOf(code string) string {
	const ours, general = "com.amazonaws.sqs#", "com.amazon.coral.service#"
	switch code {
	case simpleQueueService + "NonExistentQueue":
		return ours + "QueueDoesNotExist"
	case "QueueAlreadyExists":
		return ours + "QueueNameExists"
	case "AccessDenied", "InvalidParameterValue", "MissingParameter", "NotImplemented":
		return general + code + "Exception"
	}
	return ours + strings.TrimPrefix(code, simpleQueueService)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that has gone away is told nothing
}
