package lifecycle

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/scar-go/scar/local/wire"
	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// guidePolicy is the policy that the guide gives to those who call scar.
var guidePolicy = filepath.Join(root, "docs", "guide", "caller-policy.json")

// maxManagedPolicy is IAM's limit for a managed policy, in characters without white space.
const maxManagedPolicy = 6144

// notSeen are the actions of the guide's policy that nothing here asks for, and what does.
var notSeen = map[string]string{
	"iam:PassRole":                     "AWS asks for it where a role is given to Lambda or to Scheduler",
	"iam:DetachRolePolicy":             "a role is deleted to which somebody attached a managed policy",
	"logs:FilterLogEvents":             "scar logs",
	"ecr:GetRepositoryPolicy":          "Lambda asks in the caller's name, to be let into the repository",
	"ecr:SetRepositoryPolicy":          "Lambda asks in the caller's name, to be let into the repository",
	"ec2:DescribeVpcs":                 "Lambda asks in the caller's name where a function is put into a VPC",
	"events:DescribeEventBus":          "on_failure names an event bus",
	"lambda:DeleteFunctionConcurrency": "a function's reservation is given up",
	"lambda:InvokeFunction":            "scar run, and what arrives while a function is replaced",
	"lambda:ListFunctions":             "scar ls",
	"cloudwatch:GetMetricData":         "scar ls",
	"s3:ListBucketMultipartUploads":    "a function is replaced that a bucket starts",
	"s3:GetObject":                     "scar get, what scar run --all keeps, and what arrives while a function is replaced",
	"s3:PutObject":                     "scar put, and what scar run --all keeps",
	"s3:DeleteObject":                  "scar rm",
	"sqs:SendMessage":                  "scar run --all of a function with a queue",
	"s3:AbortMultipartUpload":          "scar put is interrupted",
}

// s3Actions are the rights behind those calls of S3 and of the registry that are named otherwise.
var s3Actions = map[string][]string{
	"s3:CreateBucket":                       {"s3:CreateBucket", "s3:TagResource"}, // with tags
	"s3:HeadBucket":                         {"s3:ListBucket"},
	"s3:GetBucketEncryption":                {"s3:GetEncryptionConfiguration"},
	"s3:GetBucketNotificationConfiguration": {"s3:GetBucketNotification"},
	"s3:PutBucketNotificationConfiguration": {"s3:PutBucketNotification"},
	"registry:GetVersion":                   {"ecr:GetAuthorizationToken"},
	"registry:HeadBlob":                     {"ecr:BatchCheckLayerAvailability"},
	"registry:PostUpload":                   {"ecr:InitiateLayerUpload"},
	"registry:PatchUpload":                  {"ecr:UploadLayerPart"},
	"registry:PutUpload":                    {"ecr:CompleteLayerUpload"},
}

// actionsOf are the rights that a call takes.
func actionsOf(service, operation string) []string {
	if actions, found := s3Actions[service+":"+operation]; found {
		return actions
	}
	switch service {
	case "tagging":
		service = "tag"
	case "apigateway": // whose rights are HTTP's methods
		for prefix, method := range map[string]string{"Create": "POST", "Tag": "POST", "Get": "GET", "Update": "PATCH", "Delete": "DELETE", "Untag": "DELETE"} {
			if strings.HasPrefix(operation, prefix) {
				return []string{"apigateway:" + method}
			}
		}
	}
	return []string{service + ":" + operation}
}

// callerPolicy is the guide's policy, with the names of the whole file instead of the guide's.
func (w *world) callerPolicy() planner.Policy {
	w.t.Helper()
	content, err := os.ReadFile(guidePolicy)
	w.must(err)
	var compact bytes.Buffer
	w.must(json.Compact(&compact, content))
	if compact.Len() > maxManagedPolicy {
		w.t.Errorf("%s has %d characters, IAM allows %d in a managed policy", guidePolicy, compact.Len(), maxManagedPolicy)
	}
	names := strings.NewReplacer("eu-west-1", w.naming.Region, "123456789012", w.naming.Account, "/papers", "/whole", "-papers", "-whole")
	policy, err := planner.ParsePolicy([]byte(names.Replace(strings.ReplaceAll(string(content), ":::my-papers", ":::BUCKET"))))
	w.must(err)
	for i := range policy.Statements {
		s := &policy.Statements[i]
		s.Resource = forEach(s.Resource, "totext", "direct", "buffered", "taking")
		s.Resource = forEach(s.Resource, "BUCKET", "whole-photos", "whole-scans", "whole-failed")
	}
	return policy
}

// forEach writes each of some names where the list has another one.
func forEach(list planner.StringList, name string, names ...string) planner.StringList {
	var all planner.StringList
	for _, s := range list {
		if !strings.Contains(s, name) {
			all = append(all, s)
			continue
		}
		for _, n := range names {
			all = append(all, strings.ReplaceAll(s, name, n))
		}
	}
	return all
}

// caller is who calls scar under a policy.
type caller struct {
	policy planner.Policy

	mu    sync.Mutex
	asked map[string]bool // actions
}

// callWith makes a role that has a policy and no further rights, and has scar called under it from now on.
func (w *world) callWith(policy planner.Policy) *caller {
	w.t.Helper()
	c := &caller{policy: policy, asked: map[string]bool{}}
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + w.naming.Account + `:root"},"Action":"sts:AssumeRole"}]}`
	role := w.makeRole("caller", trust, policy.JSON())
	session, err := sts.NewFromConfig(w.config).AssumeRole(w.t.Context(), &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: sdk.String("scar")})
	w.must(err)
	keys := session.Credentials
	w.caller.Credentials = credentials.NewStaticCredentialsProvider(*keys.AccessKeyId, *keys.SecretAccessKey, *keys.SessionToken)
	w.script.Observe(func(call wire.Call) {
		if call.Service != "registry" && !strings.Contains(call.Identity.ARN, "/caller/") {
			return // of the registry, which has a password, scar's caller is the only one
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, action := range actionsOf(call.Service, call.Operation) {
			c.asked[action] = true
		}
	})
	return c
}

// checkNeeds expects that every action of the policy was needed, or is explained.
func (c *caller) checkNeeds(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	granted := map[string]bool{}
	for _, s := range c.policy.Statements {
		for _, action := range s.Action {
			granted[action] = true
			if _, explained := notSeen[action]; explained == c.asked[action] {
				t.Errorf("the policy allows %s: needed %v, explained %v", action, c.asked[action], explained)
			}
		}
	}
	for action := range notSeen {
		if !granted[action] {
			t.Errorf("%s is explained, and the policy does not allow it", action)
		}
	}
}

// check asks what the file refers to, as a plan does, and says what is wrong with it in this account.
func (w *world) check(f *spec.File, p *project) error {
	w.t.Helper()
	cloud := w.cloud(p)
	live, err := cloud.Read(w.t.Context(), slices.SortedFunc(maps.Keys(p.desired), planner.Address.Compare))
	w.must(err)
	answers := planner.Answers{}
	for about, why := range w.gaps.silent {
		answers[planner.Question{About: about}] = planner.Answer{Unknown: why}
	}
	for {
		questions := planner.Questions(f, w.naming, live, answers)
		if len(questions) == 0 {
			break
		}
		more, err := cloud.Ask(w.t.Context(), questions)
		w.must(err)
		maps.Copy(answers, more)
	}
	for question, answer := range answers {
		if _, silent := w.gaps.silent[question.About]; !silent && answer.Unknown != "" {
			w.t.Errorf("%s %s: %s", question.About, question.Name, answer.Unknown)
		}
	}
	_, err = planner.Check(f, p.desired, live, answers, false)
	return err
}
