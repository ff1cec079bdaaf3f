package events

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/scar-go/scar/local/wire"
)

const (
	maxEntries = 10
	maxEvents  = 1 << 20 // bytes of all events of a call
)

// Event is an event without what EventBridge adds.
type Event struct {
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// delivered is an event as targets get it ("Event structure" in the EventBridge user guide).
type delivered struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

type putEntry struct {
	Time         *wire.Epoch
	Source       string
	DetailType   string
	Detail       string
	Resources    []string
	EventBusName string
}

type putEventsInput struct{ Entries []putEntry }

type putResult struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

type putEventsOutput struct {
	FailedEntryCount int
	Entries          []putResult
}

func (s *Service) putEvents(ctx context.Context, in putEventsInput) (out putEventsOutput, err error) {
	if len(in.Entries) == 0 || len(in.Entries) > maxEntries {
		return out, invalid("1 validation error detected: Value '[]' at 'entries' failed to satisfy constraint: Member must have length between 1 and %d", maxEntries)
	}
	size := 0
	for _, e := range in.Entries {
		size += len(e.Source) + len(e.DetailType) + len(e.Detail)
	}
	if size > maxEvents {
		return out, invalid("Total size of the entries in the request is over the limit.")
	}
	for _, e := range in.Entries {
		result := e.check()
		if result.ErrorCode == "" {
			result, err = s.accept(ctx, e)
		}
		if err != nil {
			return out, err
		}
		if result.ErrorCode != "" {
			out.FailedEntryCount++
		}
		out.Entries = append(out.Entries, result)
	}
	return out, nil
}

func (e putEntry) check() putResult {
	var object map[string]json.RawMessage
	switch {
	case e.Source == "":
		return putResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter Source is not valid. Reason: Source is a required argument."}
	case e.DetailType == "":
		return putResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter DetailType is not valid. Reason: DetailType is a required argument."}
	case e.Detail == "":
		return putResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter Detail is not valid. Reason: Detail is a required argument."}
	case strings.HasPrefix(e.Source, "aws."):
		return putResult{ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source."}
	case json.Unmarshal([]byte(e.Detail), &object) != nil || object == nil:
		return putResult{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}
	}
	return putResult{}
}

func (s *Service) accept(ctx context.Context, e putEntry) (putResult, error) {
	at := s.cfg.Clock.Now()
	if e.Time != nil {
		at = time.Time(*e.Time)
	}
	id, err := s.put(ctx, s.busName(e.EventBusName), Event{e.Source, e.DetailType, e.Resources, json.RawMessage(e.Detail)}, at)
	if known := wire.AsError(err); err != nil && known.Code == "ResourceNotFoundException" {
		return putResult{ErrorCode: known.Code, ErrorMessage: known.Message}, nil
	}
	return putResult{EventID: id}, err
}

// Put gives an event to a bus, as an AWS service does. Nothing is asked about rights.
func (s *Service) Put(ctx context.Context, busARN string, e Event) error {
	name, found := strings.CutPrefix(busARN, s.busARN(""))
	if !found {
		return notFound("Event bus %s does not exist.", busARN)
	}
	_, err := s.put(ctx, name, e, s.cfg.Clock.Now())
	return err
}

// put hands an event to the targets of all rules that want it. What one of them does not take is logged.
func (s *Service) put(ctx context.Context, name string, e Event, at time.Time) (id string, err error) {
	if _, err := s.bus(name); err != nil {
		return "", err
	}
	full := delivered{
		Version: "0", ID: newID(), DetailType: e.DetailType, Source: e.Source, Account: s.cfg.Account, Time: at.UTC().Format("2006-01-02T15:04:05Z"),
		Region: s.cfg.Region, Resources: e.Resources, Detail: e.Detail,
	}
	if full.Resources == nil {
		full.Resources = []string{}
	}
	text, err := json.Marshal(full)
	if err != nil {
		return "", fmt.Errorf("put event: %w", err)
	}
	rules, err := s.wanting(name, text)
	if err != nil {
		return "", err
	}
	for _, r := range rules {
		for _, t := range r.Targets {
			s.deliver(ctx, r, t, text, full.ID)
		}
	}
	return full.ID, nil
}

// wanting are the rules of a bus that want an event.
func (s *Service) wanting(bus string, event []byte) ([]rule, error) {
	var all, wanting []rule
	err := s.rules.Each(bus+"/", func(_ string, r rule) bool {
		all = append(all, r)
		return true
	})
	if err != nil {
		return nil, err
	}
	var parsed map[string]any
	if err := json.Unmarshal(event, &parsed); err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	for _, r := range all {
		p, err := parsePattern(r.Pattern)
		if err != nil {
			return nil, fmt.Errorf("pattern of rule %q: %w", r.Name, err)
		}
		if r.State == "ENABLED" && p.matches(parsed) {
			wanting = append(wanting, r)
		}
	}
	return wanting, nil
}

func (s *Service) deliver(ctx context.Context, r rule, t target, event []byte, id string) {
	if t.Input != "" {
		event = []byte(t.Input)
	}
	arn := s.ruleARN(r)
	err := s.cfg.Targets.Check(ctx, t.Arn, servicePrincipal, arn, s.cfg.Account)
	if err == nil {
		err = s.cfg.Targets.Send(ctx, t.Arn, event, arn)
	}
	if err != nil {
		s.cfg.Log.Warn("a target does not take an event", "rule", r.Name, "target", t.Arn, "event", id, "error", err)
	}
}

type testPatternInput struct{ EventPattern, Event string }

type testPatternOutput struct{ Result bool }

func (s *Service) testPattern(_ context.Context, in testPatternInput) (out testPatternOutput, err error) {
	p, err := parsePattern(in.EventPattern)
	if err != nil {
		return out, failure("InvalidEventPatternException", "Event pattern is not valid. Reason: %v", err)
	}
	var event map[string]any
	if err := json.Unmarshal([]byte(in.Event), &event); err != nil || event == nil {
		return out, invalid("Parameter Event is not valid.")
	}
	return testPatternOutput{p.matches(event)}, nil
}

// newID makes a UUID, version 4.
func newID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
