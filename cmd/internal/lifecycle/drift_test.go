package lifecycle

import (
	"context"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/scar-go/scar/planner"
)

// hands are what somebody changes by hand: the services, and the names that oneFunction has there.
type hands struct {
	logs   *cloudwatchlogs.Client
	iam    *iam.Client
	lambda *lambda.Client
	ecr    *ecr.Client
	s3     *s3.Client

	function, group, role, policy, repository, bucket, statement *string
}

func (w *world) hands() hands {
	return hands{
		logs: cloudwatchlogs.NewFromConfig(w.config), iam: iam.NewFromConfig(w.config), lambda: lambda.NewFromConfig(w.config),
		ecr: ecr.NewFromConfig(w.config), s3: w.s3(),
		function: sdk.String("grayify"), group: sdk.String("/aws/lambda/grayify"), role: sdk.String("scar-grayify-us-east-1"),
		policy: sdk.String(planner.PolicyName), repository: sdk.String("scar/imaging"), bucket: sdk.String("photos"),
		statement: sdk.String(planner.StatementID("imaging", "photos")),
	}
}

// rules changes the rules of the bucket.
func (h hands) rules(ctx context.Context, edit func(*types.NotificationConfiguration)) error {
	out, err := h.s3.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: h.bucket})
	if err != nil {
		return err
	}
	doc := &types.NotificationConfiguration{LambdaFunctionConfigurations: out.LambdaFunctionConfigurations}
	edit(doc)
	_, err = h.s3.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: h.bucket, NotificationConfiguration: doc, SkipDestinationValidation: sdk.Bool(true),
	})
	return err
}

// byHand are changes of every kind of resource.
var byHand = []struct {
	name string
	do   func(context.Context, hands) error
}{
	{"delete the log group", func(ctx context.Context, h hands) error {
		_, err := h.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: h.group})
		return err
	}},
	{"keep logs for ever", func(ctx context.Context, h hands) error {
		_, err := h.logs.DeleteRetentionPolicy(ctx, &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: h.group})
		return err
	}},
	{"delete the role's policy", func(ctx context.Context, h hands) error {
		_, err := h.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: h.role, PolicyName: h.policy})
		return err
	}},
	{"widen the role's policy", func(ctx context.Context, h hands) error {
		_, err := h.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: h.role, PolicyName: h.policy,
			PolicyDocument: sdk.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)})
		return err
	}},
	{"let others assume the role", func(ctx context.Context, h hands) error {
		_, err := h.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: h.role,
			PolicyDocument: sdk.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`)})
		return err
	}},
	{"delete the role", func(ctx context.Context, h hands) error {
		if _, err := h.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: h.role, PolicyName: h.policy}); err != nil {
			return err
		}
		_, err := h.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: h.role})
		return err
	}},
	{"change the memory", func(ctx context.Context, h hands) error {
		_, err := h.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: h.function, MemorySize: sdk.Int32(3008)})
		return err
	}},
	{"change the environment", func(ctx context.Context, h hands) error {
		_, err := h.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
			FunctionName: h.function, Environment: &lambdatypes.Environment{Variables: map[string]string{"DEBUG": "1"}}})
		return err
	}},
	{"change what the image starts", func(ctx context.Context, h hands) error {
		_, err := h.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
			FunctionName: h.function, ImageConfig: &lambdatypes.ImageConfig{EntryPoint: []string{"/bin/sh"}}})
		return err
	}},
	{"tag the function, whose tags the file lists", func(ctx context.Context, h hands) error {
		_, err := h.lambda.TagResource(ctx, &lambda.TagResourceInput{
			Resource: sdk.String("arn:aws:lambda:us-east-1:000000000000:function:grayify"), Tags: map[string]string{"by": "hand", "team": "other"}})
		return err
	}},
	{"delete the function", func(ctx context.Context, h hands) error {
		_, err := h.lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: h.function})
		return err
	}},
	{"remove the permission", func(ctx context.Context, h hands) error {
		_, err := h.lambda.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: h.function, StatementId: h.statement})
		return err
	}},
	{"let any bucket start the function", func(ctx context.Context, h hands) error {
		if _, err := h.lambda.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: h.function, StatementId: h.statement}); err != nil {
			return err
		}
		_, err := h.lambda.AddPermission(ctx, &lambda.AddPermissionInput{
			FunctionName: h.function, StatementId: h.statement, Action: sdk.String("lambda:InvokeFunction"), Principal: sdk.String("s3.amazonaws.com")})
		return err
	}},
	{"remove the rule", func(ctx context.Context, h hands) error {
		return h.rules(ctx, func(doc *types.NotificationConfiguration) { doc.LambdaFunctionConfigurations = nil })
	}},
	{"change the rule", func(ctx context.Context, h hands) error {
		return h.rules(ctx, func(doc *types.NotificationConfiguration) {
			doc.LambdaFunctionConfigurations[0].Filter = nil
			doc.LambdaFunctionConfigurations[0].Events = []types.Event{"s3:ObjectRemoved:*"}
		})
	}},
	{"point the rule to a version", func(ctx context.Context, h hands) error {
		return h.rules(ctx, func(doc *types.NotificationConfiguration) {
			doc.LambdaFunctionConfigurations[0].LambdaFunctionArn = sdk.String("arn:aws:lambda:us-east-1:000000000000:function:grayify:7")
		})
	}},
	{"delete the bucket", func(ctx context.Context, h hands) error {
		_, err := h.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: h.bucket})
		return err
	}},
	{"delete the image", func(ctx context.Context, h hands) error {
		_, err := h.ecr.BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{
			RepositoryName: h.repository, ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: h.function}}})
		return err
	}},
	{"delete the repository", func(ctx context.Context, h hands) error {
		_, err := h.ecr.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: h.repository, Force: true})
		return err
	}},
}

// changeByHand makes changes of byHand.
func (w *world) changeByHand(names ...string) {
	w.t.Helper()
	made := 0
	for _, change := range byHand {
		if !slices.Contains(names, change.name) {
			continue
		}
		if err := change.do(w.t.Context(), w.hands()); err != nil {
			w.t.Fatalf("%s: %v", change.name, err)
		}
		made++
	}
	if made != len(names) {
		w.t.Fatalf("made %d of the changes %q", made, names)
	}
}

// TestOneApplyRepairsWhatWasChangedByHand changes one thing at a time.
func TestOneApplyRepairsWhatWasChangedByHand(t *testing.T) {
	w := newWorld(t)
	p := w.project(w.load(oneFunction))
	w.converge(p)
	for _, change := range byHand {
		t.Run(change.name, func(t *testing.T) {
			here := *w
			here.t = t
			here.changeByHand(change.name)
			if !here.mustPlan(p).HasChanges() {
				t.Fatal("the change goes unseen")
			}
			here.converge(p)
		})
	}
	w.destroy(p)
}

// TestDestroyAfterAnythingWasChangedByHand leaves nothing but the bucket, whatever is missing or odd.
func TestDestroyAfterAnythingWasChangedByHand(t *testing.T) {
	w := newWorld(t)
	p := w.project(w.load(oneFunction))
	for _, change := range byHand {
		t.Run(change.name, func(t *testing.T) {
			here := *w
			here.t = t
			here.converge(p)
			here.changeByHand(change.name)
			here.destroy(p)
		})
	}
}

// TestAdopt takes over what somebody made by hand, under the names that the file gives: it is refused first, then
// shown, then ours; what it has beside, its tags, stays.
func TestAdopt(t *testing.T) {
	w := newWorld(t)
	ctx, h := t.Context(), w.hands()
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	owner := map[string]string{"owner": "them"}
	theirs := w.project(w.load(strings.ReplaceAll(oneFunction, "project: imaging", "project: others") + "    role: " + w.makeRole("other", anyTrust, anyRights) + "\n"))
	w.converge(theirs)
	ours := []string{planner.TagProject, planner.TagFunction, planner.TagVersion}
	function := w.naming.FunctionARN("grayify")
	_, err := h.lambda.UntagResource(ctx, &lambda.UntagResourceInput{Resource: &function, TagKeys: ours})
	try(err)
	_, err = h.lambda.TagResource(ctx, &lambda.TagResourceInput{Resource: &function, Tags: owner})
	try(err)
	group := w.naming.LogGroupARN(*h.group)
	_, err = h.logs.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: &group, TagKeys: ours})
	try(err)
	_, err = h.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: h.role, Path: sdk.String(planner.RolePath("imaging")),
		AssumeRolePolicyDocument: sdk.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	try(err)

	p := w.project(w.load(strings.ReplaceAll(strings.ReplaceAll(oneFunction, "tags: {team: imaging}\n", ""), "/in/", "/new/")))
	_, err = w.plan(p)
	adopt := []planner.Address{{Kind: planner.KindFunction, Name: "grayify"}, {Kind: planner.KindLogGroup, Name: *h.group}, {Kind: planner.KindRole, Name: *h.role}}
	for _, a := range adopt {
		if err == nil || !strings.Contains(err.Error(), a.String()+" exists and was not made by scar") || !strings.Contains(err.Error(), "--adopt "+a.String()) {
			t.Errorf("%s is not refused: %v", a, err)
		}
	}
	taking := func(o *planner.Options) { o.Adopt = adopt }
	for _, c := range w.mustPlan(p, taking).Changes {
		if want := c.Kind == planner.KindFunction || c.Kind == planner.KindLogGroup || c.Kind == planner.KindRole; (c.Action == planner.Adopt) != want {
			t.Errorf("%s: %s", c.Address, c.Action)
		}
	}
	w.converge(p, taking)
	tags, err := h.lambda.ListTags(ctx, &lambda.ListTagsInput{Resource: &function})
	if err != nil || tags.Tags["owner"] != "them" || tags.Tags[planner.TagProject] != "imaging" {
		t.Errorf("tags %v, %v", tags, err)
	}
	w.converge(p, taking) // a pipeline keeps the flag

	w.destroy(theirs) // whose rule and statement are still there
	w.fixpoint(p)
	w.destroy(p)
}
