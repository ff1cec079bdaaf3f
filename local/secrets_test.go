package local

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/scar-go/scar/local/clock"
)

func putParameter(t *testing.T, cfg aws.Config, name, value string) {
	t.Helper()
	_, err := ssm.NewFromConfig(cfg).PutParameter(context.Background(), &ssm.PutParameterInput{
		Name: &name, Value: &value, Type: types.ParameterTypeSecureString, Tags: []types.Tag{{Key: aws.String("scar:project"), Value: aws.String("p")}}})
	must(t, err)
}

func createSecret(t *testing.T, cfg aws.Config, name, value string) (arn string) {
	t.Helper()
	out, err := secretsmanager.NewFromConfig(cfg).CreateSecret(context.Background(), &secretsmanager.CreateSecretInput{
		Name: &name, SecretString: &value, Tags: []smtypes.Tag{{Key: aws.String("scar:project"), Value: aws.String("p")}}})
	must(t, err)
	return *out.ARN
}

// sessionOf is a session of a role that has one policy.
func sessionOf(t *testing.T, b *Backend, role, policy string) aws.Config {
	t.Helper()
	ctx := context.Background()
	createRole(t, adminOf(b), role)
	_, err := iam.NewFromConfig(adminOf(b)).PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("p"), PolicyDocument: &policy})
	must(t, err)
	session, err := b.iam.Session(ctx, "arn:aws:iam::000000000000:role/"+role, "lambda.amazonaws.com", "s")
	must(t, err)
	return config(b.Endpoint(), session.AccessKeyID, session.SecretAccessKey, session.SessionToken)
}

// readsOnePolicy is what scar gives the role of a function with two secrets.
const readsOnePolicy = `{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Action":["ssm:GetParameter","ssm:GetParameters"],"Resource":["arn:aws:ssm:us-east-1:000000000000:parameter/mine/token","arn:aws:ssm:us-east-1:000000000000:parameter/flat"]},
{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":["arn:aws:secretsmanager:us-east-1:000000000000:secret:mine/db-??????","arn:aws:secretsmanager:us-east-1:000000000000:secret:absent-??????"]}]}`

func TestRolesReadTheirSecretsOnly(t *testing.T) {
	ctx := context.Background()
	b, _ := open(t, Options{})
	admin := adminOf(b)
	for _, name := range []string{"/mine/token", "flat", "/other/token", "/mine/token2"} {
		putParameter(t, admin, name, "value")
	}
	mine, other := createSecret(t, admin, "mine/db", "value"), createSecret(t, admin, "other/db", "value")
	createSecret(t, admin, "mine/db-longer", "value")
	session := sessionOf(t, b, "reader", readsOnePolicy)
	parameters, secrets := ssm.NewFromConfig(session), secretsmanager.NewFromConfig(session)

	refusal := func(action, on string) string {
		if on != "" {
			on = " on resource: " + on
		}
		return "AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role/reader/s is not authorized to perform: " + action + on +
			" because no identity-based policy allows the " + action + " action"
	}
	arn := func(name string) string { return "arn:aws:ssm:us-east-1:000000000000:" + name }
	parameter := func(name string) error {
		_, err := parameters.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
		return err
	}
	several := func(names ...string) error {
		_, err := parameters.GetParameters(ctx, &ssm.GetParametersInput{Names: names})
		return err
	}
	secret := func(id string) error {
		_, err := secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
		return err
	}
	_, describes := parameters.DescribeParameters(ctx, nil)
	_, byPath := parameters.GetParametersByPath(ctx, &ssm.GetParametersByPathInput{Path: aws.String("/mine/")})
	_, puts := parameters.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/mine/token"), Value: aws.String("hush"), Overwrite: aws.Bool(true)})
	_, tags := parameters.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: "Parameter", ResourceId: aws.String("/mine/token")})
	_, lists := secrets.ListSecrets(ctx, nil)
	_, creates := secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("mine/db2"), SecretString: aws.String("hush")})
	for _, c := range []struct {
		what string
		err  error
		want string // empty: allowed
	}{
		{"its parameter", parameter("/mine/token"), ""},
		{"a version of it", parameter("/mine/token:1"), ""},
		{"it by ARN", parameter(arn("parameter/mine/token")), ""},
		{"one without a path", parameter("flat"), ""},
		{"another one", parameter("/other/token"), refusal("ssm:GetParameter", arn("parameter/other/token"))},
		{"another one by ARN", parameter(arn("parameter/other/token")), refusal("ssm:GetParameter", arn("parameter/other/token"))},
		{"one that is absent", parameter("/absent"), refusal("ssm:GetParameter", arn("parameter/absent"))},
		{"one that begins the same", parameter("/mine/token2"), refusal("ssm:GetParameter", arn("parameter/mine/token2"))},
		{"several", several("/mine/token", "flat"), ""},
		{"several, one too many", several("flat", "/other/token"), refusal("ssm:GetParameters", arn("parameter/other/token"))},
		{"a path", byPath, refusal("ssm:GetParametersByPath", arn("parameter/mine/"))},
		{"a list", describes, refusal("ssm:DescribeParameters", arn("*"))},
		{"a change", puts, refusal("ssm:PutParameter", arn("parameter/mine/token"))},
		{"tags", tags, refusal("ssm:ListTagsForResource", arn("parameter/mine/token"))},
		{"its secret", secret("mine/db"), ""},
		{"its secret by ARN", secret(mine), ""},
		{"another secret", secret("other/db"), refusal("secretsmanager:GetSecretValue", "other/db")},
		{"another secret by ARN", secret(other), refusal("secretsmanager:GetSecretValue", other)},
		{"a secret that begins the same", secret("mine/db-longer"), refusal("secretsmanager:GetSecretValue", "mine/db-longer")},
		{"a secret that is absent", secret("absent"), "ResourceNotFoundException: Secrets Manager can't find the specified secret."},
		{"a list of secrets", lists, refusal("secretsmanager:ListSecrets", "")},
		{"a new secret", creates, refusal("secretsmanager:CreateSecret", "mine/db2")},
	} {
		switch {
		case c.want == "" && c.err != nil:
			t.Errorf("%s: %v", c.what, c.err)
		case c.want != "" && (c.err == nil || !strings.HasSuffix(c.err.Error(), c.want)):
			t.Errorf("%s: %v\nwant %s", c.what, c.err, c.want)
		}
	}
}

// A call that names a parameter in a field that its operation does not read needs the right to that too, so that no field can
// stand in for another.
func TestEveryNamedParameterNeedsTheRight(t *testing.T) {
	b, _ := open(t, Options{})
	var got []string
	for _, x := range b.parameterTargets([]byte(`{"Name":"/a:2","names":["b","/c/d"],"Path":"/e/","ResourceId":"/f","Other":1}`)) {
		got = append(got, strings.TrimPrefix(x.arn, "arn:aws:ssm:us-east-1:000000000000:parameter/"))
	}
	if want := []string{"b", "c/d", "a", "e/", "f"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestSecretsSurviveReopeningInAFileOfTheirOwner(t *testing.T) {
	ctx, dir := context.Background(), filepath.Join(t.TempDir(), "state")
	lines := &lockedBuffer{}
	log := slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b, stop := open(t, Options{Dir: dir, Log: log})
	putParameter(t, adminOf(b), "/p", "hush one")
	arn := createSecret(t, adminOf(b), "s", "hush two")
	_, err := ssm.NewFromConfig(config(b.Endpoint(), AdminAccessKey, "wrong", "")).PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/q"), Value: aws.String("hush"), Type: "String"})
	wantCode(t, err, "InvalidSignatureException")
	stop()
	if !strings.Contains(lines.String(), "service=ssm") || strings.Contains(lines.String(), "hush") {
		t.Errorf("the log does not tell of the refused call, or tells of a value:\n%s", lines)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "state.db"): 0o600} {
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
	}

	b, _ = open(t, Options{Dir: dir})
	parameter, err := ssm.NewFromConfig(adminOf(b)).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/p"), WithDecryption: aws.Bool(true)})
	must(t, err)
	secret, err := secretsmanager.NewFromConfig(adminOf(b)).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
	must(t, err)
	if *parameter.Parameter.Value != "hush one" || *secret.SecretString != "hush two" {
		t.Errorf("values %q and %q", *parameter.Parameter.Value, *secret.SecretString)
	}
	found, err := tagging.NewFromConfig(adminOf(b)).GetResources(ctx, &tagging.GetResourcesInput{ResourceTypeFilters: []string{"ssm:parameter", "secretsmanager:secret"}})
	must(t, err)
	var arns []string
	for _, m := range found.ResourceTagMappingList {
		arns = append(arns, *m.ResourceARN)
	}
	if want := []string{arn, "arn:aws:ssm:us-east-1:000000000000:parameter/p"}; !slices.Equal(arns, want) {
		t.Errorf("tagged: %v, want %v", arns, want)
	}
}

func TestDeletedSecretsAreGoneAfterTheirTime(t *testing.T) {
	ctx := context.Background()
	now := clock.NewVirtual(time.Now())
	b, _ := open(t, Options{Clock: now})
	c := secretsmanager.NewFromConfig(adminOf(b))
	first := createSecret(t, adminOf(b), "s", "first")
	_, err := c.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: aws.String("s"), RecoveryWindowInDays: aws.Int64(7)})
	must(t, err)
	now.Advance(7*24*time.Hour - time.Second)
	_, err = c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("s")})
	must(t, err)
	now.Advance(time.Second)
	_, err = c.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: aws.String("s")})
	wantCode(t, err, "ResourceNotFoundException")
	if second := createSecret(t, adminOf(b), "s", "second"); second == first {
		t.Errorf("another secret of the name has the ARN of the first: %s", second)
	}
	_, err = c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &first})
	wantCode(t, err, "ResourceNotFoundException")
}

func TestUnknownCallsOfSecretServicesAreNamed(t *testing.T) {
	b, _ := open(t, Options{})
	_, err := ssm.NewFromConfig(adminOf(b)).ListDocuments(context.Background(), nil)
	wantCode(t, err, "NotImplemented")
	if err == nil || !strings.Contains(err.Error(), "ssm ListDocuments") {
		t.Errorf("the error does not name the call: %v", err)
	}
	_, err = secretsmanager.NewFromConfig(adminOf(b)).GetRandomPassword(context.Background(), nil)
	if err == nil || !strings.Contains(err.Error(), "secretsmanager GetRandomPassword") {
		t.Errorf("the error does not name the call: %v", err)
	}
}

// TestCommandLineKeepsSecrets does what docs tell people to do at a shell.
func TestCommandLineKeepsSecrets(t *testing.T) {
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	b, _ := open(t, Options{})
	home := t.TempDir()
	must(t, os.WriteFile(filepath.Join(home, "value"), []byte("of a file\n"), 0o600))
	for _, c := range []struct{ args, want string }{
		{"ssm put-parameter --name /imaging/token --type SecureString --value t0ken --query Version", "1"},
		{"ssm get-parameters-by-path --path /imaging --with-decryption --query Parameters[].[Name,Value]", "/imaging/token\tt0ken"},
		{"ssm describe-parameters --query Parameters[].[Name,Type,KeyId,LastModifiedUser]", "/imaging/token\tSecureString\talias/aws/ssm\tarn:aws:iam::000000000000:root"},
		{"secretsmanager create-secret --name imaging/db --secret-string {\"password\":\"x\"} --query Name", "imaging/db"},
		{"secretsmanager put-secret-value --secret-id imaging/db --secret-binary fileb://value --query VersionStages", "AWSCURRENT"},
		{"secretsmanager get-secret-value --secret-id imaging/db --query SecretBinary", "b2YgYSBmaWxlCg=="},
		{"ssm get-parameter --name /imaging/absent", "(ParameterNotFound)"},
	} {
		// The variable AWS_ENDPOINT_URL is known since 2.13 only.
		cmd := exec.Command(program, append(strings.Fields(c.args), "--output", "text", "--endpoint-url", b.Endpoint())...)
		cmd.Dir = home
		cmd.Env = append(os.Environ(), "HOME="+home, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
			"AWS_ACCESS_KEY_ID="+AdminAccessKey, "AWS_SECRET_ACCESS_KEY="+AdminSecretKey, "AWS_MAX_ATTEMPTS=1", "AWS_CONFIG_FILE="+home+"/none")
		out, err := cmd.CombinedOutput()
		got := strings.TrimSpace(string(out))
		if refused := strings.HasPrefix(c.want, "("); refused != (err != nil) || refused && !strings.Contains(got, c.want) || !refused && got != c.want {
			t.Errorf("aws %s: %q, want %q (%v)", c.args, got, c.want, fmt.Sprint(err))
		}
	}
}
