package flow

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/internal/localtest"
	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/wire"
	"github.com/scar-go/scar/spec"
)

// onBackend is an account of a backend of its own.
func onBackend(t testing.TB, script *local.Script) *Account {
	t.Helper()
	endpoint := &Endpoint{
		URL: localtest.Serve(t, local.Options{Script: script}), Region: local.DefaultRegion, AccessKey: local.AdminAccessKey, SecretKey: local.AdminSecretKey,
	}
	account, err := Connect(t.Context(), Settings{Endpoint: endpoint, Version: "test", CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return account
}

// applyText applies a file to an account. Its functions find an image in image.oci.
func applyText(t testing.TB, account *Account, text string) {
	t.Helper()
	file := loadText(t, text)
	planned, err := account.Plan(t.Context(), file, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := planned.Apply(t.Context(), ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
}

func loadText(t testing.TB, text string) *spec.File {
	t.Helper()
	dir := t.TempDir()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", "amd64"
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image})
	path := filepath.Join(dir, "image.oci")
	if _, err := layout.Write(path, index); err != nil {
		t.Fatal(err)
	}
	text = strings.ReplaceAll(text, "image.oci", path)
	file, err := spec.Load(t.Context(), []string{"-"}, spec.Options{Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

const listFile = `
project: imaging
defaults: {image: image.oci, run: '#!/tmp/true'}
functions:
  page: {http: {auth: none}, memory: 256}
  behind: {http: {api: pages}, schedule: rate(1 hour)}
  gray: {input: [s3://photos/in/], output: [s3://photos/out/], queue: true}
`

// more creates functions beside one, with its image and role, as others might.
func more(t testing.TB, account *Account, of string, tags map[string]string, env map[string]string, names ...string) {
	t.Helper()
	client := lambda.NewFromConfig(account.config)
	like, err := client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: &of})
	if err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	group.SetLimit(8)
	for _, name := range names {
		group.Go(func() error {
			_, err := client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
				FunctionName: &name, Role: like.Configuration.Role, PackageType: lambdatypes.PackageTypeImage,
				Code: &lambdatypes.FunctionCode{ImageUri: like.Code.ImageUri}, Tags: tags, Environment: &lambdatypes.Environment{Variables: env},
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestListOfAllProjects(t *testing.T) {
	account := onBackend(t, nil)
	applyText(t, account, listFile)
	applyText(t, account, strings.NewReplacer("imaging", "sound", "page", "wave", "behind", "low", "gray", "mix", "photos", "tapes").Replace(listFile))
	more(t, account, "page", map[string]string{"createdby": "scar"}, map[string]string{"IMAGE_ID": "grycap/cowsay", "API_GATEWAY_ID": "abc"}, "old")
	more(t, account, "page", map[string]string{"team": "x"}, nil, "foreign")
	list, err := account.List(t.Context(), ListOptions{Activity: true})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range list {
		names = append(names, l.Project+"/"+l.Name)
		if l.Last == nil {
			t.Errorf("%s: not known how often it ran", l.Name)
		}
	}
	want := []string{"/old", "imaging/behind", "imaging/gray", "imaging/page", "sound/low", "sound/mix", "sound/wave"}
	if !slices.Equal(names, want) {
		t.Fatalf("listed %q, want %q", names, want)
	}
	old, behind, gray, page := list[0], list[1], list[2], list[3]
	if !old.Original || old.Image != "grycap/cowsay" || old.URL != "https://abc.execute-api.us-east-1.amazonaws.com/scar/launch" {
		t.Errorf("one of the original: %+v", old)
	}
	if !strings.Contains(behind.URL, "execute-api") || !slices.Equal(behind.Starts, []string{"api", "schedule"}) {
		t.Errorf("one behind an API: %+v", behind)
	}
	if gray.URL != "" || !slices.Equal(gray.Starts, []string{"queue", "s3"}) || gray.Image != "image.oci" {
		t.Errorf("one with a queue: %+v", gray)
	}
	if !strings.Contains(page.URL, "lambda-url") || page.Memory != 256 || page.Timeout != 300 {
		t.Errorf("one with a URL: %+v", page)
	}
	one, err := account.List(t.Context(), ListOptions{Project: "sound"})
	if err != nil || len(one) != 3 || one[0].Project != "sound" || one[0].Last != nil {
		t.Errorf("of one project: %+v, %v", one, err)
	}
}

// TestListWithoutTags lists a function that the tagging API does not know yet, and not one that it still knows.
func TestListWithoutTags(t *testing.T) {
	account := onBackend(t, nil)
	applyText(t, account, listFile)
	there, err := account.allFunctions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]map[string]string{"arn:aws:lambda:us-east-1:000000000000:function:gone": {"scar:project": "imaging"}}
	for project, want := range map[string]int{"": 4, "imaging": 4, "other": 1} {
		all := map[string]map[string]string{}
		for arn, tags := range told {
			all[arn] = tags
		}
		if err := account.addUntold(t.Context(), there, all, project); err != nil || len(all) != want {
			t.Errorf("project %q: %d functions, want %d: %v", project, len(all), want, err)
		}
	}
}

func TestActivityOfParts(t *testing.T) {
	list := []Listed{{Name: "a"}, {Name: "b"}}
	queries := activityQueries(list)
	if len(queries) != 6 {
		t.Fatalf("%d queries", len(queries))
	}
	for _, id := range []string{"m0_1", "m0_1", "m1_1", "m2_0", "m9_0", "m0_9", "", "m0", "x"} {
		addResult(list, result(id, 2, 3))
	}
	if *list[0].Last != (Activity{Throttles: 5}) || *list[1].Last != (Activity{Invocations: 10, Errors: 5}) {
		t.Errorf("%+v %+v", *list[0].Last, *list[1].Last)
	}
}

func result(id string, values ...float64) types.MetricDataResult {
	return types.MetricDataResult{Id: &id, Values: values}
}

// BenchmarkList lists 500 functions of which 20 have URLs, and reports the calls that it makes, of which only those for URLs
// are about one function.
func BenchmarkList(b *testing.B) {
	const functions, withURL = 500, 20
	script := local.NewScript()
	account := onBackend(b, script)
	applyText(b, account, "project: bench\nfunctions: {first: {image: image.oci, run: '#!/tmp/true'}}")
	for i, n := range []int{functions - withURL - 1, withURL} {
		tags := map[string]string{"scar:project": "bench", "scar:image": "image.oci", "scar:starts": []string{"s3", "url"}[i]}
		names := make([]string, n)
		for k := range names {
			names[k] = fmt.Sprintf("f%d-%03d", i, k)
		}
		more(b, account, "first", tags, nil, names...)
	}
	script.Forget()
	rounds := 0
	for b.Loop() {
		list, err := account.List(b.Context(), ListOptions{Activity: true})
		if err != nil || len(list) != functions {
			b.Fatalf("%d functions: %v", len(list), err)
		}
		rounds++
	}
	calls := script.Calls()
	b.ReportMetric(float64(len(calls))/float64(rounds), "calls/list")
	proof.Count(b, "calls to list 500 functions, 20 with a URL", float64(len(calls))/float64(rounds), "")
	b.ReportMetric(float64(local.Count(calls)["lambda:GetFunctionUrlConfig"])/float64(rounds), "calls-for-URLs/list")
}

// TestWithoutTheRightToMetrics lists and describes functions for a caller who may not read metrics.
func TestWithoutTheRightToMetrics(t *testing.T) {
	script := local.NewScript()
	account := onBackend(t, script)
	applyText(t, account, "project: bench\nfunctions: {first: {image: image.oci, run: '#!/tmp/true'}}")
	deny := func(times int) {
		for k := range times {
			script.Inject("monitoring:GetMetricData", k+1, local.Fault{Err: wire.Errorf(http.StatusForbidden, "AccessDenied", "Not you.")})
		}
	}
	var notes []string
	note := func(text string) { notes = append(notes, text) }
	deny(1)
	list, err := account.List(t.Context(), ListOptions{Activity: true, Note: note})
	if err != nil || len(list) != 1 || list[0].Last != nil {
		t.Errorf("%+v, %v", list, err)
	}
	deny(2)
	described, err := account.Describe(t.Context(), "first", note)
	if err != nil || described.Last != nil || described.Duration != 0 || described.Name != "first" {
		t.Errorf("%+v, %v", described, err)
	}
	if len(notes) != 2 || !strings.Contains(notes[0], "cloudwatch:GetMetricData") {
		t.Errorf("notes: %q", notes)
	}
	script.Inject("monitoring:GetMetricData", 1, local.Fault{Err: wire.Errorf(http.StatusBadRequest, "InvalidParameterValue", "No.")})
	if _, err := account.List(t.Context(), ListOptions{Activity: true, Note: note}); err == nil {
		t.Error("another error of the metrics is passed over")
	}
}
