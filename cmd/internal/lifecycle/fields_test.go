package lifecycle

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/local/clock"

	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/planner"
)

const oneFunction = `
project: imaging
tags: {team: imaging}
functions:
  grayify:
    description: To grayscale
    image: example/imagemagick:7
    run: cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
    env: {QUALITY: 80}
    input: [s3://photos/in/]
    output: [s3://photos/out/]
`

// alongside are what else a change of some fields changes: an image's digest is that of all of its parts, and the function
// refers to it.
var alongside = map[string][]string{
	"image":                 {"image.", "function.image"},
	"function.image":        {"image."},
	"function.architecture": {"image.", "function.image"},
	"function.log_format":   {"function.log_level", "function.system_log_level"},
}

// TestEveryFieldOfEveryValue takes the file with every key through its life. Every field of every kind of value is changed in
// the account, in turn: the next plan shows that and nothing else, and one apply repairs it. After destroy, the account
// is as it was before, with all that others have in it. scar is called with the rights that the guide lists.
func TestEveryFieldOfEveryValue(t *testing.T) {
	t.Parallel()
	w := openWorld(t, t.TempDir(), baseImage(t, "amd64"), clock.Real{}) // the caller's credentials do not last
	outside := w.surroundings()
	caller := w.callWith(w.callerPolicy())
	changed := w.everyField(outside)
	caller.checkNeeds(t)
	proof.Count(t, "fields changed by hand and repaired", float64(changed), "")
}

// surroundings make what the whole file refers to and what others have beside it, and return the file's variables.
func (w *world) surroundings() map[string]string {
	w.t.Helper()
	w.makeNeighbours()
	return w.makeOutside()
}

// everyField takes the whole file through its life, and returns how many fields were changed in it.
func (w *world) everyField(variables map[string]string) (changed int) {
	t := w.t.(*testing.T)
	before := w.inventory()
	file := w.loadWhole(variables)
	if w.gaps.edit != nil {
		w.gaps.edit(file)
	}
	original := w.project(file)
	w.must(w.check(file, original))
	w.converge(original)
	w.must(w.check(file, original))
	others, bySDK := w.others(variables), w.bySDK()
	values := map[planner.Kind]planner.Value{}
	for a, r := range original.desired {
		values[a.Kind] = r.Value
	}
	for _, kind := range planner.Kinds() {
		if values[kind] == nil {
			t.Errorf("the file makes no %s", kind)
			continue
		}
		for _, path := range leaves(reflect.TypeOf(values[kind]), "") {
			key := string(kind) + "." + path
			_, isFixed := fixed[key]
			_, isGap := w.gaps.fields[key]
			if isFixed || isGap {
				continue
			}
			t.Run(key, func(t *testing.T) {
				here := *w
				here.t = t
				to := others[key]
				name := cmp.Or(to.on, w.subjects()[kind])
				if do := bySDK[key]; do != nil {
					here.must(do())
				} else {
					mutated := here.mutate(original, planner.Address{Kind: kind, Name: name}, path, to)
					here.converge(mutated)
				}
				here.showsOnly(original, key)
				here.converge(original)
			})
			changed++
		}
	}
	w.destroyAll(original)
	w.sameAs(before)
	t.Logf("%d fields changed, %d are fixed, %d are not kept here", changed, len(fixed), len(w.gaps.fields))
	return changed
}

// showsOnly expects a plan of the change of one field and what changes alongside.
func (w *world) showsOnly(p *project, key string) {
	w.t.Helper()
	kind, _, _ := strings.Cut(key, ".")
	allowed := slices.Concat([]string{key}, alongside[kind], alongside[key])
	seen := false
	plan := w.mustPlan(p)
	for _, c := range plan.Changes {
		if c.Action == planner.NoOp {
			continue
		}
		for _, f := range c.Fields {
			path, _, _ := strings.Cut(string(c.Kind)+"."+f.Path, "[")
			seen = seen || path == key
			if !slices.ContainsFunc(allowed, func(prefix string) bool { return strings.HasPrefix(path, prefix) }) {
				w.t.Errorf("%s shows too", path)
			}
		}
	}
	if !seen {
		w.t.Fatalf("the change goes unseen:\n%s", describe(plan))
	}
}

// leaves lists the paths of a value's fields by their JSON names.
func leaves(t reflect.Type, prefix string) []string {
	var paths []string
	for i := range t.NumField() {
		sf := t.Field(i)
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if sf.Type.Kind() == reflect.Struct && sf.Type != reflect.TypeFor[planner.Policy]() {
			paths = append(paths, leaves(sf.Type, prefix+name+".")...)
			continue
		}
		paths = append(paths, prefix+name)
	}
	return paths
}

// mutate returns a copy of a project in which one field of one resource has another value.
func (w *world) mutate(p *project, a planner.Address, path string, other other) *project {
	w.t.Helper()
	changed := &project{name: p.name, desired: maps.Clone(p.desired), images: maps.Clone(p.images), secrets: maps.Clone(p.secrets)}
	r, found := changed.desired[a]
	if !found {
		w.t.Fatalf("the file makes no %s", a)
	}
	switch {
	case a.Kind == planner.KindImage:
		r.Value = w.otherImage(changed, r.Value.(planner.Image), path)
	case a.Kind == planner.KindFunction && path == "image":
		img := planner.Address{Kind: planner.KindImage, Name: a.Name}
		moved := changed.desired[img]
		value := w.otherImage(changed, moved.Value.(planner.Image), "digest")
		moved.Value = value
		changed.desired[img] = moved
		r.Value = w.setField(r.Value, path, w.naming.ImageURI(value.Repository, value.Digest))
	case a.Kind == planner.KindFunction && path == "architecture":
		img := planner.Address{Kind: planner.KindImage, Name: a.Name}
		moved := changed.desired[img]
		value := w.armImage(changed, moved.Value.(planner.Image))
		moved.Value = value
		changed.desired[img] = moved
		r.Value = w.setField(r.Value, path, "arm64")
		r.Value = w.setField(r.Value, "image", w.naming.ImageURI(value.Repository, value.Digest))
	case a.Kind == planner.KindParameter && path == "digest":
		changed.secrets[a.Name] = "another secret"
		r.Value = w.setField(r.Value, path, w.digestOf(a.Name, "another secret"))
	case path == "tags":
		tags := reflect.ValueOf(r.Value).FieldByName("Tags").Interface().(planner.Tags)
		tags = maps.Clone(tags)
		delete(tags, "team")
		tags["other"] = "1"
		r.Value, r.TagsManaged = w.setField(r.Value, path, tags), true
	case other.to == nil:
		r.Value = w.setField(r.Value, path, "other "+path)
	default:
		r.Value = w.setField(r.Value, path, other.to)
		for also, to := range other.with {
			r.Value = w.setField(r.Value, also, to)
		}
	}
	changed.desired[a] = r
	return changed
}

// otherImage makes an image that differs in one part; another digest alone there cannot be.
func (w *world) otherImage(p *project, like planner.Image, path string) planner.Image {
	w.t.Helper()
	parts := [4]string{"runtime", "files", "script", "job"}
	base := w.base
	switch i := slices.Index([]string{"parts.runtime", "parts.files", "parts.script", "parts.job"}, path); {
	case i >= 0:
		parts[i] = "other"
	case path == "parts.base":
		base = baseImage(w.t, "amd64", "another")
	}
	return w.replaceImage(p, like, base, parts)
}

func (w *world) armImage(p *project, like planner.Image) planner.Image {
	return w.replaceImage(p, like, w.armBase(), [4]string{"runtime", "files", "script", "job"})
}

func (w *world) replaceImage(p *project, like planner.Image, base *image.Base, parts [4]string) planner.Image {
	w.t.Helper()
	img, value := w.assemble(base, parts)
	p.images[value.Digest] = img
	value.Repository, value.Tag = like.Repository, like.Tag
	return value
}

// setField returns a copy of a value with the field of that JSON path changed.
func (w *world) setField(v planner.Value, path string, to any) planner.Value {
	w.t.Helper()
	at := string(v.Kind()) + "." + path
	changed := reflect.New(reflect.TypeOf(v)).Elem()
	changed.Set(reflect.ValueOf(v))
	in := changed
	for more := true; more; {
		var name string
		name, path, more = strings.Cut(path, ".")
		for i := range in.NumField() {
			if tag, _, _ := strings.Cut(in.Type().Field(i).Tag.Get("json"), ","); tag == name {
				in = in.Field(i)
				break
			}
		}
	}
	value := reflect.ValueOf(to)
	if !value.CanConvert(in.Type()) {
		w.t.Fatalf("%s cannot be %q: others has to have a value for it", at, to)
	}
	in.Set(value.Convert(in.Type()))
	return changed.Interface().(planner.Value)
}
