// Package storage moves files between a function and the places that its inputs come from and its
// outputs go to. Whatever a file weighs, moving it takes a fixed amount of memory.
package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Store is one place that holds files under keys, in buckets.
type Store interface {
	// Download writes an object to a new file. It calls reserve with the object's size in bytes before it
	// writes anything, and gives up with reserve's error if that has one.
	Download(ctx context.Context, bucket, key, path string, reserve func(size int64) error) (Object, error)

	// Upload stores a file and returns its size in bytes.
	Upload(ctx context.Context, bucket, key, path string) (int64, error)

	// Read returns a small object. One that does not exist is ErrNotExist; one of more than ReadLimit bytes an error.
	Read(ctx context.Context, bucket, key string) ([]byte, error)

	// Write stores a small object of JSON.
	Write(ctx context.Context, bucket, key string, content []byte) error
}

// Object is what is known of an object that was fetched.
type Object struct {
	Size int64  // bytes
	ETag string // without quotes; empty where the store has none
}

// ReadLimit is how many bytes Read takes at most.
const ReadLimit = 1 << 20

// ErrNotExist says that an object does not exist.
var ErrNotExist = errors.New("the object does not exist")

// Stores makes the store of each provider when it is first needed, because a client takes time to
// make and an invocation without files needs none. The zero value is not usable: see FromEnvironment.
type Stores struct {
	getenv func(string) string

	mu sync.Mutex
	s3 *S3
}

// FromEnvironment returns stores that take region, endpoint and credentials from variables of the
// names that the AWS SDKs use, as Lambda sets them for a function's role.
func FromEnvironment(getenv func(string) string) *Stores {
	return &Stores{getenv: getenv}
}

// Open returns the store of a provider, such as "s3".
func (s *Stores) Open(provider string) (Store, error) {
	if provider != "s3" {
		return nil, fmt.Errorf("storage provider %q: not supported by this version of the runtime", provider)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.s3 == nil {
		made, err := newS3(s.getenv)
		if err != nil {
			return nil, err
		}
		s.s3 = made
	}
	return s.s3, nil
}
