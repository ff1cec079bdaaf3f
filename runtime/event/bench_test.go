package event

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

func bench(b *testing.B, payload string) {
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse([]byte(payload)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse is the event that starts nearly every invocation: one object of S3.
func BenchmarkParse(b *testing.B) { bench(b, put) }

// BenchmarkParseQueue is ten messages with ten objects each.
func BenchmarkParseQueue(b *testing.B) {
	record := strings.TrimSuffix(strings.TrimPrefix(put, `{"Records":[`), `]}`)
	body := quote(`{"Records":[` + strings.Repeat(record+",", 9) + record + `]}`)
	var messages []string
	for i := range 10 {
		messages = append(messages, fmt.Sprintf(`{"eventSource":"aws:sqs","messageId":"%d","body":%s}`, i, body))
	}
	bench(b, `{"Records":[`+strings.Join(messages, ",")+`]}`)
}

// BenchmarkParseBody is the largest body that a caller can send.
func BenchmarkParseBody(b *testing.B) {
	body := base64.StdEncoding.EncodeToString(make([]byte, 4<<20))
	bench(b, `{"version":"2.0","requestContext":{"http":{"method":"POST"}},"isBase64Encoded":true,"body":"`+body+`"}`)
}

// BenchmarkParseHostile is documents on which a reader that goes back and forth would spend its time.
func BenchmarkParseHostile(b *testing.B) {
	const size = 1 << 20
	for name, payload := range map[string]string{
		"members":      `{"Records":[{` + strings.Repeat(`"a":1,`, size/6) + `"eventSource":"aws:s3"}]}`,
		"elements":     `{"Records":[` + strings.Repeat(`0,`, size/2) + `{"eventSource":"aws:s4"}]}`,
		"backslashes":  `{"Records":[{"eventSource":"aws:sqs","body":"` + strings.Repeat(`\\`, size/2) + `"}]}`,
		"quotes":       `{"Records":[{"eventSource":"aws:sqs","body":"` + strings.Repeat(`\"`, size/2) + `"}]}`,
		"depth":        `{"Records":[` + strings.Repeat(`[`, 9_000) + strings.Repeat(`]`, 9_000) + strings.Repeat(`,1`, size/2) + `]}`,
		"parameters":   `{"version":"2.0","requestContext":{"http":{"method":"POST"}},"rawQueryString":"` + strings.Repeat(`a=b&`, size/4) + `"}`,
		"bad keys":     keyed(`"` + strings.Repeat(`\ud800`, size/6) + `"`),
		"notification": inQueue(inNotification(inNotification(strings.Repeat("x", size)))),
	} {
		b.Run(name, func(b *testing.B) { bench(b, payload) })
	}
}
