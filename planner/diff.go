package planner

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Diff lists the fields in which two values of one kind differ, in the order of the struct's fields.
// A nil before lists every field that is set, a nil after every field that was. Absent and empty are
// the same: AWS answers either.
func Diff(before, after Value) []Field {
	var b, a reflect.Value
	var t reflect.Type
	if before != nil {
		b = reflect.ValueOf(before)
		t = b.Type()
	}
	if after != nil {
		a = reflect.ValueOf(after)
		t = a.Type()
	}
	if t == nil {
		return nil
	}
	if b.IsValid() && a.IsValid() && b.Type() != a.Type() {
		return append(Diff(before, nil), Diff(nil, after)...) // nothing of two kinds is the same
	}
	if reflect.DeepEqual(before, after) {
		return nil // as nearly always: most of a project does not change
	}
	return diffStruct("", t, b, a)
}

func diffStruct(prefix string, t reflect.Type, before, after reflect.Value) []Field {
	var fields []Field
	for i := range t.NumField() {
		sf := t.Field(i)
		path := prefix + jsonName(sf)
		b, a := fieldOf(before, i), fieldOf(after, i)
		options := strings.Split(sf.Tag.Get("plan"), ",")
		var found []Field
		switch {
		case slices.Contains(options, "none=-1"):
			found = diffNumber(path, b, a)
		case sf.Type.Kind() == reflect.Map:
			found = diffMap(path, b, a)
		case sf.Type.Kind() == reflect.Struct && sf.Type != reflect.TypeFor[Policy]():
			found = diffStruct(path+".", sf.Type, b, a)
		case !same(b, a):
			found = []Field{{Path: path, Before: plain(b), After: plain(a)}}
		}
		for j := range found {
			found[j].Replace = slices.Contains(options, "replace") && before.IsValid() && after.IsValid()
			found[j].Sensitive = found[j].Sensitive || slices.Contains(options, "sensitive")
		}
		fields = append(fields, found...)
	}
	return fields
}

// diffNumber compares numbers of which 0 is one, and -1 says that there is none.
func diffNumber(path string, before, after reflect.Value) []Field {
	number := func(v reflect.Value) any {
		if !v.IsValid() || v.Int() == -1 {
			return nil
		}
		return v.Interface()
	}
	if b, a := number(before), number(after); b != a {
		return []Field{{Path: path, Before: b, After: a}}
	}
	return nil
}

// diffMap compares maps of strings key by key. Names that promise a secret make the entry sensitive.
func diffMap(path string, before, after reflect.Value) []Field {
	b, a := stringMap(before), stringMap(after)
	if maps.Equal(b, a) {
		return nil
	}
	keys := map[string]bool{}
	for k := range b {
		keys[k] = true
	}
	for k := range a {
		keys[k] = true
	}
	var fields []Field
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		old, had := b[k]
		now, has := a[k]
		if had == has && old == now {
			continue
		}
		f := Field{Path: path + "[" + k + "]", Sensitive: LooksSecret(k)}
		if had {
			f.Before = old
		}
		if has {
			f.After = now
		}
		fields = append(fields, f)
	}
	return fields
}

func stringMap(v reflect.Value) map[string]string {
	if !v.IsValid() {
		return nil
	}
	return v.Convert(reflect.TypeFor[map[string]string]()).Interface().(map[string]string)
}

func fieldOf(v reflect.Value, i int) reflect.Value {
	if !v.IsValid() {
		return reflect.Value{}
	}
	return v.Field(i)
}

func same(a, b reflect.Value) bool {
	if isEmpty(a) || isEmpty(b) {
		return isEmpty(a) && isEmpty(b)
	}
	if reflect.DeepEqual(a.Interface(), b.Interface()) {
		return true
	}
	p, isPolicy := a.Interface().(Policy)
	return isPolicy && p.Canonical().JSON() == b.Interface().(Policy).Canonical().JSON()
}

// isEmpty says whether a field is as good as absent.
func isEmpty(v reflect.Value) bool {
	if !v.IsValid() || v.IsZero() {
		return true
	}
	return v.Kind() == reflect.Slice && v.Len() == 0
}

func plain(v reflect.Value) any {
	if isEmpty(v) {
		return nil
	}
	return v.Interface()
}

func jsonName(sf reflect.StructField) string {
	name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
	if name == "" {
		return sf.Name
	}
	return name
}
