// Package lambda is the Lambda of the embedded backend: its REST API, a queue for asynchronous
// events, and an engine that runs functions for real. Each instance of a function is a container
// image's process in a sandbox that talks to a Runtime API of its own.
//
// Only functions of package type Image are served. An instance runs in the machine's time, whatever
// the clock of the configuration shows; that clock decides when retries are due and updates settle.
package lambda

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Credentials are those of a role's session.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expires         time.Time
}

// Roles makes sessions of roles. The error is Lambda's own (a wire.Error) where the role does not
// exist, does not trust the service, or does not do so yet.
type Roles interface {
	Session(ctx context.Context, roleARN, servicePrincipal, sessionName string) (Credentials, error)
}

// Images finds the image that a URI of the account's registry names, by digest or tag.
type Images interface {
	Image(ctx context.Context, uri string) (v1.Image, error)
}

// LogEvent is one line of a log.
type LogEvent struct {
	Timestamp int64 // milliseconds since 1970
	Message   string
}

// Logs takes what functions write. The stream is made if absent.
type Logs interface {
	Append(ctx context.Context, group, stream string, events []LogEvent) error
}

// Config is what a Service needs. DB, Clock, Account, Region, Endpoint, Roles, Images, Logs and Cache
// must be given.
type Config struct {
	DB       *store.DB
	Clock    clock.Clock
	Account  string        // twelve digits
	Region   string        // such as us-east-1
	Endpoint func() string // URL of the backend, the functions' AWS_ENDPOINT_URL
	Roles    Roles
	Images   Images
	Logs     Logs
	Cache    string // folder for unpacked images, made when the first function starts

	RetryDelays []time.Duration // before each retry of an asynchronous event; nil: one and two minutes, as Lambda
	Concurrency int             // instances that work at the same time; 0: as many as the machine has CPUs, two at least
	IdleTimeout time.Duration   // how long an idle instance is kept; 0: five minutes
	Settle      Settle
	OnDone      func(Invocation) // called after each invocation; may be nil; must not block for long
	Log         *slog.Logger     // what goes wrong behind the scenes; nil: nothing is logged
}

// Settle is how long a created function is Pending, and an updated one InProgress: until as many
// reads have been answered, and until as much time has passed.
type Settle struct {
	Reads int
	Delay time.Duration
}

// Invocation is one finished invocation: for asynchronous events, one attempt.
type Invocation struct {
	Function     string
	RequestID    string
	Payload      []byte
	Async        bool
	Attempt      int  // from 1
	Final        bool // there is no further attempt
	ErrorType    string
	ErrorMessage string // empty if the invocation succeeded
	Response     []byte
	Duration     time.Duration
	LogTail      string // the last 4 KB of the log of this invocation
}

// Failed says whether the invocation ended with an error.
func (i Invocation) Failed() bool { return i.ErrorType != "" || i.ErrorMessage != "" }

// Service is the Lambda of one account and region. It is an http.Handler.
type Service struct {
	cfg       Config
	functions *store.Table[function]
	engine    *engine
	queue     *queue
	stop      context.CancelFunc
}

const (
	servicePrincipal   = "lambda.amazonaws.com"
	defaultIdleTimeout = 5 * time.Minute
)

// New starts the service. Events that were queued when it was last closed, or killed, are processed.
// It runs until Close.
func New(ctx context.Context, cfg Config) (*Service, error) {
	cfg = cfg.withDefaults()
	functions, err := store.NewTable[function](cfg.DB, "lambda-functions")
	if err != nil {
		return nil, fmt.Errorf("start lambda: %w", err)
	}
	s := &Service{cfg: cfg, functions: functions}
	// The context that opens the service does not limit how long it lives.
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.engine = newEngine(ctx, cfg)
	if s.queue, err = newQueue(ctx, s); err != nil {
		return nil, errors.Join(fmt.Errorf("start lambda: %w", err), s.Close())
	}
	return s, nil
}

func (c Config) withDefaults() Config {
	if c.RetryDelays == nil {
		c.RetryDelays = []time.Duration{time.Minute, 2 * time.Minute}
	}
	if c.Concurrency == 0 {
		c.Concurrency = max(2, runtime.NumCPU())
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = defaultIdleTimeout
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.OnDone == nil {
		c.OnDone = func(Invocation) {}
	}
	return c
}

// Close ends all instances. Events that are not processed stay queued.
func (s *Service) Close() error {
	s.stop()
	if s.queue != nil {
		s.queue.wait()
	}
	s.engine.close()
	return nil
}

// Idle waits until every queued event is processed for good and its log is written.
func (s *Service) Idle(ctx context.Context) error { return s.queue.idle(ctx) }

// Tagged lists the functions with their tags.
func (s *Service) Tagged(context.Context) ([]wire.Resource, error) {
	var all []wire.Resource
	err := s.functions.Each("", func(name string, f function) bool {
		all = append(all, wire.Resource{ARN: s.arn(name), Tags: f.Tags})
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
