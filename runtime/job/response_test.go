package job

import (
	"encoding/json"
	"testing"
)

func TestNewResponse(t *testing.T) {
	got, err := json.Marshal(NewResponse("id", "group", "stream", []byte("hello")))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"statusCode":200,"headers":{"amz-lambda-request-id":"id","amz-log-group-name":"group","amz-log-stream-name":"stream"},"body":"aGVsbG8=","isBase64Encoded":true}`
	if string(got) != want {
		t.Errorf("response %s\nwant %s", got, want)
	}
}
