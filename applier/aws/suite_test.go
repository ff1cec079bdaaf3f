package aws

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// account is a service that speaks AWS's protocols, empty at the start of a test.
type account struct {
	cfg    aws.Config
	naming planner.Naming
	pace   time.Duration
	base   *image.Base
	gaps   gaps
}

// gaps are what a service is known not to do as AWS does.
type gaps struct {
	staleUpdates    bool // some settings of functions cannot be changed, nor the CORS of their URLs to none
	noInvokedViaURL bool // statements lose the conditions that concern URLs
	noneReserved    bool // that no execution may run does not show
	staleInvoking   bool // settings of asynchronous invocations cannot be changed, only deleted
	corsStays       bool // the CORS of a URL can be changed, and not taken away
	noLimits        bool // the account's limits cannot be asked for
}

// configFor is the SDK's configuration for an endpoint on this machine.
func configFor(endpoint, region string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: &endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", ""),
	}
}

// newRegistry is a registry on this machine, and a small image in it.
func newRegistry(t *testing.T) (host string, base *image.Base) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	img, err := random.Image(1024, 2)
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", "amd64"
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(host + "/base:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	base, err = image.NewResolver(image.ResolverOptions{CacheDir: t.TempDir()}).Resolve(t.Context(), image.Source{Reference: host + "/base:1"}, "")
	if err != nil {
		t.Fatal(err)
	}
	return host, base
}

// assembleFor makes the image of a function with the given script.
func (a account) assembleFor(t *testing.T, function, script string) *image.Image {
	t.Helper()
	var layers []*image.Layer
	for _, file := range [][2]string{{"runtime", "binary"}, {"files/x", "file"}, {"script", script}, {"job.json", function}} {
		content := file[1]
		entry := image.Entry{Name: "scar/" + file[0], Mode: 0o755, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader([]byte(content))), nil
		}}
		layer, err := image.NewLayer(t.Context(), []image.Entry{entry})
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, layer)
	}
	img, err := image.Assemble(a.base, layers, []string{"/scar/runtime"})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// project is a file and what is applied from it.
type project struct {
	account
	t       *testing.T
	file    *spec.File
	scripts map[string]string // by function
	opts    planner.Options
	local   map[string]*image.Image
	built   map[string]*image.Image // by function and script

	parallelism int
}

func (a account) project(t *testing.T, name string, functions ...spec.Function) *project {
	f := &spec.File{Project: name, Functions: functions, Tags: map[string]string{"team": "a & b"}}
	for i := range f.Functions {
		for variable := range f.Functions[i].Secrets {
			parameter := spec.ParameterName(name, f.Functions[i].Name, variable)
			f.Functions[i].Secrets = map[string]spec.Secret{variable: {Service: "ssm", Name: parameter}}
			f.Parameters = append(f.Parameters, spec.Parameter{Name: parameter, Value: spec.Seal("secret of " + parameter)})
		}
	}
	return &project{account: a, t: t, file: f, scripts: map[string]string{}, built: map[string]*image.Image{}}
}

func function(name string, in ...spec.Input) spec.Function {
	return spec.Function{
		Name: name, Description: "Makes " + name, Memory: 512, Timeout: 30, TimeoutMargin: 5, EphemeralStorage: 512,
		Env: map[string]string{"QUALITY": "80", "EMPTY": ""}, Inputs: in,
		Outputs: []spec.Output{{Bucket: "results-of-" + name, Prefix: "out/"}},
		Logs:    spec.Logs{RetentionDays: 30, Level: "info"},
		Tags:    map[string]string{"owner": "Jörg+1"},
		Retries: spec.Retries{Attempts: planner.DefaultAttempts, MaxAge: planner.DefaultMaxAge},
		Script:  &spec.Script{Name: "run", Content: []byte("true")},
	}
}

func input(bucket, prefix string, suffix ...string) spec.Input {
	if len(suffix) == 0 {
		suffix = []string{""}
	}
	return spec.Input{Bucket: bucket, Prefix: prefix, Suffix: suffix, Events: []string{"s3:ObjectCreated:*"}}
}

func (p *project) cloud() *Cloud {
	secrets := map[string]string{}
	for _, parameter := range p.file.Parameters {
		secrets[parameter.Name] = parameter.Value.Reveal()
	}
	return New(p.cfg, Options{
		Project: p.file.Project, Naming: p.naming, Images: p.local, Parameters: secrets,
		Parallelism: p.parallelism, Pace: p.pace, Settle: 5 * time.Second,
	})
}

// plan computes the plan from the file and what is live.
func (p *project) plan() *planner.Plan {
	p.t.Helper()
	desired := planner.State{}
	if !p.opts.Destroy {
		desired = p.desired()
	}
	cloud := p.cloud()
	refs, err := cloud.Find(p.t.Context(), p.file.Project)
	if err != nil {
		p.t.Fatal(err)
	}
	live, err := cloud.Read(p.t.Context(), slices.AppendSeq(refs, maps.Keys(desired)))
	if err != nil {
		p.t.Fatal(err)
	}
	p.opts.Project, p.opts.Naming = p.file.Project, p.naming
	plan, err := planner.New(desired, live, p.opts)
	if err != nil {
		p.t.Fatal(err)
	}
	return plan
}

func (p *project) desired() planner.State {
	p.t.Helper()
	env := planner.Env{Naming: p.naming, Version: "1.0", Images: map[string]planner.Image{}, Architectures: map[string]string{}}
	p.local = map[string]*image.Image{}
	for _, f := range p.file.Functions {
		key := f.Name + "\x00" + p.scripts[f.Name]
		img := p.built[key]
		if img == nil {
			img = p.assembleFor(p.t, f.Name, p.scripts[f.Name])
			p.built[key] = img
		}
		base, added, err := image.Parts(img.Manifest(), addedLayers)
		if err != nil {
			p.t.Fatal(err)
		}
		p.local[img.Digest()] = img
		env.Architectures[f.Name] = "x86_64"
		env.Images[f.Name] = planner.Image{Digest: img.Digest(),
			Parts: planner.Parts{Base: base, Runtime: added[0], Files: added[1], Script: added[2], Job: added[3]}}
	}
	env.Parameters = map[string]string{}
	for _, parameter := range p.file.Parameters {
		digest, err := planner.ParameterDigest(parameter.Name, parameter.Value.Reveal())
		if err != nil {
			p.t.Fatal(err)
		}
		env.Parameters[parameter.Name] = digest
	}
	desired, err := planner.Desired(p.file, env)
	if err != nil {
		p.t.Fatal(err)
	}
	return desired
}

// apply makes and applies a plan, and then expects that there is nothing left to do.
func (p *project) apply() *planner.Plan {
	p.t.Helper()
	plan := p.plan()
	p.do(plan)
	if rest := changes(p.plan()); len(rest) > 0 {
		p.t.Fatalf("after the apply there is still to do: %s", strings.Join(rest, "\n"))
	}
	return plan
}

func (p *project) do(plan *planner.Plan) planner.Outputs {
	p.t.Helper()
	var mu sync.Mutex
	var said []string
	outputs, err := applier.Apply(p.t.Context(), p.cloud(), plan, applier.Options{Events: func(e applier.Event) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, fmt.Sprint(e.Type, " ", e.Change.Address, " ", e.Progress.Message))
	}})
	if err != nil {
		p.t.Fatalf("apply: %v\n%s", err, strings.Join(said, "\n"))
	}
	return outputs
}

// changes lists what a plan does.
func changes(plan *planner.Plan) []string {
	var list []string
	for _, c := range plan.Changes {
		if c.Action != planner.NoOp && c.Action != planner.Retain {
			list = append(list, fmt.Sprintf("%s %s %v", c.Action, c.Address, c.Fields))
		}
	}
	return list
}

// actions are the changes of a plan, without their fields.
func actions(plan *planner.Plan) map[string]planner.Action {
	out := map[string]planner.Action{}
	for _, c := range plan.Changes {
		if c.Action != planner.NoOp && c.Action != planner.Retain {
			out[string(c.Kind)+"/"+strings.Split(c.Name, "/")[0]] = c.Action
		}
	}
	return out
}

// testLifecycle is the way of a project through an account: created, changed in every way, pruned,
// destroyed; with another project and rules, statements and tags of others beside it, which stay.
func testLifecycle(t *testing.T, a account) {
	client := s3.NewFromConfig(a.cfg, pathStyle)
	functions := lambda.NewFromConfig(a.cfg)
	photos, scans := "photos-of-all", "scans-of-all"
	other := a.project(t, "other", function("neighbour", input(photos, "neighbour/")))
	other.apply()
	mine := a.project(t, "imaging", function("grayify", input(photos, "in/", ".jpg", ".png"), input(scans, "")), function("blur", input(photos, "blur/")))
	putForeignRule(t, client, photos, a.naming)
	foreign := rulesOf(t, client, photos)

	plan := mine.apply()
	if got := actions(plan)["bucket/"+photos]; got != "" {
		t.Errorf("the other project's bucket: %s", got)
	}
	if got := actions(plan)["function/grayify"]; got != planner.Create {
		t.Errorf("function: %s", got)
	}
	addForeignStatement(t, functions, "grayify")

	t.Log("settings and script change")
	f := &mine.file.Functions[0]
	f.Memory, f.Timeout, f.Description, f.Env = 1024, 60, "", nil
	f.Logs.RetentionDays = 7
	f.Tags = map[string]string{"owner": "somebody else", "cost center": "7"}
	f.Permissions = []spec.Permission{{Actions: []string{"dynamodb:PutItem"}, Resources: []string{"arn:aws:dynamodb:*:*:table/jobs"}}}
	mine.scripts["grayify"] = "echo changed"
	if !a.gaps.staleUpdates {
		f.EphemeralStorage = 1024
	}
	got := actions(mine.apply())
	for _, want := range []string{"function/grayify", "image/grayify", "log_group/", "role/scar-grayify-" + a.naming.Region} {
		if got[want] != planner.Update {
			t.Errorf("%s: %q in %v", want, got[want], got)
		}
	}

	t.Log("inputs change and a function leaves")
	f.Inputs = []spec.Input{input(photos, "in/", ".jpg"), input("new-of-all", "x/")}
	mine.file.Functions = mine.file.Functions[:1]
	got = actions(mine.apply())
	if got["function/blur"] != planner.Delete || got["trigger/"+scans] != planner.Delete || got["trigger/new-of-all"] != planner.Create {
		t.Errorf("%v", got)
	}
	if diff := cmp.Diff(foreign, foreignOnly(rulesOf(t, client, photos))); diff != "" {
		t.Errorf("rules of others changed: %s", diff)
	}
	if statements := policyOf(t, functions, "grayify"); !strings.Contains(statements, "by-hand") {
		t.Errorf("the statement of somebody else is gone: %s", statements)
	}

	t.Log("destroy")
	mine.opts = planner.Options{Destroy: true, DeleteBuckets: true}
	mine.apply()
	if left := mine.plan(); len(left.Changes) != 0 {
		t.Errorf("left: %v", left.Changes)
	}
	if diff := cmp.Diff(foreign, rulesOf(t, client, photos)); diff != "" {
		t.Errorf("rules of others changed: %s", diff)
	}
	if rest := changes(other.plan()); len(rest) != 0 {
		t.Errorf("the other project is touched: %v", rest)
	}
}

// putForeignRule adds a rule of nobody's, and EventBridge, to a bucket.
func putForeignRule(t *testing.T, client *s3.Client, bucket string, naming planner.Naming) {
	t.Helper()
	out, err := client.GetBucketNotificationConfiguration(t.Context(), &s3.GetBucketNotificationConfigurationInput{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	doc := &s3types.NotificationConfiguration{LambdaFunctionConfigurations: append(out.LambdaFunctionConfigurations, s3types.LambdaFunctionConfiguration{
		Id: ptr("by hand"), LambdaFunctionArn: ptr(naming.FunctionARN("neighbour")), Events: []s3types.Event{"s3:ObjectRemoved:*"},
		Filter: &s3types.NotificationConfigurationFilter{Key: &s3types.S3KeyFilter{FilterRules: []s3types.FilterRule{
			{Name: "suffix", Value: ptr(".tmp")}, {Name: "prefix", Value: ptr("a b+ü/")}}}},
	}), EventBridgeConfiguration: &s3types.EventBridgeConfiguration{}}
	_, err = client.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{Bucket: &bucket, NotificationConfiguration: doc})
	if err != nil {
		t.Fatal(err)
	}
}

func rulesOf(t *testing.T, client *s3.Client, bucket string) []string {
	t.Helper()
	out, err := client.GetBucketNotificationConfiguration(t.Context(), &s3.GetBucketNotificationConfigurationInput{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, r := range out.LambdaFunctionConfigurations {
		list = append(list, fmt.Sprint(*r.Id, " ", *r.LambdaFunctionArn, " ", r.Events))
		if r.Filter != nil {
			for _, f := range r.Filter.Key.FilterRules {
				list[len(list)-1] += fmt.Sprint(" ", f.Name, "=", *f.Value)
			}
		}
	}
	return append(list, fmt.Sprint("event bridge: ", out.EventBridgeConfiguration != nil))
}

func foreignOnly(rules []string) []string {
	return slices.DeleteFunc(rules, func(r string) bool { return strings.HasPrefix(r, "scar-imaging-") })
}

func addForeignStatement(t *testing.T, client *lambda.Client, function string) {
	t.Helper()
	_, err := client.AddPermission(t.Context(), &lambda.AddPermissionInput{
		FunctionName: &function, StatementId: ptr("by-hand"), Action: ptr("lambda:InvokeFunction"), Principal: ptr("events.amazonaws.com"),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func policyOf(t *testing.T, client *lambda.Client, function string) string {
	t.Helper()
	out, err := client.GetPolicy(t.Context(), &lambda.GetPolicyInput{FunctionName: &function})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Policy
}
