package planner

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/spec"
)

const labKey = "/scar/imaging/storage/minio.lab/secret_key"

// bringing is a file whose functions share a provider with a secret of the file's, beside one that nobody uses.
func bringing(edits ...func(*spec.File)) *spec.File {
	at := func(name string) *spec.Credential {
		return &spec.Credential{Secret: &spec.Secret{Service: "ssm", Name: name}}
	}
	return testFile(append([]func(*spec.File){func(f *spec.File) {
		f.Storage = map[string]spec.Storage{
			"minio.lab":  {Type: "minio", Endpoint: "https://lab", AccessKey: at("/lab/key"), SecretKey: at(labKey)},
			"webdav.old": {Type: "webdav", Endpoint: "https://old", User: &spec.Credential{Text: "u"}, Password: at("/scar/imaging/storage/webdav.old/password")},
		}
		f.Parameters = []spec.Parameter{
			{Name: "/scar/imaging/grayify/TOKEN", Value: spec.Seal("hunter2")},
			{Name: labKey, Value: spec.Seal("hunter3")},
			{Name: "/scar/imaging/storage/webdav.old/password", Value: spec.Seal("hunter4")},
		}
		f.Functions[0].Secrets = map[string]spec.Secret{"TOKEN": {Service: "ssm", Name: "/scar/imaging/grayify/TOKEN"}}
		f.Functions[0].Outputs = append(f.Functions[0].Outputs, spec.Output{Provider: "minio.lab", Bucket: "abc"})
		other := testFunction("sepia", "scans", "in/", "scans", "out/")
		other.Inputs = append(other.Inputs, spec.Input{Provider: "minio.lab", Bucket: "abc", Suffix: []string{""}})
		f.Functions = append(f.Functions, other)
	}}, edits...)...)
}

func TestParametersOfAProject(t *testing.T) {
	desired := mustDesire(t, bringing())
	got := map[string]string{}
	for a, r := range desired {
		if a.Kind == KindParameter {
			got[a.Name] = fmt.Sprintf("%v %v", r.Owner, r.Value.(Parameter).Tags)
		}
	}
	want := map[string]string{
		"/scar/imaging/grayify/TOKEN": "{imaging grayify} map[scar:function:grayify scar:project:imaging scar:version:1.0.0 team:imaging]",
		labKey:                        "{imaging } map[scar:project:imaging scar:version:1.0.0 team:imaging]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	for role, want := range map[string][]Address{
		RoleName("grayify", "eu-west-1"): {{KindParameter, "/scar/imaging/grayify/TOKEN"}, {KindParameter, labKey}},
		RoleName("sepia", "eu-west-1"):   {{KindParameter, labKey}},
	} {
		if diff := cmp.Diff(want, desired[Address{KindRole, role}].Needs); diff != "" {
			t.Errorf("%s needs (-want +got):\n%s", role, diff)
		}
	}
}

// TestSecretsStayOut looks for the secrets of a file in all that leaves this machine, but for the parameters themselves.
func TestSecretsStayOut(t *testing.T) {
	f := bringing()
	plan := mustPlan(t, mustDesire(t, f), State{})
	for _, p := range f.Parameters {
		for _, r := range plan.Changes {
			if text := fmt.Sprintf("%+v", r); strings.Contains(text, p.Value.Reveal()) {
				t.Errorf("the change of %s holds %s", r.Address, p.Value.Reveal())
			}
		}
		encoded, err := json.Marshal(plan)
		if err != nil {
			t.Fatal(err)
		}
		for i, j := range Jobs(f) { // all of a file that goes into an image, but for the files and scripts that it names
			description, err := j.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(encoded)+string(description), p.Value.Reveal()) {
				t.Errorf("the plan or the image of %s holds %s", f.Functions[i].Name, p.Value.Reveal())
			}
		}
	}
}

// A parameter is there before the role that may read it, so before the function, and goes after it.
func TestParametersComeBeforeRoles(t *testing.T) {
	const role, token = "role/scar-grayify-eu-west-1", "parameter//scar/imaging/grayify/TOKEN"
	without := bringing(func(f *spec.File) { f.Functions[0].Secrets, f.Parameters = nil, f.Parameters[1:] })
	live := settle(t, without, State{})
	with := mustPlan(t, mustDesire(t, bringing()), live)
	if got := ordered(with); !slices.Contains(got, "update "+role+" after "+token) || !slices.Contains(got, "create "+token) {
		t.Errorf("a secret comes: %q", got)
	}
	back := mustPlan(t, mustDesire(t, without), apply(live, with)) // who carries it out lets the role go first, by what it needed
	if got := ordered(back); !slices.Contains(got, "delete "+token) || !slices.Contains(got, "update "+role) {
		t.Errorf("a secret goes: %q", got)
	}
	for _, c := range back.Changes {
		if c.String() == role && !slices.Contains(Needs(c.Before, "imaging"), Address{KindParameter, "/scar/imaging/grayify/TOKEN"}) {
			t.Errorf("the role needed %v", Needs(c.Before, "imaging"))
		}
	}
	for _, line := range ordered(mustPlan(t, State{}, apply(live, with), func(o *Options) { o.Destroy = true })) {
		if strings.HasPrefix(line, "delete "+token) && line != "delete "+token+" after "+role {
			t.Errorf("destroyed: %s", line)
		}
	}
}

func TestParametersAndRolesOfOthers(t *testing.T) {
	const theirs = "arn:aws:iam::123456789012:role/theirs"
	desired := mustDesire(t, bringing(func(f *spec.File) { f.Functions[0].Role = theirs }))
	const path = "arn:aws:ssm:eu-west-1:123456789012:parameter/scar/imaging/"
	want := []string{"scar does not change the role " + theirs + ": it has to allow ssm:GetParameter on " +
		path + "grayify/TOKEN, " + path + "storage/minio.lab/secret_key, or each run fails"}
	if diff := cmp.Diff(want, desired[Address{KindFunction, "grayify"}].Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// What a file brings need not be there, and is not asked about; what else it refers to is.
func TestBroughtSecretsAreNotLookedFor(t *testing.T) {
	f := bringing()
	var names []string
	for _, q := range Questions(f, testNaming, State{}, Answers{}) {
		if q.About == AboutParameter {
			names = append(names, q.Name)
		}
	}
	if diff := cmp.Diff([]string{"/lab/key"}, names); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
	answers := Answers{{AboutParameter, "/lab/key"}: {}, {AboutParameter, labKey}: {Absent: true}}
	if _, err := check(t, f, State{}, answers); err != nil {
		t.Error(err)
	}
}

func TestDigestOfParameterIsMissing(t *testing.T) {
	f := bringing()
	env := testEnv(f)
	delete(env.Parameters, labKey)
	desired, err := Desired(f, env)
	if err == nil || !strings.Contains(err.Error(), "no digest was made of the parameter "+labKey) {
		t.Errorf("%v", err)
	}
	if _, there := desired[Address{KindParameter, labKey}]; !there {
		t.Error("its name needs no digest")
	}
}

func TestParameterDigest(t *testing.T) {
	digest := func(name, secret string) string {
		d, err := ParameterDigest(name, secret)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := digest("/a", "b")
	if again := digest("/a", "b"); again != first || digest("/a", "c") == first || digest("/b", "b") == first {
		t.Error("a digest is of the name and the secret, and of nothing else")
	}
	// python3 -c 'import hashlib,base64;print(base64.b64encode(hashlib.pbkdf2_hmac("sha256",b"hunter2",b"/scar/p/f/T",100000)).decode().rstrip("="))'
	if got, want := digest("/scar/p/f/T", "hunter2"), "XKtxH8TXN9esAH69sws7k6ST4DXF+SD/jXM7LBAL5J8"; got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

func TestTagsOfFunctions(t *testing.T) {
	for _, c := range []struct {
		image spec.Source
		want  string
	}{
		{spec.Source{Reference: "dpokidov/imagemagick:7.1"}, "dpokidov/imagemagick:7.1"},
		{spec.Source{Reference: "ghcr.io/a/b_c@sha256:0123"}, "ghcr.io/a/b_c@sha256:0123"},
		{spec.Source{Path: "/home/me/my images/gräy#1.tar"}, "gräy_1.tar"},
		{spec.Source{Path: `C:\images\gray.tar`}, "gray.tar"},
		{spec.Source{Reference: strings.Repeat("ü", 300)}, strings.Repeat("ü", 256)},
	} {
		if got := imageTag(c.image); got != c.want {
			t.Errorf("%s: tag %q, want %q", c.image, got, c.want)
		}
	}
	fn := spec.Function{
		Inputs: []spec.Input{{Provider: "webdav.nas"}, {Provider: spec.OwnS3}, {}, {Provider: "s3.other"}, {Provider: "minio.lab"}},
		Queue:  &spec.Queue{}, Schedule: &spec.Schedule{}, HTTP: &spec.HTTP{API: "a"},
	}
	if diff := cmp.Diff([]string{"api", "minio", "queue", "s3", "schedule", "webdav"}, startsOf(&fn)); diff != "" {
		t.Errorf("starts (-want +got):\n%s", diff)
	}
	fn.HTTP.API = ""
	if got := startsOf(&fn); !slices.Contains(got, "url") || slices.Contains(got, "api") {
		t.Errorf("starts %q", got)
	}
	if got := startsOf(&spec.Function{}); len(got) > 0 {
		t.Errorf("nothing starts it: %q", got)
	}
}

// A function that nothing starts any more loses what its tags said, whether the file has tags or not.
func TestTagsOfStartsAreTakenBack(t *testing.T) {
	live := settle(t, testFile(), State{})
	p := mustPlan(t, mustDesire(t, testFile(func(f *spec.File) { f.Functions[0].Inputs = nil })), live)
	for _, c := range p.Changes {
		if c.Kind == KindFunction && !named(c.Fields, "tags["+TagStarts+"]") {
			t.Errorf("%s %v", c.Action, c.Fields)
		}
	}
}
