package aws

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/wire"
	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// disown makes a project's function look like one that the original made, by hand.
func (a account) disown(t *testing.T, bucket string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	functions, logs, buckets := lambda.NewFromConfig(a.cfg), cloudwatchlogs.NewFromConfig(a.cfg), s3.NewFromConfig(a.cfg, pathStyle)
	arn, group := a.naming.FunctionARN("grayify"), a.naming.LogGroupARN("/aws/lambda/grayify")
	scars := []string{"scar:project", "scar:function", "scar:version", "scar:image", "scar:starts"}
	_, err := functions.UntagResource(t.Context(), &lambda.UntagResourceInput{Resource: &arn, TagKeys: scars})
	must(err)
	_, err = functions.TagResource(t.Context(), &lambda.TagResourceInput{Resource: &arn, Tags: map[string]string{"createdby": "scar"}})
	must(err)
	_, err = logs.UntagResource(t.Context(), &cloudwatchlogs.UntagResourceInput{ResourceArn: &group, TagKeys: scars})
	must(err)
	_, err = functions.RemovePermission(t.Context(), &lambda.RemovePermissionInput{FunctionName: ptr("grayify"), StatementId: ptr(planner.StatementID("imaging", bucket))})
	must(err)
	_, err = functions.AddPermission(t.Context(), &lambda.AddPermissionInput{FunctionName: ptr("grayify"), StatementId: ptr("old"),
		Action: ptr("lambda:InvokeFunction"), Principal: ptr("s3.amazonaws.com"), SourceArn: ptr(a.naming.BucketARN(bucket))})
	must(err)
	doc, err := buckets.GetBucketNotificationConfiguration(t.Context(), &s3.GetBucketNotificationConfigurationInput{Bucket: &bucket})
	must(err)
	for i := range doc.LambdaFunctionConfigurations {
		doc.LambdaFunctionConfigurations[i].Id = ptr("old")
	}
	_, err = buckets.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{Bucket: &bucket,
		NotificationConfiguration: &types.NotificationConfiguration{LambdaFunctionConfigurations: doc.LambdaFunctionConfigurations}})
	must(err)
}

// TestLocalOriginalImage takes over a function of the original that is an image already: in place, with no moment in which
// files start nothing. The rules are exchanged in one write, and the old statement goes after that.
func TestLocalOriginalImage(t *testing.T) {
	t.Parallel()
	script := local.NewScript()
	a := startLocal(t, script)
	for name, change := range map[string]func(*spec.Function){
		"as it was": func(*spec.Function) {},
		"with a queue": func(f *spec.Function) {
			f.Queue = &spec.Queue{BatchSize: 10, Attempts: 4}
		},
		"from another bucket": func(f *spec.Function) { f.Inputs[0].Bucket = "scans" },
	} {
		t.Run(name, func(t *testing.T) {
			p := a.project(t, "imaging", function("grayify", input("photos", "in/")))
			p.apply()
			a.disown(t, "photos")
			change(&p.file.Functions[0])
			script.Forget()
			p.opts = planner.Options{Adopt: []planner.Address{{Kind: planner.KindFunction, Name: "grayify"}}}
			got := actions(p.apply())
			if got["function/grayify"] != planner.Adopt || got["log_group/"] != planner.Adopt {
				t.Errorf("%v", got)
			}
			put, removed := -1, -1
			for i, call := range script.Calls() {
				switch call.Operation {
				case "DeleteFunction", "Invoke":
					t.Errorf("%s was called", call.Operation)
				case "PutBucketNotificationConfiguration":
					if put < 0 { // with another bucket there are two, of which this is the old rule's
						put = i
					}
				case "RemovePermission":
					removed = i
				}
			}
			if put < 0 || removed < put {
				t.Errorf("the rules were written by call %d, the statement removed by call %d", put, removed)
			}
			p.opts = planner.Options{Destroy: true, DeleteBuckets: true}
			p.apply()
		})
	}
}

// TestLocalReplacedFunctionKeepsStatementsOfOthers replaces a function that somebody made an archive.
func TestLocalReplacedFunctionKeepsStatementsOfOthers(t *testing.T) {
	t.Parallel()
	a := startLocal(t, nil)
	p := a.project(t, "imaging", function("grayify", input("photos", "in/")))
	p.apply()
	client := lambda.NewFromConfig(a.cfg)
	addForeignStatement(t, client, "grayify")
	before := policyOf(t, client, "grayify")
	asArchive(t, a, "grayify")
	addForeignStatement(t, client, "grayify")
	plan := p.plan()
	if c := changeOf(t, plan, "function/grayify"); c.Action != planner.Replace {
		t.Fatalf("the function: %s", c.Action)
	}
	p.do(plan)
	if rest := changes(p.plan()); len(rest) > 0 {
		t.Errorf("left to do: %v", rest)
	}
	if after := policyOf(t, client, "grayify"); !sameStatements(t, before, after) {
		t.Errorf("the policy was\n%s\nand is\n%s", before, after)
	}
	_, found, err := p.cloud().replacements.read(t.Context(), "grayify")
	if err != nil || found {
		t.Errorf("what was written down is there: %v, %v", found, err)
	}
}

// asArchive puts an archive in the place of a function, with its tags.
func asArchive(t *testing.T, a account, name string) {
	t.Helper()
	client := lambda.NewFromConfig(a.cfg)
	is, err := client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: &name})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: &name}); err != nil {
		t.Fatal(err)
	}
	_, err = client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: &name, Role: is.Configuration.Role, Tags: is.Tags, PackageType: lambdatypes.PackageTypeZip,
		Code: &lambdatypes.FunctionCode{ZipFile: []byte("PK")}, Runtime: lambdatypes.RuntimePython312, Handler: ptr("h.h"),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func changeOf(t *testing.T, plan *planner.Plan, address string) planner.Change {
	t.Helper()
	for _, c := range plan.Changes {
		if c.String() == address {
			return c
		}
	}
	t.Fatalf("the plan has no %s", address)
	return planner.Change{}
}

func sameStatements(t *testing.T, a, b string) bool {
	t.Helper()
	parsed := make([]string, 2)
	for i, text := range []string{a, b} {
		policy, err := planner.ParsePolicy([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(policy.Statements, func(a, b planner.Statement) int { return strings.Compare(a.Sid, b.Sid) })
		parsed[i] = policy.JSON()
	}
	return parsed[0] == parsed[1]
}

// TestMissed says what an object has to be to be sent again.
func TestMissed(t *testing.T) {
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	note := replacement{Since: at("2026-01-02T10:00:00.5Z"), Uploads: at("2026-01-01T10:00:00Z")}
	for _, c := range []struct {
		modified, etag string
		want           bool
	}{
		{"2026-01-02T09:59:59Z", `"abc"`, false},
		{"2026-01-02T10:00:00Z", `"abc"`, true}, // S3 leaves parts of seconds out
		{"2026-01-02T11:00:00Z", `"abc"`, true},
		{"2026-01-02T09:59:59Z", `"abc-2"`, true}, // its upload was under way
		{"2026-01-01T09:59:59Z", `"abc-2"`, false},
	} {
		if got := note.missed(types.Object{LastModified: ptr(at(c.modified)), ETag: &c.etag}); got != c.want {
			t.Errorf("%s %s: %v", c.modified, c.etag, got)
		}
	}
}

// TestASecondTryKeepsTheFirstTime merges what two tries write down: the first may have deleted the function.
func TestASecondTryKeepsTheFirstTime(t *testing.T) {
	t.Parallel()
	a := startLocal(t, nil)
	p := a.project(t, "imaging", function("grayify", input("photos", "in/")))
	p.apply()
	client := lambda.NewFromConfig(a.cfg)
	addForeignStatement(t, client, "grayify")
	live, _, err := p.cloud().functions.read(t.Context(), "grayify")
	if err != nil {
		t.Fatal(err)
	}
	c := planner.Change{Address: planner.Address{Kind: planner.KindFunction, Name: "grayify"}, Action: planner.Replace, Before: live, After: live}
	begin := func() replacement {
		t.Helper()
		cloud := p.cloud() // of another process
		if _, err := cloud.replacements.begin(t.Context(), c, live, sayerFor(c.Address, nil)); err != nil {
			t.Fatal(err)
		}
		note, found, err := p.cloud().replacements.read(t.Context(), "grayify")
		if err != nil || !found {
			t.Fatalf("%v, %v", found, err)
		}
		return note
	}
	first := begin()
	if earliest := time.Now().Add(-time.Duration(live.Timeout)*time.Second - 2*clockMargin); first.Since.Before(earliest) || first.Since.After(time.Now().Add(-clockMargin)) {
		t.Errorf("since %s", first.Since)
	}
	upload, err := s3.NewFromConfig(a.cfg, pathStyle).CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: ptr("photos"), Key: ptr("in/big")})
	if err != nil || upload.UploadId == nil {
		t.Fatal(err)
	}
	if _, err := client.RemovePermission(t.Context(), &lambda.RemovePermissionInput{FunctionName: ptr("grayify"), StatementId: ptr("by-hand")}); err != nil {
		t.Fatal(err)
	}
	second := begin()
	if !second.Since.Equal(first.Since) || len(second.Statements) != 1 || second.Statements[0].StatementID != "by-hand" {
		t.Errorf("first %+v, then %+v", first, second)
	}
	p.apply() // whose end is the end of the replacement, too
	if _, found, err := p.cloud().replacements.read(t.Context(), "grayify"); found || err != nil {
		t.Errorf("it is there after an apply: %v, %v", found, err)
	}
	if !strings.Contains(policyOf(t, client, "grayify"), "by-hand") {
		t.Error("the statement of others was not made again")
	}
}

// TestWhatOthersWroteIsNoReplacement stops where the parameter does not hold what scar writes.
func TestWhatOthersWroteIsNoReplacement(t *testing.T) {
	store := newFakeSSM()
	name := planner.ReplacementName("imaging", "grayify")
	store.stored[name] = ssmtypes.Parameter{Name: &name, Type: ssmtypes.ParameterTypeString, Value: ptr("yesterday")}
	c := assemble(Options{Project: "imaging", Naming: testNaming}, clients{ssm: store})
	_, err := c.Do(t.Context(), planner.Batch{planner.ReplacementEnd("imaging", "grayify")}, nil)
	if err == nil || !strings.Contains(err.Error(), "does not say when the replacement of the function began") {
		t.Errorf("error %v", err)
	}
	if _, stays := store.stored[name]; !stays {
		t.Error("it was deleted")
	}
}

// TestEventsOfMissedFiles have S3's form.
func TestEventsOfMissedFiles(t *testing.T) {
	r := &replacements{naming: testNaming}
	rule := planner.Trigger{Bucket: "photos", ID: "scar-imaging-grayify-0a1b2c3d"}
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	got, err := json.Marshal(r.eventOf(rule, types.Object{Key: ptr("in/a b+ü.jpg"), Size: ptr(int64(7)), ETag: ptr(`"abc-2"`), LastModified: &when}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-west-1","eventTime":"2026-01-02T03:04:05Z",` +
		`"eventName":"ObjectCreated:CompleteMultipartUpload","s3":{"s3SchemaVersion":"1.0","configurationId":"scar-imaging-grayify-0a1b2c3d",` +
		`"bucket":{"name":"photos","arn":"arn:aws:s3:::photos"},"object":{"key":"in/a+b%2B%C3%BC.jpg","size":7,"eTag":"abc-2"}}}]}`
	if string(got) != want {
		t.Errorf("%s", got)
	}
}

// TestLocalRightsAreMissedBeforeAnythingIsDeleted has the listing of uploads denied.
func TestLocalRightsAreMissedBeforeAnythingIsDeleted(t *testing.T) {
	t.Parallel()
	script := local.NewScript()
	a := startLocal(t, script)
	p := a.project(t, "imaging", function("grayify", input("photos", "in/")))
	p.apply()
	asArchive(t, a, "grayify")
	_, err := lambda.NewFromConfig(a.cfg).AddPermission(t.Context(), &lambda.AddPermissionInput{FunctionName: ptr("grayify"),
		StatementId: ptr(planner.StatementID("imaging", "photos")), Action: ptr("lambda:InvokeFunction"), Principal: ptr("s3.amazonaws.com"),
		SourceArn: ptr(a.naming.BucketARN("photos")), SourceAccount: &a.naming.Account})
	if err != nil {
		t.Fatal(err)
	}
	script.Forget()
	script.Inject("s3:ListMultipartUploads", 1, local.Fault{Err: wire.Errorf(http.StatusForbidden, "AccessDenied", "Access Denied")})
	plan := p.plan()
	_, err = p.cloud().Do(t.Context(), planner.Batch{changeOf(t, plan, "function/grayify")}, nil)
	if err == nil || !strings.Contains(err.Error(), "s3:ListBucketMultipartUploads") {
		t.Errorf("error %v", err)
	}
	if calls := local.Count(script.Calls()); calls["lambda:DeleteFunction"]+calls["ssm:PutParameter"] > 0 {
		t.Errorf("%v", slices.Sorted(maps.Keys(calls)))
	}
	stored, err := ssm.NewFromConfig(a.cfg).GetParametersByPath(t.Context(), &ssm.GetParametersByPathInput{Path: ptr("/scar/imaging"), Recursive: ptr(true)})
	if err != nil || len(stored.Parameters) > 0 {
		t.Errorf("%v, %v", stored, err)
	}
}
