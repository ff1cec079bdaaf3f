package wire

import (
	"context"
	"io"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestEC2Answers(t *testing.T) {
	type item struct {
		ID string `xml:"id"`
	}
	type items struct {
		Items []item `xml:"set>item"`
		Next  string `xml:"next,omitempty"`
	}
	api := QueryAPI{Service: "ec2", Namespace: "urn:x", EC2: true, Operations: map[string]QueryOperation{
		"List": func(context.Context, url.Values) (any, error) {
			return items{Items: []item{{"a"}, {"<b>"}}}, nil
		},
		"Fail": func(context.Context, url.Values) (any, error) { return nil, Errorf(400, "Code", "m") },
	}}
	for action, want := range map[string]string{
		"List": `<ListResponse xmlns="urn:x"><requestId>id</requestId><set><item><id>a</id></item><item><id>&lt;b&gt;</id></item></set></ListResponse>`,
		"Fail": `<Response><Errors><Error><Code>Code</Code><Message>m</Message></Error></Errors><RequestID>id</RequestID></Response>`,
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader("Action="+action))
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r.WithContext(WithCall(r.Context(), Call{RequestID: "id"})))
		body, err := io.ReadAll(w.Body)
		if err != nil || !strings.HasSuffix(string(body), want) {
			t.Errorf("%s: %s, %v", action, body, err)
		}
	}
}

func TestNumbered(t *testing.T) {
	form, err := url.ParseQuery("A.1=x&A.2=y&A.4=z&B.2=x")
	if err != nil {
		t.Fatal(err)
	}
	if got := Numbered(form, "A"); !slices.Equal(got, []string{"x", "y"}) {
		t.Errorf("got %v", got)
	}
	if got := Numbered(form, "B"); got != nil {
		t.Errorf("got %v", got)
	}
}
