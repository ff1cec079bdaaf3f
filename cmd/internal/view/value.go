package view

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/scar-go/scar/planner"
)

// attribute is one field of a Value as a plan shows it.
type attribute struct {
	name      string
	value     any
	sensitive bool
}

// attributes lists the fields of a Value that say something: empty ones are left out. How they are compared, and so what
// is empty, is in the tag "plan" of the planner's fields.
func attributes(v planner.Value) []attribute {
	if v == nil {
		return nil
	}
	rv := reflect.Indirect(reflect.ValueOf(v))
	var out []attribute
	for i := range rv.NumField() {
		field := rv.Type().Field(i)
		options := strings.Split(field.Tag.Get("plan"), ",")
		if !field.IsExported() || saysNothing(rv.Field(i), options) {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if name == "" {
			name = field.Name
		}
		out = append(out, attribute{name, rv.Field(i).Interface(), slices.Contains(options, "sensitive")})
	}
	return out
}

// saysNothing says whether a field is as good as absent. Zero says something where -1 is the number for nothing.
func saysNothing(v reflect.Value, options []string) bool {
	switch {
	case slices.Contains(options, "none=-1"):
		return v.Int() == -1
	case v.Kind() == reflect.Map || v.Kind() == reflect.Slice:
		return v.Len() == 0
	default:
		return v.IsZero()
	}
}

// scalar writes one value on one line.
func scalar(v any) string {
	if v == nil {
		return "(none)"
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Pointer, reflect.Interface:
		if rv.IsNil() {
			return "(none)"
		}
		return scalar(rv.Elem().Interface())
	case reflect.String:
		return quote(rv.String())
	case reflect.Slice, reflect.Array:
		items := make([]string, rv.Len())
		for i := range items {
			items[i] = scalar(rv.Index(i).Interface())
		}
		return cut("[" + strings.Join(items, ", ") + "]")
	case reflect.Map, reflect.Struct:
		entries := entriesOf("", v)
		items := make([]string, len(entries))
		for i, e := range entries {
			items[i] = e.name + " = " + scalar(e.value)
		}
		return cut("{" + strings.Join(items, ", ") + "}")
	default:
		return fmt.Sprint(v)
	}
}

// entriesOf lists what is in a map or a struct, in order; nil where v is neither. The values of
// variables whose names look like credentials are marked as sensitive.
func entriesOf(parent string, v any) []attribute {
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Map:
		values := map[string]any{}
		for _, key := range rv.MapKeys() {
			values[key.String()] = rv.MapIndex(key).Interface()
		}
		var out []attribute
		for _, key := range slices.Sorted(maps.Keys(values)) {
			out = append(out, attribute{clean(key), values[key], sensitiveEntry(parent, key)})
		}
		return out
	case reflect.Struct:
		var out []attribute
		for i := range rv.NumField() {
			field := rv.Type().Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if field.IsExported() && !rv.Field(i).IsZero() && name != "-" {
				out = append(out, attribute{name: name, value: rv.Field(i).Interface()})
			}
		}
		return out
	default:
		return nil
	}
}

// sensitiveEntry says whether an entry of a map is kept from view: environment variables whose names
// look as if they held credentials.
func sensitiveEntry(parent, key string) bool {
	return parent == "environment" && planner.LooksSecret(key)
}

// sensitiveField is the same for a difference that the planner found.
func sensitiveField(f planner.Field) bool {
	parent, key, found := strings.Cut(strings.TrimSuffix(f.Path, "]"), "[")
	return f.Sensitive || found && sensitiveEntry(parent, key)
}

// show is scalar for values that may have to stay hidden.
func show(v any, sensitive bool) string {
	if sensitive && v != nil {
		return masked
	}
	return scalar(v)
}

// longList is a list of texts that does not fit on one line, with each text as it is shown; nil for other values.
func longList(v any) []string {
	items := quotedItems(v)
	if len(items) < 2 || utf8.RuneCountInString(strings.Join(items, ", "))+len("[]") <= maxText {
		return nil
	}
	return items
}

func quotedItems(v any) []string {
	list, _ := v.([]string)
	items := make([]string, len(list))
	for i, text := range list {
		items[i] = quote(text)
	}
	return items
}
