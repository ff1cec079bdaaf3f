package wire

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// QueryOperation is one operation of a service that speaks the query protocol. Its output becomes
// the element <OperationResult>; nil leaves that element out.
type QueryOperation func(ctx context.Context, form url.Values) (any, error)

// QueryAPI is a service that speaks the query protocol.
type QueryAPI struct {
	Service    string
	Namespace  string // of the answers' XML
	Operations map[string]QueryOperation
	EC2        bool // answers and errors have the shape of EC2's
}

func (q QueryAPI) protocol() Protocol {
	if q.EC2 {
		return EC2
	}
	return Query
}

// ServeHTTP serves one call. The body must have been bounded by the caller.
func (q QueryAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		q.protocol().WriteError(w, r, err)
		return
	}
	form, err := QueryForm(r, body)
	if err != nil {
		q.protocol().WriteError(w, r, err)
		return
	}
	action := form.Get("Action")
	do, found := q.Operations[action]
	if !found {
		q.protocol().WriteError(w, r, Unknown(q.Service, action))
		return
	}
	result, err := do(r.Context(), form)
	if err != nil {
		q.protocol().WriteError(w, r, err)
		return
	}
	id := CallOf(r.Context()).RequestID
	if q.EC2 {
		writeXML(w, r, http.StatusOK, ec2Answer{q.Namespace, action, result, id})
		return
	}
	writeXML(w, r, http.StatusOK, queryAnswer{q.Namespace, action, result, id})
}

// QueryForm is the form that a request brings: in its body or, where that is empty, in its address, but
// never in both, so that whoever looks at a request sees the same values.
func QueryForm(r *http.Request, body []byte) (url.Values, error) {
	text := string(body)
	if text == "" {
		text = r.URL.RawQuery
	}
	form, err := url.ParseQuery(text)
	if err != nil {
		return nil, Errorf(http.StatusBadRequest, "MalformedQueryString", "%v", err)
	}
	return form, nil
}

type queryAnswer struct {
	namespace, action string
	result            any
	requestID         string
}

// MarshalXML implements xml.Marshaler: the names of the elements follow from the operation's.
func (a queryAnswer) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	outer := xml.StartElement{
		Name: xml.Name{Local: a.action + "Response"},
		Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: a.namespace}},
	}
	if err := e.EncodeToken(outer); err != nil {
		return err
	}
	if a.result != nil {
		if err := e.EncodeElement(a.result, xml.StartElement{Name: xml.Name{Local: a.action + "Result"}}); err != nil {
			return err
		}
	}
	meta := struct {
		RequestID string `xml:"RequestId"`
	}{a.requestID}
	if err := e.EncodeElement(meta, xml.StartElement{Name: xml.Name{Local: "ResponseMetadata"}}); err != nil {
		return err
	}
	return e.EncodeToken(outer.End())
}

type queryError struct {
	XMLName xml.Name `xml:"ErrorResponse"`
	Error   struct {
		Type    string // whose fault it is: Sender or Receiver
		Code    string
		Message string
	}
	RequestID string `xml:"RequestId"`
}

func newQueryError(e *Error, requestID string) queryError {
	out := queryError{RequestID: requestID}
	out.Error.Type, out.Error.Code, out.Error.Message = "Sender", e.Code, e.Message
	if e.Status >= http.StatusInternalServerError {
		out.Error.Type = "Receiver"
	}
	return out
}

// Member is the value of a field of the i-th member, from 1, of a list in a form; an empty field
// stands for a list of plain values.
func Member(form url.Values, list string, i int, field string) (value string, found bool) {
	key := list + ".member." + strconv.Itoa(i)
	if field != "" {
		key += "." + field
	}
	values, found := form[key]
	if !found || len(values) == 0 {
		return "", false
	}
	return values[0], true
}
