// Package local is an embedded backend that speaks AWS's wire protocols over loopback HTTP: those
// calls of STS, IAM, Lambda, CloudWatch Logs, ECR, S3 and the Resource Groups Tagging API that scar
// makes, so that the same SDK code that talks to AWS talks to it. A call that it does not serve is an
// error that names it.
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
	"sync/atomic"
	"time"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/iam"
	"github.com/scar-go/scar/local/logs"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
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
}

// Backend is an open backend. It is an http.Handler.
type Backend struct {
	options  Options
	log      *slog.Logger
	db       *store.DB
	iam      *iam.Service
	logs     *logs.Service
	services map[string]service // by the name in signatures
	endpoint atomic.Pointer[string]
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
	b := &Backend{options: o, log: o.Log, db: db, services: map[string]service{}}
	if err := b.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open local backend: %w", err), db.Close())
	}
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
	return o
}

// start makes the services.
func (b *Backend) start(_ context.Context) error {
	roles := iam.Config{
		DB: b.db, Clock: b.options.Clock, Account: b.options.Account,
		AdminAccessKey: AdminAccessKey, AdminSecretKey: AdminSecretKey,
	}
	if b.options.Script != nil {
		roles.Lag = b.options.Script.lag
	}
	var err error
	if b.iam, err = iam.New(roles); err != nil {
		return err
	}
	b.services["iam"] = newService(b.iam.IAM(), wire.Query)
	b.services["sts"] = newService(b.iam.STS(), wire.Query)
	logConfig := logs.Config{DB: b.db, Clock: b.options.Clock, Account: b.options.Account, Region: b.options.Region}
	if b.logs, err = logs.New(logConfig); err != nil {
		return err
	}
	b.services["logs"] = newService(b.logs, wire.JSON11)
	return nil
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
	server := &http.Server{Handler: b, ReadHeaderTimeout: headerTimeout}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		err := server.Shutdown(grace)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close() // what is still under way is cut off
		}
		stopped <- err
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve local backend: %w", err)
	}
	return <-stopped
}

const (
	headerTimeout = 10 * time.Second
	shutdownGrace = 2 * time.Second
)

// SetEndpoint says under which address the backend can be reached, for those who serve it by
// themselves; Serve does it.
func (b *Backend) SetEndpoint(url string) { b.endpoint.Store(&url) }

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
	if err := b.db.Close(); err != nil {
		return fmt.Errorf("close local backend: %w", err)
	}
	return nil
}

func (b *Backend) signatureTime() time.Time { return time.Now() }
