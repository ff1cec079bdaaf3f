package lambda

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// settingsInput are the settings that CreateFunction and UpdateFunctionConfiguration have in common.
// A nil field leaves a setting as it is.
type settingsInput struct {
	Role             *string
	Description      *string
	Timeout          *int
	MemorySize       *int
	Environment      *environment
	EphemeralStorage *ephemeralStorage
	ImageConfig      *imageConfig
	LoggingConfig    *loggingConfig
	TracingConfig    *tracingConfig

	VpcConfig         *vpcConfig
	FileSystemConfigs *[]fileSystemConfig

	// What the backend does not serve. It says so unless the setting is empty.
	DeadLetterConfig *struct{ TargetArn string }
	SnapStart        *struct{ ApplyOn string }
	KMSKeyArn        string
	Handler, Runtime string
	Layers           []string
}

func (in *settingsInput) unserved() error {
	var names []string
	for name, used := range map[string]bool{
		"Ipv6AllowedForDualStack": in.VpcConfig != nil && in.VpcConfig.Ipv6AllowedForDualStack,
		"DeadLetterConfig":        in.DeadLetterConfig != nil && in.DeadLetterConfig.TargetArn != "",
		"SnapStart":               in.SnapStart != nil && in.SnapStart.ApplyOn != "" && in.SnapStart.ApplyOn != "None",
		"KMSKeyArn":               in.KMSKeyArn != "",
	} {
		if used {
			names = append(names, name)
		}
	}
	return notServed(names, "functions")
}

// unservedForImages refuses what only functions of package type Zip have.
func (in *settingsInput) unservedForImages() error {
	var names []string
	for name, used := range map[string]bool{"Handler": in.Handler != "", "Runtime": in.Runtime != "", "Layers": len(in.Layers) > 0} {
		if used {
			names = append(names, name)
		}
	}
	return notServed(names, "functions of package type Image")
}

func notServed(names []string, of string) error {
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return invalid("the local backend does not serve %s for %s", list(names), of)
}

// apply puts what is given over what is there.
func (in *settingsInput) apply(to *settings) {
	set(&to.Role, in.Role)
	set(&to.Description, in.Description)
	set(&to.Timeout, in.Timeout)
	set(&to.Memory, in.MemorySize)
	set(&to.Image, in.ImageConfig)
	set(&to.FileSystems, in.FileSystemConfigs)
	if in.VpcConfig != nil {
		to.VPC = in.VpcConfig
	}
	if in.Environment != nil {
		to.Environment = maps.Clone(in.Environment.Variables)
	}
	if in.EphemeralStorage != nil {
		to.Ephemeral = in.EphemeralStorage.Size
	}
	if in.TracingConfig != nil {
		to.Tracing = in.TracingConfig.Mode
	}
	if in.LoggingConfig != nil {
		to.Logging = *in.LoggingConfig
	}
	to.Logging = to.Logging.withDefaults(to.Name)
}

func set[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}

func (c loggingConfig) withDefaults(function string) loggingConfig {
	c.LogFormat = cmp.Or(c.LogFormat, defaultLogFormat)
	c.LogGroup = cmp.Or(c.LogGroup, "/aws/lambda/"+function)
	if c.LogFormat == formatJSON {
		c.ApplicationLogLevel = cmp.Or(c.ApplicationLogLevel, "INFO")
		c.SystemLogLevel = cmp.Or(c.SystemLogLevel, "INFO")
	}
	return c
}

type codeInput struct {
	ImageURI        string `json:"ImageUri"`
	ZipFile         []byte
	S3Bucket, S3Key string
}

type createInput struct {
	settingsInput
	FunctionName         string
	Code                 codeInput
	PackageType          string
	Architectures        []string
	Tags                 map[string]string
	Publish              bool
	CodeSigningConfigArn string
}

func (s *Service) createFunction(r *http.Request, _ string) (answer, error) {
	var in createInput
	if err := read(r, &in); err != nil {
		return answer{}, err
	}
	name, err := s.nameOf(in.FunctionName)
	if err != nil {
		return answer{}, err
	}
	set := settings{
		Name: name, Generation: time.Now().UnixNano(), Timeout: defaultTimeout, Memory: defaultMemory, Ephemeral: defaultEphemeral,
		Architecture: defaultArch, Tracing: defaultTracing,
	}
	if in.VpcConfig.isZero() {
		in.VpcConfig = nil // of a new function nothing is said, though an updated one has an empty one
	}
	in.apply(&set)
	if len(in.Architectures) > 0 {
		set.Architecture = in.Architectures[0]
	}
	if err := in.check(&set); err != nil {
		return answer{}, err
	}
	if _, found, err := s.functions.Get(name); err != nil || found {
		return answer{}, cmp.Or(err, alreadyExists(name))
	}
	if err := s.codeOf(r.Context(), &in, &set); err != nil {
		return answer{}, err
	}
	if _, err := s.cfg.Roles.Session(r.Context(), set.Role, servicePrincipal, name); err != nil {
		return answer{}, err
	}
	if err := s.checkNetwork(r.Context(), &in.settingsInput, set.Role); err != nil {
		return answer{}, err
	}
	f := function{Settings: set, State: statePending, Update: updateSuccessful, Tags: in.Tags}
	s.unsettle(&f)
	err = s.functions.Update(name, func(stored *function, found bool) error {
		if found {
			return alreadyExists(name)
		}
		*stored = f
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	// Mappings outlive their function. Those of an earlier one need not wait for their next look.
	if err := s.pollers.resume(name); err != nil {
		return answer{}, err
	}
	return answer{http.StatusCreated, s.configurationOf(&f)}, nil
}

func (in *createInput) check(set *settings) error {
	if in.Publish || in.CodeSigningConfigArn != "" {
		return invalid("the local backend does not serve versions and code signing")
	}
	if len(in.Architectures) > 1 {
		return oneArchitecture()
	}
	if err := in.unserved(); err != nil {
		return err
	}
	if err := checkTags(in.Tags); err != nil {
		return err
	}
	return set.check()
}

func oneArchitecture() error { return invalid("Exactly one architecture can be given.") }

// resolve finds the image and what it is called by its digest.
func (s *Service) resolve(ctx context.Context, set *settings, uri string) error {
	img, err := s.cfg.Images.Image(ctx, uri)
	if err != nil {
		return invalid("Source image %s does not exist. Provide a valid source image.", uri)
	}
	digest, err := img.Digest()
	if err != nil {
		return fmt.Errorf("read image %s: %w", uri, err)
	}
	repository, _, _ := strings.Cut(uri, "@")
	if slash, colon := strings.LastIndexByte(repository, '/'), strings.LastIndexByte(repository, ':'); colon > slash {
		repository = repository[:colon]
	}
	set.ImageURI, set.ResolvedURI, set.Digest = uri, repository+"@"+digest.String(), digest.Hex
	return nil
}

func alreadyExists(name string) error { return conflict("Function already exist: %s", name) }

// newID makes an id in the form of a UUID, which revisions and requests have.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
