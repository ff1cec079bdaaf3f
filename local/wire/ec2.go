package wire

import (
	"bytes"
	"encoding/xml"
	"net/url"
	"strconv"
)

// ec2Answer is an answer of EC2, whose fields stand beside the request's id: EC2 has no element <OperationResult>.
type ec2Answer struct {
	namespace, action string
	result            any // a struct with a name, or one with XMLName; nil: nothing
	requestID         string
}

// MarshalXML implements xml.Marshaler: the name of the element follows from the operation's.
func (a ec2Answer) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	start := xml.StartElement{
		Name: xml.Name{Local: a.action + "Response"},
		Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: a.namespace}},
	}
	var fields []byte
	if a.result != nil {
		text, err := xml.Marshal(a.result)
		if err != nil {
			return err
		}
		// What is within the element that stands for the struct, which has no attributes.
		fields = text[bytes.IndexByte(text, '>')+1 : bytes.LastIndexByte(text, '<')]
	}
	return e.EncodeElement(struct {
		RequestID string `xml:"requestId"`
		Fields    []byte `xml:",innerxml"`
	}{a.requestID, fields}, start)
}

type ec2Error struct {
	XMLName xml.Name `xml:"Response"`
	Errors  struct {
		Error struct{ Code, Message string }
	}
	RequestID string
}

func newEC2Error(e *Error, requestID string) ec2Error {
	out := ec2Error{RequestID: requestID}
	out.Errors.Error.Code, out.Errors.Error.Message = e.Code, e.Message
	return out
}

// Numbered are the values of a list in a form of EC2's: list.1, list.2 and so on, up to the first that is missing.
func Numbered(form url.Values, list string) []string {
	var out []string
	for i := 1; form.Has(list + "." + strconv.Itoa(i)); i++ {
		out = append(out, form.Get(list+"."+strconv.Itoa(i)))
	}
	return out
}
