package sqs

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

const account = "123456789012"

// policies stands for IAM: callers may do what is in allowed, services what a policy names them for.
type policies struct {
	mu      sync.Mutex
	allowed []string // action and resource
}

func (*policies) CheckResourcePolicy(text string) error {
	if !strings.Contains(text, "Statement") {
		return errors.New("no policy")
	}
	return nil
}

func (p *policies) AllowedOn(_ context.Context, id wire.Identity, _, action, resource string, _ map[string][]string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return id.Admin() || slices.Contains(p.allowed, action+" "+resource), nil
}

func (*policies) ServiceAllowedOn(policy, service, _, _ string, conditions map[string][]string) (bool, error) {
	return strings.Contains(policy, service) && strings.Contains(policy, conditions["aws:SourceArn"][0]), nil
}

// backend is a running service on a directory that can be opened again.
type backend struct {
	*Service
	clock    *clock.Virtual
	policies *policies
	url      string
	stop     func()
}

func open(t testing.TB, dir string, now *clock.Virtual) *backend {
	t.Helper()
	db, err := store.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{clock: now, policies: &policies{}}
	b.Service, err = New(Config{DB: db, Clock: now, Account: account, Region: "us-east-1", Policies: b.policies})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := wire.Call{Service: "sqs", RequestID: "request", Identity: wire.Identity{Account: account, AccessKey: "k", ARN: "arn:aws:iam::" + account + ":root"}}
		if strings.Contains(r.Header.Get("Authorization"), "Credential=ROLE") {
			call.Identity.Role, call.Identity.ARN = "r", "arn:aws:sts::"+account+":assumed-role/r/s"
		}
		b.ServeHTTP(w, r.WithContext(wire.WithCall(r.Context(), call)))
	}))
	b.url = server.URL
	b.stop = sync.OnceFunc(func() {
		server.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(b.stop)
	return b
}

func start(t testing.TB) *backend {
	t.Helper()
	return open(t, t.TempDir(), clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
}

func (b *backend) client(key string) *sqs.Client {
	return sqs.New(sqs.Options{
		BaseEndpoint: &b.url, Region: "us-east-1", Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(key, "secret", ""),
	})
}

func (b *backend) admin() *sqs.Client { return b.client("ADMIN") }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// create makes a queue and returns its URL.
func (b *backend) create(t testing.TB, name string, attributes map[string]string) string {
	t.Helper()
	out, err := b.admin().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	must(t, err)
	return *out.QueueUrl
}

func (b *backend) send(t testing.TB, url string, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		_, err := b.admin().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body})
		must(t, err)
	}
}

// receive takes up to ten messages with all that is known of them, without waiting.
func (b *backend) receive(t testing.TB, url string) []types.Message {
	t.Helper()
	out, err := b.admin().ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	must(t, err)
	return out.Messages
}

func bodies(messages []types.Message) []string {
	var out []string
	for _, m := range messages {
		out = append(out, *m.Body)
	}
	return out
}

func (b *backend) attributes(t testing.TB, url string) map[string]string {
	t.Helper()
	out, err := b.admin().GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"All"}})
	must(t, err)
	return out.Attributes
}
