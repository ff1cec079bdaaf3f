package aws

import (
	"net/url"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/scar-go/scar/applier/aws/ec2"
	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/planner"
)

// testFunctionParts is the life of each in an account.
func testFunctionParts(t *testing.T, a account) {
	img := a.assembleFor(t, "grayify", "echo 1")
	c := a.cloud(Options{Images: map[string]*image.Image{img.Digest(): img}})
	repository := planner.Repository{Name: "scar/imaging", Tags: planner.Tags{"scar:project": "imaging"}}
	group := planner.LogGroup{Name: "/aws/lambda/grayify", Tags: planner.Tags{"scar:project": "imaging"}}
	role, fn := sendingRole(), grayify()
	fn.Environment = map[string]string{"QUALITY": "80"}
	fn.Role, fn.Image = a.naming.RoleARN("imaging", role.Name), a.naming.ImageURI(repository.Name, img.Digest())
	step(t, c, planner.Create, repository.Name, nil, repository)
	step(t, c, planner.Create, "grayify", nil, imageValue(t, img))
	step(t, c, planner.Create, group.Name, nil, group)
	step(t, c, planner.Create, role.Name, nil, role)
	step(t, c, planner.Create, "failures", nil, planner.Bucket{Name: "failures", Region: a.naming.Region, Tags: planner.Tags{"scar:project": "imaging"}})
	step(t, c, planner.Create, fn.Name, nil, fn)
	t.Log("reserved executions")
	reserved := fn
	reserved.Concurrency = 5
	step(t, c, planner.Update, fn.Name, fn, reserved)
	if !a.gaps.noneReserved {
		reserved.Concurrency = 0
		step(t, c, planner.Update, fn.Name, fn, reserved)
	}
	step(t, c, planner.Update, fn.Name, reserved, fn)
	t.Log("settings of asynchronous invocations")
	first, second := testInvokeConfig(), planner.InvokeConfig{Function: fn.Name, Attempts: 0, MaxAge: 21600}
	step(t, c, planner.Create, fn.Name, nil, first)
	if a.gaps.staleInvoking {
		second = first
	}
	step(t, c, planner.Update, fn.Name, first, second)
	step(t, c, planner.Delete, fn.Name, second, nil)
	t.Log("URL")
	for _, p := range []planner.Permission{
		{Function: fn.Name, StatementID: "scar-imaging-url", Action: "lambda:InvokeFunctionUrl", Principal: "*", FunctionURLAuthType: planner.AuthNone},
		{Function: fn.Name, StatementID: "scar-imaging-url-invoke", Action: "lambda:InvokeFunction", Principal: "*", InvokedViaFunctionURL: true},
	} {
		if a.gaps.noInvokedViaURL {
			p.FunctionURLAuthType, p.InvokedViaFunctionURL = "", false
		}
		step(t, c, planner.Create, p.Function+"/"+p.StatementID, nil, p)
	}
	url, plain := testURL(), testURL()
	plain.Auth, plain.CORS = planner.AuthIAM, planner.CORS{}
	if a.gaps.corsStays {
		plain.CORS = planner.CORS{AllowOrigins: []string{"https://a.example"}}
	}
	step(t, c, planner.Create, fn.Name, nil, url)
	step(t, c, planner.Update, fn.Name, url, plain)
	step(t, c, planner.Update, fn.Name, plain, url)
	told, err := c.Outputs(t.Context(), []planner.Ref{{Kind: planner.KindFunctionURL, Name: fn.Name}})
	if err != nil || told[planner.Ref{Kind: planner.KindFunctionURL, Name: fn.Name}]["url"] == "" {
		t.Errorf("%v, %v", told, err)
	}
	step(t, c, planner.Delete, fn.Name, url, nil)
	t.Log("HTTP API")
	api, open := testAPI(), testAPI()
	open.Auth, open.Timeout, open.CORS, open.Tags = planner.AuthNone, 5000, planner.CORS{}, planner.Tags{"scar:project": "imaging", "team": "x"}
	step(t, c, planner.Create, api.Name, nil, api)
	step(t, c, planner.Update, api.Name, api, open)
	step(t, c, planner.Update, api.Name, open, api)
	step(t, c, planner.Delete, api.Name, api, nil)
	step(t, c, planner.Delete, fn.Name, fn, nil)
}

// sendingRole is a role whose function may send failures to the bucket of that name.
func sendingRole() planner.Role {
	role := testRole()
	role.Policy = planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{{
		Sid: "S", Effect: "Allow", Action: planner.StringList{"s3:ListBucket", "s3:PutObject"},
		Resource: planner.StringList{"arn:aws:s3:::failures", "arn:aws:s3:::failures/*"},
	}}}
	return role
}

// testAsk makes one of each sort with the SDK and asks about it, and about one that is not there.
func testAsk(t *testing.T, a account) {
	want := planner.Answers{}
	if !a.gaps.noLimits {
		want[planner.Question{About: planner.AboutConcurrency}] = planner.Answer{Limit: 1000, Reserved: map[string]int{"": 0}}
	}
	expect := func(about planner.Subject, name string, answer planner.Answer) {
		want[planner.Question{About: about, Name: name}] = answer
	}
	absent := planner.Answer{Absent: true}
	makeNetwork(t, a.cfg, expect)
	key := makeSecrets(t, a.cfg, expect)
	makeTargets(t, a.cfg, expect)
	makeBuckets(t, a.cfg, key, expect)
	expect(planner.AboutSubnet, "subnet-0123456789abcdef0", absent)
	expect(planner.AboutSecurityGroup, "sg-0123456789abcdef0", absent)
	expect(planner.AboutAccessPoint, "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0123456789abcdef0", absent)
	expect(planner.AboutParameter, "/none", absent)
	expect(planner.AboutSecret, "none", absent)
	expect(planner.AboutQueue, testNaming.QueueARN("none"), absent)
	expect(planner.AboutTopic, "arn:aws:sns:eu-west-1:123456789012:none", absent)
	expect(planner.AboutEventBus, "arn:aws:events:eu-west-1:123456789012:event-bus/none", absent)
	expect(planner.AboutFunction, testNaming.FunctionARN("none"), absent)
	expect(planner.AboutEncryption, "no-such-bucket-anywhere", absent)
	expect(planner.AboutRules, "no-such-bucket-anywhere", absent)
	var questions []planner.Question
	for q := range want {
		questions = append(questions, q)
	}
	got, err := a.cloud(Options{}).Ask(t.Context(), questions)
	if err != nil {
		t.Fatal(err)
	}
	for q, answer := range want {
		if !reflect.DeepEqual(got[q], answer) {
			t.Errorf("%s %s: %+v, want %+v", q.About, q.Name, got[q], answer)
		}
	}
}

type expectation = func(planner.Subject, string, planner.Answer)

func makeNetwork(t *testing.T, cfg aws.Config, expect expectation) {
	t.Helper()
	network, files := ec2.New(cfg), efs.NewFromConfig(cfg)
	subnets, err := network.Subnets(t.Context(), nil)
	if err != nil || len(subnets) == 0 {
		t.Fatalf("there is no default subnet: %v", err)
	}
	subnet := subnets[0]
	expect(planner.AboutSubnet, subnet.ID, planner.Answer{VPC: subnet.VPC, Zone: subnet.Zone})
	var group struct {
		ID string `xml:"groupId"`
	}
	params := url.Values{"GroupName": {"asked"}, "GroupDescription": {"x"}, "VpcId": {subnet.VPC}}
	if err := network.Call(t.Context(), "CreateSecurityGroup", params, &group); err != nil {
		t.Fatal(err)
	}
	expect(planner.AboutSecurityGroup, group.ID, planner.Answer{VPC: subnet.VPC})
	system, err := files.CreateFileSystem(t.Context(), &efs.CreateFileSystemInput{CreationToken: ptr("x")})
	if err != nil {
		t.Fatal(err)
	}
	point, err := files.CreateAccessPoint(t.Context(), &efs.CreateAccessPointInput{ClientToken: ptr("x"), FileSystemId: system.FileSystemId})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := files.CreateMountTarget(t.Context(), &efs.CreateMountTargetInput{FileSystemId: system.FileSystemId, SubnetId: &subnet.ID}); err != nil {
		t.Fatal(err)
	}
	expect(planner.AboutAccessPoint, *point.AccessPointArn, planner.Answer{VPC: subnet.VPC, Zones: []string{subnet.Zone}})
}

// makeSecrets returns the ARN of a key of the customer's.
func makeSecrets(t *testing.T, cfg aws.Config, expect expectation) string {
	t.Helper()
	key, err := kms.NewFromConfig(cfg).CreateKey(t.Context(), &kms.CreateKeyInput{})
	if err != nil {
		t.Fatal(err)
	}
	parameters, secrets := ssm.NewFromConfig(cfg), secretsmanager.NewFromConfig(cfg)
	for name, id := range map[string]*string{"/asked/own": key.KeyMetadata.KeyId, "/asked/plain": nil} {
		_, err := parameters.PutParameter(t.Context(), &ssm.PutParameterInput{Name: &name, Value: ptr("x"), Type: ssmtypes.ParameterTypeSecureString, KeyId: id})
		if err != nil {
			t.Fatal(err)
		}
		answer := planner.Answer{}
		if id != nil {
			answer.Key = *key.KeyMetadata.Arn
		}
		expect(planner.AboutParameter, name, answer)
		expect(planner.AboutParameter, "arn:aws:ssm:eu-west-1:123456789012:parameter"+name, answer)
		out, err := secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: ptr("x"), KmsKeyId: id})
		if err != nil {
			t.Fatal(err)
		}
		expect(planner.AboutSecret, name, answer)
		expect(planner.AboutSecret, *out.ARN, answer)
	}
	if _, err := secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: ptr("left"), SecretString: ptr("x")}); err != nil {
		t.Fatal(err)
	}
	if _, err := secrets.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: ptr("left")}); err != nil {
		t.Fatal(err)
	}
	expect(planner.AboutSecret, "left", planner.Answer{Absent: true})
	return *key.KeyMetadata.Arn
}

func makeTargets(t *testing.T, cfg aws.Config, expect expectation) {
	t.Helper()
	queues, topics, buses := sqs.NewFromConfig(cfg), sns.NewFromConfig(cfg), eventbridge.NewFromConfig(cfg)
	if _, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: ptr("asked"), Attributes: map[string]string{"VisibilityTimeout": "77"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: ptr("asked.fifo"), Attributes: map[string]string{"FifoQueue": "true"}}); err != nil {
		t.Fatal(err)
	}
	topic, err := topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: ptr("asked")})
	if err != nil {
		t.Fatal(err)
	}
	bus, err := buses.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: ptr("asked")})
	if err != nil {
		t.Fatal(err)
	}
	expect(planner.AboutQueue, testNaming.QueueARN("asked"), planner.Answer{Visibility: 77})
	expect(planner.AboutQueue, testNaming.QueueARN("asked.fifo"), planner.Answer{Visibility: 30, FIFO: true})
	expect(planner.AboutTopic, *topic.TopicArn, planner.Answer{})
	expect(planner.AboutEventBus, *bus.EventBusArn, planner.Answer{})
	expect(planner.AboutEventBus, "arn:aws:events:eu-west-1:123456789012:event-bus/default", planner.Answer{})
}

func makeBuckets(t *testing.T, cfg aws.Config, key string, expect expectation) {
	t.Helper()
	client := s3.NewFromConfig(cfg, pathStyle)
	for bucket, id := range map[string]*string{"asked-managed": nil, "asked-own": &key} {
		_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket,
			CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}})
		if err != nil {
			t.Fatal(err)
		}
		expect(planner.AboutRules, bucket, planner.Answer{})
		expect(planner.AboutEncryption, bucket, planner.Answer{Key: deref(id)})
		_, err = client.PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{Bucket: &bucket, ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{
			Rules: []s3types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{
				SSEAlgorithm: s3types.ServerSideEncryptionAwsKms, KMSMasterKeyID: id,
			}}},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
}
