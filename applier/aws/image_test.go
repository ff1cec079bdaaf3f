package aws

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/planner"
)

// fakeTags is a tagging API of two pages.
type fakeTags struct {
	script
	arns []string
}

func (f *fakeTags) GetResources(_ context.Context, in *resourcegroupstaggingapi.GetResourcesInput, _ ...func(*resourcegroupstaggingapi.Options)) (*resourcegroupstaggingapi.GetResourcesOutput, error) {
	if err := f.next("GetResources"); err != nil {
		return nil, err
	}
	half := f.arns[:len(f.arns)/2]
	out := &resourcegroupstaggingapi.GetResourcesOutput{PaginationToken: ptr("more")}
	if deref(in.PaginationToken) != "" {
		half, out.PaginationToken = f.arns[len(f.arns)/2:], ptr("")
	}
	for _, arn := range half {
		out.ResourceTagMappingList = append(out.ResourceTagMappingList, tagging.ResourceTagMapping{ResourceARN: &arn})
	}
	return out, nil
}

// fakeRoles lists roles by path.
type fakeRoles struct {
	roleClient
	script
	names []string
}

func (f *fakeRoles) ListRoles(_ context.Context, in *iam.ListRolesInput, _ ...func(*iam.Options)) (*iam.ListRolesOutput, error) {
	if err := f.next("ListRoles"); err != nil {
		return nil, err
	}
	out := &iam.ListRolesOutput{}
	if *in.PathPrefix == planner.RolePath("imaging") {
		for _, name := range f.names {
			out.Roles = append(out.Roles, iamtypes.Role{RoleName: &name})
		}
	}
	return out, nil
}

type world struct {
	ecr    *fakeECR
	lambda *fakeLambda
	tags   *fakeTags
	roles  *fakeRoles
	queues *fakeSQS
	times  *fakeScheduler
	apis   *fakeAPIs
}

func newWorld() *world {
	w := &world{
		ecr: newFakeECR(), lambda: newFakeLambda(), tags: &fakeTags{}, roles: &fakeRoles{},
		queues: newFakeSQS(), times: newFakeScheduler(), apis: newFakeAPIs(),
	}
	w.ecr.exists = true
	w.ecr.tags = ecrTags(planner.Tags{planner.TagProject: "imaging"})
	return w
}

func (w *world) cloud(opts Options) *Cloud {
	opts.Project, opts.Naming = "imaging", testNaming
	return assemble(opts, clients{
		ecr: w.ecr, lambda: w.lambda, tags: w.tags, iam: w.roles, sqs: w.queues, ssm: newFakeSSM(), scheduler: w.times, api: w.apis,
	})
}

func imageChange(action planner.Action, digest string) planner.Batch {
	v := planner.Image{Repository: "scar/imaging", Tag: "grayify", Digest: digest}
	c := planner.Change{Address: planner.Address{Kind: planner.KindImage, Name: "grayify"}, Action: action}
	if action == planner.Delete {
		c.Before = v
	} else {
		c.After = v
	}
	return planner.Batch{c}
}

// testImage is a small assembled image, and its value as planned.
func testImage(t *testing.T, script string) (*image.Image, planner.Batch) {
	t.Helper()
	host, base := newRegistry(t)
	img := account{naming: planner.Naming{Registry: host}, base: base}.assembleFor(t, "grayify", script)
	batch := imageChange(planner.Create, img.Digest())
	v := batch[0].After.(planner.Image)
	bottom, added, err := image.Parts(img.Manifest(), addedLayers)
	if err != nil {
		t.Fatal(err)
	}
	v.Parts = planner.Parts{Base: bottom, Runtime: added[0], Files: added[1], Script: added[2], Job: added[3]}
	batch[0].After = v
	return img, batch
}

func TestImageIsPushedOnceAndThenOnlyTagged(t *testing.T) {
	w := newWorld()
	host, _ := newRegistry(t)
	w.ecr.proxy = "http://" + host
	img, batch := testImage(t, "echo 1")
	cloud := w.cloud(Options{Images: map[string]*image.Image{img.Digest(): img}})
	pushed := 0
	for range 2 {
		_, err := cloud.Do(t.Context(), batch, func(p applier.Progress) {
			if p.Total > 0 && p.Done == p.Total {
				pushed++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if pushed == 0 || w.ecr.count("GetAuthorizationToken") != 1 {
		t.Errorf("%d pushes, calls %v", pushed, w.ecr.calls)
	}
	got := w.ecr.images[img.Digest()]
	if got == nil || got.mediaType != img.MediaType() || !slices.Equal(got.tags, []string{"grayify"}) {
		t.Errorf("%+v", got)
	}
	if _, err := cloud.Do(t.Context(), imageChange(planner.Delete, img.Digest()), nil); err != nil || len(w.ecr.images) != 0 {
		t.Errorf("%v, %v", err, w.ecr.images)
	}
}

func TestImageThatIsNowhere(t *testing.T) {
	_, err := newWorld().cloud(Options{}).Do(t.Context(), imageChange(planner.Create, "sha256:1"), nil)
	if err == nil || !strings.Contains(err.Error(), "neither in the repository nor assembled here") {
		t.Errorf("error %v", err)
	}
}

func TestPushTargets(t *testing.T) {
	for _, c := range []struct{ registry, proxy, host, wantErr string }{
		{"", "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", ""},
		{"", "http://127.0.0.1:4666", "127.0.0.1:4666", ""},
		{"", "http://registry.example.org", "", "not encrypted"},
		{"", "nonsense", "", "cannot be understood"},
		{"localhost:5000", "", "localhost:5000", ""},
		{"[::1]:5000", "", "[::1]:5000", ""},
		{"bad host/", "", "", "registry"},
	} {
		w := newWorld()
		w.ecr.proxy = c.proxy
		p := &pusher{client: w.ecr, repository: "scar/imaging", registry: c.registry}
		target, err := p.target(t.Context())
		if c.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), c.wantErr) {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		if err != nil || target.Host != c.host || target.PlainHTTP != strings.Contains(c.host, ":") {
			t.Errorf("%+v: %+v, %v", c, target, err)
		}
		if c.registry != "" && w.ecr.count("GetAuthorizationToken") != 0 {
			t.Error("ECR's token was fetched for another registry")
		}
	}
}

func TestFormerImagesAreRemovedWhenNobodyUsesThem(t *testing.T) {
	all := []string{"sha256:local", "sha256:new", "sha256:old", "sha256:tagged", "sha256:used"}
	for name, c := range map[string]struct {
		setUp func(w *world)
		want  []string
	}{
		"old and unused go": {func(*world) {}, slices.Concat(all[:2], all[3:])},
		"a list that fails": {func(w *world) {
			w.tags.fails = map[string][]error{"GetResources": {answer("AccessDenied", "no")}}
		}, all},
		"a function that cannot be read": {func(w *world) {
			w.lambda.fails["GetFunction"] = []error{answer("AccessDenied", "no")}
		}, all},
		"a function that is being updated": {func(w *world) {
			f := w.lambda.functions["grayify"]
			f.update, f.until = true, time.Now().Add(time.Hour)
		}, all},
		"a function whose update failed": {func(w *world) {
			w.lambda.failing, w.lambda.functions["grayify"].update = true, true
		}, all},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := worldOfFormerImages(t)
				c.setUp(w)
				cloud := w.cloud(Options{Images: map[string]*image.Image{"sha256:local": nil}})
				if err := cloud.images.cleaner.sweep(t.Context(), func(string, int64, int64) {}); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, slices.Sorted(maps.Keys(w.ecr.images))); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func worldOfFormerImages(t *testing.T) *world {
	t.Helper()
	w := newWorld()
	w.tags.arns = []string{testNaming.FunctionARN("grayify")}
	for digest, age := range map[string]time.Duration{"old": 25 * time.Hour, "local": 25 * time.Hour, "used": 25 * time.Hour, "new": 23 * time.Hour} {
		w.ecr.images["sha256:"+digest] = &fakeImage{pushed: time.Now().Add(-age)}
	}
	w.ecr.images["sha256:tagged"] = &fakeImage{pushed: time.Now().Add(-25 * time.Hour), tags: []string{"blur"}}
	f := grayify()
	f.Image = testNaming.ImageURI("scar/imaging", "sha256:used")
	putFunction(t, w.lambda, f)
	return w
}

func putFunction(t *testing.T, fake *fakeLambda, f planner.Function) {
	t.Helper()
	functions := &functions{client: fake, naming: testNaming, patience: patience{pace: time.Millisecond, settle: time.Second}}
	if err := functions.create(t.Context(), f, func(string, int64, int64) {}); err != nil {
		t.Fatal(err)
	}
}

func TestRepositoryKeepsImagesOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.ecr.images["sha256:former"] = &fakeImage{}
		w.ecr.images["sha256:theirs"] = &fakeImage{tags: []string{"by-hand"}}
		v := planner.Repository{Name: "scar/imaging"}
		change := planner.Batch{{Address: planner.Address{Kind: planner.KindRepository, Name: v.Name}, Action: planner.Delete, Before: v}}
		_, err := w.cloud(Options{}).Do(t.Context(), change, nil)
		if err == nil || !strings.Contains(err.Error(), "by-hand") || len(w.ecr.images) != 1 {
			t.Errorf("%v, left %v", err, w.ecr.images)
		}
		w.ecr.images = map[string]*fakeImage{}
		if _, err := w.cloud(Options{}).Do(t.Context(), change, nil); err != nil || w.ecr.exists {
			t.Errorf("error %v", err)
		}
	})
}

func TestRepositoryLifecycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.ecr.exists, w.ecr.tags = false, nil
		cloud := w.cloud(Options{})
		v := planner.Repository{Name: "scar/imaging", Tags: planner.Tags{planner.TagProject: "imaging", "a": "1"}}
		changed := planner.Repository{Name: v.Name, Tags: planner.Tags{planner.TagProject: "imaging", "b": "2"}}
		at := planner.Address{Kind: planner.KindRepository, Name: v.Name}
		for _, c := range []planner.Change{
			{Address: at, Action: planner.Create, After: v},
			{Address: at, Action: planner.Create, After: v},
			{Address: at, Action: planner.Update, Before: v, After: changed},
		} {
			if _, err := cloud.Do(t.Context(), planner.Batch{c}, nil); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestFind(t *testing.T) {
	w := newWorld()
	w.roles.names = []string{"scar-blur-eu-west-1", "scar-far-us-east-1", "z-eu-west-1"}
	w.ecr.images["sha256:1"] = &fakeImage{tags: []string{"left"}}
	w.tags.arns = []string{
		testNaming.FunctionARN("grayify"), testNaming.LogGroupARN("/aws/lambda/gone") + ":*", testNaming.RepositoryARN("scar/imaging"),
		testNaming.BucketARN("results"), "arn:aws:sqs:eu-west-1:123456789012:q",
	}
	refs, err := w.cloud(Options{}).Find(t.Context(), "imaging")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"bucket/results", "repository/scar/imaging"}
	for _, kind := range []string{"image/", "log_group//aws/lambda/", "role/scar-", "function/"} {
		for _, f := range []string{"blur", "gone", "grayify", "left"} {
			name := kind + f
			if kind == "role/scar-" {
				name += "-eu-west-1"
			}
			want = append(want, name)
		}
		switch kind {
		case "role/scar-":
			want = append(want, "role/z-eu-west-1")
		case "image/":
			want = append(want, "queue/q")
		}
	}
	var got []string
	for _, ref := range refs {
		got = append(got, ref.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFindFailsWhenAListFails(t *testing.T) {
	denied := answer("AccessDeniedException", "no")
	for name, setUp := range map[string]func(w *world){
		"tags":          func(w *world) { w.tags.fails = map[string][]error{"GetResources": {nil, denied}} },
		"roles":         func(w *world) { w.roles.fails = map[string][]error{"ListRoles": {denied}} },
		"images":        func(w *world) { w.ecr.fails["ListImages"] = []error{denied} },
		"queues":        func(w *world) { w.queues.fails["ListQueues"] = []error{nil, denied} },
		"event sources": func(w *world) { w.lambda.fails["ListEventSourceMappings"] = []error{denied} },
		"groups":        func(w *world) { w.times.fails["ListScheduleGroups"] = []error{denied} },
		"schedules":     func(w *world) { w.times.fails["ListSchedules"] = []error{denied} },
		"APIs":          func(w *world) { w.apis.fails["GetApis"] = []error{denied} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.tags.arns = []string{"arn:aws:s3:::a", "arn:aws:s3:::b"}
			setUp(w)
			refs, err := w.cloud(Options{}).Find(t.Context(), "imaging")
			if !errors.Is(err, denied) || refs != nil {
				t.Errorf("%v, %v", refs, err)
			}
		})
	}
}

func TestReadImages(t *testing.T) {
	w := newWorld()
	img, _ := testImage(t, "x")
	w.ecr.images[img.Digest()] = &fakeImage{tags: []string{"grayify"}, manifest: string(img.Manifest())}
	w.ecr.images["sha256:2"] = &fakeImage{tags: []string{"odd"}, manifest: "{}"}
	var refs []planner.Ref
	for _, name := range append([]string{"grayify", "odd"}, make([]string, 150)...) {
		if name == "" {
			name = "absent" + string(rune('a'+len(refs)%26)) + strings.Repeat("x", len(refs))
		}
		refs = append(refs, planner.Ref{Kind: planner.KindImage, Name: name})
	}
	state, err := w.cloud(Options{}).Read(t.Context(), refs)
	if err != nil || len(state) != 2 {
		t.Fatalf("%v, %v", state, err)
	}
	r := state[refs[0]]
	if v := r.Value.(planner.Image); v.Digest != img.Digest() || v.Parts.Job == "" || v.Parts.Base == "" || r.Owner != (planner.Owner{Project: "imaging", Function: "grayify"}) {
		t.Errorf("%+v", r)
	}
	if n := w.ecr.count("BatchGetImage"); n != 2 {
		t.Errorf("%d calls", n)
	}
	w.ecr.images["sha256:3"] = &fakeImage{tags: []string{"v1.2"}, manifest: string(img.Manifest())}
	by := planner.Ref{Kind: planner.KindImage, Name: "v1.2"}
	if state, err := w.cloud(Options{}).Read(t.Context(), []planner.Ref{by}); err != nil || state[by].Value == nil || state[by].Owner != (planner.Owner{}) {
		t.Errorf("an image that cannot be a function's: %+v, %v", state[by], err)
	}
}
