package lambda

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/scar-go/scar/local/wire"
)

const (
	latest       = "$LATEST"
	packageImage = "Image"
	lambdaTime   = "2006-01-02T15:04:05.000-0700" // of LastModified
)

// States of functions and of their last updates.
const (
	statePending     = "Pending"
	stateActive      = "Active"
	updateInProgress = "InProgress"
	updateSuccessful = "Successful"
)

// Lambda's defaults.
const (
	defaultTimeout   = 3   // s
	defaultMemory    = 128 // MB
	defaultEphemeral = 512 // MB
	defaultArch      = "x86_64"
	defaultLogFormat = "Text"
	defaultTracing   = "PassThrough"
)

const formatJSON = "JSON" // of logs

// function is a function as it is stored.
type function struct {
	Settings       settings
	Serving        *settings // what runs while an update is in progress; nil: Settings
	State          string
	Update         string
	ReadsLeft      int       // reads that still see it unsettled
	Unsettled      time.Time // until when
	LastModified   time.Time
	Revision       string
	Tags           map[string]string
	Policy         []statement
	PolicyRevision string
	Reserved       *int          // concurrency; nil: none is
	Async          *invokeConfig // nil: Lambda's defaults
	URL            *functionURL  // nil: it has none
}

// settings are what an instance is made from.
type settings struct {
	Name         string
	Generation   int64 // higher after every change, and for a later function of the same name
	ImageURI     string
	ResolvedURI  string
	Digest       string // of the image, hexadecimal
	Architecture string // x86_64 or arm64
	Role         string
	Description  string
	Timeout      int // s
	Memory       int // MB
	Ephemeral    int // MB
	Environment  map[string]string
	Image        imageConfig
	Logging      loggingConfig
	Tracing      string
	VPC          *vpcConfig // nil: never was in one
	FileSystems  []fileSystemConfig
	Zip          *zipCode // nil: the code is an image
}

type imageConfig struct {
	EntryPoint       []string `json:",omitempty"`
	Command          []string `json:",omitempty"`
	WorkingDirectory string   `json:",omitempty"`
}

func (c imageConfig) isZero() bool {
	return len(c.EntryPoint) == 0 && len(c.Command) == 0 && c.WorkingDirectory == ""
}

type loggingConfig struct {
	LogFormat           string `json:",omitempty"`
	ApplicationLogLevel string `json:",omitempty"`
	SystemLogLevel      string `json:",omitempty"`
	LogGroup            string `json:",omitempty"`
}

type environment struct {
	Variables map[string]string
}

type ephemeralStorage struct{ Size int }

type tracingConfig struct{ Mode string }

// settled says whether nothing is under way.
func (f *function) settled() bool { return f.State == stateActive && f.Update == updateSuccessful }

// due says whether what is under way has taken long enough, reads left aside.
func (f *function) due(now time.Time) bool { return !now.Before(f.Unsettled) }

func (f *function) settle() {
	f.State, f.Update, f.Serving = stateActive, updateSuccessful, nil
}

// serving are the settings that an invocation of now gets.
func (f *function) serving(now time.Time) settings {
	if f.Serving != nil && !f.due(now) {
		return *f.Serving
	}
	return f.Settings
}

// get reads a function.
func (s *Service) get(name string) (function, error) {
	f, found, err := s.functions.Get(name)
	if err == nil && !found {
		err = functionNotFound(s.arn(name))
	}
	return f, err
}

// observe reads a function as the API shows it: a read may be the one after which it is settled.
func (s *Service) observe(name string) (function, error) {
	f, err := s.get(name)
	if err != nil || f.settled() {
		return f, err
	}
	err = s.functions.Update(name, func(stored *function, found bool) error {
		if !found {
			return functionNotFound(s.arn(name))
		}
		if !stored.settled() && stored.ReadsLeft == 0 && stored.due(s.cfg.Clock.Now()) {
			stored.settle()
		}
		f = *stored
		stored.ReadsLeft = max(0, stored.ReadsLeft-1)
		return nil
	})
	return f, err
}

// unsettle begins what takes its time.
func (s *Service) unsettle(f *function) {
	now := s.cfg.Clock.Now()
	f.LastModified, f.Revision = now, newID()
	f.ReadsLeft, f.Unsettled = s.cfg.Settle.Reads, now.Add(s.cfg.Settle.Delay)
	if f.ReadsLeft == 0 && f.due(now) {
		f.settle()
	}
}

// configuration is what the API says of a function.
type configuration struct {
	FunctionName               string
	FunctionArn                string
	Role                       string
	CodeSize                   int64
	Description                string
	Timeout                    int
	MemorySize                 int
	LastModified               string
	CodeSha256                 string
	Version                    string
	Environment                *environment `json:",omitempty"`
	TracingConfig              tracingConfig
	RevisionID                 string `json:"RevisionId"`
	State                      string `json:",omitempty"`
	StateReason                string `json:",omitempty"`
	StateReasonCode            string `json:",omitempty"`
	LastUpdateStatus           string `json:",omitempty"`
	LastUpdateStatusReason     string `json:",omitempty"`
	LastUpdateStatusReasonCode string `json:",omitempty"`
	PackageType                string
	Runtime                    string               `json:",omitempty"`
	Handler                    string               `json:",omitempty"`
	Layers                     []layer              `json:",omitempty"`
	ImageConfigResponse        *imageConfigResponse `json:",omitempty"`
	Architectures              []string
	EphemeralStorage           ephemeralStorage
	SnapStart                  snapStart
	LoggingConfig              loggingConfig
	VpcConfig                  *vpcConfig         `json:",omitempty"`
	FileSystemConfigs          []fileSystemConfig `json:",omitempty"`
}

type imageConfigResponse struct{ ImageConfig imageConfig }

type snapStart struct{ ApplyOn, OptimizationStatus string }

func (s *Service) configurationOf(f *function) configuration {
	c := configuration{
		FunctionName: f.Settings.Name, FunctionArn: s.arn(f.Settings.Name), Role: f.Settings.Role,
		Description: f.Settings.Description, Timeout: f.Settings.Timeout, MemorySize: f.Settings.Memory,
		LastModified: f.LastModified.UTC().Format(lambdaTime), Version: latest,
		TracingConfig: tracingConfig{f.Settings.Tracing}, RevisionID: f.Revision,
		State: f.State, LastUpdateStatus: f.Update,
		Architectures:    []string{f.Settings.Architecture},
		EphemeralStorage: ephemeralStorage{f.Settings.Ephemeral},
		SnapStart:        snapStart{"None", "Off"},
		LoggingConfig:    f.Settings.Logging,
		VpcConfig:        f.Settings.VPC, FileSystemConfigs: f.Settings.FileSystems,
	}
	c.showCode(&f.Settings)
	if len(f.Settings.Environment) > 0 {
		c.Environment = &environment{f.Settings.Environment}
	}
	if !f.Settings.Image.isZero() {
		c.ImageConfigResponse = &imageConfigResponse{f.Settings.Image}
	}
	if f.State == statePending {
		c.StateReason, c.StateReasonCode = "The function is being created.", "Creating"
	} else if f.Update == updateInProgress {
		c.LastUpdateStatusReason, c.LastUpdateStatusReasonCode = "The function is being updated.", "Updating"
	}
	return c
}

// reserved are the variables that Lambda does not let a function set, from the developer guide.
var reserved = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

func reservedIn(variables map[string]string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(variables)), func(name string) bool {
		return !slices.Contains(reserved, name)
	})
}

func invalid(format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, "InvalidParameterValueException", format, args...)
}

func functionNotFound(arn string) error {
	return wire.Errorf(http.StatusNotFound, "ResourceNotFoundException", "Function not found: %s", arn)
}

func conflict(format string, args ...any) error {
	return wire.Errorf(http.StatusConflict, "ResourceConflictException", format, args...)
}

// staleRevision is the answer to a change that was meant for another revision.
func staleRevision() error {
	return wire.Errorf(http.StatusPreconditionFailed, "PreconditionFailedException",
		"The RevisionId provided does not match the latest RevisionId. Call the GetFunction or the GetPolicy API to retrieve the latest RevisionId")
}

// list joins names for a message.
func list(names []string) string { return strings.Join(names, ", ") }
