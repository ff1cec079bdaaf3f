package aws

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/efs"
	efstypes "github.com/aws/aws-sdk-go-v2/service/efs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/scar-go/scar/applier/aws/ec2"
)

// fakeAccount answers what an asker asks, from the one table of things that are there: by id, name or ARN, and what
// is told of each.
type fakeAccount struct {
	script
	things  map[string]string
	regions map[string]bool // that were asked
}

func newFakeAccount(things map[string]string) *fakeAccount {
	return &fakeAccount{script: script{fails: map[string][]error{}}, things: things, regions: map[string]bool{}}
}

func (f *fakeAccount) asker() *asker {
	clients := askClients{
		networks: f, fileSystems: f, parameters: f, secrets: f, keys: f, queues: f, topics: f, buses: f, functions: f, roles: f, buckets: f,
	}
	return &asker{askClients: clients, naming: testNaming, parallel: 4}
}

// find looks for a thing, and fails with code where there is none.
func (f *fakeAccount) find(operation, region, name, code string) (string, error) {
	if err := f.next(operation); err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.regions[region] = true
	told, exists := f.things[name]
	if !exists {
		return "", answer(code, name+" does not exist")
	}
	return told, nil
}

func regionAfter[O any](options *O, region *string, change []func(*O)) string {
	*region = testNaming.Region
	for _, c := range change {
		c(options)
	}
	return *region
}

func (f *fakeAccount) Subnets(_ context.Context, ids []string) ([]ec2.Subnet, error) {
	var out []ec2.Subnet
	err := f.next("DescribeSubnets")
	for _, id := range ids {
		zone, exists := f.things[id]
		if !exists && err == nil {
			err = answer("InvalidSubnetID.NotFound", "The subnet ID '"+id+"' does not exist")
		}
		out = append(out, ec2.Subnet{ID: id, VPC: "vpc-1", Zone: zone})
	}
	return out, err
}

func (f *fakeAccount) SecurityGroups(_ context.Context, ids []string) ([]ec2.SecurityGroup, error) {
	var out []ec2.SecurityGroup
	err := f.next("DescribeSecurityGroups")
	for _, id := range ids {
		vpc, exists := f.things[id]
		if !exists && err == nil {
			err = answer("InvalidGroup.NotFound", "The security group '"+id+"' does not exist")
		}
		out = append(out, ec2.SecurityGroup{ID: id, VPC: vpc})
	}
	return out, err
}

func (f *fakeAccount) DescribeAccessPoints(_ context.Context, in *efs.DescribeAccessPointsInput, change ...func(*efs.Options)) (*efs.DescribeAccessPointsOutput, error) {
	var o efs.Options
	state, err := f.find("DescribeAccessPoints", regionAfter(&o, &o.Region, change), *in.AccessPointId, "AccessPointNotFound")
	return &efs.DescribeAccessPointsOutput{AccessPoints: []efstypes.AccessPointDescription{
		{FileSystemId: ptr("fs-1"), LifeCycleState: efstypes.LifeCycleState(state)},
	}}, err
}

func (f *fakeAccount) DescribeMountTargets(_ context.Context, in *efs.DescribeMountTargetsInput, _ ...func(*efs.Options)) (*efs.DescribeMountTargetsOutput, error) {
	target := func(zone string, state efstypes.LifeCycleState) efstypes.MountTargetDescription {
		return efstypes.MountTargetDescription{VpcId: ptr("vpc-1"), AvailabilityZoneName: &zone, LifeCycleState: state}
	}
	if in.Marker == nil {
		return &efs.DescribeMountTargetsOutput{NextMarker: ptr("2"), MountTargets: []efstypes.MountTargetDescription{
			target("eu-west-1b", efstypes.LifeCycleStateAvailable), target("eu-west-1c", efstypes.LifeCycleStateDeleting),
		}}, f.next("DescribeMountTargets")
	}
	return &efs.DescribeMountTargetsOutput{MountTargets: []efstypes.MountTargetDescription{target("eu-west-1a", efstypes.LifeCycleStateCreating)}}, nil
}

func (f *fakeAccount) DescribeParameters(_ context.Context, in *ssm.DescribeParametersInput, change ...func(*ssm.Options)) (*ssm.DescribeParametersOutput, error) {
	var o ssm.Options
	region := regionAfter(&o, &o.Region, change)
	if err := f.next("DescribeParameters"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.regions[region] = true
	out := &ssm.DescribeParametersOutput{}
	for _, name := range slices.Sorted(maps.Keys(f.things)) {
		if key := f.things[name]; slices.Contains(in.ParameterFilters[0].Values, name) {
			p := ssmtypes.ParameterMetadata{Name: &name}
			if key != "" {
				p.KeyId = &key
			}
			out.Parameters = append(out.Parameters, p)
		}
	}
	// A page may be empty and not the last.
	if in.NextToken == nil {
		return &ssm.DescribeParametersOutput{NextToken: ptr("2")}, nil
	}
	return out, nil
}

func (f *fakeAccount) DescribeSecret(_ context.Context, in *secretsmanager.DescribeSecretInput, change ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	var o secretsmanager.Options
	key, err := f.find("DescribeSecret", regionAfter(&o, &o.Region, change), *in.SecretId, "ResourceNotFoundException")
	out := &secretsmanager.DescribeSecretOutput{}
	switch key {
	case "":
	case "deleted":
		out.DeletedDate = ptr(someTime)
	default:
		out.KmsKeyId = &key
	}
	return out, err
}

func (f *fakeAccount) DescribeKey(_ context.Context, in *kms.DescribeKeyInput, change ...func(*kms.Options)) (*kms.DescribeKeyOutput, error) {
	var o kms.Options
	manager, err := f.find("DescribeKey", regionAfter(&o, &o.Region, change), *in.KeyId, "NotFoundException")
	return &kms.DescribeKeyOutput{KeyMetadata: &kmstypes.KeyMetadata{
		Arn: ptr("arn:of:" + *in.KeyId), KeyManager: kmstypes.KeyManagerType(manager),
	}}, err
}

func (f *fakeAccount) GetQueueUrl(_ context.Context, in *sqs.GetQueueUrlInput, change ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error) {
	var o sqs.Options
	_, err := f.find("GetQueueUrl", regionAfter(&o, &o.Region, change), deref(in.QueueOwnerAWSAccountId)+*in.QueueName, "AWS.SimpleQueueService.NonExistentQueue")
	return &sqs.GetQueueUrlOutput{QueueUrl: ptr("https://x/" + *in.QueueName)}, err
}

func (f *fakeAccount) GetQueueAttributes(_ context.Context, in *sqs.GetQueueAttributesInput, change ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	var o sqs.Options
	visibility, err := f.find("GetQueueAttributes", regionAfter(&o, &o.Region, change), strings.TrimPrefix(*in.QueueUrl, "https://x/"), "QueueDoesNotExist")
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{"VisibilityTimeout": visibility}}, err
}

func (f *fakeAccount) GetTopicAttributes(_ context.Context, in *sns.GetTopicAttributesInput, change ...func(*sns.Options)) (*sns.GetTopicAttributesOutput, error) {
	var o sns.Options
	_, err := f.find("GetTopicAttributes", regionAfter(&o, &o.Region, change), *in.TopicArn, "NotFound")
	return &sns.GetTopicAttributesOutput{}, err
}

func (f *fakeAccount) DescribeEventBus(_ context.Context, in *eventbridge.DescribeEventBusInput, change ...func(*eventbridge.Options)) (*eventbridge.DescribeEventBusOutput, error) {
	var o eventbridge.Options
	_, err := f.find("DescribeEventBus", regionAfter(&o, &o.Region, change), *in.Name, "ResourceNotFoundException")
	return &eventbridge.DescribeEventBusOutput{}, err
}

func (f *fakeAccount) GetFunction(_ context.Context, in *lambda.GetFunctionInput, change ...func(*lambda.Options)) (*lambda.GetFunctionOutput, error) {
	var o lambda.Options
	told, err := f.find("GetFunction", regionAfter(&o, &o.Region, change), *in.FunctionName, "ResourceNotFoundException")
	if told == "no tags" {
		return &lambda.GetFunctionOutput{TagsError: &lambdatypes.TagsError{}}, err
	}
	project, role, _ := strings.Cut(told, " ")
	out := &lambda.GetFunctionOutput{Configuration: &lambdatypes.FunctionConfiguration{Role: &role}}
	if project != "" {
		out.Tags = map[string]string{"scar:project": project}
	}
	return out, err
}

func (f *fakeAccount) GetAccountSettings(context.Context, *lambda.GetAccountSettingsInput, ...func(*lambda.Options)) (*lambda.GetAccountSettingsOutput, error) {
	return &lambda.GetAccountSettingsOutput{AccountLimit: &lambdatypes.AccountLimit{
		ConcurrentExecutions: 1000, UnreservedConcurrentExecutions: ptr(int32(880)),
	}}, f.next("GetAccountSettings")
}

func (f *fakeAccount) GetRolePolicy(_ context.Context, in *iam.GetRolePolicyInput, _ ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error) {
	document, err := f.find("GetRolePolicy", testNaming.Region, *in.RoleName, "NoSuchEntity")
	return &iam.GetRolePolicyOutput{PolicyDocument: &document}, err
}

func (f *fakeAccount) GetBucketEncryption(_ context.Context, in *s3.GetBucketEncryptionInput, _ ...func(*s3.Options)) (*s3.GetBucketEncryptionOutput, error) {
	told, err := f.find("GetBucketEncryption", testNaming.Region, *in.Bucket, "NoSuchBucket")
	if err == nil && told == "" {
		err = answer("ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found")
	}
	algorithm, key, _ := strings.Cut(told, " ")
	d := &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryption(algorithm)}
	if key != "" {
		d.KMSMasterKeyID = &key
	}
	return &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{
		Rules: []s3types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: d}},
	}}, err
}

func (f *fakeAccount) GetBucketNotificationConfiguration(_ context.Context, in *s3.GetBucketNotificationConfigurationInput, _ ...func(*s3.Options)) (*s3.GetBucketNotificationConfigurationOutput, error) {
	_, err := f.find("GetBucketNotificationConfiguration", testNaming.Region, *in.Bucket, "NoSuchBucket")
	return &s3.GetBucketNotificationConfigurationOutput{QueueConfigurations: []s3types.QueueConfiguration{
		{Id: ptr("theirs"), QueueArn: ptr(testNaming.QueueARN("q")), Events: []s3types.Event{"s3:ObjectCreated:*"}},
	}}, err
}

func (f *fakeAccount) PutBucketNotificationConfiguration(context.Context, *s3.PutBucketNotificationConfigurationInput, ...func(*s3.Options)) (*s3.PutBucketNotificationConfigurationOutput, error) {
	return nil, answer("AccessDenied", "questions change nothing")
}
