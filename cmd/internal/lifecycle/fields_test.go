package lifecycle

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"

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

// fixed are the fields that no change of a file can reach in place, and why. Every other field of every
// value is changed by TestEveryFieldOfEveryValue.
var fixed = map[string]string{
	"bucket.name":             "the address",
	"bucket.region":           "a bucket elsewhere is refused",
	"repository.name":         "the address",
	"image.repository":        "the address",
	"image.tag":               "the address",
	"log_group.name":          "the address",
	"role.name":               "the address",
	"role.path":               "computed from the project",
	"function.name":           "the address",
	"function.package_type":   "always Image; the replacement is tested in the planner",
	"permission.function":     "the address",
	"permission.statement_id": "the address",
	"trigger.bucket":          "the address",
	"trigger.id":              "the address",
	"trigger.target":          "part of the id",
}

// others are the values that fields are changed to, where a change of the text will not do. Those of
// images are made in the test.
func (w *world) others() map[string]any {
	otherPolicy := planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{{
		Sid: "Other", Effect: "Allow", Action: planner.StringList{"s3:GetObject"}, Resource: planner.StringList{"arn:aws:s3:::other/*"},
	}}}
	otherTrust := planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{{
		Effect: "Allow", Action: planner.StringList{"sts:AssumeRole"},
		Principal: planner.StringLists{"Service": {"lambda.amazonaws.com"}},
	}}}
	return map[string]any{
		"log_group.retention_days":   7,
		"role.trust":                 otherTrust,
		"role.policy":                otherPolicy,
		"function.entrypoint":        []string{"/bin/other"},
		"function.command":           []string{"--other"},
		"function.working_directory": "/other",
		"function.role":              w.otherRole(),
		"function.memory":            1024,
		"function.timeout":           30,
		"function.ephemeral_storage": 1024,
		"function.environment":       map[string]string{"OTHER": "1"},
		"function.log_group":         "/aws/lambda/other",
		"function.log_format":        "JSON",
		"permission.action":          "lambda:InvokeAsync",
		"permission.principal":       "sns.amazonaws.com",
		"permission.source_arn":      "arn:aws:s3:::other",
		"permission.source_account":  "111111111111",
		"trigger.events":             []string{"s3:ObjectCreated:Put"},
		"trigger.prefix":             "other/",
		"trigger.suffix":             ".other",
	}
}

// otherRole makes a role that functions can run under, and returns its ARN.
func (w *world) otherRole() string {
	w.t.Helper()
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	name := "other"
	out, err := iam.NewFromConfig(w.config).CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.Role.Arn
}

// TestEveryFieldOfEveryValue changes every field in turn, applies, and expects an empty plan; then
// applies the original, as after a change by hand, and expects an empty plan again.
func TestEveryFieldOfEveryValue(t *testing.T) {
	w := newWorld(t)
	original := w.project(w.load(oneFunction))
	w.converge(original)
	others := w.others()
	changed := 0
	for _, r := range original.desired.Sorted() {
		for _, path := range leaves(reflect.TypeOf(r.Value), "") {
			key := string(r.Kind) + "." + path
			if _, isFixed := fixed[key]; isFixed {
				continue
			}
			t.Run(key, func(t *testing.T) {
				here := *w
				here.t = t
				mutated := here.mutate(original, r.Address, path, others[key])
				if !here.mustPlan(mutated).HasChanges() {
					t.Fatal("the change goes unseen")
				}
				here.converge(mutated)
				if !here.mustPlan(original).HasChanges() {
					t.Fatal("the live value is as it was")
				}
				here.converge(original)
			})
			changed++
		}
	}
	t.Logf("%d fields changed, %d are fixed", changed, len(fixed))
	if changed < 30 {
		t.Errorf("only %d fields were changed", changed)
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
func (w *world) mutate(p *project, a planner.Address, path string, other any) *project {
	w.t.Helper()
	changed := &project{name: p.name, desired: maps.Clone(p.desired), images: maps.Clone(p.images)}
	r := changed.desired[a]
	switch {
	case a.Kind == planner.KindImage:
		r.Value = w.otherImage(changed, r.Value.(planner.Image), path)
	case a.Kind == planner.KindFunction && path == "image":
		img := planner.Address{Kind: planner.KindImage, Name: a.Name}
		moved := changed.desired[img]
		value := w.otherImage(changed, moved.Value.(planner.Image), "digest")
		moved.Value = value
		changed.desired[img] = moved
		r.Value = setField(r.Value, path, w.naming.ImageURI(value.Repository, value.Digest))
	case a.Kind == planner.KindFunction && path == "architecture":
		img := planner.Address{Kind: planner.KindImage, Name: a.Name}
		moved := changed.desired[img]
		value := w.armImage(changed, moved.Value.(planner.Image))
		moved.Value = value
		changed.desired[img] = moved
		r.Value = setField(r.Value, path, "arm64")
		r.Value = setField(r.Value, "image", w.naming.ImageURI(value.Repository, value.Digest))
	case path == "tags":
		tags := reflect.ValueOf(r.Value).FieldByName("Tags").Interface().(planner.Tags)
		tags = maps.Clone(tags)
		delete(tags, "team")
		tags["other"] = "1"
		r.Value, r.TagsManaged = setField(r.Value, path, tags), true
	case other == nil:
		r.Value = setField(r.Value, path, "other "+path)
	default:
		r.Value = setField(r.Value, path, other)
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
		base = baseImage(w.t, "amd64")
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

// setField returns a copy of a value with the field of that JSON name changed.
func setField(v planner.Value, path string, to any) planner.Value {
	changed := reflect.New(reflect.TypeOf(v)).Elem()
	changed.Set(reflect.ValueOf(v))
	for i := range changed.NumField() {
		name, _, _ := strings.Cut(changed.Type().Field(i).Tag.Get("json"), ",")
		if name == path {
			changed.Field(i).Set(reflect.ValueOf(to).Convert(changed.Field(i).Type()))
		}
	}
	return changed.Interface().(planner.Value)
}
