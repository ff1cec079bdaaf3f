package flow

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/runtime/job"
)

func TestParseSecrets(t *testing.T) {
	got, err := parseSecrets(strings.NewReader("# comment\n\n  # another\n" +
		"ssm:/imaging/token=a=b # c \r\n" +
		" secretsmanager:imaging/db={\"password\": \"x\"}\n" +
		"ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/far=1\n" +
		"secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:far-away-AbCdEf=2"))
	if err != nil {
		t.Fatal(err)
	}
	want := Secrets{
		{Service: job.SSM, Name: "/imaging/token"}:        "a=b # c ",
		{Service: job.SecretsManager, Name: "imaging/db"}: `{"password": "x"}`,
		{Service: job.SSM, Name: "/far"}:                  "1",
		{Service: job.SecretsManager, Name: "far-away"}:   "2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for text, problem := range map[string]string{
		"\nhunter2":                  "2: wants a line such as ssm:/imaging/token=VALUE",
		"hunter2=hunter2":            "1: wants where a secret is kept",
		"ssm:a b=hunter2":            "1: wants the name of a parameter",
		"secretsmanager:a#b=hunter2": "1: wants the whole of secretsmanager:a, its JSON object, instead of the key b alone",
		"ssm:/a=":                    "1: ssm:/a has no value",
		"ssm:/a = hunter2":           "1: wants no white space before =: all that follows it is the value",
		"ssm:/a=hunter2\x00":         "1: the value of ssm:/a holds a zero byte",
		"ssm:/a=1\nssm:/a=hunter2":   "2: ssm:/a is there a second time",
		"ssm:/a=" + strings.Repeat("x", maxSecretsFile): "1: the file is larger than 1048576 bytes",
	} {
		_, err := parseSecrets(strings.NewReader(text))
		if err == nil || !strings.HasPrefix(err.Error(), problem) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.40q: %v, want %s", text, err, problem)
		}
	}
}

func TestSecretsOfOthersAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.txt")
	if err := os.WriteFile(path, []byte("ssm:/a=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadSecrets(path); err != nil || len(got) != 1 {
		t.Fatalf("got %v, %v", got, err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSecrets(path); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if _, err := ReadSecrets(t.TempDir()); err == nil || !strings.HasSuffix(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err) // whose mode is nothing to change
	}
	if _, err := ReadSecrets(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("an absent file is no error")
	}
}

// What is missing is shown as the lines that a file of secrets has to have.
func TestSecretTemplates(t *testing.T) {
	db, token := job.Secret{Service: job.SecretsManager, Name: "lab/db"}, job.Secret{Service: job.SSM, Name: "/lab/token"}
	keyed := func(key string) job.Secret { return job.Secret{Service: db.Service, Name: db.Name, Key: key} }
	jobs := []job.Job{
		{Secrets: map[string]job.Secret{"T": token, "P": keyed("pass\"word"), "W": db}},
		{Storage: map[string]job.Provider{"minio.lab": {AccessKey: &job.Credential{Secret: &job.Secret{Service: db.Service, Name: db.Name, Key: "a"}}}}},
		{Secrets: map[string]job.Secret{"P": keyed("a")}},
	}
	var got []string
	for _, s := range secretsOf(jobs) {
		got = append(got, template(s, jobs))
	}
	want := []string{`secretsmanager:lab/db={"a": "VALUE", "pass\"word": "VALUE"}`, "ssm:/lab/token=VALUE"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, line := range got {
		if _, _, err := parseSecretLine(line); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// FuzzParseSecrets makes sure that no value gets into an error.
func FuzzParseSecrets(f *testing.F) {
	for _, seed := range []string{"ssm:/a=", "secretsmanager:a#b=", "#", "ssm:arn:aws:ssm:a:123456789012:parameter/a=", "=", "secretsmanager:arn:aws:secretsmanager:a:123456789012:secret:-abcdef="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const value = "<hunter2>"
		secrets, err := parseSecrets(strings.NewReader(text + value))
		if err != nil && strings.Contains(err.Error(), value) {
			t.Errorf("%q: %v", text, err)
		}
		for s, v := range secrets {
			if s.Name == "" || s.Key != "" || v == "" || strings.HasPrefix(s.Name, "arn:") {
				t.Errorf("%q gives %+v", text, s)
			}
		}
	})
}
