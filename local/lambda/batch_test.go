package lambda

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestItemFailures(t *testing.T) {
	batch := []string{"a", "b"}
	for response, want := range map[string][]string{
		"": nil, " \n": nil, "null": nil, "{}": nil, `{"x":1}`: nil, `{"batchItemFailures":null}`: nil, `{"batchItemFailures":[]}`: nil,
		`{"BatchItemFailures":[{"itemIdentifier":"a"}]}`:                        nil, // another key
		`{"batchItemFailures":[{"itemIdentifier":"b"}]}`:                        {"b"},
		`{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b"}]}`: {"a", "b"},
		`{"statusCode":200,"batchItemFailures":[{"itemIdentifier":"a","x":1}]}`: {"a"},
	} {
		got, whole := itemFailures([]byte(response), batch)
		if whole || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", response, got, whole)
		}
	}
	for _, response := range []string{
		"{", "ok", `"ok"`, "1", "[]", "true", `{"batchItemFailures":{}}`, `{"batchItemFailures":"a"}`, `{"batchItemFailures":["a"]}`, `{"batchItemFailures":[null]}`,
		`{"batchItemFailures":[{}]}`, `{"batchItemFailures":[{"itemIdentifier":""}]}`, `{"batchItemFailures":[{"itemIdentifier":null}]}`,
		`{"batchItemFailures":[{"itemIdentifier":1}]}`, `{"batchItemFailures":[{"ItemIdentifier":"a"}]}`, `{"batchItemFailures":[{"itemIdentifier":"c"}]}`,
		`{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"c"}]}`,
	} {
		if got, whole := itemFailures([]byte(response), batch); !whole {
			t.Errorf("%s: %v", response, got)
		}
	}
}

func FuzzItemFailures(f *testing.F) {
	for _, seed := range []string{"", "null", `{"batchItemFailures":[{"itemIdentifier":"a"}]}`, `{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":null}]}`, `{"batchItemFailures":[1]}`, `[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, response []byte) {
		failed, whole := itemFailures(response, []string{"a", "b"})
		for _, id := range failed {
			if id != "a" && id != "b" {
				t.Errorf("%q is no message of the batch", id)
			}
		}
		if whole && len(failed) > 0 {
			t.Errorf("both all and %v", failed)
		}
		if !whole && len(failed) > 0 && !json.Valid(response) {
			t.Error("something was read in what is no JSON")
		}
	})
}

func TestALargeBatchIsSplit(t *testing.T) {
	p := &pollers{}
	b := batch{mapping: mapping{Queue: "arn:aws:sqs:us-east-1:000000000000:q"}}
	for range 10 {
		b.messages = append(b.messages, QueueMessage{ID: "m", Body: string(make([]byte, 150_000))}) // each byte is six in JSON
	}
	var counts []int
	for len(b.messages) > 0 {
		event, n, err := p.event(b)
		if err != nil || len(event) > maxPayload {
			t.Fatalf("%d bytes, %v", len(event), err)
		}
		counts, b.messages = append(counts, n), b.messages[n:]
	}
	if !slices.Equal(counts, []int{6, 4}) {
		t.Error(counts)
	}
}

func TestMessageAttributesInEvents(t *testing.T) {
	p := &pollers{}
	event, _, err := p.event(batch{mapping: mapping{Queue: "arn:aws:sqs:us-east-1:000000000000:q"}, messages: []QueueMessage{
		{ID: "m", MessageAttributes: json.RawMessage(`{"a":{"dataType":"String"}}`), MD5OfAttributes: "digest"}, {ID: "n"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Records []map[string]any }
	if err := json.Unmarshal(event, &got); err != nil || len(got.Records) != 2 {
		t.Fatalf("%s: %v", event, err)
	}
	if digest := got.Records[0]["md5OfMessageAttributes"]; digest != "digest" {
		t.Errorf("the digest of the attributes is %v", digest)
	}
	if digest, found := got.Records[1]["md5OfMessageAttributes"]; found {
		t.Errorf("a message without attributes has a digest of them: %v", digest)
	}
}
