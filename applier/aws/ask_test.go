package aws

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/planner"
)

var someTime = time.Unix(1700000000, 0)

// denied is how the SDK tells that a right is missing.
func denied(service, operation, code string) error {
	return &smithy.OperationError{ServiceID: service, OperationName: operation, Err: answer(code, "not allowed")}
}

const (
	ownKey   = "arn:aws:kms:eu-west-1:123456789012:key/own"
	otherKey = "arn:aws:kms:eu-west-1:210987654321:key/theirs"
	mount    = "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-1"
)

func TestAsk(t *testing.T) {
	queue, fifo := testNaming.QueueARN("jobs"), testNaming.QueueARN("jobs.fifo")
	topic, bus := "arn:aws:sns:eu-west-1:123456789012:told.fifo", "arn:aws:events:us-east-1:123456789012:event-bus/own"
	theirs := func(arn string) string { return strings.ReplaceAll(arn, testNaming.Account, "210987654321") }
	role := testNaming.RoleARN("other", "scar-blur-eu-west-1")
	things := map[string]string{
		"subnet-1": "eu-west-1a", "subnet-2": "eu-west-1b", "sg-1": "vpc-1", "fsap-1": "available", "fsap-2": "deleting",
		"/a/token": "", "plain": "", "/ssm": "alias/aws/ssm", "/own": ownKey, "/alias": "alias/mine", "/gone": "alias/gone",
		"db": "", "dbs/own": ownKey, "dbs/theirs": otherKey, "dbs/deleted": "deleted",
		ownKey: "CUSTOMER", "alias/mine": "CUSTOMER", "awskey": "AWS",
		"jobs": "180", "jobs.fifo": "30", topic: "", bus: "",
		testNaming.FunctionARN("blur"): "other " + role, testNaming.FunctionARN("plain"): " " + role,
		testNaming.FunctionARN("byo"): "other arn:aws:iam::123456789012:role/mine", "untold": "no tags",
		"scar-blur-eu-west-1": `{"Version":"2012-10-17","Statement":[` +
			`{"Sid":"WriteOutputs","Effect":"Allow","Action":["s3:PutObject"],"Resource":["arn:aws:s3:::b/out/*","arn:aws:s3:::b/a%24%7B*%7D/*","arn:aws:s3:::c/*"]},` +
			`{"Sid":"ReadInputs","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::in/*"}]}`,
		"open": "", "sse": "AES256", "managed": "aws:kms", "managed-too": "aws:kms arn:aws:kms:eu-west-1:123456789012:alias/aws/s3",
		"customer": "aws:kms:dsse alias/mine", "by-id": "aws:kms awskey", "of-theirs": "aws:kms " + otherKey,
	}
	for _, c := range []struct {
		about planner.Subject
		name  string
		want  planner.Answer
	}{
		{planner.AboutSubnet, "subnet-1", planner.Answer{VPC: "vpc-1", Zone: "eu-west-1a"}},
		{planner.AboutSubnet, "subnet-2", planner.Answer{VPC: "vpc-1", Zone: "eu-west-1b"}},
		{planner.AboutSubnet, "subnet-9", planner.Answer{Absent: true}},
		{planner.AboutSecurityGroup, "sg-1", planner.Answer{VPC: "vpc-1"}},
		{planner.AboutSecurityGroup, "sg-9", planner.Answer{Absent: true}},
		{planner.AboutAccessPoint, mount, planner.Answer{VPC: "vpc-1", Zones: []string{"eu-west-1a", "eu-west-1b"}}},
		{planner.AboutAccessPoint, strings.Replace(mount, "fsap-1", "fsap-2", 1), planner.Answer{Absent: true}},
		{planner.AboutAccessPoint, strings.Replace(mount, "fsap-1", "fsap-3", 1), planner.Answer{Absent: true}},
		{planner.AboutAccessPoint, "fsap-1", planner.Answer{Absent: true}},
		{planner.AboutParameter, "/a/token", planner.Answer{}},
		{planner.AboutParameter, "arn:aws:ssm:eu-west-1:123456789012:parameter/a/token", planner.Answer{}},
		{planner.AboutParameter, "arn:aws:ssm:eu-west-1:123456789012:parameter/plain", planner.Answer{}},
		{planner.AboutParameter, "arn:aws:ssm:eu-west-1:123456789012:parameter/own", planner.Answer{Key: "arn:of:" + ownKey}},
		{planner.AboutParameter, "arn:aws:ssm:eu-west-1:210987654321:parameter/own", planner.Answer{Unknown: "it is of the account 210987654321, which does not show it to these credentials"}},
		{planner.AboutParameter, "/ssm", planner.Answer{}},
		{planner.AboutParameter, "/alias", planner.Answer{Key: "arn:of:alias/mine"}},
		{planner.AboutParameter, "/gone", planner.Answer{Unknown: "the key alias/gone that it is encrypted with does not exist"}},
		{planner.AboutParameter, "/none", planner.Answer{Absent: true}},
		{planner.AboutSecret, "db", planner.Answer{}},
		{planner.AboutSecret, "dbs/own", planner.Answer{Key: "arn:of:" + ownKey}},
		{planner.AboutSecret, "dbs/theirs", planner.Answer{Key: otherKey}},
		{planner.AboutSecret, "dbs/deleted", planner.Answer{Absent: true}},
		{planner.AboutSecret, "dbs/none", planner.Answer{Absent: true}},
		{planner.AboutQueue, queue, planner.Answer{Visibility: 180}},
		{planner.AboutQueue, fifo, planner.Answer{Visibility: 30, FIFO: true}},
		{planner.AboutQueue, testNaming.QueueARN("none"), planner.Answer{Absent: true}},
		{planner.AboutQueue, theirs(queue), planner.Answer{Unknown: "it is of the account 210987654321, which does not show it to these credentials"}},
		{planner.AboutTopic, topic, planner.Answer{FIFO: true}},
		{planner.AboutTopic, topic + "x", planner.Answer{Absent: true}},
		{planner.AboutEventBus, bus, planner.Answer{}},
		{planner.AboutEventBus, bus + "x", planner.Answer{Absent: true}},
		{planner.AboutFunction, testNaming.FunctionARN("blur"), planner.Answer{Project: "other", Writes: []planner.Place{
			{Bucket: "b", Prefix: "a*/"}, {Bucket: "b", Prefix: "out/"}, {Bucket: "c"},
		}}},
		{planner.AboutFunction, testNaming.FunctionARN("plain"), planner.Answer{}},
		{planner.AboutFunction, testNaming.FunctionARN("byo"), planner.Answer{Project: "other"}},
		{planner.AboutFunction, testNaming.FunctionARN("none"), planner.Answer{Absent: true}},
		{planner.AboutFunction, "untold", planner.Answer{Unknown: "its tags cannot be read: is the right lambda:ListTags missing?"}},
		{planner.AboutEncryption, "open", planner.Answer{}},
		{planner.AboutEncryption, "sse", planner.Answer{}},
		{planner.AboutEncryption, "managed", planner.Answer{}},
		{planner.AboutEncryption, "managed-too", planner.Answer{}},
		{planner.AboutEncryption, "by-id", planner.Answer{}},
		{planner.AboutEncryption, "customer", planner.Answer{Key: "arn:of:alias/mine"}},
		{planner.AboutEncryption, "of-theirs", planner.Answer{Key: otherKey}},
		{planner.AboutEncryption, "none", planner.Answer{Absent: true}},
		{planner.AboutRules, "open", planner.Answer{Rules: []planner.Trigger{
			{Bucket: "open", ID: "theirs", Target: testNaming.QueueARN("q"), Events: []string{"s3:ObjectCreated:*"}},
		}}},
		{planner.AboutRules, "none", planner.Answer{Absent: true}},
		{planner.AboutConcurrency, "", planner.Answer{Limit: 1000, Reserved: map[string]int{"": 120}}},
	} {
		t.Run(string(c.about)+" "+c.name, func(t *testing.T) {
			q := planner.Question{About: c.about, Name: c.name}
			got, err := newFakeAccount(things).asker().ask(t.Context(), []planner.Question{q})
			if err != nil || !reflect.DeepEqual(got[q], c.want) || len(got) != 1 {
				t.Errorf("%+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

// TestAskDoesNotKnow meets each way of not being told.
func TestAskDoesNotKnow(t *testing.T) {
	elsewhere := strings.ReplaceAll(testNaming.QueueARN("jobs"), "eu-west-1", "eu-nowhere-1")
	noHost := &smithy.OperationError{ServiceID: "SQS", OperationName: "GetQueueUrl", Err: &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}}
	for _, c := range []struct {
		about     planner.Subject
		name      string
		operation string
		err       error
		want      string // empty: an error
	}{
		{planner.AboutSubnet, "subnet-1", "DescribeSubnets", denied("EC2", "DescribeSubnets", "UnauthorizedOperation"), "the right ec2:DescribeSubnets is missing"},
		{planner.AboutSecurityGroup, "sg-1", "DescribeSecurityGroups", denied("EC2", "DescribeSecurityGroups", "UnauthorizedOperation"), "the right ec2:DescribeSecurityGroups is missing"},
		{planner.AboutAccessPoint, mount, "DescribeAccessPoints", denied("EFS", "DescribeAccessPoints", "AccessDeniedException"), "the right elasticfilesystem:DescribeAccessPoints is missing"},
		{planner.AboutAccessPoint, mount, "DescribeMountTargets", denied("EFS", "DescribeMountTargets", "AccessDeniedException"), "the right elasticfilesystem:DescribeMountTargets is missing"},
		{planner.AboutParameter, "/own", "DescribeParameters", denied("SSM", "DescribeParameters", "AccessDeniedException"), "the right ssm:DescribeParameters is missing"},
		{planner.AboutParameter, "/own", "DescribeKey", denied("KMS", "DescribeKey", "AccessDeniedException"), "the right kms:DescribeKey is missing"},
		{planner.AboutSecret, "db", "DescribeSecret", denied("Secrets Manager", "DescribeSecret", "AccessDeniedException"), "the right secretsmanager:DescribeSecret is missing"},
		{planner.AboutQueue, testNaming.QueueARN("jobs"), "GetQueueAttributes", denied("SQS", "GetQueueAttributes", "AccessDenied"), "the right sqs:GetQueueAttributes is missing"},
		{planner.AboutTopic, "arn:aws:sns:eu-west-1:123456789012:t", "GetTopicAttributes", denied("SNS", "GetTopicAttributes", "AuthorizationError"), "the right sns:GetTopicAttributes is missing"},
		{planner.AboutEventBus, "default", "DescribeEventBus", denied("EventBridge", "DescribeEventBus", "AccessDeniedException"), "the right events:DescribeEventBus is missing"},
		{planner.AboutFunction, "blur", "GetFunction", denied("Lambda", "GetFunction", "AccessDeniedException"), "the right lambda:GetFunction is missing"},
		{planner.AboutFunction, "blur", "GetRolePolicy", denied("IAM", "GetRolePolicy", "AccessDenied"), "the right iam:GetRolePolicy is missing"},
		{planner.AboutEncryption, "customer", "GetBucketEncryption", denied("S3", "GetBucketEncryption", "AccessDenied"), "the right s3:GetEncryptionConfiguration is missing"},
		{planner.AboutRules, "customer", "GetBucketNotificationConfiguration", denied("S3", "GetBucketNotificationConfiguration", "AccessDenied"), "the right s3:GetBucketNotification is missing"},
		{planner.AboutConcurrency, "", "GetAccountSettings", denied("Lambda", "GetAccountSettings", "AccessDeniedException"), "the right lambda:GetAccountSettings is missing"},
		{planner.AboutQueue, elsewhere, "GetQueueUrl", noHost, "its region does not answer: it does not exist, or is not enabled for the account"},
		{planner.AboutQueue, elsewhere, "GetQueueUrl", answer("InvalidClientTokenId", "The security token included in the request is invalid."), "its region does not answer: it does not exist, or is not enabled for the account"},
		{planner.AboutQueue, testNaming.QueueARN("jobs"), "GetQueueUrl", noHost, ""},
		{planner.AboutQueue, testNaming.QueueARN("jobs"), "GetQueueUrl", answer("InvalidClientTokenId", ""), ""},
		{planner.AboutSubnet, "subnet-1", "DescribeSubnets", answer("InternalError", ""), ""},
		{planner.AboutParameter, "/own", "DescribeParameters", answer("InternalServerError", ""), ""},
		{"weather", "today", "", nil, ""},
	} {
		t.Run(fmt.Sprint(c.about, " ", c.operation, " ", c.err), func(t *testing.T) {
			fake := newFakeAccount(map[string]string{
				"subnet-1": "a", "sg-1": "v", "fsap-1": "available", "/own": ownKey, "db": "", "jobs": "30", "default": "", "customer": "aws:kms x",
				"blur": "imaging " + testNaming.RoleARN("imaging", "scar-blur-eu-west-1"),
			})
			fake.fails[c.operation] = []error{c.err}
			q := planner.Question{About: c.about, Name: c.name}
			got, err := fake.asker().ask(t.Context(), []planner.Question{q})
			if c.want == "" {
				if err == nil || !strings.Contains(err.Error(), "find out about "+string(c.about)+" "+c.name) {
					t.Errorf("%+v, error %v", got, err)
				}
				return
			}
			if err != nil || got[q].Unknown != c.want {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestAskTogether asks about many things: those of one sort in one call, each thing once, and in its region.
func TestAskTogether(t *testing.T) {
	fake := newFakeAccount(map[string]string{"subnet-1": "a", "subnet-2": "b", "subnet-3": "c", "/a": "", "/b": "", "arn:aws:sns:us-east-1:123456789012:t": ""})
	var questions []planner.Question
	for about, names := range map[planner.Subject][]string{
		planner.AboutSubnet:    {"subnet-1", "subnet-2", "subnet-3", "subnet-1"},
		planner.AboutParameter: {"/a", "/b", "/c", "arn:aws:ssm:us-west-2:123456789012:parameter/a"},
		planner.AboutTopic:     {"arn:aws:sns:us-east-1:123456789012:t"},
	} {
		for _, name := range names {
			questions = append(questions, planner.Question{About: about, Name: name})
		}
	}
	answers, err := fake.asker().ask(t.Context(), questions)
	if err != nil || len(answers) != 8 {
		t.Errorf("%v, %v", answers, err)
	}
	if fake.count("DescribeSubnets") != 1 || fake.count("DescribeParameters") != 4 { // two regions, two pages each
		t.Errorf("calls %v", fake.calls)
	}
	if !fake.regions["us-east-1"] || !fake.regions["us-west-2"] {
		t.Errorf("regions %v", fake.regions)
	}
	answers, err = fake.asker().ask(t.Context(), append(questions, planner.Question{About: planner.AboutSubnet, Name: "subnet-9"}))
	if err != nil || !answers[planner.Question{About: planner.AboutSubnet, Name: "subnet-9"}].Absent ||
		answers[planner.Question{About: planner.AboutSubnet, Name: "subnet-3"}].Zone != "c" || fake.count("DescribeSubnets") != 6 {
		t.Errorf("%v, %v, calls %v", answers, err, fake.calls)
	}
}

func TestAskTellsAllThatFailed(t *testing.T) {
	fake := newFakeAccount(map[string]string{"db": ""})
	fake.fails["DescribeSubnets"] = []error{answer("InternalError", "first")}
	fake.fails["DescribeEventBus"] = []error{errors.New("second")}
	_, err := fake.asker().ask(t.Context(), []planner.Question{
		{About: planner.AboutSubnet, Name: "subnet-1"}, {About: planner.AboutEventBus, Name: "x"}, {About: planner.AboutSecret, Name: "db"},
	})
	if err == nil || !strings.Contains(err.Error(), "first") || !strings.Contains(err.Error(), "second") {
		t.Errorf("error %v", err)
	}
	if _, err := newFakeAccount(nil).asker().ask(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func FuzzPlaceOf(f *testing.F) {
	for _, seed := range []string{"arn:aws:s3:::b/out/*", "arn:aws:s3:::b/*", "arn:aws:s3:::b", "arn:aws-cn:s3:::b/${*}/*", "*", "arn:aws:sqs:::b/x*", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, resource string) {
		place, err := placeOf(resource)
		if err == nil && (strings.Contains(place.Bucket, "/") || !strings.HasPrefix(resource, "arn:") || !strings.HasSuffix(resource, "*")) {
			t.Errorf("%q is %+v", resource, place)
		}
	})
}
