package lambda

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/scar-go/scar/local/wire"
)

// Lambda's limits of asynchronous invocation, from the API reference.
const (
	maxRetries  = 2
	minEventAge = 60    // s
	maxEventAge = 21600 // s, and the default
)

// invokeConfig is what a function says of asynchronous events. Nil fields stand for Lambda's defaults.
type invokeConfig struct {
	Retries   *int
	MaxAge    *int   // s
	OnSuccess string // ARN of a destination; empty: none
	OnFailure string
	Modified  time.Time
}

// maxAge is how long an event may wait.
func (c *invokeConfig) maxAge() time.Duration {
	if c == nil || c.MaxAge == nil {
		return maxEventAge * time.Second
	}
	return time.Duration(*c.MaxAge) * time.Second
}

// retries is how often a function that fails gets an event again; otherwise is where nothing is said.
func (c *invokeConfig) retries(otherwise int) int {
	if c == nil || c.Retries == nil {
		return otherwise
	}
	return *c.Retries
}

// destination is what is told of an outcome; empty: nothing.
func (c *invokeConfig) destination(failed bool) string {
	switch {
	case c == nil:
		return ""
	case failed:
		return c.OnFailure
	default:
		return c.OnSuccess
	}
}

type destination struct {
	Destination string `json:",omitempty"`
}

type destinationConfig struct {
	OnSuccess destination
	OnFailure destination
}

type invokeConfigInput struct {
	MaximumRetryAttempts     *int
	MaximumEventAgeInSeconds *int
	DestinationConfig        *destinationConfig
}

type invokeConfigOutput struct {
	LastModified             wire.Epoch
	FunctionArn              string
	MaximumRetryAttempts     *int `json:",omitempty"`
	MaximumEventAgeInSeconds *int `json:",omitempty"`
	DestinationConfig        destinationConfig
}

func (s *Service) invokeConfigOf(name string, c *invokeConfig) invokeConfigOutput {
	return invokeConfigOutput{
		wire.Epoch(c.Modified), s.arn(name) + ":" + latest, c.Retries, c.MaxAge,
		destinationConfig{destination{c.OnSuccess}, destination{c.OnFailure}},
	}
}

func (s *Service) putInvokeConfig(r *http.Request, name string) (answer, error) {
	return s.setInvokeConfig(r, name, func(*invokeConfig) (invokeConfig, error) { return invokeConfig{}, nil })
}

func (s *Service) updateInvokeConfig(r *http.Request, name string) (answer, error) {
	return s.setInvokeConfig(r, name, func(live *invokeConfig) (invokeConfig, error) {
		if live == nil {
			return invokeConfig{}, s.noInvokeConfig(name)
		}
		return *live, nil
	})
}

// setInvokeConfig puts what is asked for over what from makes of what is there.
func (s *Service) setInvokeConfig(r *http.Request, name string, from func(live *invokeConfig) (invokeConfig, error)) (answer, error) {
	var in invokeConfigInput
	if err := s.readQualified(r, name, &in); err != nil {
		return answer{}, err
	}
	if err := in.check(); err != nil {
		return answer{}, err
	}
	f, err := s.get(name)
	if err != nil {
		return answer{}, err
	}
	if to := in.DestinationConfig; to != nil {
		if err := cmp.Or(s.checkDestination(r.Context(), f, to.OnSuccess.Destination, false), s.checkDestination(r.Context(), f, to.OnFailure.Destination, true)); err != nil {
			return answer{}, err
		}
	}
	var c invokeConfig
	err = s.functions.Update(name, func(f *function, found bool) error {
		if !found {
			return functionNotFound(s.arn(name))
		}
		base, err := from(f.Async)
		if err != nil {
			return err
		}
		c = in.over(base)
		c.Modified = s.cfg.Clock.Now()
		f.Async = &c
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	return ok(s.invokeConfigOf(name, &c))
}

func (s *Service) readQualified(r *http.Request, name string, in any) error {
	if err := s.checkQualifier(r, name); err != nil {
		return err
	}
	return read(r, in)
}

func (in *invokeConfigInput) check() error {
	between := func(field string, value *int, least, most int) error {
		switch {
		case value == nil || *value >= least && *value <= most:
			return nil
		case *value < least:
			return wire.Errorf(http.StatusBadRequest, "ValidationException",
				"1 validation error detected: Value '%d' at '%s' failed to satisfy constraint: Member must have value greater than or equal to %d", *value, field, least)
		default:
			return wire.Errorf(http.StatusBadRequest, "ValidationException",
				"1 validation error detected: Value '%d' at '%s' failed to satisfy constraint: Member must have value less than or equal to %d", *value, field, most)
		}
	}
	if in.MaximumRetryAttempts == nil && in.MaximumEventAgeInSeconds == nil && in.DestinationConfig == nil {
		return invalid("You must specify at least one of error handling or destination setting.")
	}
	if err := between("maximumRetryAttempts", in.MaximumRetryAttempts, 0, maxRetries); err != nil {
		return err
	}
	return between("maximumEventAgeInSeconds", in.MaximumEventAgeInSeconds, minEventAge, maxEventAge)
}

func (in *invokeConfigInput) over(c invokeConfig) invokeConfig {
	if in.MaximumRetryAttempts != nil {
		c.Retries = in.MaximumRetryAttempts
	}
	if in.MaximumEventAgeInSeconds != nil {
		c.MaxAge = in.MaximumEventAgeInSeconds
	}
	if in.DestinationConfig != nil {
		c.OnSuccess, c.OnFailure = in.DestinationConfig.OnSuccess.Destination, in.DestinationConfig.OnFailure.Destination
	}
	return c
}

// checkDestination refuses what Lambda cannot tell of outcomes: other kinds of resources, other regions, queues and topics in
// order, the function itself, buckets for successes, and what the function's role has no right for.
func (s *Service) checkDestination(ctx context.Context, f function, arn string, failures bool) error {
	if arn == "" {
		return nil
	}
	needs := s.destinationRights(f.Settings.Name, arn, failures)
	if len(needs) == 0 {
		return invalid("The destination ARN %s is invalid.", arn)
	}
	for _, need := range needs {
		allowed, err := s.roleMay(ctx, f.Settings.Role, need.action, need.resource)
		if err != nil {
			return err
		}
		if !allowed {
			_, operation, _ := strings.Cut(need.action, ":")
			return invalid("The function's execution role does not have permissions to call %s on %s", operation, arn)
		}
	}
	return nil
}

type right struct{ action, resource string }

// destinationRights are what a role needs to tell a destination; none where the ARN is of no destination.
func (s *Service) destinationRights(function, arn string, failures bool) []right {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[5] == "" {
		return nil
	}
	service, region, resource := parts[2], parts[3], parts[5]
	here := region == s.cfg.Region && len(parts[4]) == len(s.cfg.Account)
	ordered := strings.HasSuffix(resource, ".fifo")
	switch {
	case service == "s3" && failures && region == "" && !strings.Contains(resource, "/"):
		return []right{{"s3:PutObject", arn + "/" + asyncPrefix + function + "/any"}, {"s3:ListBucket", arn}}
	case service == "sqs" && here && !ordered:
		return []right{{"sqs:SendMessage", arn}}
	case service == "sns" && here && !ordered:
		return []right{{"sns:Publish", arn}}
	case service == "events" && here && strings.HasPrefix(resource, "event-bus/"):
		return []right{{"events:PutEvents", arn}}
	case service == "lambda" && here && strings.HasPrefix(resource, "function:") && arn != s.arn(function):
		return []right{{"lambda:InvokeFunction", arn}}
	default:
		return nil
	}
}

func (s *Service) getInvokeConfig(r *http.Request, name string) (answer, error) {
	f, err := s.withInvokeConfig(r, name)
	if err != nil {
		return answer{}, err
	}
	return ok(s.invokeConfigOf(name, f.Async))
}

func (s *Service) withInvokeConfig(r *http.Request, name string) (function, error) {
	if err := s.checkQualifier(r, name); err != nil {
		return function{}, err
	}
	f, err := s.get(name)
	if err == nil && f.Async == nil {
		err = s.noInvokeConfig(name)
	}
	return f, err
}

func (s *Service) noInvokeConfig(name string) error {
	return wire.Errorf(http.StatusNotFound, "ResourceNotFoundException", "The function %s:%s doesn't have an EventInvokeConfig", s.arn(name), latest)
}

func (s *Service) deleteInvokeConfig(r *http.Request, name string) (answer, error) {
	if _, err := s.withInvokeConfig(r, name); err != nil {
		return answer{}, err
	}
	err := s.functions.Update(name, func(f *function, found bool) error {
		if !found {
			return functionNotFound(s.arn(name))
		}
		f.Async = nil
		return nil
	})
	return answer{http.StatusNoContent, nil}, err
}

func (s *Service) listInvokeConfigs(_ *http.Request, name string) (answer, error) {
	f, err := s.get(name)
	if err != nil {
		return answer{}, err
	}
	out := struct{ FunctionEventInvokeConfigs []invokeConfigOutput }{[]invokeConfigOutput{}}
	if f.Async != nil {
		out.FunctionEventInvokeConfigs = append(out.FunctionEventInvokeConfigs, s.invokeConfigOf(name, f.Async))
	}
	return ok(out)
}
