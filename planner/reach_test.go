package planner

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

func kept(service, name string) *spec.Credential {
	return &spec.Credential{Secret: &spec.Secret{Service: service, Name: name}}
}

// withStorage has a function that uses each type of provider but one.
func withStorage(f *spec.File) {
	f.Storage = map[string]spec.Storage{
		"minio.lab":    {Type: "minio", Endpoint: "https://minio.example.org", AccessKey: &spec.Credential{Text: "a"}, SecretKey: kept("ssm", "/lab/secret")},
		"webdav.nas":   {Type: "webdav", Endpoint: "https://nas.example.org", User: &spec.Credential{Text: "u"}, Password: kept("secretsmanager", "nas")},
		"onedata.eosc": {Type: "onedata", Endpoint: "https://onedata.example.org", Token: kept("ssm", "token"), Space: "lab"},
		"s3.far":       {Type: "s3", Region: "eu-central-1"},
		"s3.keys":      {Type: "s3", AccessKey: kept("ssm", "/unused/key"), SecretKey: kept("secretsmanager", "unused")},
	}
	fn := &f.Functions[0]
	fn.Inputs = append(fn.Inputs,
		spec.Input{Provider: "minio.lab", Bucket: "scans", Prefix: "in/", Suffix: []string{""}, Events: []string{"s3:ObjectCreated:*"}},
		spec.Input{Provider: "s3.far", Bucket: "archive", Prefix: "old/", Suffix: []string{""}, Events: []string{"s3:ObjectCreated:*"}})
	fn.Outputs = append([]spec.Output{
		{Provider: "webdav.nas", Prefix: "results/"},
		{Provider: "onedata.eosc"},
		{Provider: "s3.far", Bucket: "archive", Prefix: "new/"},
	}, fn.Outputs...)
	fn.Secrets = map[string]spec.Secret{
		"TOKEN": {Service: "ssm", Name: "/imaging/token"},
		"AGAIN": {Service: "ssm", Name: "/lab/secret"},
		"DB":    {Service: "secretsmanager", Name: "imaging/db", Key: "password"},
		"OTHER": {Service: "secretsmanager", Name: "arn:aws:secretsmanager:eu-west-1:999999999999:secret:theirs-AbCdEf"},
	}
	fn.Dedupe = true
	fn.Logs.Format, fn.Logs.Metrics = "json", true
}

func TestJobWithStorageAndSecrets(t *testing.T) {
	j := Jobs(testFile(withStorage))[0]
	if got, want := slices.Sorted(maps.Keys(j.Storage)), []string{"minio.lab", "onedata.eosc", "s3.far", "webdav.nas"}; !slices.Equal(got, want) {
		t.Errorf("providers %q, want %q", got, want)
	}
	want := job.Provider{
		Type: job.MinIO, Endpoint: "https://minio.example.org",
		AccessKey: &job.Credential{Text: "a"}, SecretKey: &job.Credential{Secret: &job.Secret{Service: job.SSM, Name: "/lab/secret"}},
	}
	if diff := cmp.Diff(want, j.Storage["minio.lab"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(job.Secret{Service: job.SecretsManager, Name: "imaging/db", Key: "password"}, j.Secrets["DB"]); diff != "" {
		t.Error(diff)
	}
	if got := []string{j.Inputs[0].Provider, j.Inputs[1].Provider, j.Outputs[0].Provider, j.Outputs[3].Provider}; !slices.Equal(got, []string{"s3", "minio.lab", "webdav.nas", "s3"}) {
		t.Errorf("places at %q", got)
	}
	if !j.Dedupe || !j.Metrics || j.LogFormat != "json" || j.Records == nil || j.Records.Bucket != "photos" {
		t.Errorf("got %+v", j)
	}
	plain, err := json.Marshal(Jobs(testFile(func(f *spec.File) { f.Functions[0].Records = "" }))[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"storage", "secrets", "records", "dedupe", "log_format", "metrics"} {
		if strings.Contains(string(plain), `"`+key+`"`) {
			t.Errorf("a job without %s has it: %s", key, plain)
		}
	}
}

// TestRightsToSecretsAndStorage expects exactly what the function uses: no more, and nothing for places with keys.
func TestRightsToSecretsAndStorage(t *testing.T) {
	state := mustDesire(t, testFile(withStorage))
	got := map[string]StringList{}
	for _, s := range state[Address{KindRole, "scar-grayify-eu-west-1"}].Value.(Role).Policy.Statements {
		got[s.Sid+" "+strings.Join(s.Action, " ")] = s.Resource
	}
	want := map[string]StringList{
		"KeepRecords s3:GetObject s3:PutObject":             {"arn:aws:s3:::photos/.scar/grayify/*"},
		"List1 s3:ListBucket":                               {"arn:aws:s3:::archive"},
		"List2 s3:ListBucket":                               {"arn:aws:s3:::photos"},
		"ReadInputs s3:GetObject":                           {"arn:aws:s3:::archive/old/*", "arn:aws:s3:::photos/in/*"},
		"WriteOutputs s3:AbortMultipartUpload s3:PutObject": {"arn:aws:s3:::archive/new/*", "arn:aws:s3:::photos/out/*"},
		"WriteLogs logs:CreateLogStream logs:PutLogEvents":  {"arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/grayify:*"},
		"ReadParameters ssm:GetParameter":                   {"arn:aws:ssm:eu-west-1:123456789012:parameter/imaging/token", "arn:aws:ssm:eu-west-1:123456789012:parameter/lab/secret", "arn:aws:ssm:eu-west-1:123456789012:parameter/token"},
		"ReadSecrets secretsmanager:GetSecretValue":         {"arn:aws:secretsmanager:eu-west-1:123456789012:secret:imaging/db-??????", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:nas-??????", "arn:aws:secretsmanager:eu-west-1:999999999999:secret:theirs-AbCdEf"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rights (-want +got):\n%s", diff)
	}
	for a := range state {
		if strings.Contains(a.Name, "scans") || strings.Contains(a.Name, "archive") {
			t.Errorf("%s belongs to another provider", a)
		}
	}
}

func TestPartitionsOfSecrets(t *testing.T) {
	for region, partition := range map[string]string{"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"} {
		n := Naming{Partition: PartitionOf(region), Account: "123456789012", Region: region}
		if got, want := n.ParameterARN("/a/b"), "arn:"+partition+":ssm:"+region+":123456789012:parameter/a/b"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, want := n.SecretARN("a/b"), "arn:"+partition+":secretsmanager:"+region+":123456789012:secret:a/b-??????"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestReach(t *testing.T) {
	for _, c := range []struct {
		name, problem string
		edit          func(f *spec.File, fn *spec.Function)
	}{
		{"a parameter elsewhere", "function grayify: secrets.TOKEN is in the region us-east-1, and the function runs in eu-west-1", func(_ *spec.File, fn *spec.Function) {
			fn.Secrets = map[string]spec.Secret{"TOKEN": {Service: "ssm", Name: "arn:aws:ssm:us-east-1:123456789012:parameter/a"}}
		}},
		{"a password elsewhere", "storage.webdav.nas.password is in the region us-east-1", func(f *spec.File, _ *spec.Function) {
			nas := f.Storage["webdav.nas"]
			nas.Password = kept("secretsmanager", "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf")
			f.Storage["webdav.nas"] = nas
		}},
		{"another partition", "secrets.TOKEN names the partition aws-cn, the region eu-west-1 is in aws", func(_ *spec.File, fn *spec.Function) {
			fn.Secrets = map[string]spec.Secret{"TOKEN": {Service: "ssm", Name: "arn:aws-cn:ssm:eu-west-1:123456789012:parameter/a"}}
		}},
		{"S3 of another partition", "storage.s3.far is in the region cn-north-1, where the role of a function in eu-west-1 is not known", func(f *spec.File, _ *spec.Function) {
			f.Storage["s3.far"] = spec.Storage{Type: "s3", Region: "cn-north-1"}
		}},
		{"a queue elsewhere", "queue.arn is in the region us-east-1, and the function runs in eu-west-1", func(_ *spec.File, fn *spec.Function) {
			fn.Queue = &spec.Queue{ARN: "arn:aws:sqs:us-east-1:123456789012:q"}
		}},
		{"a file system elsewhere", "mounts.access_point is in the region us-east-1", func(_ *spec.File, fn *spec.Function) {
			fn.Mounts = []spec.Mount{{AccessPoint: "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0", Path: "/mnt/a"}}
		}},
		{"failures told elsewhere", "on_failure names the partition aws-cn, the region eu-west-1 is in aws", func(_ *spec.File, fn *spec.Function) {
			fn.OnFailure = "arn:aws-cn:s3:::failed"
		}},
		{"failures into a bucket by its ARN", "", func(_ *spec.File, fn *spec.Function) { fn.OnFailure = "arn:aws:s3:::failed" }},
		{"of a provider that is not used", "", func(f *spec.File, _ *spec.Function) {
			f.Storage["webdav.other"] = spec.Storage{Type: "webdav", Password: kept("ssm", "arn:aws:ssm:us-east-1:123456789012:parameter/a")}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := testFile(withStorage)
			c.edit(f, &f.Functions[0])
			_, err := Desired(f, testEnv(f))
			if c.problem == "" && err != nil || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
				t.Errorf("got %v, want %q", err, c.problem)
			}
		})
	}
	f := testFile(withStorage)
	f.Functions[0].Secrets["TOKEN"] = spec.Secret{Service: "ssm", Name: "arn:aws:ssm:us-east-1:123456789012:parameter/a"}
	if _, err := Desired(f, Env{}); err != nil && strings.Contains(err.Error(), "us-east-1") {
		t.Errorf("without a region: %v", err)
	}
}

func TestLoopsAcrossProviders(t *testing.T) {
	f := testFile(withStorage)
	f.Functions[0].Outputs = append(f.Functions[0].Outputs, spec.Output{Provider: "minio.lab", Bucket: "scans", Prefix: "in/x/"})
	if _, err := check(t, f, nil, nil); err == nil || !strings.Contains(err.Error(), "grayify → grayify") {
		t.Errorf("got %v", err)
	}
	f = testFile(withStorage)
	f.Functions[0].Outputs = append(f.Functions[0].Outputs, spec.Output{Provider: "minio.lab", Bucket: "photos", Prefix: "in/x/"})
	if _, err := check(t, f, nil, nil); err != nil {
		t.Errorf("a bucket of the same name elsewhere: %v", err)
	}
}

func TestWarningNamesSecrets(t *testing.T) {
	s := mustDesire(t, testFile(func(f *spec.File) { f.Functions[0].Env["API_TOKEN"] = "x" }))
	warnings := s[Address{KindFunction, "grayify"}].Warnings
	if len(warnings) != 1 || !strings.HasSuffix(warnings[0], "move it from env to secrets") {
		t.Errorf("got %q", warnings)
	}
}
