package view

import (
	"reflect"
	"slices"
	"strings"

	"github.com/scar-go/scar/planner"
)

// maskValues is a plan in which the fields of values that are never printed stand as masked. What the planner's tag "plan"
// calls sensitive is a text.
func maskValues(p *planner.Plan) *planner.Plan {
	shown := *p
	shown.Changes = slices.Clone(p.Changes)
	for i, c := range shown.Changes {
		shown.Changes[i].Before, shown.Changes[i].After = maskValue(c.Before), maskValue(c.After)
	}
	return &shown
}

func maskValue(v planner.Value) planner.Value {
	if v == nil {
		return nil
	}
	of := reflect.TypeOf(v)
	shown := reflect.New(of).Elem()
	shown.Set(reflect.ValueOf(v))
	for i := range of.NumField() {
		field := shown.Field(i)
		if slices.Contains(strings.Split(of.Field(i).Tag.Get("plan"), ","), "sensitive") && !field.IsZero() {
			field.SetString(masked)
		}
	}
	return shown.Interface().(planner.Value)
}
