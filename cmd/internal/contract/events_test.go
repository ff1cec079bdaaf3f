package contract

import (
	"encoding/json"
	"net/url"
)

// createdEvent is S3's event for objects below a function's input.
func createdEvent(function, at string, keys ...string) string {
	return s3Event("ObjectCreated:Put", function, at, "0055AED6DCD90281E5", "etag", keys...)
}

func s3Event(kind, function, at, sequencer, etag string, keys ...string) string {
	var records []any
	for _, key := range keys {
		records = append(records, map[string]any{
			"eventSource": "aws:s3", "eventName": kind, "eventTime": at, "awsRegion": "us-east-1",
			"s3": map[string]any{
				"bucket": map[string]any{"name": bucket},
				"object": map[string]any{"key": url.QueryEscape(function + "/in/" + key), "eTag": etag, "sequencer": sequencer},
			},
		})
	}
	return asJSON(map[string]any{"Records": records})
}

// queueEvent is SQS's event for messages, by id.
func queueEvent(bodies map[string]string) string {
	var records []any
	for _, id := range sortedKeys(bodies) {
		records = append(records, map[string]any{
			"messageId": id, "receiptHandle": "x", "body": bodies[id], "eventSource": "aws:sqs",
			"attributes":     map[string]any{"SentTimestamp": "1545082649183"},
			"eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:queue", "awsRegion": "us-east-1",
		})
	}
	return asJSON(map[string]any{"Records": records})
}

// request is the event of a function URL.
func request(method, query, contentType, body string) string {
	return asJSON(map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": "/some/path", "rawQueryString": query,
		"headers":        map[string]any{"content-type": contentType, "host": "example.org"},
		"requestContext": map[string]any{"http": map[string]any{"method": method, "path": "/some/path"}},
		"body":           body, "isBase64Encoded": false,
	})
}

func asJSON(v any) string {
	content, err := json.Marshal(v)
	if err != nil {
		panic(err) // made of strings and maps
	}
	return string(content)
}
