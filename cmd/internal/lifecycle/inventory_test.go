package lifecycle

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/applier/aws/ec2"
)

// inventory is all that an account holds, as it is read past scar: answers in JSON by what they are of.
type inventory map[string]string

// note keeps an answer. Where the call is refused it keeps the code: of what is not there, that is the answer.
func (i inventory) note(of string, answer any, err error) {
	var refused smithy.APIError
	if errors.As(err, &refused) {
		i[of] = "error: " + refused.ErrorCode()
		return
	}
	if err != nil {
		i[of] = "error: " + err.Error()
		return
	}
	if metadata := reflect.ValueOf(answer).Elem().FieldByName("ResultMetadata"); metadata.IsValid() {
		metadata.SetZero()
	}
	content, err := json.Marshal(answer)
	if err != nil {
		content = []byte(err.Error())
	}
	i[of] = string(content)
}

// inventory reads the account, every service that scar makes something in or that its files refer to.
func (w *world) inventory() inventory {
	w.t.Helper()
	i := inventory{}
	w.listFunctions(i)
	w.listRoles(i)
	w.listBuckets(i)
	w.listQueues(i)
	w.listSchedules(i)
	w.listAPIs(i)
	w.listImages(i)
	w.listLogGroups(i)
	w.listOthers(i)
	return i
}

func (w *world) listFunctions(i inventory) {
	ctx, client := w.t.Context(), lambda.NewFromConfig(w.config)
	functions, err := client.ListFunctions(ctx, &lambda.ListFunctionsInput{})
	w.must(err)
	for _, f := range functions.Functions {
		name := *f.FunctionName
		function, err := client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &name})
		i.note("function/"+name, function, err)
		policy, err := client.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: &name})
		i.note("policy of function/"+name, policy, err)
		address, err := client.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: &name})
		i.note("URL of function/"+name, address, err)
		invoking, err := client.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: &name})
		i.note("invocations of function/"+name, invoking, err)
		reserved, err := client.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: &name})
		i.note("concurrency of function/"+name, reserved, err)
	}
	mappings, err := client.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{})
	w.must(err)
	for _, m := range mappings.EventSourceMappings {
		mapping, err := client.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: m.UUID})
		i.note("mapping/"+*m.UUID, mapping, err)
	}
}

func (w *world) listRoles(i inventory) {
	ctx, client := w.t.Context(), iam.NewFromConfig(w.config)
	roles, err := client.ListRoles(ctx, &iam.ListRolesInput{})
	w.must(err)
	for _, r := range roles.Roles {
		role, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: r.RoleName})
		i.note("role/"+*r.RoleName, role, err)
		policies, err := client.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: r.RoleName})
		w.must(err)
		for _, name := range policies.PolicyNames {
			policy, err := client.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: r.RoleName, PolicyName: &name})
			i.note("policy/"+*r.RoleName+"/"+name, policy, err)
		}
	}
}

func (w *world) listBuckets(i inventory) {
	ctx, client := w.t.Context(), w.s3()
	buckets, err := client.ListBuckets(ctx, &s3.ListBucketsInput{})
	w.must(err)
	for _, b := range buckets.Buckets {
		tags, err := client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: b.Name})
		i.note("tags of bucket/"+*b.Name, tags, err)
		rules, err := client.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: b.Name})
		i.note("rules of bucket/"+*b.Name, rules, err)
		objects, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: b.Name})
		w.must(err)
		for _, o := range objects.Contents {
			i["object/"+*b.Name+"/"+*o.Key] = *o.ETag
		}
	}
}

func (w *world) listQueues(i inventory) {
	ctx, client := w.t.Context(), sqs.NewFromConfig(w.config)
	queues, err := client.ListQueues(ctx, &sqs.ListQueuesInput{})
	w.must(err)
	for _, url := range queues.QueueUrls {
		attributes, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll},
		})
		if err == nil { // how much is in it is up to those who send: S3 does so whenever a bucket's rules are written
			maps.DeleteFunc(attributes.Attributes, func(name, _ string) bool { return strings.HasPrefix(name, "Approximate") })
		}
		i.note("queue/"+url, attributes, err)
		tags, err := client.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: &url})
		i.note("tags of queue/"+url, tags, err)
	}
}

func (w *world) listSchedules(i inventory) {
	ctx, client := w.t.Context(), scheduler.NewFromConfig(w.config)
	groups, err := client.ListScheduleGroups(ctx, &scheduler.ListScheduleGroupsInput{})
	w.must(err)
	for _, g := range groups.ScheduleGroups {
		group, err := client.GetScheduleGroup(ctx, &scheduler.GetScheduleGroupInput{Name: g.Name})
		i.note("schedule_group/"+*g.Name, group, err)
		schedules, err := client.ListSchedules(ctx, &scheduler.ListSchedulesInput{GroupName: g.Name})
		w.must(err)
		for _, s := range schedules.Schedules {
			schedule, err := client.GetSchedule(ctx, &scheduler.GetScheduleInput{GroupName: g.Name, Name: s.Name})
			i.note("schedule/"+*g.Name+"/"+*s.Name, schedule, err)
		}
	}
}

func (w *world) listAPIs(i inventory) {
	ctx, client := w.t.Context(), apigatewayv2.NewFromConfig(w.config)
	apis, err := client.GetApis(ctx, &apigatewayv2.GetApisInput{})
	w.must(err)
	for _, a := range apis.Items {
		of := "api/" + *a.Name + "/" + *a.ApiId
		api, err := client.GetApi(ctx, &apigatewayv2.GetApiInput{ApiId: a.ApiId})
		i.note(of, api, err)
		integrations, err := client.GetIntegrations(ctx, &apigatewayv2.GetIntegrationsInput{ApiId: a.ApiId})
		i.note("integrations of "+of, integrations, err)
		routes, err := client.GetRoutes(ctx, &apigatewayv2.GetRoutesInput{ApiId: a.ApiId})
		i.note("routes of "+of, routes, err)
		stages, err := client.GetStages(ctx, &apigatewayv2.GetStagesInput{ApiId: a.ApiId})
		i.note("stages of "+of, stages, err)
	}
}

func (w *world) listImages(i inventory) {
	ctx, client := w.t.Context(), ecr.NewFromConfig(w.config)
	repositories, err := client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{})
	w.must(err)
	for _, r := range repositories.Repositories {
		images, err := client.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: r.RepositoryName})
		i.note("images of repository/"+*r.RepositoryName, images, err)
		tags, err := client.ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: r.RepositoryArn})
		i.note("tags of repository/"+*r.RepositoryName, tags, err)
	}
}

func (w *world) listLogGroups(i inventory) {
	ctx, client := w.t.Context(), cloudwatchlogs.NewFromConfig(w.config)
	groups, err := client.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
	w.must(err)
	for _, g := range groups.LogGroups {
		retention := sdk.ToInt32(g.RetentionInDays)
		tags, err := client.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: sdk.String(strings.TrimSuffix(*g.Arn, ":*"))})
		i.note("tags of log_group/"+*g.LogGroupName, tags, err)
		i["retention of log_group/"+*g.LogGroupName] = strconv.Itoa(int(retention))
	}
}

// listOthers lists what scar never makes: it may only be as it was.
func (w *world) listOthers(i inventory) {
	ctx := w.t.Context()
	type content struct {
		XML string `xml:",innerxml"`
	}
	var network struct {
		Subnets content `xml:"subnetSet"`
		Groups  content `xml:"securityGroupInfo"`
	}
	err := ec2.New(w.config).Call(ctx, "DescribeSubnets", nil, &network)
	i.note("subnets", &network.Subnets, err)
	err = ec2.New(w.config).Call(ctx, "DescribeSecurityGroups", nil, &network)
	i.note("security groups", &network.Groups, err)
	points, err := efs.NewFromConfig(w.config).DescribeAccessPoints(ctx, &efs.DescribeAccessPointsInput{})
	i.note("access points", points, err)
	topics, err := sns.NewFromConfig(w.config).ListTopics(ctx, &sns.ListTopicsInput{})
	i.note("topics", topics, err)
	buses, err := eventbridge.NewFromConfig(w.config).ListEventBuses(ctx, &eventbridge.ListEventBusesInput{})
	i.note("event buses", buses, err)
	parameters, err := ssm.NewFromConfig(w.config).DescribeParameters(ctx, &ssm.DescribeParametersInput{})
	i.note("parameters", parameters, err)
	secrets, err := secretsmanager.NewFromConfig(w.config).ListSecrets(ctx, &secretsmanager.ListSecretsInput{})
	i.note("secrets", secrets, err)
}
