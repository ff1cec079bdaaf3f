package cloudwatch

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/scar-go/scar/local/clock"
)

const question = `{"StartTime": 1790000000, "EndTime": 1790090000, "MetricDataQueries": [{"Id": "a", "MetricStat": {"Stat": "Sum", "Period": 3600,
	"Metric": {"Namespace": "AWS/Lambda", "MetricName": "Invocations", "Dimensions": [{"Name": "FunctionName", "Value": "f"}]}}}]}`

func TestJSONProtocol(t *testing.T) {
	now := clock.NewVirtual(time.Unix(1790000000, 0))
	s := New(Config{Clock: now})
	for range 3 {
		s.Invoked("f", time.Second, false)
		now.Advance(time.Hour)
	}
	request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(question))
	request.Header.Set("X-Amz-Target", "GraniteServiceVersion20100801.GetMetricData")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, request)
	var out struct {
		MetricDataResults []struct{ Timestamps, Values []float64 }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || len(out.MetricDataResults) != 1 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	times := out.MetricDataResults[0].Timestamps
	if len(out.MetricDataResults[0].Values) != 3 || times[0]-times[1] != 3600 {
		t.Errorf("%+v", out)
	}
}

func TestErrorsHaveShapes(t *testing.T) {
	s := New(Config{Clock: clock.Real{}})
	for path, want := range map[string]string{
		rpcPath + "PutMetricData": "com.amazonaws.cloudwatch#NotImplemented",
		rpcPath + "GetMetricData": "com.amazonaws.cloudwatch#MissingParameterException",
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, bytes.NewReader(cbor.Encode(cbor.Map{}))))
		value, err := cbor.Decode(w.Body.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		fields, isMap := value.(cbor.Map)
		if !isMap || fields["__type"] != cbor.String(want) || w.Code < 400 {
			t.Errorf("%s: %d %v, want %s", path, w.Code, value, want)
		}
	}
}

// TestMinutesAreForgotten keeps the memory of a long run within bounds.
func TestMinutesAreForgotten(t *testing.T) {
	now := clock.NewVirtual(time.Unix(1790000000, 0))
	s := New(Config{Clock: now})
	for range 100 {
		s.Invoked("f", time.Second, false)
		now.Advance(12 * time.Hour)
	}
	if n := len(s.functions["f"].minutes); n > 32 {
		t.Errorf("%d minutes are kept", n)
	}
}

func FuzzInput(f *testing.F) {
	f.Add([]byte(question))
	f.Add([]byte("Action=GetMetricData&MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Name=FunctionName&StartTime=2026-01-01T00:00:00Z"))
	f.Add(cbor.Encode(cbor.Map{"StartTime": &cbor.Tag{ID: 1, Value: cbor.Float64(1790000000)}, "MetricDataQueries": cbor.List{cbor.Map{"Id": cbor.String("a")}}}))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := New(Config{Clock: clock.Real{}})
		s.Invoked("f", time.Second, false)
		for name, do := range operations {
			for _, p := range []protocol{rpcCBOR, json10} {
				if brought, err := p.toJSON(body); err == nil {
					if out, err := do(s, context.Background(), brought); err == nil {
						p.write(httptest.NewRecorder(), http.StatusOK, out)
					}
				}
			}
			form, err := url.ParseQuery(string(body))
			if err != nil {
				continue
			}
			brought, err := formToJSON(form)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			_, _ = do(s, context.Background(), brought)
		}
	})
}
