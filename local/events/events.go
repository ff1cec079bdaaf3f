// Package events is the Amazon EventBridge of the embedded backend: event buses, and rules that bring events to queues and functions.
//
// An event is handed to all targets before PutEvents answers; one that a target does not take is lost to it. Rules with a schedule,
// archives, and what changes an event on its way but a constant input, are refused by name.
package events

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Targets are what events go to: queues and functions, by their ARNs.
type Targets interface {
	// Check says whether the target's policy lets principal send to it on behalf of sourceARN in sourceAccount.
	Check(ctx context.Context, targetARN, principal, sourceARN, sourceAccount string) error
	// Send hands an event over, and returns once it is durable. Source is the ARN of the rule.
	Send(ctx context.Context, targetARN string, payload []byte, source string) error
}

// Config is what a Service needs. All of it must be given, but for Log.
type Config struct {
	DB      *store.DB
	Clock   clock.Clock
	Account string // twelve digits
	Region  string
	Targets Targets
	Log     *slog.Logger // events that a target did not take; nil discards them
}

// Service is the EventBridge of one account and region. It is an http.Handler.
type Service struct {
	cfg        Config
	buses      *store.Table[bus]  // by name; the default one is there without being stored
	rules      *store.Table[rule] // by bus, a slash, and name
	operations map[string]wire.JSONOperation
}

const (
	servicePrincipal = "events.amazonaws.com"
	defaultBus       = "default"
	pageSize         = 100
)

// New returns the service, with the state that is in the database.
func New(cfg Config) (*Service, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	buses, err := store.NewTable[bus](cfg.DB, "events.buses")
	if err != nil {
		return nil, err
	}
	rules, err := store.NewTable[rule](cfg.DB, "events.rules")
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, buses: buses, rules: rules}
	s.operations = map[string]wire.JSONOperation{
		"CreateEventBus":      wire.JSON(s.createBus),
		"DescribeEventBus":    wire.JSON(s.describeBus),
		"DeleteEventBus":      wire.JSON(s.deleteBus),
		"ListEventBuses":      wire.JSON(s.listBuses),
		"PutEvents":           wire.JSON(s.putEvents),
		"PutRule":             wire.JSON(s.putRule),
		"DescribeRule":        wire.JSON(s.describeRule),
		"DeleteRule":          wire.JSON(s.deleteRule),
		"ListRules":           wire.JSON(s.listRules),
		"PutTargets":          wire.JSON(s.putTargets),
		"RemoveTargets":       wire.JSON(s.removeTargets),
		"ListTargetsByRule":   wire.JSON(s.listTargets),
		"TestEventPattern":    wire.JSON(s.testPattern),
		"TagResource":         wire.JSON(s.tagResource),
		"UntagResource":       wire.JSON(s.untagResource),
		"ListTagsForResource": wire.JSON(s.listTags),
	}
	return s, nil
}

// ServeHTTP serves one call.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	wire.ServeJSON(w, r, "events", s.operations)
}

// Tagged are the buses and rules for the tagging service.
func (s *Service) Tagged(context.Context) ([]wire.Resource, error) {
	var out []wire.Resource
	err := s.buses.Each("", func(name string, b bus) bool {
		out = append(out, wire.Resource{ARN: s.busARN(name), Tags: b.Tags})
		return true
	})
	if err != nil {
		return nil, err
	}
	err = s.rules.Each("", func(_ string, r rule) bool {
		out = append(out, wire.Resource{ARN: s.ruleARN(r), Tags: r.Tags})
		return true
	})
	return out, err
}

// ResourceARN is the ARN of what a call is about, for policies, or *.
func (s *Service) ResourceARN(r *http.Request, body []byte) string {
	var in struct {
		Name, Rule, EventBusName, ResourceARN string
		Entries                               []struct{ EventBusName string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return "*"
	}
	// No field counts but those that the operation itself reads.
	switch wire.JSONTarget(r) {
	case "TagResource", "UntagResource", "ListTagsForResource":
		return orAll(in.ResourceARN)
	case "PutEvents":
		arn := ""
		for _, e := range in.Entries {
			next := s.busARN(s.busName(e.EventBusName))
			if arn != "" && next != arn {
				return "*" // a right on one of them is not enough
			}
			arn = next
		}
		return orAll(arn)
	case "CreateEventBus", "DescribeEventBus", "DeleteEventBus":
		return s.busARN(s.busName(in.Name))
	case "PutRule", "DescribeRule", "DeleteRule":
		return s.ruleARN(rule{Bus: s.busName(in.EventBusName), Name: in.Name})
	case "PutTargets", "RemoveTargets", "ListTargetsByRule":
		return s.ruleARN(rule{Bus: s.busName(in.EventBusName), Name: in.Rule})
	}
	return "*"
}

func orAll(arn string) string {
	if arn == "" {
		return "*"
	}
	return arn
}

func (s *Service) arn(resource string) string {
	return fmt.Sprintf("arn:%s:events:%s:%s:%s", wire.Partition(s.cfg.Region), s.cfg.Region, s.cfg.Account, resource)
}

func (s *Service) busARN(name string) string { return s.arn("event-bus/" + name) }

// ruleARN names the bus of a rule only if it is not the default one.
func (s *Service) ruleARN(r rule) string {
	if r.Bus == defaultBus {
		return s.arn("rule/" + r.Name)
	}
	return s.arn("rule/" + r.Bus + "/" + r.Name)
}

// busName is the name of a bus that is given by its name or its ARN, or not at all.
func (s *Service) busName(given string) string {
	if given == "" {
		return defaultBus
	}
	return strings.TrimPrefix(given, s.busARN(""))
}

// bus is the bus of a name.
func (s *Service) bus(name string) (bus, error) {
	b, found, err := s.buses.Get(name)
	if err == nil && !found {
		if name == defaultBus {
			return bus{Name: defaultBus}, nil
		}
		err = notFound("Event bus %s does not exist.", name)
	}
	return b, err
}

func failure(code, format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, code, format, args...)
}

func notFound(format string, args ...any) error {
	return failure("ResourceNotFoundException", format, args...)
}

func invalid(format string, args ...any) error {
	return failure("ValidationException", format, args...)
}

// page cuts the page out of sorted keys that starts at a token.
func page(ctx context.Context, token string, limit *int, keys []string) (part []string, next string, err error) {
	start, err := wire.PageStart(token, "ValidationException")
	if err != nil {
		return nil, "", err
	}
	asked := pageSize
	if limit != nil {
		if asked = *limit; asked < 1 || asked > pageSize {
			return nil, "", invalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and %d", asked, pageSize)
		}
	}
	for len(keys) > 0 && keys[0] < start {
		keys = keys[1:]
	}
	if size := wire.PageSize(ctx, asked, pageSize); len(keys) > size {
		return keys[:size], wire.PageToken(keys[size]), nil
	}
	return keys, "", nil
}

// bus is an event bus, as it is stored.
type bus struct {
	Name        string
	Description string
	Tags        map[string]string
	Created     time.Time
}
