package wire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

func TestRESTAPI(t *testing.T) {
	type input struct{ A int }
	type output struct {
		A  int    `json:"a"`
		ID string `json:"id"`
	}
	api := NewRESTAPI("things", []RESTOperation{
		{Name: "PutThing", Pattern: "PUT /things/{id}", Status: http.StatusCreated, Do: REST(func(r *http.Request, in input) (output, error) {
			return output{in.A, r.PathValue("id")}, nil
		})},
		{Name: "DeleteThing", Pattern: "DELETE /things/{id}", Status: http.StatusNoContent, Do: func(*http.Request, []byte) (any, error) { return nil, nil }},
		{Name: "GetThing", Pattern: "GET /things/{id}", Status: http.StatusOK, Do: func(*http.Request, []byte) (any, error) {
			return nil, Errorf(http.StatusNotFound, "NotFoundException", "no")
		}},
	})
	for _, c := range []struct {
		method, path, body string
		operation          string
		status             int
		want               string
	}{
		{"PUT", "/things/arn:aws:x::%2Fa%2Fb", `{"a":3}`, "PutThing", 201, `{"a":3,"id":"arn:aws:x::/a/b"}`},
		{"PUT", "/things/x", "", "PutThing", 201, `{"a":0,"id":"x"}`},
		{"PUT", "/things/x", `{"a":"b"}`, "PutThing", 400, `{"Type":"User","message":"string can not be converted to int","Message":"string can not be converted to int"}`},
		{"DELETE", "/things/x", "", "DeleteThing", 204, ""},
		{"GET", "/things/x", "", "GetThing", 404, `{"Type":"User","message":"no","Message":"no"}`},
		{"POST", "/things/x", "", "POST /things/x", 501, `{"Type":"Server","message":"the local backend does not serve things POST /things/x","Message":"the local backend does not serve things POST /things/x"}`},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		if got := api.Operation(r); got != c.operation {
			t.Errorf("%s %s is %s", c.method, c.path, got)
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		body, err := io.ReadAll(w.Body)
		if err != nil || w.Code != c.status || string(body) != c.want {
			t.Errorf("%s %s: %d %s, %v", c.method, c.path, w.Code, body, err)
		}
	}
}

// keys has one key.
type keys struct{}

func (keys) Lookup(_ context.Context, accessKey, token string) (string, Identity, error) {
	if accessKey != testCreds.AccessKeyID || token != testCreds.SessionToken {
		return "", Identity{}, errors.New("unknown access key")
	}
	return testCreds.SecretAccessKey, Identity{AccessKey: accessKey}, nil
}

func TestCaller(t *testing.T) {
	for name, c := range map[string]struct {
		body, service, region string
		wantErr               bool
	}{
		"signed":          {"body", "lambda", "us-east-1", false},
		"another body":    {"forged", "lambda", "us-east-1", true},
		"another service": {"body", "execute-api", "us-east-1", true},
		"another region":  {"body", "lambda", "eu-west-1", true},
	} {
		r, err := http.NewRequest("POST", "http://example.com/a%20b?c=d", nil)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte("body"))
		if err := v4.NewSigner().SignHTTP(t.Context(), testCreds, r, hex.EncodeToString(sum[:]), "lambda", "us-east-1", time.Now()); err != nil {
			t.Fatal(err)
		}
		id, err := Caller(overTheWire(t, r), []byte(c.body), c.service, c.region, keys{})
		if (err != nil) != c.wantErr || !c.wantErr && id.AccessKey != testCreds.AccessKeyID {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
	if _, err := Caller(httptest.NewRequest("GET", "/", nil), nil, "lambda", "us-east-1", keys{}); !errors.Is(err, ErrUnsigned) {
		t.Errorf("unsigned: %v", err)
	}
}
