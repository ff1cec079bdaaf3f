package s3

import (
	"context"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/scar-go/scar/local/wire"
)

// oneRight lets sessions do one thing to one resource.
type oneRight struct{ action, resource string }

func (o oneRight) Allowed(_ context.Context, _ wire.Identity, action, resource string, _ map[string][]string) (bool, error) {
	return action == o.action && resource == o.resource, nil
}

func TestServicesPutWithTheRightsOfARole(t *testing.T) {
	const key = "aws/lambda/async/f/2026/01/02/a b+%"
	b := start(t, func(c *Config) { c.Authorizer = oneRight{"s3:PutObject", "arn:aws:s3:::failed/" + key} })
	c := b.client()
	makeBucket(t, c, "failed")
	wantCode(t, "notify", notify(t, c, "failed", lambdaRule("r", functionARN("f"), "", "", created)), "")
	role := wire.Identity{Account: account, Role: "worker", ARN: "arn:aws:sts::" + account + ":assumed-role/worker/s"}
	if err := b.Put(t.Context(), role, "failed", key, []byte("document")); err != nil {
		t.Fatal(err)
	}
	bucket, name := "failed", key
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &name})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(out.Body); err != nil || string(text) != "document" {
		t.Errorf("stored %q, %v", text, err)
	}
	if got := b.fn.wait(t, 1); got[0].source != "arn:aws:s3:::failed" {
		t.Errorf("the event is of %s", got[0].source)
	}
	for what, err := range map[string]error{
		"elsewhere":     b.Put(t.Context(), role, "failed", "other", nil),
		"without role":  b.Put(t.Context(), wire.Identity{AccessKey: "k"}, "failed", key, nil),
		"to no bucket":  b.Put(t.Context(), role, "absent", key, nil),
		"a cleaned key": b.Put(t.Context(), role, "failed", "x/../"+key, nil),
	} {
		if err == nil {
			t.Errorf("put %s", what)
		}
	}
}
