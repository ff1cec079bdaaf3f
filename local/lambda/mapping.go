package lambda

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/scar-go/scar/local/wire"
)

// States of event source mappings. What is under way has a state of its own until it is settled.
const (
	mappingCreating  = "Creating"
	mappingEnabled   = "Enabled"
	mappingEnabling  = "Enabling"
	mappingDisabled  = "Disabled"
	mappingDisabling = "Disabling"
	mappingUpdating  = "Updating"
	mappingDeleting  = "Deleting"
)

const (
	reportFailures   = "ReportBatchItemFailures"
	defaultBatch     = 10
	maxMappingPage   = 100
	mappingARNPart   = ":event-source-mapping:"
	transitionReason = "USER_INITIATED"
)

// mapping is an event source mapping as it is stored: Lambda takes messages from the queue and gives them to the function.
type mapping struct {
	UUID           string
	Function       string
	Queue          string // ARN
	BatchSize      int
	Window         int // seconds that a batch may wait to become full
	MaxConcurrency int // 0: no limit of its own
	ReportFailures bool
	Enabled        bool
	Tags           map[string]string

	Under     string    // the state that is under way; empty: settled
	ReadsLeft int       // reads that still see it
	Unsettled time.Time // until when
	Modified  time.Time
}

func (m *mapping) state() string {
	switch {
	case m.Under != "":
		return m.Under
	case m.Enabled:
		return mappingEnabled
	default:
		return mappingDisabled
	}
}

// ordered says whether the queue keeps an order.
func (m *mapping) ordered() bool { return strings.HasSuffix(m.Queue, ".fifo") }

type scalingConfig struct {
	MaximumConcurrency *int `json:",omitempty"`
}

type mappingOutput struct {
	UUID                           string
	BatchSize                      int
	MaximumBatchingWindowInSeconds int
	EventSourceArn                 string
	FunctionArn                    string
	LastModified                   wire.Epoch
	LastProcessingResult           string `json:",omitempty"`
	State                          string
	StateTransitionReason          string
	FunctionResponseTypes          []string
	ScalingConfig                  *scalingConfig `json:",omitempty"`
	EventSourceMappingArn          string
}

func (s *Service) mappingARN(id string) string {
	return strings.TrimSuffix(s.arn(""), ":function:") + mappingARNPart + id
}

func (s *Service) mappingOf(m *mapping) mappingOutput {
	out := mappingOutput{
		UUID: m.UUID, BatchSize: m.BatchSize, MaximumBatchingWindowInSeconds: m.Window, EventSourceArn: m.Queue,
		FunctionArn: s.arn(m.Function), LastModified: wire.Epoch(m.Modified), State: m.state(), StateTransitionReason: transitionReason,
		FunctionResponseTypes: []string{}, EventSourceMappingArn: s.mappingARN(m.UUID), LastProcessingResult: s.pollers.problem(m.UUID),
	}
	if m.ReportFailures {
		out.FunctionResponseTypes = []string{reportFailures}
	}
	if m.MaxConcurrency > 0 {
		out.ScalingConfig = &scalingConfig{&m.MaxConcurrency}
	}
	return out
}

// mappingInput are the settings that creation and update have in common. A nil field leaves a setting as it is.
type mappingInput struct {
	FunctionName                   string
	BatchSize                      *int
	MaximumBatchingWindowInSeconds *int
	Enabled                        *bool
	FunctionResponseTypes          *[]string
	ScalingConfig                  *scalingConfig

	// What the backend does not serve.
	FilterCriteria    *struct{ Filters []struct{ Pattern string } }
	KMSKeyArn         string
	DestinationConfig *destinationConfig
}

func (in *mappingInput) unserved() error {
	switch {
	case in.FilterCriteria != nil && len(in.FilterCriteria.Filters) > 0:
		return invalid("the local backend does not serve FilterCriteria of event source mappings")
	case in.KMSKeyArn != "":
		return invalid("the local backend does not serve KMSKeyArn of event source mappings")
	case in.DestinationConfig != nil && *in.DestinationConfig != destinationConfig{}:
		return invalid("the destination of an event source mapping is not supported for SQS")
	default:
		return nil
	}
}

// apply puts what is given over what is there.
func (in *mappingInput) apply(to *mapping) {
	set(&to.BatchSize, in.BatchSize)
	set(&to.Window, in.MaximumBatchingWindowInSeconds)
	set(&to.Enabled, in.Enabled)
	if in.FunctionResponseTypes != nil {
		to.ReportFailures = slices.Contains(*in.FunctionResponseTypes, reportFailures)
	}
	if in.ScalingConfig != nil {
		to.MaxConcurrency = 0
		set(&to.MaxConcurrency, in.ScalingConfig.MaximumConcurrency)
	}
}

// check holds a request against Lambda's limits.
func (in *mappingInput) check() error {
	var broken []string
	between := func(field string, value *int, least, most int) {
		if value != nil && (*value < least || *value > most) {
			rule := fmt.Sprintf("less than or equal to %d", most)
			if *value < least {
				rule = fmt.Sprintf("greater than or equal to %d", least)
			}
			broken = append(broken, fmt.Sprintf("Value '%d' at '%s' failed to satisfy constraint: Member must have value %s", *value, field, rule))
		}
	}
	between("batchSize", in.BatchSize, 1, 10_000)
	between("maximumBatchingWindowInSeconds", in.MaximumBatchingWindowInSeconds, 0, 300)
	if in.ScalingConfig != nil {
		between("scalingConfig.maximumConcurrency", in.ScalingConfig.MaximumConcurrency, 2, 1000)
	}
	if in.FunctionResponseTypes != nil {
		for _, t := range *in.FunctionResponseTypes {
			if t != reportFailures {
				broken = append(broken, fmt.Sprintf("Value '[%s]' at 'functionResponseTypes' failed to satisfy constraint: Member must satisfy enum value set: [%s]", t, reportFailures))
			}
		}
	}
	if len(broken) > 0 {
		return wire.Errorf(http.StatusBadRequest, "ValidationException", "%d validation error%s detected: %s",
			len(broken), plural(len(broken)), strings.Join(broken, "; "))
	}
	return in.unserved()
}

// check holds a mapping's settings against each other.
func (m *mapping) check() error {
	switch {
	case m.ordered() && m.BatchSize > maxReceive:
		return invalid("Batch size must be less than or equal to %d for FIFO queues.", maxReceive)
	case m.ordered() && m.Window > 0:
		return invalid("Batching window is not supported for FIFO queues.")
	case m.BatchSize > maxReceive && m.Window == 0:
		return invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than %d", maxReceive)
	default:
		return nil
	}
}

func mappingNotFound() error {
	return wire.Errorf(http.StatusNotFound, "ResourceNotFoundException", "The resource you requested does not exist.")
}

// observeMapping reads a mapping as the API shows it: a read may be the one after which it is settled.
func (s *Service) observeMapping(id string) (m mapping, err error) {
	gone := false
	err = s.mappings.Update(id, func(stored *mapping, found bool) error {
		if !found {
			return mappingNotFound()
		}
		gone = s.settleMapping(stored)
		m = *stored
		stored.ReadsLeft = max(0, stored.ReadsLeft-1)
		return nil
	})
	if err == nil && gone {
		err = cmp.Or(s.mappings.Delete(id), mappingNotFound())
	}
	return m, err
}

// settleMapping ends what has been under way for long enough, and says whether that was the mapping's end.
func (s *Service) settleMapping(m *mapping) (gone bool) {
	if m.Under == "" || m.ReadsLeft > 0 || s.cfg.Clock.Now().Before(m.Unsettled) {
		return false
	}
	gone = m.Under == mappingDeleting
	m.Under = ""
	return gone
}

// begin notes what is under way from now on.
func (s *Service) begin(m *mapping, state string) {
	now := s.cfg.Clock.Now()
	m.Under, m.Modified = state, now
	m.ReadsLeft, m.Unsettled = s.cfg.Settle.Reads, now.Add(s.cfg.Settle.Delay)
}
