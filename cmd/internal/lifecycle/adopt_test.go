package lifecycle

import (
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/clock"
)

const takenOver = `
project: imaging
functions:
  grayify:
    image: LAYOUT/
    run: cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
    memory: 128
    input: [s3://photos/in/]
    output: [s3://photos/results/]
`

// TestTakingOverLosesNothing replaces a function of the original while files go on arriving, and while scar is killed at each
// moment that matters: every file has its result in the end, and nothing of others has changed.
func TestTakingOverLosesNothing(t *testing.T) {
	account, image := t.TempDir(), busyboxLayout(t)
	t.Run("the original", func(t *testing.T) {
		openWorld(t, account, baseImage(t, "amd64"), clock.Real{}).makeOriginal("photos", "grayify")
	})
	for _, kill := range []struct {
		name, operation string
		n               int64
		after           bool
		adoptAgain      bool // or the next apply is a plain one
	}{
		{name: "not at all"},
		{name: "before the log group is adopted", operation: "logs:TagResource", n: 1, adoptAgain: true},
		{name: "when the replacement is written down", operation: "ssm:PutParameter", n: 1, after: true, adoptAgain: true},
		{name: "before the function is deleted", operation: "lambda:DeleteFunction", n: 1, adoptAgain: true},
		{name: "once the function is deleted", operation: "lambda:DeleteFunction", n: 1, after: true, adoptAgain: true},
		{name: "once the function is deleted, and no word of it later", operation: "lambda:DeleteFunction", n: 1, after: true},
		{name: "once there is a function again", operation: "lambda:CreateFunction", n: 1, after: true},
		{name: "once a statement is there again", operation: "lambda:AddPermission", n: 1, after: true},
		{name: "once all statements are there", operation: "lambda:AddPermission", n: 3, after: true},
		{name: "once the rules are ours", operation: "s3:PutBucketNotificationConfiguration", n: 1, after: true},
		{name: "while files are sent", operation: "lambda:Invoke", n: 5},
		{name: "before what was written down goes", operation: "ssm:DeleteParameter", n: 1},
	} {
		t.Run(kill.name, func(t *testing.T) {
			w := copyWorld(t, account, t.TempDir(), nil, clock.Real{})
			c := newCLI(t)
			c.env = append(c.env,
				"AWS_ENDPOINT_URL="+*w.config.BaseEndpoint, "AWS_REGION="+local.DefaultRegion,
				"AWS_ACCESS_KEY_ID="+local.AdminAccessKey, "AWS_SECRET_ACCESS_KEY="+local.AdminSecretKey)
			c.write("func.yaml", strings.ReplaceAll(takenOver, "LAYOUT", image))
			before := w.readForeign("photos", "grayify")
			coming := w.arrive("photos", "in/")
			eventually(t, "the first files", func() bool { return coming.count() > 5 })

			apply, adopt := []string{"apply", "--auto-approve"}, []string{"apply", "--auto-approve", "--adopt", "function/grayify"}
			if kill.operation != "" {
				if !c.killAt(w, kill.operation, kill.n, kill.after, adopt...) {
					t.Fatalf("scar ended before it was killed")
				}
				arrived := coming.count()
				eventually(t, "more files", func() bool { return coming.count() > arrived+10 })
			}
			if kill.operation == "" || kill.adoptAgain {
				apply = adopt
			}
			t.Log(c.run("scar", apply...))
			c.run("scar", "plan", "--detailed-exitcode")
			arrived := coming.count()
			eventually(t, "more files", func() bool { return coming.count() > arrived+5 })
			want := coming.end(t)
			eventually(t, "all results", func() bool { return len(w.list("photos", "results/")) >= len(want) })
			if got := w.list("photos", "results/"); !slices.Equal(got, want) {
				t.Errorf("results %q, want %q", got, want)
			}
			if diff := cmp.Diff(before, w.readForeign("photos", "grayify"), ignoreUnexported()); diff != "" {
				t.Errorf("what is not ours has changed:\n%s", diff)
			}
			w.checkTakenOver(t)
			c.run("scar", "destroy", "--auto-approve")
			for of, is := range w.inventory() {
				if strings.Contains(of+is, ".replacing") || strings.Contains(of+is, "function:grayify") {
					t.Errorf("left after destroy: %s: %s", of, is)
				}
			}
		})
	}
}

// checkTakenOver expects that of the original's things the REST API's statement is there, and its rule and statement are not.
func (w *world) checkTakenOver(t *testing.T) {
	t.Helper()
	doc, err := w.s3().GetBucketNotificationConfiguration(t.Context(), &s3.GetBucketNotificationConfigurationInput{Bucket: sdk.String("photos")})
	w.must(err)
	var rules []string
	for _, r := range doc.LambdaFunctionConfigurations {
		if strings.HasSuffix(*r.LambdaFunctionArn, ":grayify") {
			rules = append(rules, *r.Id)
		}
	}
	if len(rules) != 1 || !strings.HasPrefix(rules[0], "scar-imaging-grayify-") {
		t.Errorf("the function has the rules %q", rules)
	}
	out, err := lambda.NewFromConfig(w.config).GetPolicy(t.Context(), &lambda.GetPolicyInput{FunctionName: sdk.String("grayify")})
	w.must(err)
	policy := *out.Policy
	if strings.Contains(policy, originalStatement) || !strings.Contains(policy, originalAPI) {
		t.Errorf("the function has the policy %s", policy)
	}
}

func ignoreUnexported() cmp.Options {
	return cmp.Options{
		cmpopts.IgnoreFields(s3.GetBucketNotificationConfigurationOutput{}, "ResultMetadata"),
		cmpopts.IgnoreUnexported(s3.GetBucketNotificationConfigurationOutput{}, types.Tag{}, types.QueueConfiguration{}, types.TopicConfiguration{},
			types.LambdaFunctionConfiguration{}, types.EventBridgeConfiguration{}, types.NotificationConfigurationFilter{}, types.S3KeyFilter{}, types.FilterRule{}),
	}
}
