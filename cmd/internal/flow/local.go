package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/lambda"
	"github.com/scar-go/scar/local/store"
)

// DefaultPort is where scar local up listens unless told otherwise.
const DefaultPort = 4666

// announcement is the file in a state directory that says where its backend listens.
const announcement = "endpoint.json"

// probeTimeout bounds the question whether somebody listens. It is asked of this machine.
const probeTimeout = 2 * time.Second

// FindLocal finds a running scar local up by what it wrote into its state directory. A port alone would
// not do: whoever listens there may be another user's backend.
func FindLocal(ctx context.Context, stateDir string) (*Endpoint, error) {
	e := &Endpoint{Region: local.DefaultRegion}
	content, err := os.ReadFile(filepath.Join(stateDir, announcement))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no local backend runs with its state in %s: start one with scar local up, or name the folder that it was given with --state in SCAR_STATE_DIR", stateDir)
	}
	if err != nil {
		return nil, fmt.Errorf("find the local backend: %w", err)
	}
	if err := json.Unmarshal(content, e); err != nil {
		return nil, fmt.Errorf("find the local backend: parse %s: %w", filepath.Join(stateDir, announcement), err)
	}
	e.AccessKey, e.SecretKey = local.AdminAccessKey, local.AdminSecretKey
	u, err := url.Parse(e.URL)
	if err != nil {
		return nil, fmt.Errorf("find the local backend: %w", err)
	}
	if !isLoopback(u.Hostname()) {
		return nil, fmt.Errorf("find the local backend: %s in %s is not on this machine", e.URL, filepath.Join(stateDir, announcement))
	}
	dialer := net.Dialer{Timeout: probeTimeout}
	connection, err := dialer.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, fmt.Errorf("no local backend answers at %s: start one with scar local up", e.URL)
	}
	return e, connection.Close()
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Environment is what other programs need to find the backend.
func (e *Endpoint) Environment() [][2]string {
	return [][2]string{
		{"AWS_ENDPOINT_URL", e.URL},
		{"AWS_ACCESS_KEY_ID", e.AccessKey},
		{"AWS_SECRET_ACCESS_KEY", e.SecretKey},
		{"AWS_REGION", e.Region},
		{"AWS_DEFAULT_REGION", e.Region},
	}
}

// LocalOptions say how a local backend is started.
type LocalOptions struct {
	Port     int // 0: any
	StateDir string
	Images   string // folder of unpacked images, shared by all backends
	Region   string // empty: local.DefaultRegion
	Announce bool   // let FindLocal find it

	Log         io.Writer       // where to log; nil: nowhere
	RetryDelays []time.Duration // between the attempts on an event; nil: Lambda's minutes
	OnDone      func(lambda.Invocation)
	OnAddress   func(Address) // told of each address that is made; may be nil; must not block for long
}

// Address is where functions of a local backend take requests by HTTP.
type Address struct {
	Function string // whose URL it is; empty: it is an HTTP API's
	API      string // name of the HTTP API
	URL      string
}

// Local is a local backend in this process.
type Local struct {
	backend   *local.Backend
	endpoint  *Endpoint
	announced string // path of the announcement, empty if there is none
	stop      context.CancelFunc
	served    chan error
}

// StartLocal opens a backend and serves it.
func StartLocal(ctx context.Context, o LocalOptions) (*Local, error) {
	if o.Region == "" {
		o.Region = local.DefaultRegion
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", loopback(o.Port))
	if err != nil {
		return nil, fmt.Errorf("listen at port %d (another scar local up may be running; --port chooses another port): %w", o.Port, err)
	}
	backend, err := local.Open(ctx, o.backend())
	if err != nil {
		return nil, errors.Join(explainOpen(err, o.StateDir), listener.Close())
	}
	// The backend outlives the context: what is under way when the user interrupts still needs it.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	l := &Local{
		backend: backend, stop: stop, served: make(chan error, 1),
		endpoint: &Endpoint{
			URL: "http://" + listener.Addr().String(), Region: o.Region,
			AccessKey: local.AdminAccessKey, SecretKey: local.AdminSecretKey,
		},
	}
	go func() { l.served <- backend.Serve(serving, listener) }()
	if o.Announce {
		if err := l.announce(o.StateDir); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return l, nil
}

func (o LocalOptions) backend() local.Options {
	options := local.Options{
		Dir: o.StateDir, Cache: o.Images, Region: o.Region, RetryDelays: o.RetryDelays, OnDone: o.OnDone,
	}
	if o.OnAddress != nil {
		options.OnAddress = func(a local.Address) { o.OnAddress(Address(a)) }
	}
	if o.Log != nil {
		options.Log = slog.New(slog.NewTextHandler(o.Log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	return options
}

func explainOpen(err error, dir string) error {
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("the state in %s is in use by another scar: stop it, or choose another folder with --state", dir)
	}
	return err
}

// announce writes where the backend listens.
func (l *Local) announce(dir string) error {
	content, err := json.Marshal(l.endpoint)
	if err != nil {
		return fmt.Errorf("announce the local backend: %w", err)
	}
	path := filepath.Join(dir, announcement)
	if err := writePrivate(path, content); err != nil {
		return fmt.Errorf("announce the local backend: %w", err)
	}
	l.announced = path
	return nil
}

// Endpoint is where the backend listens.
func (l *Local) Endpoint() *Endpoint { return l.endpoint }

// Addresses lists the addresses of its state, those of functions first.
func (l *Local) Addresses() ([]Address, error) {
	found, err := l.backend.Addresses()
	if err != nil {
		return nil, fmt.Errorf("list the addresses of the local backend: %w", err)
	}
	addresses := make([]Address, len(found))
	for i, a := range found {
		addresses[i] = Address(a)
	}
	return addresses, nil
}

// Wait returns when the context ends, the backend closed, or when serving fails.
func (l *Local) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return l.Close()
	case err := <-l.served:
		l.served <- err
		return errors.Join(err, l.Close())
	}
}

// Close ends the backend. Its state stays.
func (l *Local) Close() error {
	var withdrawn error
	if l.announced != "" {
		withdrawn = os.Remove(l.announced)
	}
	l.stop()
	return errors.Join(<-l.served, l.backend.Close(), withdrawn)
}
