package httpevent

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// ErrMalformed says that what a function answered is no HTTP response: function URLs make 502 of it, HTTP APIs 500.
var ErrMalformed = errors.New("the function's answer is no HTTP response")

const jsonType = "application/json"

// Answer is what a function answered, as an HTTP response.
type Answer struct {
	Status int // 200 to 599
	Header http.Header
	Body   []byte
}

// Read reads what a function answered. An object with a statusCode says what the response is; any other JSON is the body of a
// response 200, as it is. DefaultType is the content type of an answer with a statusCode that names none, application/json
// for function URLs. An error wraps ErrMalformed.
func Read(payload []byte, defaultType string) (Answer, error) {
	if !json.Valid(payload) {
		return Answer{}, fmt.Errorf("%w: it is no JSON", ErrMalformed)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(payload, &fields); err != nil || fields["statusCode"] == nil {
		return Answer{http.StatusOK, http.Header{"Content-Type": {jsonType}}, payload}, nil
	}
	a := Answer{Header: http.Header{}}
	for _, part := range []struct {
		name string
		read func(json.RawMessage) error
	}{
		{"statusCode", a.readStatus},
		{"headers", a.readHeaders},
		{"cookies", a.readCookies},
		{"body", a.readBody},
		{"isBase64Encoded", a.decodeBody},
	} {
		text, found := fields[part.name]
		if !found || string(text) == "null" && part.name != "statusCode" {
			continue
		}
		if err := part.read(text); err != nil {
			return Answer{}, fmt.Errorf("%w: %s: %w", ErrMalformed, part.name, err)
		}
	}
	if a.Header.Get("Content-Type") == "" {
		a.Header.Set("Content-Type", defaultType)
	}
	return a, nil
}

// readStatus takes a number, or a number in a string.
func (a *Answer) readStatus(text json.RawMessage) error {
	var number json.Number
	if err := json.Unmarshal(text, &number); err != nil {
		return err
	}
	status, err := strconv.Atoi(number.String())
	if err != nil {
		return err
	}
	if status < http.StatusOK || status > 599 {
		return fmt.Errorf("%d is no status of a final response", status)
	}
	a.Status = status
	return nil
}

// ours are the headers that belong to the connection, which a function does not decide.
var ours = []string{"Connection", "Content-Length", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

func (a *Answer) readHeaders(text json.RawMessage) error {
	var headers map[string]any
	if err := json.Unmarshal(text, &headers); err != nil {
		return err
	}
	for name, given := range headers {
		value, err := scalar(given)
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		if !isToken(name) || !isFieldValue(value) {
			return fmt.Errorf("%q is no header with a value that HTTP allows", name)
		}
		if !slices.Contains(ours, http.CanonicalHeaderKey(name)) {
			a.Header.Set(name, value)
		}
	}
	return nil
}

// scalar is the text of a header's value, which may be a string, a number or a truth value.
func scalar(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case nil:
		return "", nil
	default:
		return "", errors.New("the value is no string")
	}
}

// isToken says whether a text can be the name of a header (RFC 9110, section 5.6.2).
func isToken(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			return false
		default:
			return !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
		}
	})
}

// isFieldValue says whether a text can be the value of a header (RFC 9110, section 5.5): above all it ends no line.
func isFieldValue(value string) bool {
	return !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}

func (a *Answer) readCookies(text json.RawMessage) error {
	var cookies []string
	if err := json.Unmarshal(text, &cookies); err != nil {
		return err
	}
	for _, cookie := range cookies {
		if !isFieldValue(cookie) {
			return fmt.Errorf("%q is no value that HTTP allows", cookie)
		}
		a.Header.Add("Set-Cookie", cookie)
	}
	return nil
}

func (a *Answer) readBody(text json.RawMessage) error {
	var body string
	if err := json.Unmarshal(text, &body); err != nil {
		return errors.New("it is no string")
	}
	a.Body = []byte(body)
	return nil
}

func (a *Answer) decodeBody(text json.RawMessage) error {
	var encoded bool
	if err := json.Unmarshal(text, &encoded); err != nil {
		return errors.New("it is neither true nor false")
	}
	if !encoded {
		return nil
	}
	body, err := base64.StdEncoding.DecodeString(string(a.Body))
	if err != nil {
		return errors.New("the body is no base64")
	}
	a.Body = body
	return nil
}

// WriteTo answers a request. Headers that w has already stay, but for those that the function sets too.
func (a Answer) WriteTo(w http.ResponseWriter) {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	if a.Status != http.StatusNoContent && a.Status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	}
	w.WriteHeader(a.Status)
	// A client that has gone away is told nothing; a status that has no body refuses one.
	_, _ = w.Write(a.Body)
}

// WriteMessage answers a request for which no function answered: {"message":"…"}, with the key as the gateway writes it, since
// function URLs and HTTP APIs differ in its case for some answers.
func WriteMessage(w http.ResponseWriter, status int, key, message string) {
	body, err := json.Marshal(map[string]string{key: message})
	if err != nil {
		body = nil // texts always become JSON
	}
	Answer{status, http.Header{"Content-Type": {jsonType}}, body}.WriteTo(w)
}
