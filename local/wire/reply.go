package wire

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// Protocol is one of the ways in which AWS services write answers and errors.
type Protocol int

// The protocols that the backend speaks.
const (
	JSON11   Protocol = iota // Logs, ECR, tagging: POST with X-Amz-Target
	Query                    // IAM, STS: form in, XML out
	RESTJSON                 // Lambda, EventBridge Scheduler, API Gateway, EFS
	RESTXML                  // S3
	EC2                      // EC2: as Query, with answers of its own shape
)

// AsError returns err as AWS would answer it: a wire.Error as it is, anything else as an internal
// failure that shows its text, since whoever reads it runs the backend.
func AsError(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return Errorf(http.StatusInternalServerError, "InternalFailure", "%v", err)
}

// SetRequestID puts the id of a request where the clients of the protocol look for it.
func (p Protocol) SetRequestID(h http.Header, id string) {
	if p == RESTXML {
		h.Set("X-Amz-Request-Id", id)
		h.Set("X-Amz-Id-2", id)
		return
	}
	h.Set("X-Amzn-Requestid", id)
}

// WriteError answers a request with an error in the form of the protocol.
func (p Protocol) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	e := AsError(err)
	id := CallOf(r.Context()).RequestID
	switch p {
	case Query:
		writeXML(w, r, e.Status, newQueryError(e, id))
	case EC2:
		writeXML(w, r, e.Status, newEC2Error(e, id))
	case RESTXML:
		writeXML(w, r, e.Status, s3Error{Code: e.Code, Message: e.Message, Resource: r.URL.Path, RequestID: id})
	case RESTJSON:
		w.Header().Set("X-Amzn-Errortype", e.Code)
		writeJSON(w, "application/json", e.Status, restError{Type: faultType(e.Status), Message: e.Message, Capital: e.Message})
	default:
		w.Header().Set("X-Amzn-Errortype", e.Code)
		writeJSON(w, jsonType, e.Status, jsonError{Type: e.Code, Message: e.Message})
	}
}

type jsonError struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

// restError has its message twice: the models of the services do not agree on the name, and their clients look for one of them.
type restError struct {
	Type    string // whose fault it is: User or Server
	Message string `json:"message"`
	Capital string `json:"Message"`
}

type s3Error struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	Resource  string `xml:",omitempty"`
	RequestID string `xml:"RequestId"`
}

func faultType(status int) string {
	if status < http.StatusInternalServerError {
		return "User"
	}
	return "Server"
}

func writeJSON(w http.ResponseWriter, contentType string, status int, body any) {
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

func writeXML(w http.ResponseWriter, r *http.Request, status int, body any) {
	b, err := xml.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)+len(xml.Header)))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(append([]byte(xml.Header), b...)) // as in writeJSON
}

// Epoch is a time as the JSON protocols write it: seconds since 1970, with a fraction.
type Epoch time.Time

// MarshalJSON implements json.Marshaler.
func (e Epoch) MarshalJSON() ([]byte, error) {
	ms := time.Time(e).UnixMilli()
	return strconv.AppendFloat(nil, float64(ms)/1000, 'f', -1, 64), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *Epoch) UnmarshalJSON(b []byte) error {
	seconds, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return err
	}
	*e = Epoch(time.UnixMilli(int64(seconds * 1000)))
	return nil
}
