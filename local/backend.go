// Package local is an embedded backend that speaks AWS's wire protocols over loopback HTTP: those
// calls of STS, IAM, Lambda, CloudWatch and its Logs, ECR, S3, SQS, SNS, EventBridge and its Scheduler, API Gateway, EC2, EFS, KMS,
// Systems Manager's parameters, Secrets Manager and the Resource Groups Tagging API that scar and its functions make, so that the same SDK code that talks to AWS talks to it.
// A call that it does not serve is an error that names it.
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/local/apigateway"
	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/cloudwatch"
	"github.com/scar-go/scar/local/ec2"
	"github.com/scar-go/scar/local/ecr"
	"github.com/scar-go/scar/local/efs"
	"github.com/scar-go/scar/local/events"
	"github.com/scar-go/scar/local/iam"
	"github.com/scar-go/scar/local/kms"
	"github.com/scar-go/scar/local/lambda"
	"github.com/scar-go/scar/local/logs"
	"github.com/scar-go/scar/local/s3"
	"github.com/scar-go/scar/local/scheduler"
	"github.com/scar-go/scar/local/secretsmanager"
	"github.com/scar-go/scar/local/sns"
	"github.com/scar-go/scar/local/sqs"
	"github.com/scar-go/scar/local/ssm"
	"github.com/scar-go/scar/local/store"
)

// The administrator's key pair. It is no secret: what protects the backend is that it listens on the
// loopback interface only.
const (
	AdminAccessKey = "local"
	AdminSecretKey = "local"
)

// What an account is where the options say nothing.
const (
	DefaultAccount = "000000000000"
	DefaultRegion  = "us-east-1"
)

// Options are how a backend is opened. Only Dir must be given.
type Options struct {
	Dir     string // state; made if absent. One process at a time can have it open
	Cache   string // unpacked images; empty: the folder "cache" in Dir
	Account string // twelve digits
	Region  string
	Clock   clock.Clock  // nil: the machine's
	Script  *Script      // nil: nothing goes wrong
	Log     *slog.Logger // nil: nothing is logged

	// How functions run; see lambda.Config.
	RetryDelays []time.Duration // before each retry of an asynchronous event; nil: Lambda's minutes
	Concurrency int             // instances that work at the same time; 0: as the machine has CPUs
	IdleTimeout time.Duration   // how long an idle instance is kept; 0: five minutes
	Settle      lambda.Settle   // how long a function is Pending; a deleted group of schedules is DELETING for its delay
	OnDone      func(lambda.Invocation)

	OnAddress func(Address) // called for each address that is made; nil: nobody is told; must not block for long
}

// Backend is an open backend. It is an http.Handler.
type Backend struct {
	options   Options
	log       *slog.Logger
	db        *store.DB
	iam       *iam.Service
	logs      *logs.Service
	metrics   *cloudwatch.Service
	ssm       *ssm.Service
	scheduler *scheduler.Service
	secrets   *secretsmanager.Service
	ecr       *ecr.Service
	s3        *s3.Service
	sqs       *sqs.Service
	sns       *sns.Service
	events    *events.Service
	apis      *apigateway.Service
	ec2       *ec2.Service
	efs       *efs.Service
	kms       *kms.Service
	lambda    *lambda.Service
	services  map[string]service // by the name in signatures
	fronts    map[string]service // by the label in hosts
	made      chan struct{}      // closed once all services are there

	endpoint atomic.Pointer[string]
	serving  sync.Once
	served   chan struct{} // closed once there is an endpoint

	running errgroup.Group // what the services do besides answering
	stop    context.CancelFunc
	closing <-chan struct{}
}

// Open opens the state and starts the services.
func Open(ctx context.Context, o Options) (*Backend, error) {
	o = o.withDefaults()
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open local backend: %w", err)
	}
	db, err := store.Open(filepath.Join(o.Dir, "state.db"))
	if err != nil {
		return nil, fmt.Errorf("open local backend: %w", err)
	}
	// What the services do goes on until Close, however short the context of opening lives.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	b := &Backend{options: o, log: o.Log, db: db, served: make(chan struct{}), made: make(chan struct{}), closing: running.Done(), stop: stop}
	if err := b.makeServices(running); err != nil {
		stop()
		return nil, errors.Join(fmt.Errorf("open local backend: %w", err), db.Close())
	}
	b.running.Go(func() error { return b.s3.Run(running) })
	return b, nil
}

func (o Options) withDefaults() Options {
	if o.Cache == "" {
		o.Cache = filepath.Join(o.Dir, "cache")
	}
	if o.Account == "" {
		o.Account = DefaultAccount
	}
	if o.Region == "" {
		o.Region = DefaultRegion
	}
	if o.Clock == nil {
		o.Clock = clock.Real{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnAddress == nil {
		o.OnAddress = func(Address) {}
	}
	return o
}

// Serve serves the listener until the context ends, and then lets calls that are under way finish for
// a moment. The listener must be on a loopback address, since the administrator's keys are known to
// everybody.
func (b *Backend) Serve(ctx context.Context, l net.Listener) error {
	address, isTCP := l.Addr().(*net.TCPAddr)
	if !isTCP || !address.IP.IsLoopback() {
		return fmt.Errorf("serve on %s: the local backend listens on loopback addresses only, such as 127.0.0.1", l.Addr())
	}
	b.SetEndpoint("http://" + l.Addr().String())
	server := newServer(b)
	ctx, cancel := context.WithCancel(ctx)
	var stopping errgroup.Group
	stopping.Go(func() error {
		<-ctx.Done()
		return shutDown(ctx, server, shutdownGrace)
	})
	err := server.Serve(l)
	cancel()
	if stopErr := stopping.Wait(); stopErr != nil || errors.Is(err, http.ErrServerClosed) {
		err = stopErr
	}
	if err != nil {
		return fmt.Errorf("serve local backend: %w", err)
	}
	return nil
}

// SetEndpoint says under which address the backend can be reached, for those who serve it by
// themselves; Serve does it.
func (b *Backend) SetEndpoint(url string) {
	b.endpoint.Store(&url)
	b.serving.Do(func() { close(b.served) })
}

// waitForEndpoint is Endpoint for functions, which must not start without: they would call AWS. What
// starts while the backend closes gets an address that nobody can listen on.
func (b *Backend) waitForEndpoint() string {
	select {
	case <-b.served:
		return b.Endpoint()
	case <-b.closing:
		return "http://127.0.0.1:0"
	}
}

// Endpoint is the address of the backend, such as http://127.0.0.1:4566, or empty while it is not
// served.
func (b *Backend) Endpoint() string {
	if url := b.endpoint.Load(); url != nil {
		return *url
	}
	return ""
}

// Close ends the services and writes the state to the disk. Serve must have returned.
func (b *Backend) Close() error {
	b.stop()
	if err := errors.Join(b.running.Wait(), b.closeServices(), b.db.Close()); err != nil {
		return fmt.Errorf("close local backend: %w", err)
	}
	return nil
}
