package lambda

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/scar-go/scar/local/sandbox"
)

const (
	initTimeout = 10 * time.Second
	// settleTime is how long a runtime may take, once it has answered, until it asks for the next event.
	settleTime = time.Second
	// credentialReserve is how long an instance's credentials must last beyond the invocation.
	credentialReserve = 5 * time.Minute

	// The errors of a start that another try would meet again.
	invalidEntrypoint = "Runtime.InvalidEntrypoint"
	invalidWorkingDir = "Runtime.InvalidWorkingDir"

	defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// task is what an instance is to do.
type task struct {
	requestID     string
	payload       []byte
	clientContext string
	trace         string
	async         bool
	attempt       int
}

// instance is one running sandbox of a function.
type instance struct {
	set     settings
	arn     string
	process *sandbox.Process
	api     *runtimeAPI
	sink    *sink
	expires time.Time     // of its credentials
	ready   bool          // the runtime waits for an event
	initial time.Duration // how long it took to start; 0 once that has been reported
	idled   time.Time
}

// startInstance starts the function's image and waits until its runtime asks for an event. With a
// failure, which is the function's, the instance is dead.
func (e *engine) startInstance(ctx context.Context, set settings, timeout time.Duration) (*instance, *failure, error) {
	begun := time.Now()
	program, err := e.program(ctx, set)
	if err != nil {
		return nil, nil, err
	}
	credentials, err := e.cfg.Roles.Session(ctx, set.Role, servicePrincipal, set.Name)
	if err != nil {
		return nil, nil, fmt.Errorf("assume role: %w", err)
	}
	mounts, err := e.mounts(ctx, set)
	if err != nil {
		return nil, nil, err
	}
	api, err := newRuntimeAPI(ctx)
	if err != nil {
		return nil, nil, err
	}
	stream := newStream(begun)
	i := &instance{
		set: set, arn: e.arn(set.Name), api: api, expires: credentials.Expires,
		sink: newSink(context.WithoutCancel(e.ctx), e.cfg, set.Logging.LogGroup, stream),
	}
	args, dir := commandOf(&program.config, set.Image)
	i.process, err = sandbox.Start(e.ctx, sandbox.Spec{
		Root: program.root, Args: args, Dir: dir, Memory: set.Memory, Tmp: set.Ephemeral, Mounts: mounts, Output: i.sink,
		Env: e.environment(set, program.config.Env, credentials, api.address(), stream),
	})
	var bad *sandbox.StartError
	switch {
	case errors.As(err, &bad):
		api.close()
		kind := invalidEntrypoint
		if bad.WorkingDir {
			kind = invalidWorkingDir
		}
		f := &failure{kind, "Error: " + bad.Error()}
		i.reportInit(begun, f)
		return i, f, nil
	case err != nil:
		api.close()
		return nil, nil, err
	}
	f := i.waitReady(timeout)
	i.reportInit(begun, f)
	if f != nil {
		i.kill()
		return i, f, nil
	}
	i.initial = time.Since(begun)
	return i, nil, nil
}

// mounts are the folders that the function's file systems stand for.
func (e *engine) mounts(ctx context.Context, set settings) ([]sandbox.Mount, error) {
	var mounts []sandbox.Mount
	for _, fs := range set.FileSystems {
		if e.cfg.FileSystems == nil {
			return nil, fmt.Errorf("mount %s: the local backend has no file systems here", fs.LocalMountPath)
		}
		folder, err := e.cfg.FileSystems.AccessPoint(ctx, fs.ARN)
		if err != nil {
			return nil, fmt.Errorf("mount %s: %w", fs.LocalMountPath, err)
		}
		mounts = append(mounts, sandbox.Mount{Folder: folder, Path: fs.LocalMountPath})
	}
	return mounts, nil
}

func (i *instance) waitReady(timeout time.Duration) *failure {
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	select {
	case <-i.api.asked:
		i.ready = true
		return nil
	case f := <-i.api.failed:
		return &f
	case <-i.process.Done():
		return i.exitFailure()
	case <-limit.C:
		return &failure{"Sandbox.Timedout", fmt.Sprintf("Error: Task timed out after %.2f seconds", timeout.Seconds())}
	}
}

// invoke runs one event. It returns when the runtime waits for the next one, or is dead.
func (i *instance) invoke(ctx context.Context, t task, begun time.Time) outcome {
	timeout := time.Duration(i.set.Timeout) * time.Second
	d := &delivery{task: t, arn: i.arn, deadline: begun.Add(timeout), outcome: make(chan outcome, 1)}
	ctx, cancel := context.WithDeadline(ctx, d.deadline)
	defer cancel()
	i.ready = false
	delivered := make(chan error, 1)
	go func() { delivered <- i.api.deliver(ctx, d) }()
	var o outcome
	select {
	case o = <-d.outcome:
		i.settle(d.deadline)
	case <-i.process.Done():
		o = d.answered(i.exitFailure())
	case <-ctx.Done():
		o = d.answered(stopFailure(ctx, timeout))
		i.kill()
	}
	cancel()
	<-delivered
	i.process.Drain()
	return o
}

// answered is what the runtime has answered all the same, just before it ended, or else the failure.
func (d *delivery) answered(otherwise *failure) outcome {
	select {
	case o := <-d.outcome:
		return o
	default:
		return outcome{failure: otherwise}
	}
}

// stopFailure is the error of a function that was stopped because of its context.
func stopFailure(ctx context.Context, timeout time.Duration) *failure {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &failure{"Sandbox.Timedout", fmt.Sprintf("Error: Task timed out after %.2f seconds", timeout.Seconds())}
	}
	return &failure{"Local.Stopped", "Error: the local backend was stopped"}
}

// settle waits until a runtime that has answered asks for the next event.
func (i *instance) settle(deadline time.Time) {
	limit := time.NewTimer(min(settleTime, time.Until(deadline)))
	defer limit.Stop()
	select {
	case <-i.api.asked:
		i.ready = true
	case <-i.process.Done():
	case <-limit.C:
		i.kill()
	}
}

// exitFailure is the error of a runtime that has ended.
func (i *instance) exitFailure() *failure {
	exit := i.process.Wait()
	switch {
	case exit.OOM:
		return &failure{"Runtime.OutOfMemory", "Error: Runtime exited with error: signal: killed"}
	case exit.Signal != 0:
		return &failure{"Runtime.ExitError", "Error: Runtime exited with error: signal: " + syscall.Signal(exit.Signal).String()}
	case exit.Code != 0:
		return &failure{"Runtime.ExitError", "Error: Runtime exited with error: exit status " + strconv.Itoa(exit.Code)}
	default:
		return &failure{"Runtime.ExitError", "Error: Runtime exited without providing a reason"}
	}
}

// kill ends the instance and stores what it has written.
func (i *instance) kill() {
	i.ready = false
	if i.process != nil {
		i.process.Kill()
		i.process.Wait()
	}
	i.api.close()
	i.sink.flush()
}

// usable says whether the instance can take an event of these settings.
func (i *instance) usable(set settings) bool {
	if !i.ready {
		return false
	}
	select {
	case <-i.process.Done():
		return false
	default:
	}
	needed := time.Now().Add(time.Duration(set.Timeout)*time.Second + credentialReserve)
	return i.set.Generation == set.Generation && (i.expires.IsZero() || i.expires.After(needed))
}

// commandOf is what an image runs: the function's overrides, then its own configuration.
func commandOf(config *v1.Config, override imageConfig) (args []string, dir string) {
	entrypoint, command, dir := config.Entrypoint, config.Cmd, config.WorkingDir
	if len(override.EntryPoint) > 0 {
		entrypoint = override.EntryPoint
	}
	if len(override.Command) > 0 {
		command = override.Command
	}
	if override.WorkingDirectory != "" {
		dir = override.WorkingDirectory
	}
	return slices.Concat(entrypoint, command), dir
}

// environment is what a function's processes see: what Lambda sets, above what the function sets,
// above what the image sets.
func (e *engine) environment(set settings, image []string, c Credentials, api, stream string) []string {
	vars := map[string]string{
		"PATH": defaultPath, "LANG": "en_US.UTF-8", "TZ": ":UTC", "AWS_ENDPOINT_URL": e.cfg.Endpoint(),
	}
	for _, v := range image {
		name, value, _ := strings.Cut(v, "=")
		vars[name] = value
	}
	maps.Copy(vars, set.Environment)
	maps.Copy(vars, map[string]string{
		"AWS_LAMBDA_RUNTIME_API":          api,
		"AWS_LAMBDA_FUNCTION_NAME":        set.Name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(set.Memory),
		"AWS_LAMBDA_FUNCTION_VERSION":     latest,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       set.Logging.LogGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME":      stream,
		"AWS_REGION":                      e.cfg.Region,
		"AWS_DEFAULT_REGION":              e.cfg.Region,
		"AWS_ACCESS_KEY_ID":               c.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY":           c.SecretAccessKey,
		"AWS_SESSION_TOKEN":               c.SessionToken,
		"LAMBDA_TASK_ROOT":                "/var/task",
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
	})
	if set.Logging.LogFormat == formatJSON {
		vars["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
		vars["AWS_LAMBDA_LOG_LEVEL"] = set.Logging.ApplicationLogLevel
	}
	env := make([]string, 0, len(vars))
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		env = append(env, name+"="+vars[name])
	}
	return env
}

// asJSON is a failure as Lambda answers it, with the request it belongs to.
func (f *failure) asJSON() []byte {
	b, _ := json.Marshal(f) // strings alone can always be written
	return b
}

// newStream names the log stream of an instance.
func newStream(at time.Time) string {
	return at.UTC().Format("2006/01/02") + "/[" + latest + "]" + randomHex()
}

func randomHex() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
