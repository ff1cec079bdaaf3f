// Package lambda is the Lambda of the embedded backend: its REST API, a queue for asynchronous
// events, pollers that take messages from SQS, the functions' own URLs, and an engine that runs functions for real. Each
// instance of a function is a container image's process in a sandbox that talks to a Runtime API of its own.
//
// What other services are needed for, such as queues, networks, or the destinations of failed events, is asked of them by the
// interfaces of Config.
//
// Only functions of package type Image are served. An instance runs in the machine's time, whatever
// the clock of the configuration shows; that clock decides when retries are due and updates settle.
package lambda

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Service is the Lambda of one account and region. It is an http.Handler.
type Service struct {
	cfg       Config
	functions *store.Table[function]
	mappings  *store.Table[mapping]
	urls      *store.Table[string] // the function's name by the id of its URL
	engine    *engine
	places    *places
	queue     *queue
	pollers   *pollers
	tally     tally // of events that are not processed for good, and of batches under way
	stop      context.CancelFunc

	reserving sync.Mutex // held while concurrency is reserved, since the sum of all counts
	mapping   sync.Mutex // held while a mapping changes, since there may be one of each pair
}

const servicePrincipal = "lambda.amazonaws.com"

// New starts the service. Events that were queued when it was last closed, or killed, are processed.
// It runs until Close.
func New(ctx context.Context, cfg Config) (*Service, error) {
	cfg = cfg.withDefaults()
	functions, err := store.NewTable[function](cfg.DB, "lambda-functions")
	if err != nil {
		return nil, fmt.Errorf("start lambda: %w", err)
	}
	mappings, err := store.NewTable[mapping](cfg.DB, "lambda-mappings")
	if err != nil {
		return nil, fmt.Errorf("start lambda: %w", err)
	}
	urls, err := store.NewTable[string](cfg.DB, "lambda-urls")
	if err != nil {
		return nil, fmt.Errorf("start lambda: %w", err)
	}
	s := &Service{cfg: cfg, functions: functions, mappings: mappings, urls: urls}
	// The context that opens the service does not limit how long it lives.
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.engine = newEngine(ctx, cfg)
	if s.queue, err = newQueue(ctx, s); err != nil {
		return nil, errors.Join(fmt.Errorf("start lambda: %w", err), s.Close())
	}
	s.places, s.pollers = newPlaces(s.queue.freed), newPollers(ctx, s)
	s.queue.running.Go(s.queue.schedule)
	if err := s.pollers.resume(""); err != nil {
		return nil, errors.Join(fmt.Errorf("start lambda: %w", err), s.Close())
	}
	return s, nil
}

// Close ends all instances. Events that are not processed stay queued.
func (s *Service) Close() error {
	s.stop()
	if s.queue != nil {
		s.queue.wait()
	}
	if s.pollers != nil {
		s.pollers.wait()
	}
	s.engine.close()
	return nil
}

// Idle waits until every queued event is processed for good, no batch of messages is under way, and their logs are written. Messages
// that wait in queues are the queues'.
func (s *Service) Idle(ctx context.Context) error { return s.tally.wait(ctx) }

// Tagged lists the functions and event source mappings with their tags.
func (s *Service) Tagged(context.Context) ([]wire.Resource, error) {
	var all []wire.Resource
	err := s.functions.Each("", func(name string, f function) bool {
		all = append(all, wire.Resource{ARN: s.arn(name), Tags: f.Tags})
		return true
	})
	if err != nil {
		return nil, err
	}
	err = s.mappings.Each("", func(id string, m mapping) bool {
		all = append(all, wire.Resource{ARN: s.mappingARN(id), Tags: m.Tags})
		return true
	})
	return all, err
}

func (s *Service) arn(name string) string {
	return fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", wire.Partition(s.cfg.Region), s.cfg.Region, s.cfg.Account, name)
}

// nameOf is the function that a name, a partial ARN or an ARN in a path stands for. The only
// qualifier that exists is $LATEST.
func (s *Service) nameOf(ref string) (string, error) {
	rest := ref
	if strings.HasPrefix(ref, "arn:") {
		parts := strings.SplitN(ref, ":", 7)
		if len(parts) != 7 || parts[2] != "lambda" || parts[5] != "function" {
			return "", invalid("%s is not a valid Lambda function ARN", ref)
		}
		if parts[3] != s.cfg.Region || parts[4] != s.cfg.Account {
			return "", functionNotFound(ref)
		}
		rest = parts[6]
	} else if account, partial, found := strings.Cut(ref, ":function:"); found {
		if account != s.cfg.Account {
			return "", functionNotFound(ref)
		}
		rest = partial
	}
	name, qualifier, qualified := strings.Cut(rest, ":")
	if qualified && qualifier != latest {
		return "", functionNotFound(s.arn(name) + ":" + qualifier)
	}
	return name, nil
}
