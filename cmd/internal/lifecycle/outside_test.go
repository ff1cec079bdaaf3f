package lifecycle

import (
	"net/url"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/scar-go/scar/applier/aws/ec2"
)

// Names of what the file with every key refers to, and scar does not make.
const (
	theirQueue  = "theirs"
	theirTopic  = "theirs"
	theirRole   = "theirs"
	anotherRole = "another"
)

// anyRights lets functions and schedules run under a role.
const (
	anyTrust  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com","scheduler.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`
	anyRights = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// makeOutside makes what the file with every key refers to, and returns its variables.
func (w *world) makeOutside() map[string]string {
	w.t.Helper()
	v := map[string]string{
		"IMAGE": "example/imagemagick:7", "REGION": w.naming.Region,
		"FUNCTION_A": w.naming.FunctionARN("a"), "FUNCTION_B": w.naming.FunctionARN("b"),
		"BROUGHT": "hunter2 of the whole file",
		"QUEUE":   w.naming.QueueARN(theirQueue), "ROLE": w.makeRole(theirRole, anyTrust, anyRights),
	}
	w.makeRole(anotherRole, anyTrust, anyRights)
	w.makeNetwork(v)
	ctx := w.t.Context()
	_, err := sqs.NewFromConfig(w.config).CreateQueue(ctx, &sqs.CreateQueueInput{
		QueueName: sdk.String(theirQueue), Attributes: map[string]string{"VisibilityTimeout": "1800"},
	})
	w.must(err)
	topic, err := sns.NewFromConfig(w.config).CreateTopic(ctx, &sns.CreateTopicInput{Name: sdk.String(theirTopic)})
	w.must(err)
	v["TOPIC"] = *topic.TopicArn
	bus, err := eventbridge.NewFromConfig(w.config).CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: sdk.String("theirs")})
	w.must(err)
	v["BUS"] = *bus.EventBusArn
	for _, name := range []string{"/lab/key", "/lab/secret", "/eosc/token", "/whole/token"} {
		_, err := ssm.NewFromConfig(w.config).PutParameter(ctx, &ssm.PutParameterInput{
			Name: sdk.String(name), Value: sdk.String("x"), Type: ssmtypes.ParameterTypeString,
		})
		w.must(err)
	}
	for _, name := range []string{"nas", "whole/db"} {
		_, err := secretsmanager.NewFromConfig(w.config).CreateSecret(ctx, &secretsmanager.CreateSecretInput{
			Name: sdk.String(name), SecretString: sdk.String(`{"password":"x"}`),
		})
		w.must(err)
	}
	return v
}

// makeNetwork finds subnets and makes a security group and an access point that can be reached from there.
func (w *world) makeNetwork(v map[string]string) {
	w.t.Helper()
	ctx, networks, files := w.t.Context(), ec2.New(w.config), efs.NewFromConfig(w.config)
	var found struct {
		Subnets []ec2.Subnet `xml:"subnetSet>item"`
	}
	w.must(networks.Call(ctx, "DescribeSubnets", url.Values{"Filter.1.Name": {"default-for-az"}, "Filter.1.Value.1": {"true"}}, &found))
	if len(found.Subnets) < 2 {
		w.t.Fatalf("the account begins with %d subnets", len(found.Subnets))
	}
	v["SUBNET_A"], v["SUBNET_B"] = found.Subnets[0].ID, found.Subnets[1].ID
	for variable, name := range map[string]string{"GROUP": "ours", "OTHER_GROUP": "others"} {
		var group struct {
			ID string `xml:"groupId"`
		}
		params := url.Values{"GroupName": {name}, "GroupDescription": {"of functions"}, "VpcId": {found.Subnets[0].VPC}}
		w.must(networks.Call(ctx, "CreateSecurityGroup", params, &group))
		v[variable] = group.ID
	}
	system, err := files.CreateFileSystem(ctx, &efs.CreateFileSystemInput{CreationToken: sdk.String("data")})
	w.must(err)
	for _, subnet := range []string{v["SUBNET_A"], v["SUBNET_B"]} {
		_, err = files.CreateMountTarget(ctx, &efs.CreateMountTargetInput{FileSystemId: system.FileSystemId, SubnetId: sdk.String(subnet)})
		w.must(err)
	}
	point, err := files.CreateAccessPoint(ctx, &efs.CreateAccessPointInput{ClientToken: sdk.String("data"), FileSystemId: system.FileSystemId})
	w.must(err)
	v["ACCESS_POINT"] = *point.AccessPointArn
}

// makeRole makes a role with one inline policy, and returns its ARN.
func (w *world) makeRole(name, trust, rights string) string {
	w.t.Helper()
	client := iam.NewFromConfig(w.config)
	out, err := client.CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
	w.must(err)
	if rights != "" {
		_, err = client.PutRolePolicy(w.t.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: sdk.String("theirs"), PolicyDocument: &rights})
		w.must(err)
	}
	return *out.Role.Arn
}

// must ends the test where something fails that is not under test.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
