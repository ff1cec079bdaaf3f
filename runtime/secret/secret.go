// Package secret fetches what functions must know and nobody else may: parameters of Systems Manager and secrets of
// Secrets Manager. A value is fetched when it is first asked for and kept in memory for a while; it is written nowhere,
// and no error and no warning of this package holds it or a part of it.
package secret

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/scar-go/scar/runtime/job"
)

// How old values get. A value that was rotated is used for Age at most, or for MaxAge while the service that keeps it
// cannot be reached.
const (
	Age    = 5 * time.Minute // a value is fetched anew by the first Get after this time
	MaxAge = time.Hour       // no value is used for longer, whatever the reason is that it cannot be fetched
)

// How long a fetch may take. One that an older value can stand in for must not use up the time of an invocation.
const (
	fetchTime   = 20 * time.Second
	refreshTime = 5 * time.Second
	retryPause  = 30 * time.Second // between attempts to fetch a value anew, while the older one is used
)

// Options is what a Cache works with.
type Options struct {
	// Getenv gives region, endpoints and credentials under the names that the AWS SDKs use, as Lambda sets them for
	// a function's role.
	Getenv func(name string) string
	Now    func() time.Time     // nil: time.Now
	Warn   func(message string) // told of values that are used though they should have been fetched anew; nil: nobody is
}

// Cache holds the values of secrets. It is safe for concurrent use, and implements storage.Secrets.
type Cache struct {
	services services
	now      func() time.Time
	warn     func(string)

	fetchTime, refreshTime time.Duration // the constants, but in tests

	mu      sync.Mutex
	entries map[place]*entry
}

// place is where a whole value is kept. Several secrets of a job can be fields of one.
type place struct {
	service job.SecretService
	name    string
}

// entry is one value. Whoever has put a token into turn may use the rest of it, so that there is one fetch of it at a time.
type entry struct {
	turn    chan struct{}
	value   string
	fetched time.Time // zero: there is no value
	failed  time.Time // when fetching it anew last failed; zero since it succeeded
}

// New returns an empty cache. Nothing is looked up in the environment and no client is made before the first Get.
func New(o Options) *Cache {
	c := &Cache{
		services: services{getenv: o.Getenv, maxPause: maxPause}, now: o.Now, warn: o.Warn,
		fetchTime: fetchTime, refreshTime: refreshTime, entries: map[place]*entry{},
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.warn == nil {
		c.warn = func(string) {}
	}
	return c
}

// Get returns the value of a secret: the whole of it, or the field of its JSON object that Secret.Key names. The error
// names the secret as func.yaml does, and what the function's role lacks where it is not allowed to read it.
func (c *Cache) Get(ctx context.Context, s job.Secret) (string, error) {
	value, err := c.whole(ctx, s)
	if err == nil && s.Key != "" {
		value, err = field(value, s.Key)
	}
	if err == nil && strings.ContainsRune(value, 0) {
		err = errors.New("it holds a zero byte, which no variable can")
	}
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", s, err)
	}
	return value, nil
}

func (c *Cache) whole(ctx context.Context, s job.Secret) (string, error) {
	e := c.entry(place{s.Service, s.Name})
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	now := c.now().Round(0) // the monotonic clock may stand still while Lambda keeps an instance frozen
	if e.younger(Age, now) || e.younger(MaxAge, now) && within(retryPause, e.failed, now) {
		return e.value, nil
	}
	value, err := c.fetch(ctx, s, e.younger(MaxAge, now))
	switch {
	case err == nil:
		e.value, e.fetched, e.failed = value, now, time.Time{}
		return value, nil
	case ctx.Err() != nil:
		return "", err
	case !e.younger(MaxAge, now) || definite(err):
		e.value, e.fetched, e.failed = "", time.Time{}, time.Time{}
		return "", err
	}
	e.failed = now
	c.warn(fmt.Sprintf("secret %s: the value of %s ago is used, since it cannot be fetched anew: %v",
		place{s.Service, s.Name}, now.Sub(e.fetched).Round(time.Second), err))
	return e.value, nil
}

// fetch fetches a value within a bound of its own.
func (c *Cache) fetch(ctx context.Context, s job.Secret, replaceable bool) (string, error) {
	limit := c.fetchTime
	if replaceable {
		limit = c.refreshTime
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	value, err := c.services.fetch(bounded, s)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return "", fmt.Errorf("there was no answer within %s", limit)
	}
	return value, err
}

func (c *Cache) entry(p place) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[p]
	if e == nil {
		e = &entry{turn: make(chan struct{}, 1)}
		c.entries[p] = e
	}
	return e
}

func (e *entry) younger(age time.Duration, now time.Time) bool { return within(age, e.fetched, now) }

// within says whether something happened less than a time ago. A clock that was set back makes nothing younger.
func within(age time.Duration, then, now time.Time) bool {
	passed := now.Sub(then)
	return !then.IsZero() && 0 <= passed && passed < age
}

func (p place) String() string { return job.Secret{Service: p.service, Name: p.name}.String() }
