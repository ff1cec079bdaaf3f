package events

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

const maxTargets = 5 // of a rule

var rulePattern = wire.Pattern(`^[A-Za-z0-9._-]{1,64}$`)

// rule brings events of a bus to targets, as it is stored.
type rule struct {
	Bus         string
	Name        string
	Description string
	Pattern     string // JSON
	State       string // ENABLED or DISABLED
	Targets     []target
	Tags        map[string]string
}

// target is what gets the events of a rule.
type target struct {
	ID    string `json:"Id"`
	Arn   string
	Input string `json:",omitempty"` // JSON that is sent in place of the event

	// What the backend does not do, to be refused.
	RoleArn          string          `json:",omitempty"`
	InputPath        string          `json:",omitempty"`
	InputTransformer json.RawMessage `json:",omitempty"`
}

func (r rule) key() string { return r.Bus + "/" + r.Name }

type ruleInput struct {
	Name               string
	EventBusName       string
	EventPattern       string
	ScheduleExpression string
	State              string
	Description        string
	Tags               []tag
}

type putRuleOutput struct{ RuleArn string }

func (s *Service) putRule(_ context.Context, in ruleInput) (out putRuleOutput, err error) {
	b, err := s.bus(s.busName(in.EventBusName))
	if err != nil {
		return out, err
	}
	switch {
	case in.ScheduleExpression != "":
		return out, wire.Unknown("events", "rules with a schedule")
	case !rulePattern().MatchString(in.Name):
		return out, invalid("1 validation error detected: Value '%s' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+", in.Name)
	case in.EventPattern == "":
		return out, invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	case in.State != "" && in.State != "ENABLED" && in.State != "DISABLED":
		return out, invalid("1 validation error detected: Value '%s' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ENABLED, DISABLED]", in.State)
	}
	if _, err := parsePattern(in.EventPattern); err != nil {
		return out, failure("InvalidEventPatternException", "Event pattern is not valid. Reason: %v", err)
	}
	tags := map[string]string{}
	if err := addTags(tags, in.Tags); err != nil {
		return out, err
	}
	r := rule{Bus: b.Name, Name: in.Name}
	err = s.rules.Update(r.key(), func(stored *rule, found bool) error {
		if found {
			r.Tags, r.Targets = stored.Tags, stored.Targets
		} else {
			r.Tags = tags
		}
		r.Description, r.Pattern, r.State = in.Description, in.EventPattern, "ENABLED"
		if in.State != "" {
			r.State = in.State
		}
		*stored = r
		return nil
	})
	return putRuleOutput{s.ruleARN(r)}, err
}

type oneRuleInput struct {
	Name         string
	Rule         string // in calls about targets
	EventBusName string
	Targets      []target
	IDs          []string `json:"Ids"`
	NextToken    string
	Limit        *int
}

// rule is the rule of a name on the bus that a call names.
func (s *Service) rule(in oneRuleInput, name string) (rule, error) {
	b, err := s.bus(s.busName(in.EventBusName))
	if err != nil {
		return rule{}, err
	}
	r, found, err := s.rules.Get(b.Name + "/" + name)
	if err == nil && !found {
		err = notFound("Rule %s does not exist on EventBus %s.", name, b.Name)
	}
	return r, err
}

type ruleOutput struct {
	Name         string
	Arn          string
	EventPattern string
	State        string
	Description  string `json:",omitempty"`
	EventBusName string
	CreatedBy    string `json:",omitempty"`
}

func (s *Service) ruleOutput(r rule) ruleOutput {
	return ruleOutput{r.Name, s.ruleARN(r), r.Pattern, r.State, r.Description, r.Bus, ""}
}

func (s *Service) describeRule(_ context.Context, in oneRuleInput) (ruleOutput, error) {
	r, err := s.rule(in, in.Name)
	out := s.ruleOutput(r)
	out.CreatedBy = s.cfg.Account
	return out, err
}

// deleteRule is content where there is no such rule, as EventBridge is.
func (s *Service) deleteRule(_ context.Context, in oneRuleInput) (wire.Empty, error) {
	key := s.busName(in.EventBusName) + "/" + in.Name
	return wire.Empty{}, s.rules.Remove(key, func(r rule, _ bool) error {
		if len(r.Targets) > 0 {
			return invalid("Rule can't be deleted since it has targets.")
		}
		return nil
	})
}

type listRulesInput struct {
	NamePrefix   string
	EventBusName string
	NextToken    string
	Limit        *int
}

type listRulesOutput struct {
	Rules     []ruleOutput
	NextToken string `json:",omitempty"`
}

func (s *Service) listRules(ctx context.Context, in listRulesInput) (out listRulesOutput, err error) {
	b, err := s.bus(s.busName(in.EventBusName))
	if err != nil {
		return out, err
	}
	all := map[string]rule{}
	var keys []string
	err = s.rules.Each(b.Name+"/"+in.NamePrefix, func(key string, r rule) bool {
		keys, all[key] = append(keys, key), r
		return true
	})
	if err != nil {
		return out, err
	}
	keys, next, err := page(ctx, in.NextToken, in.Limit, keys)
	out = listRulesOutput{Rules: []ruleOutput{}, NextToken: next}
	for _, key := range keys {
		out.Rules = append(out.Rules, s.ruleOutput(all[key]))
	}
	return out, err
}

// changedTargets is the answer of calls that change targets: none of them fails by itself here.
type changedTargets struct {
	FailedEntryCount int
	FailedEntries    []struct{}
}

func (s *Service) putTargets(_ context.Context, in oneRuleInput) (out changedTargets, err error) {
	out.FailedEntries = []struct{}{}
	for _, t := range in.Targets {
		if err := t.check(); err != nil {
			return out, err
		}
	}
	return out, s.changeTargets(in, func(r *rule) error {
		for _, t := range in.Targets {
			r.Targets = append(without(r.Targets, t.ID), t)
		}
		if len(r.Targets) > maxTargets {
			return failure("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
		}
		return nil
	})
}

func (s *Service) removeTargets(_ context.Context, in oneRuleInput) (out changedTargets, err error) {
	out.FailedEntries = []struct{}{}
	return out, s.changeTargets(in, func(r *rule) error {
		for _, id := range in.IDs {
			r.Targets = without(r.Targets, id)
		}
		return nil
	})
}

func without(targets []target, id string) []target {
	return slices.DeleteFunc(targets, func(t target) bool { return t.ID == id })
}

func (s *Service) changeTargets(in oneRuleInput, change func(*rule) error) error {
	r, err := s.rule(in, in.Rule)
	if err != nil {
		return err
	}
	return s.rules.Update(r.key(), func(r *rule, found bool) error {
		if !found {
			return notFound("Rule %s does not exist on EventBus %s.", in.Rule, s.busName(in.EventBusName))
		}
		return change(r)
	})
}

func (t target) check() error {
	parts := strings.SplitN(t.Arn, ":", 6)
	switch {
	case t.ID == "" || len(t.ID) > 64:
		return invalid("1 validation error detected: Value '%s' at 'targets.1.member.id' failed to satisfy constraint: Member must have length between 1 and 64", t.ID)
	case len(parts) != 6 || parts[0] != "arn":
		return invalid("Parameter %s is not valid. Reason: Provided Arn is not in correct format.", t.Arn)
	case parts[2] != "sqs" && parts[2] != "lambda":
		return wire.Unknown("events", "targets of "+parts[2])
	case t.RoleArn != "":
		return wire.Unknown("events", "targets with a role")
	case t.InputPath != "" || len(t.InputTransformer) > 0:
		return wire.Unknown("events", "targets that change the event")
	case t.Input != "" && !json.Valid([]byte(t.Input)):
		return invalid("JSON syntax error in input for target %s", t.ID)
	}
	return nil
}

type listTargetsOutput struct {
	Targets   []target
	NextToken string `json:",omitempty"`
}

func (s *Service) listTargets(ctx context.Context, in oneRuleInput) (out listTargetsOutput, err error) {
	r, err := s.rule(in, in.Rule)
	if err != nil {
		return out, err
	}
	byID := map[string]target{}
	var ids []string
	for _, t := range r.Targets {
		ids, byID[t.ID] = append(ids, t.ID), t
	}
	slices.Sort(ids)
	ids, next, err := page(ctx, in.NextToken, in.Limit, ids)
	out = listTargetsOutput{Targets: []target{}, NextToken: next}
	for _, id := range ids {
		out.Targets = append(out.Targets, byID[id])
	}
	return out, err
}
