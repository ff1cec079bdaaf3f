package view

import (
	"bytes"
	"testing"
)

func TestOutputs(t *testing.T) {
	o := Outputs{Functions: map[string]map[string]string{
		"thumb":           {"url": "https://a.lambda-url.eu-west-1.on.aws/", "arn": "arn:aws:lambda:eu-west-1:000000000000:function:thumb"},
		"http_api/papers": {"url": "https://b\x1b[2J"},
	}}
	const lines = "http_api/papers.url = https://b\uFFFD[2J\n" +
		"thumb.arn = arn:aws:lambda:eu-west-1:000000000000:function:thumb\n" +
		"thumb.url = https://a.lambda-url.eu-west-1.on.aws/\n"
	for name, c := range map[string]struct {
		print func(*Streams) error
		want  string
	}{
		"lines":           {func(s *Streams) error { return o.Print(s, Human) }, lines},
		"none":            {func(s *Streams) error { return Outputs{}.Print(s, Human) }, ""},
		"none, JSON":      {func(s *Streams) error { return Outputs{}.Print(s, JSON) }, "{}\n"},
		"none below":      {func(s *Streams) error { return Outputs{}.PrintBelow(s) }, ""},
		"one value":       {func(s *Streams) error { return Output(s, Human, "https://a/") }, "https://a/\n"},
		"one value, JSON": {func(s *Streams) error { return Output(s, JSON, "https://a/?b&c") }, "\"https://a/?b&c\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := c.print(&Streams{Out: &out}); err != nil || out.String() != c.want {
				t.Errorf("got %q, %v, want %q", out.String(), err, c.want)
			}
		})
	}
}
