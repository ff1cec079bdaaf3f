// Package sqs is the Amazon SQS of the embedded backend: standard and FIFO queues with visibility timeouts, dead-letter
// queues, long polling, and policies.
//
// Queues and messages are in the state file. What was acknowledged, be it sent, received or deleted, survives a SIGKILL. Its
// answers are exact where SQS's are approximate: numbers of messages are counted, and a receive looks at the whole queue.
package sqs

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Policies decides who may use a queue.
type Policies interface {
	// CheckResourcePolicy says what is wrong with the policy of a queue.
	CheckResourcePolicy(text string) error
	// AllowedOn says whether a caller may take an action on a queue, by its role or by the queue's policy.
	AllowedOn(ctx context.Context, id wire.Identity, policy, action, resource string, conditions map[string][]string) (bool, error)
	// ServiceAllowedOn says whether the queue's policy lets an AWS service take an action on it.
	ServiceAllowedOn(policy, service, action, resource string, conditions map[string][]string) (bool, error)
}

// Config is what a Service needs. All of it must be given.
type Config struct {
	DB       *store.DB
	Clock    clock.Clock // of visibility, delays, retention and long polls
	Account  string      // twelve digits
	Region   string
	Policies Policies
}

// Service is the SQS of one account and region. It is an http.Handler.
type Service struct {
	cfg        Config
	queues     *store.Table[queue]
	deleted    *store.Table[deletion]
	operations map[string]wire.JSONOperation
	query      wire.QueryAPI

	mu      sync.Mutex
	changes map[string]chan struct{} // by queue; closed when a message may have become visible
}

// New returns the service, with the state that is in the database.
func New(cfg Config) (*Service, error) {
	queues, err := store.NewTable[queue](cfg.DB, string(tableQueues))
	if err != nil {
		return nil, err
	}
	deleted, err := store.NewTable[deletion](cfg.DB, "sqs.deleted")
	if err != nil {
		return nil, err
	}
	err = cfg.DB.Bolt().Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(tableMessages)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open table %s: %w", tableMessages, err)
	}
	s := &Service{cfg: cfg, queues: queues, deleted: deleted, changes: map[string]chan struct{}{}}
	s.operations = map[string]wire.JSONOperation{
		"CreateQueue":                  wire.JSON(s.createQueue),
		"DeleteQueue":                  wire.JSON(s.deleteQueue),
		"GetQueueUrl":                  wire.JSON(s.getQueueURL),
		"ListQueues":                   wire.JSON(s.listQueues),
		"ListDeadLetterSourceQueues":   wire.JSON(s.listDeadLetterSourceQueues),
		"GetQueueAttributes":           wire.JSON(s.getQueueAttributes),
		"SetQueueAttributes":           wire.JSON(s.setQueueAttributes),
		"PurgeQueue":                   wire.JSON(s.purgeQueue),
		"TagQueue":                     wire.JSON(s.tagQueue),
		"UntagQueue":                   wire.JSON(s.untagQueue),
		"ListQueueTags":                wire.JSON(s.listQueueTags),
		"SendMessage":                  wire.JSON(s.sendMessage),
		"SendMessageBatch":             wire.JSON(s.sendMessageBatch),
		"ReceiveMessage":               wire.JSON(s.receiveMessage),
		"DeleteMessage":                wire.JSON(s.deleteMessage),
		"DeleteMessageBatch":           wire.JSON(s.deleteMessageBatch),
		"ChangeMessageVisibility":      wire.JSON(s.changeMessageVisibility),
		"ChangeMessageVisibilityBatch": wire.JSON(s.changeMessageVisibilityBatch),
	}
	s.query = newQueryAPI(s.operations)
	return s, nil
}

// ServeHTTP serves one call, in either of SQS's protocols.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(withHost(r.Context(), r.Host))
	if !speaksJSON(r) {
		s.query.ServeHTTP(w, r)
		return
	}
	s.serveJSON(w, r)
}

// Tagged are the queues for the tagging service.
func (s *Service) Tagged(context.Context) ([]wire.Resource, error) {
	var out []wire.Resource
	err := s.queues.Each("", func(name string, q queue) bool {
		out = append(out, wire.Resource{ARN: s.arn(name), Tags: q.Tags})
		return true
	})
	return out, err
}

func (s *Service) arn(name string) string { return s.prefix() + name }

func (s *Service) prefix() string {
	return fmt.Sprintf("arn:%s:sqs:%s:%s:", wire.Partition(s.cfg.Region), s.cfg.Region, s.cfg.Account)
}

// byARN is the queue that an ARN names.
func (s *Service) byARN(arn string) (queue, error) {
	name, ours := strings.CutPrefix(arn, s.prefix())
	if !ours {
		return queue{}, errNoSuchQueue()
	}
	return s.byName(name)
}

func (s *Service) byName(name string) (queue, error) {
	q, found, err := s.queues.Get(name)
	if err == nil && !found {
		err = errNoSuchQueue()
	}
	return q, err
}

// byURL is the queue that a URL names. Only its path counts: the port of the backend changes between starts.
func (s *Service) byURL(url string) (queue, error) {
	if url == "" {
		return queue{}, errMissing("QueueUrl")
	}
	parts := strings.Split(strings.TrimSuffix(url, "/"), "/")
	if len(parts) < 2 {
		return queue{}, failure("InvalidAddress", "The address %s is not valid for this endpoint.", url)
	}
	if account := parts[len(parts)-2]; account != s.cfg.Account {
		return queue{}, errNoSuchQueue()
	}
	return s.byName(parts[len(parts)-1])
}

// url is the address of a queue at the host that the caller has called.
func (s *Service) url(ctx context.Context, name string) string {
	return "http://" + hostOf(ctx) + "/" + s.cfg.Account + "/" + name
}

type hostKey struct{}

func withHost(ctx context.Context, host string) context.Context {
	return context.WithValue(ctx, hostKey{}, host)
}

func hostOf(ctx context.Context) string {
	host, _ := ctx.Value(hostKey{}).(string)
	return host
}
