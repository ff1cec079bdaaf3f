package spec

import (
	"path/filepath"
	"strings"
	"testing"
)

// Whatever is wrong with a classic file, no message and no line that is shown with it holds one of its secrets.
func TestNoMessageShowsASecretOfClassicFile(t *testing.T) {
	const (
		lambda    = "functions:\n  aws:\n  - lambda:\n      name: f\n      container: {image: a}\n"
		variables = lambda + "      environment:\n        Variables:\n          "
		minio     = lambda + "storage_providers:\n  minio:\n    lab:\n      endpoint: http://h:9\n      "
		onedata   = lambda + "storage_providers:\n  onedata:\n    lab:\n      oneprovider_host: h\n      "
	)
	for name, text := range map[string]string{
		"tab":                       minio + "access_key: hunter1\n\t  secret_key: hunter2\n",
		"twice":                     minio + "secret_key: hunter1\n      secret_key: hunter2\n",
		"wrong name":                minio + "acces_key: hunter1\n      pass: hunter2\n",
		"provider without a name":   lambda + "storage_providers:\n  minio:\n    access_key: hunter1\n    secret_key: hunter2\n",
		"list of providers":         lambda + "storage_providers:\n  minio:\n  - access_key: hunter1\n    secret_key: hunter2\n",
		"no provider":               lambda + "storage_providers: hunter1\n",
		"unknown type":              lambda + "storage_providers:\n  ftp:\n    x: {token: hunter1, key: hunter2}\n",
		"list":                      onedata + "token: [hunter1, hunter2]\n",
		"two colons":                onedata + "token: hunter1: hunter2\n",
		"no quotation mark":         onedata + "token: 'hunter1\n      space: s\n",
		"alias":                     onedata + "token: *hunter1\n      space: s\n",
		"text that is not indented": onedata + "token: |\n        hunter1\n       hunter2\n      space: s\n",
		"text behind a tab":         onedata + "token: |\n        hunter1\n\thunter2\n",
		"URL with a password":       lambda + "storage_providers:\n  webdav:\n    nas: {hostname: 'joe:hunter1@h', login: a, password: b}\n",
		"variable twice":            variables + "MY_TOKEN: hunter1\n          MY_TOKEN: hunter2\n",
		"variable behind a tab":     variables + "MY_TOKEN: hunter1\n\t  A_SECRET: hunter2\n",
		"variable with a zero byte": variables + "MY_TOKEN: \"hunter1\\0\"\n",
		"variable that is a list":   variables + "MY_TOKEN: [hunter1]\n",
		"list of variables":         variables + "- MY_TOKEN=hunter1\n",
		"long variable":             variables + "MY_TOKEN: " + strings.Repeat("hunter1", 600) + "\n",
		"variable of scar":          variables + "AWS_LAMBDA_RUNTIME_API: hunter1\n",
		"URL in a variable":         variables + "_DB: \"postgres://joe:hunter1@h/db\\0\"\n",
		"flat environment":          lambda + "      environment:\n        MY_TOKEN: hunter1\n",
		"native environment":        lambda + "      env: {MY_TOKEN: hunter1}\n      secrets: {A: hunter2}\n",
		"variables of jobs":         lambda + "    batch: {environment: {Variables: {MY_TOKEN: [hunter1], DB_PASS: {a: hunter2}}}}\n",
		"service":                   lambda + "  oscar:\n  - c: {name: s, token: hunter1, environment: {Variables: {A_TOKEN: hunter2}}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(writeFiles(t, map[string]string{"func.yaml": text}), "func.yaml")
			_, err := Load(t.Context(), []string{path}, Options{})
			problems, are := err.(Problems)
			if !are {
				t.Fatalf("the file is taken, or there is another error: %v", err)
			}
			for _, p := range problems {
				if strings.Contains(p.Message+p.SourceLine, "hunter") {
					t.Errorf("%v\n%s", p, p.SourceLine)
				}
			}
		})
	}
}

// Variables that hold a credential whatever they are called are kept from Lambda's environment too.
func TestCredentialsByValue(t *testing.T) {
	text := "functions:\n  aws:\n  - lambda:\n      name: f\n      container: {image: a}\n      environment:\n        Variables:\n" +
		"          DB_URL: postgres://joe:hunter2@h/db\n          SMTP_PASS: hunter2\n          PEM: |\n            -----BEGIN RSA PRIVATE KEY-----\n            hunter2\n" +
		"          PAGE: https://h:8080/a@b\n          MAIL: joe@example.org\n          TIME: '12:30'\n"
	f, err := Load(t.Context(), []string{filepath.Join(writeFiles(t, map[string]string{"func.yaml": text}), "func.yaml")}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	fn := f.Functions[0]
	if len(fn.Secrets) != 3 || len(fn.Env) != 3 || fn.Env["PAGE"] == "" || len(f.Notes) != 0 {
		t.Errorf("secrets %v, environment %v, notes %v", fn.Secrets, fn.Env, f.Notes)
	}
}
