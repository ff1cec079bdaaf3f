// Package storage moves files between a function and the places that its inputs come from and its
// outputs go to. Whatever a file weighs, moving it takes a fixed amount of memory.
package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/scar-go/scar/runtime/job"
)

// Store is one place that holds files under keys. Where it has buckets each key is in one; else bucket is empty.
type Store interface {
	// Download writes an object to a new file. It calls reserve with the object's size in bytes before it
	// writes anything, and gives up with reserve's error if that has one. An object that does not exist is ErrNotExist.
	Download(ctx context.Context, bucket, key, path string, reserve func(size int64) error) (Object, error)

	// Upload stores a file, in place of one that is there, and returns its size in bytes. Until it has
	// succeeded nobody sees a part of it under the key.
	Upload(ctx context.Context, bucket, key, path string) (int64, error)
}

// Object is what is known of an object that was fetched.
type Object struct {
	Size int64  // bytes
	ETag string // without quotes; empty where the store has none
}

// ErrNotExist says that an object does not exist.
var ErrNotExist = errors.New("the object does not exist")

// Secrets gives the values of secrets, such as a provider's password. Its errors say which secret they are about.
type Secrets interface {
	Get(ctx context.Context, s job.Secret) (string, error)
}

// Options are what stores are made from.
type Options struct {
	// Getenv gives region, endpoint and credentials of the account's own S3, under the names that the AWS SDKs
	// use, as Lambda sets them for a function's role.
	Getenv    func(name string) string
	Providers map[string]job.Provider // the others, by name
	Secrets   Secrets                 // nil: a provider that needs one is an error

	// Transport is put in front of what all calls go through, to watch them; nil: nothing is.
	Transport func(http.RoundTripper) http.RoundTripper
}

// Stores makes the store of each provider when it is first needed, because a client takes time to
// make and an invocation without files needs none. All that it makes share their connections, which outlive an invocation.
type Stores struct {
	options   Options
	retries   retries
	transport *http.Transport
	front     http.RoundTripper // transport, or what Options.Transport put in front of it

	mu     sync.Mutex
	own    *S3
	others map[string]opened // by name
}

// New returns stores none of which is made yet.
func New(o Options) *Stores {
	s := &Stores{
		options: o, retries: retries{first: firstPause}, transport: newTransport(), others: map[string]opened{},
	}
	s.front = s.transport
	if o.Transport != nil {
		s.front = o.Transport(s.transport)
	}
	return s
}

// Open returns the store of a provider: job.OwnS3, or one of Options.Providers. The provider's secrets are fetched each time, so
// that one which has changed is noticed.
func (s *Stores) Open(ctx context.Context, provider string) (Store, error) {
	if provider == job.OwnS3 {
		return s.Own()
	}
	store, err := s.openProvider(ctx, provider)
	if err != nil {
		return nil, fmt.Errorf("storage provider %q: %w", provider, err)
	}
	return store, nil
}

// Own returns the account's own S3.
func (s *Stores) Own() (*S3, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == nil {
		made, err := s.makeOwn()
		if err != nil {
			return nil, err
		}
		s.own = made
	}
	return s.own, nil
}

// Close closes the connections that no call uses. The stores can be used afterwards.
func (s *Stores) Close() { s.transport.CloseIdleConnections() }
