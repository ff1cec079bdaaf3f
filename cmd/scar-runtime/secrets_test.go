package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/scar-go/scar/internal/localtest"
	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/runtime/job"
)

// The values of the tests' secrets. Each holds marker, which must be found nowhere but in the script's environment.
const (
	marker   = "hush"
	token    = "hush, a token = of\n'two' lines"
	password = "päss-hush"
)

// vault is the embedded backend, and a role in it that may read what scar's policy for the job names.
type vault struct {
	t      *testing.T
	script *local.Script
	config aws.Config // of the administrator
	env    []string   // of a function with the role
}

func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{t: t, script: local.NewScript()}
	endpoint := localtest.Serve(t, local.Options{Region: "eu-west-1", Script: v.script})
	v.config = aws.Config{
		Region: "eu-west-1", BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(local.AdminAccessKey, local.AdminSecretKey, ""),
	}
	session := v.session()
	v.env = []string{
		"AWS_ENDPOINT_URL_SSM=" + endpoint, "AWS_ENDPOINT_URL_SECRETS_MANAGER=" + endpoint,
		"AWS_ACCESS_KEY_ID=" + *session.AccessKeyId, "AWS_SECRET_ACCESS_KEY=" + *session.SecretAccessKey, "AWS_SESSION_TOKEN=" + *session.SessionToken,
	}
	v.script.Forget()
	return v
}

const (
	vaultTrust  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"sts:AssumeRole"}]}`
	vaultPolicy = `{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Action":"ssm:GetParameter","Resource":"arn:aws:ssm:eu-west-1:000000000000:parameter/imaging/*"},
{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:eu-west-1:000000000000:secret:imaging/db-??????"}]}`
)

func (v *vault) session() *ststypes.Credentials {
	v.t.Helper()
	ctx, roles := context.Background(), iam.NewFromConfig(v.config)
	role, err := roles.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("f"), AssumeRolePolicyDocument: aws.String(vaultTrust)})
	if err != nil {
		v.t.Fatal(err)
	}
	_, err = roles.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("f"), PolicyName: aws.String("scar"), PolicyDocument: aws.String(vaultPolicy)})
	if err != nil {
		v.t.Fatal(err)
	}
	out, err := sts.NewFromConfig(v.config).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: role.Role.Arn, RoleSessionName: aws.String("session")})
	if err != nil {
		v.t.Fatal(err)
	}
	return out.Credentials
}

func (v *vault) parameter(name, value string) {
	v.t.Helper()
	_, err := ssm.NewFromConfig(v.config).PutParameter(context.Background(), &ssm.PutParameterInput{Name: &name, Value: &value, Type: types.ParameterTypeSecureString})
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *vault) secret(name string, value []byte) {
	v.t.Helper()
	_, err := secretsmanager.NewFromConfig(v.config).CreateSecret(context.Background(), &secretsmanager.CreateSecretInput{Name: &name, SecretBinary: value})
	if err != nil {
		v.t.Fatal(err)
	}
}

// reads is how often secrets were asked for.
func (v *vault) reads() int {
	count := local.Count(v.script.Calls())
	return count["ssm:GetParameter"] + count["secretsmanager:GetSecretValue"]
}

func jobWithSecrets() job.Job {
	j := newJob()
	j.Secrets = map[string]job.Secret{
		"TOKEN":    {Service: job.SSM, Name: "/imaging/token"},
		"PASSWORD": {Service: job.SecretsManager, Name: "imaging/db", Key: "password"},
		"PORT":     {Service: job.SecretsManager, Name: "imaging/db", Key: "port"},
	}
	return j
}

func TestSecretsAreTheScriptsOnly(t *testing.T) {
	for _, format := range []string{"", "json"} {
		t.Run("logs "+format, func(t *testing.T) {
			v := newVault(t)
			v.parameter("/imaging/token", token)
			v.secret("imaging/db", fmt.Appendf(nil, `{"password":%q,"port":5432}`, password))
			j := jobWithSecrets()
			j.LogFormat, j.Metrics = format, true
			f := start(t, j, `printf '%s|%s|%s' "$TOKEN" "$PASSWORD" "$PORT" | sha256sum
cat "/proc/$PPID/environ" "/proc/$PPID/cmdline" "/proc/$$/cmdline" | grep -c hush
env > "$TMP_OUTPUT_DIR/../kept" 2>/dev/null; echo "$TOKEN" > "$HOME/kept"`, v.env...)
			<-f.api.nexts
			if n := v.reads(); n != 0 {
				t.Errorf("%d secrets were read before the first event", n)
			}
			sum := sha256.Sum256([]byte(token + "|" + password + "|5432"))
			want := hex.EncodeToString(sum[:]) + "  -\n0\n"
			for _, event := range []string{"{}", f.put("in/a", "x"), f.put("in/b", "x")} {
				if got := f.output(f.invoke(event)); got != want {
					t.Errorf("output %q, want %q", got, want)
				}
			}
			if n := v.reads(); n != 2 {
				t.Errorf("two secrets were read %d times by three invocations", n)
			}
			f.checkClean()
			f.checkHidden(marker)
		})
	}
}

// checkHidden looks for a text everywhere that the runtime writes to or is seen by others.
func (f *function) checkHidden(text string) {
	f.t.Helper()
	look := func(where, content string) {
		if strings.Contains(content, text) {
			f.t.Errorf("%s holds a part of a secret", where)
		}
	}
	look("the log", f.log.String())
	for _, name := range []string{"environ", "cmdline"} {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", f.cmd.Process.Pid, name))
		if err != nil || len(content) == 0 {
			f.t.Fatalf("%s of the runtime: %d bytes, %v", name, len(content), err)
		}
		look(name, string(content))
	}
	err := filepath.WalkDir(f.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == filepath.Join(f.root, job.ScriptPath) {
			return err
		}
		content, err := os.ReadFile(path)
		look(path, string(content))
		return err
	})
	if err != nil {
		f.t.Error(err)
	}
	for key, content := range f.objects("") {
		look("object "+key, content)
	}
}

func TestSecretsThatAreNotToBeHad(t *testing.T) {
	v := newVault(t)
	v.secret("imaging/db", []byte(`{"password":"hush"}`))
	v.parameter("/other/token", "hush")
	for name, c := range map[string]struct {
		secret job.Secret
		texts  []string
	}{
		"absent":      {job.Secret{Service: job.SSM, Name: "/imaging/absent"}, []string{"ssm:/imaging/absent", "ParameterNotFound"}},
		"not allowed": {job.Secret{Service: job.SSM, Name: "/other/token"}, []string{"ssm:/other/token", "AccessDeniedException", "the function's role needs ssm:GetParameter on parameter/other/token", "permissions in func.yaml"}},
		"no such key": {job.Secret{Service: job.SecretsManager, Name: "imaging/db", Key: "user"}, []string{"secretsmanager:imaging/db#user", "does not have the key"}},
		"absent, and not allowed": {job.Secret{Service: job.SecretsManager, Name: "absent"}, []string{"secretsmanager:absent", "AccessDeniedException",
			"the function's role needs secretsmanager:GetSecretValue on secret:absent-??????"}},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJob()
			j.Secrets = map[string]job.Secret{"WANTED": c.secret}
			f := start(t, j, "echo the script ran", v.env...)
			a := f.invoke(f.put("in/a", "x"))
			f.wantFailure(a, job.ErrSecret, append(c.texts, "WANTED")...)
			if strings.Contains(f.log.String(), "the script ran") {
				t.Error("the script ran without its secret")
			}
			if r := f.record("in/a"); r.Status != job.Failed || r.Error == nil || r.Error.Type != job.ErrSecret {
				t.Errorf("record %+v", r)
			}
			f.checkClean()
			f.checkHidden(marker)
		})
	}
}

// What was absent is asked for again: the next invocation finds it.
func TestSecretsThatComeLater(t *testing.T) {
	v := newVault(t)
	j := newJob()
	j.Secrets = map[string]job.Secret{"TOKEN": {Service: job.SSM, Name: "/imaging/token"}}
	f := start(t, j, `printf %s "$TOKEN" | wc -c`, v.env...)
	f.wantFailure(f.invoke("{}"), job.ErrSecret, "ssm:/imaging/token")
	v.parameter("/imaging/token", "four")
	if got := strings.TrimSpace(f.output(f.invoke("{}"))); got != "4" {
		t.Errorf("output %q", got)
	}
}
