package sqs

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/xml"
	"hash"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/scar-go/scar/local/wire"
)

// content is what never changes of a message, as it is stored.
type content struct {
	ID         string               `json:"i"`
	Body       string               `json:"b"`
	Attributes map[string]attribute `json:"a,omitempty"`
	Trace      string               `json:"t,omitempty"` // AWSTraceHeader
	Sender     string               `json:"s,omitempty"`
	Sent       time.Time            `json:"w"` // what retention counts from
	Group      string               `json:"g,omitempty"`
	Dedupe     string               `json:"d,omitempty"` // FIFO only
	Sequence   string               `json:"n,omitempty"` // FIFO only
	Source     string               `json:"f,omitempty"` // ARN of the queue whose dead letter it is
}

// state is what changes of a message.
type state struct {
	Visible  time.Time `json:"v"`           // not to be received before
	Receives int       `json:"r,omitempty"` // from this queue
	Total    int       `json:"l,omitempty"` // from all queues that it was in
	First    time.Time `json:"p,omitzero"`  // first receive
	Nonce    string    `json:"x,omitempty"` // of the last receive, in its receipt handle
}

// attribute is a message attribute.
type attribute struct {
	DataType    string  `json:"DataType" xml:"DataType"`
	StringValue *string `json:",omitempty" xml:",omitempty"`
	BinaryValue []byte  `json:",omitempty" xml:",omitempty"`
}

const (
	maxAttributes    = 10
	maxAttributeName = 256
)

var attributeName = wire.Pattern(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// checkMessageAttributes refuses attributes by the rules of "Amazon SQS message attributes" in the SQS developer guide.
func checkMessageAttributes(attributes map[string]attribute) error {
	if len(attributes) > maxAttributes {
		return failure("InvalidParameterValue", "Number of message attributes [%d] exceeds the allowed maximum [%d].", len(attributes), maxAttributes)
	}
	for name, a := range attributes {
		lower := strings.ToLower(name)
		if len(name) > maxAttributeName || !attributeName().MatchString(name) || strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon.") {
			return failure("InvalidParameterValue", "The message attribute name '%s' is invalid.", name)
		}
		if err := a.check(name); err != nil {
			return err
		}
	}
	return nil
}

func (a attribute) check(name string) error {
	kind, _, _ := strings.Cut(a.DataType, ".")
	wrong := func(format string, args ...any) error {
		return failure("InvalidParameterValue", "The message attribute '"+strings.ReplaceAll(name, "%", "%%")+"' "+format, args...)
	}
	switch {
	case a.DataType == "":
		return wrong("must contain a non-empty message attribute type.")
	case kind != "String" && kind != "Number" && kind != "Binary":
		return wrong("has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.")
	case kind == "Binary" && len(a.BinaryValue) == 0, kind != "Binary" && (a.StringValue == nil || *a.StringValue == ""):
		return wrong("must contain a non-empty message attribute value for message attribute type '%s'.", a.DataType)
	case kind == "Number":
		if _, err := strconv.ParseFloat(*a.StringValue, 64); err != nil {
			return wrong("must contain a message attribute value of type number.")
		}
	}
	return nil
}

func (a attribute) size() int {
	n := len(a.DataType) + len(a.BinaryValue)
	if a.StringValue != nil {
		n += len(*a.StringValue)
	}
	return n
}

// checkBody refuses texts that XML 1.0 cannot hold, as SQS does.
func checkBody(body string) error {
	if body == "" {
		return errMissing("MessageBody")
	}
	for _, r := range body {
		if r == utf8.RuneError || r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r > 0xfffd && r < 0x10000 {
			// A replacement character may be meant as one; damaged UTF-8 never is.
			if r == utf8.RuneError && utf8.ValidString(body) {
				continue
			}
			return failure("InvalidMessageContents", "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
		}
	}
	return nil
}

// size is what counts against the limits: the body and the attributes with their names and types.
func (c content) size() int {
	n := len(c.Body)
	for name, a := range c.Attributes {
		n += len(name) + a.size()
	}
	return n
}

func md5Of(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// md5OfAttributes is the digest that clients check, as "Calculating the MD5 message digest for message attributes" in the SQS
// developer guide describes it; empty where there are none.
func md5OfAttributes(attributes map[string]attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	const text, binaryData = 1, 2
	h := md5.New()
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		writeField(h, name)
		writeField(h, a.DataType)
		if strings.HasPrefix(a.DataType, "Binary") {
			h.Write([]byte{binaryData})
			writeField(h, string(a.BinaryValue))
			continue
		}
		h.Write([]byte{text})
		writeField(h, *a.StringValue)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func writeField(h hash.Hash, field string) {
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(field))))
	h.Write([]byte(field))
}

// attributeMap is a map of attributes in an answer, which XML writes as a flattened list of pairs.
type attributeMap map[string]attribute

// MarshalXML implements xml.Marshaler.
func (m attributeMap) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		pair := struct {
			Name  string
			Value attribute
		}{name, m[name]}
		if err := e.EncodeElement(pair, start); err != nil {
			return err
		}
	}
	return nil
}

// wanted are the attributes that a receive asks for: by name, all, or by the beginning of their names with .* behind it.
func wanted(attributes map[string]attribute, names []string) attributeMap {
	out := attributeMap{}
	for name, a := range attributes {
		if slices.ContainsFunc(names, func(asked string) bool {
			prefix, isPrefix := strings.CutSuffix(asked, ".*")
			return asked == "All" || asked == name || isPrefix && strings.HasPrefix(name, prefix)
		}) {
			out[name] = a
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
