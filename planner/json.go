package planner

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// FormatVersion is the version of the plan's JSON form. Its major part changes when readers of the
// old form could misread the new one.
const FormatVersion = "1.0"

// planJSON has the shape of terraform's JSON plans, so that what reads those reads these.
type planJSON struct {
	FormatVersion string       `json:"format_version"`
	Project       string       `json:"project"`
	Account       string       `json:"account"`
	Region        string       `json:"region"`
	Source        *Source      `json:"source,omitempty"`
	Changes       []changeJSON `json:"resource_changes"`
	Preheat       []string     `json:"preheat,omitempty"`
	Warnings      []Warning    `json:"warnings,omitempty"`
}

type changeJSON struct {
	Address Address    `json:"address"`
	Type    Kind       `json:"type"`
	Name    string     `json:"name"`
	Change  actionJSON `json:"change"`
	Reason  Reason     `json:"action_reason,omitempty"`
	Needs   []Address  `json:"needs,omitempty"`
	Owner   Owner      `json:"owner"`
}

type actionJSON struct {
	Action  Action          `json:"action"`
	Actions []string        `json:"actions"` // in terraform's words
	Before  json.RawMessage `json:"before"`
	After   json.RawMessage `json:"after"`
}

// terraformActions are an action in the words of terraform's JSON plans.
func terraformActions(a Action) []string {
	switch a {
	case Replace:
		return []string{"delete", "create"}
	case Adopt:
		return []string{"update"}
	case Retain:
		return []string{"no-op"}
	default:
		return []string{string(a)}
	}
}

// MarshalJSON writes the plan so that UnmarshalJSON gives it back, to the field. Values that the
// views mask are in it: whoever stores it keeps it private.
func (p *Plan) MarshalJSON() ([]byte, error) {
	out := planJSON{FormatVersion, p.Project, p.Account, p.Region, p.Source, []changeJSON{}, p.Preheat, p.Warnings}
	for _, c := range p.Changes {
		before, err := marshalValue(c.Before)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", c.Address, err)
		}
		after, err := marshalValue(c.After)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", c.Address, err)
		}
		out.Changes = append(out.Changes, changeJSON{
			Address: c.Address, Type: c.Kind, Name: c.Name,
			Change: actionJSON{c.Action, terraformActions(c.Action), before, after},
			Reason: c.Reason, Needs: c.Needs, Owner: c.Owner,
		})
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads a plan that MarshalJSON wrote.
func (p *Plan) UnmarshalJSON(b []byte) error {
	var in planJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("parse plan: %w", err)
	}
	if in.FormatVersion != FormatVersion {
		return fmt.Errorf("plan has format version %q, this scar reads %q: make the plan again", in.FormatVersion, FormatVersion)
	}
	*p = Plan{Project: in.Project, Account: in.Account, Region: in.Region, Source: in.Source, Preheat: in.Preheat, Warnings: in.Warnings}
	for _, c := range in.Changes {
		before, err := unmarshalValue(c.Address.Kind, c.Change.Before)
		if err != nil {
			return fmt.Errorf("parse plan: %s: %w", c.Address, err)
		}
		after, err := unmarshalValue(c.Address.Kind, c.Change.After)
		if err != nil {
			return fmt.Errorf("parse plan: %s: %w", c.Address, err)
		}
		change := Change{
			Address: c.Address, Action: c.Change.Action, Reason: c.Reason,
			Before: before, After: after, Needs: c.Needs, Owner: c.Owner,
		}
		if err := change.check(); err != nil {
			return fmt.Errorf("parse plan: %s: %w", c.Address, err)
		}
		if change.Action != NoOp && change.Action != Retain {
			change.Fields = Diff(before, after)
		}
		p.Changes = append(p.Changes, change)
	}
	return nil
}

// check refuses a change that no plan holds: a plan may come from anywhere.
func (c Change) check() error {
	needsBefore, needsAfter := true, true
	switch c.Action {
	case Create:
		needsBefore = false
	case Delete:
		needsAfter = false
	case NoOp, Update, Replace, Adopt, Retain:
	default:
		return fmt.Errorf("unknown action %q", c.Action)
	}
	if (c.Before != nil) != needsBefore || (c.After != nil) != needsAfter {
		return fmt.Errorf("the values before and after do not fit the action %q", c.Action)
	}
	return nil
}

func marshalValue(v Value) (json.RawMessage, error) {
	if v == nil {
		return json.RawMessage("null"), nil
	}
	return json.Marshal(v)
}

func unmarshalValue(k Kind, b json.RawMessage) (Value, error) {
	if len(b) == 0 || string(b) == "null" {
		return nil, nil
	}
	zero := zeroValue(k)
	if zero == nil {
		return nil, fmt.Errorf("unknown kind %q", k)
	}
	v := reflect.New(reflect.TypeOf(zero))
	if err := json.Unmarshal(b, v.Interface()); err != nil {
		return nil, err
	}
	return v.Elem().Interface().(Value), nil
}

// zeroValue is an empty value of a kind, or nil for an unknown one.
func zeroValue(k Kind) Value {
	for _, v := range zeroValues() {
		if v.Kind() == k {
			return v
		}
	}
	return nil
}
