package sqs

import (
	"fmt"
	"testing"
	"time"

	"github.com/scar-go/scar/local/clock"
)

var fuzzTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// BenchmarkMessages is what a message costs that is sent, taken in a batch of ten, and deleted, without HTTP.
func BenchmarkMessages(b *testing.B) {
	for _, waiting := range []int{0, 10000} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			s := open(b, b.TempDir(), clock.NewVirtual(fuzzTime))
			s.create(b, "q", nil)
			arn, ctx := s.arn("q"), b.Context()
			q, err := s.byARN(arn)
			must(b, err)
			for range waiting / 10 {
				_, err := s.Service.send(ctx, q, make10())
				must(b, err)
			}
			b.ReportAllocs()
			for b.Loop() {
				_, err := s.Service.send(ctx, q, make10())
				must(b, err)
				messages, err := s.Poll(ctx, arn, 10)
				must(b, err)
				receipts := make([]string, len(messages))
				for i, m := range messages {
					receipts[i] = m.Receipt
				}
				must(b, s.Delete(ctx, arn, receipts))
			}
			b.ReportMetric(float64(10*b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

func make10() []sendInput {
	out := make([]sendInput, 10)
	for i := range out {
		out[i] = sendInput{MessageBody: `{"Records":[{"s3":{"object":{"key":"in/a.png"}}}]}`}
	}
	return out
}
