package cloudwatch

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// tree is an answer before a protocol gives it its form: fields, []tree, string, float64 or time.Time.
type tree any

// fields are the fields of a structure, in an order.
type fields []field

type field struct {
	name  string
	value tree
}

func toCBOR(t tree) cbor.Value {
	switch v := t.(type) {
	case fields:
		out := cbor.Map{}
		for _, f := range v {
			out[f.name] = toCBOR(f.value)
		}
		return out
	case []tree:
		out := make(cbor.List, len(v))
		for i := range v {
			out[i] = toCBOR(v[i])
		}
		return out
	case float64:
		return cbor.Float64(v)
	case time.Time:
		return &cbor.Tag{ID: 1, Value: cbor.Float64(seconds(v))} // RFC 8949, 3.4.2
	default:
		return cbor.String(fmt.Sprint(v))
	}
}

func toJSON(t tree) any {
	switch v := t.(type) {
	case fields:
		out := map[string]any{}
		for _, f := range v {
			out[f.name] = toJSON(f.value)
		}
		return out
	case []tree:
		out := make([]any, len(v))
		for i := range v {
			out[i] = toJSON(v[i])
		}
		return out
	case time.Time:
		return seconds(v)
	default:
		return v
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// xmlTree is an answer in the query protocol, in which lists have elements called member.
type xmlTree struct{ tree }

// MarshalXML implements xml.Marshaler.
func (x xmlTree) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	var inner []field
	switch v := x.tree.(type) {
	case fields:
		inner = v
	case []tree:
		for _, one := range v {
			inner = append(inner, field{"member", one})
		}
	case time.Time:
		return e.EncodeElement(v.UTC().Format(time.RFC3339), start)
	default:
		return e.EncodeElement(v, start)
	}
	if err := e.EncodeToken(start); err != nil {
		return err
	}
	for _, f := range inner {
		if err := (xmlTree{f.value}).MarshalXML(e, xml.StartElement{Name: xml.Name{Local: f.name}}); err != nil {
			return err
		}
	}
	return e.EncodeToken(start.End())
}

// plainCBOR is a value of CBOR as one that JSON can hold. Times become seconds.
func plainCBOR(v cbor.Value) (any, error) {
	switch v := v.(type) {
	case cbor.Map:
		out := map[string]any{}
		for name, one := range v {
			plain, err := plainCBOR(one)
			if err != nil {
				return nil, err
			}
			out[name] = plain
		}
		return out, nil
	case cbor.List:
		out := make([]any, len(v))
		for i := range v {
			plain, err := plainCBOR(v[i])
			if err != nil {
				return nil, err
			}
			out[i] = plain
		}
		return out, nil
	case *cbor.Tag:
		return plainCBOR(v.Value)
	case cbor.String:
		return string(v), nil
	case cbor.Uint:
		return uint64(v), nil
	case cbor.NegInt:
		return -float64(v), nil
	case cbor.Float32:
		return float64(v), nil
	case cbor.Float64:
		return float64(v), nil
	case cbor.Bool:
		return bool(v), nil
	case *cbor.Nil, *cbor.Undefined:
		return nil, nil
	default:
		return nil, fmt.Errorf("a value of type %T is not expected", v)
	}
}

// maxMembers bounds the numbers of members in a form.
const maxMembers = 10_000

// formToJSON brings a form of the query protocol into JSON: A.member.2.B is field B of the second element of list A. Values stay text.
func formToJSON(form url.Values) ([]byte, error) {
	root := map[string]any{}
	for _, key := range sortedKeys(form) {
		if key == "Action" || key == "Version" {
			continue
		}
		at := root
		parts := strings.Split(strings.ReplaceAll(key, ".member.", "."), ".")
		for _, part := range parts[:len(parts)-1] {
			next, isMap := at[part].(map[string]any)
			if !isMap {
				next = map[string]any{}
				at[part] = next
			}
			at = next
		}
		at[parts[len(parts)-1]] = form.Get(key)
	}
	return json.Marshal(listed(root))
}

func sortedKeys(form url.Values) []string {
	keys := make([]string, 0, len(form))
	for key := range form {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// listed makes lists of those maps whose keys are numbers.
func listed(v any) any {
	of, isMap := v.(map[string]any)
	if !isMap {
		return v
	}
	numbers := make([]int, 0, len(of))
	for key := range of {
		if n, err := strconv.Atoi(key); err == nil && n > 0 && n <= maxMembers {
			numbers = append(numbers, n)
		}
	}
	if len(of) == 0 || len(numbers) < len(of) {
		out := map[string]any{}
		for key, one := range of {
			out[key] = listed(one)
		}
		return out
	}
	slices.Sort(numbers)
	out := make([]any, len(numbers))
	for i, n := range numbers {
		out[i] = listed(of[strconv.Itoa(n)])
	}
	return out
}

// number is a number, which the query protocol writes as text.
type number float64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	value, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return fmt.Errorf("%s is not a number", b)
	}
	*n = number(value)
	return nil
}

// instant is a time: seconds since 1970, or text (RFC 3339) in the query protocol.
type instant struct{ time.Time }

// lastSecond is the last of the year 9999, beyond which no time can be written.
const lastSecond = 253402300799

// UnmarshalJSON implements json.Unmarshaler.
func (t *instant) UnmarshalJSON(b []byte) (err error) {
	if text, isText := strings.CutPrefix(string(b), `"`); isText {
		t.Time, err = time.Parse(time.RFC3339, strings.TrimSuffix(text, `"`))
		return err
	}
	var value float64
	if err := json.Unmarshal(b, &value); err != nil {
		return err
	}
	if math.Abs(value) > lastSecond {
		return fmt.Errorf("%s is no time", b)
	}
	t.Time = time.UnixMilli(int64(value * 1000)).UTC()
	return nil
}

// flag is a truth value, which the query protocol writes as text.
type flag bool

// UnmarshalJSON implements json.Unmarshaler.
func (f *flag) UnmarshalJSON(b []byte) error {
	value, err := strconv.ParseBool(strings.Trim(string(b), `"`))
	*f = flag(value)
	return err
}
