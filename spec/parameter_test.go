package spec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bringing is a file that brings secrets by variables, wherever one can stand.
const bringing = `
project: imaging
defaults: {image: a, secrets: {COMMON: "${COMMON}"}}
storage:
  minio.lab: {endpoint: "https://lab", access_key: "${KEY_ID}", secret_key: "${LAB_KEY:?ask the lab}"}
  webdav.nas: {endpoint: "https://nas", user: "${NAS_USER}", password: "${UNSET:-${NAS_PASSWORD}}"}
  onedata.eosc: {endpoint: "https://eosc", space: s, token: "${PLACE}"}
functions:
  f: {secrets: {TOKEN: "${TOKEN:-unused}", AWS_ACCESS_KEY_ID: "${KEY_ID}", ELSEWHERE: "${PLACE}"}}
  g: {secrets: {COMMON: "ssm:/own"}}
`

var broughtValues = []string{
	"COMMON", "common-secret", "KEY_ID", "AKIA0000", "LAB_KEY", "lab-secret", "NAS_USER", "ssm/user", "NAS_PASSWORD", "with $${PLACE}\nand more",
	"PLACE", "ssm:/kept/elsewhere", "TOKEN", "arn or sms:token",
}

func TestSecretsThatVariablesBring(t *testing.T) {
	path := filepath.Join(writeFiles(t, map[string]string{"func.yaml": bringing}), "func.yaml")
	opts := Options{Lookup: variables(broughtValues...)}
	f, err := Load(t.Context(), []string{path}, opts)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range f.Parameters {
		got[p.Name] = p.Value.Reveal()
	}
	want := map[string]string{
		"/scar/imaging/f/AWS_ACCESS_KEY_ID": "AKIA0000", "/scar/imaging/f/COMMON": "common-secret", "/scar/imaging/f/TOKEN": "arn or sms:token",
		"/scar/imaging/storage/minio.lab/access_key": "AKIA0000", "/scar/imaging/storage/minio.lab/secret_key": "lab-secret",
		"/scar/imaging/storage/webdav.nas/user": "ssm/user", "/scar/imaging/storage/webdav.nas/password": "with $${PLACE}\nand more",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	if !slices.IsSortedFunc(f.Parameters, func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("not sorted: %v", f.Parameters)
	}
	elsewhere := &Secret{Service: "ssm", Name: "/kept/elsewhere"}
	if diff := cmp.Diff(&Credential{Secret: elsewhere}, f.Storage["onedata.eosc"].Token); diff != "" {
		t.Errorf("a variable that holds a reference (-want +got):\n%s", diff)
	}
	secrets := map[string]Secret{
		"AWS_ACCESS_KEY_ID": {Service: "ssm", Name: "/scar/imaging/f/AWS_ACCESS_KEY_ID"}, "COMMON": {Service: "ssm", Name: "/scar/imaging/f/COMMON"},
		"ELSEWHERE": *elsewhere, "TOKEN": {Service: "ssm", Name: "/scar/imaging/f/TOKEN"},
	}
	if diff := cmp.Diff(secrets, f.Functions[0].Secrets); diff != "" {
		t.Errorf("secrets of f (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]Secret{"COMMON": {Service: "ssm", Name: "/own"}}, f.Functions[1].Secrets); diff != "" {
		t.Errorf("secrets of g (-want +got):\n%s", diff)
	}
	shown := sameAgain(t, path, opts, f)
	encoded, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v", f, f, f)
	for _, value := range want {
		sealed := Seal(value)
		printed += fmt.Sprintf("%d %s %q %x %v", sealed, sealed, sealed, sealed, &sealed)
	}
	for _, value := range want {
		for name, text := range map[string]string{"what is shown": shown, "JSON": string(encoded), "print": printed} {
			if strings.Contains(text, value) {
				t.Errorf("%s holds %q:\n%s", name, value, text)
			}
		}
	}
}

// sameAgain shows a file, in both forms, and makes sure that it reads as the same again.
func sameAgain(t *testing.T, path string, opts Options, want *File) string {
	t.Helper()
	shown, err := Show(t.Context(), []string{path}, opts)
	if err != nil {
		t.Fatal(err)
	}
	text, err := shown.YAML()
	if err != nil {
		t.Fatal(err)
	}
	settings, err := json.Marshal(shown.Settings)
	if err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(writeFiles(t, map[string]string{"func.yaml": string(text)}), "func.yaml")
	got, err := Load(context.WithoutCancel(t.Context()), []string{again}, opts)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if diff := cmp.Diff(want, got, samePlaces...); diff != "" {
		t.Errorf("what is shown is another file (-want +got):\n%s", diff)
	}
	return string(text) + string(settings)
}

func TestProblemsOfSecretsThatVariablesBring(t *testing.T) {
	for _, c := range []struct{ name, value, text, want string }{
		{"empty", "", in(`secrets: {TOKEN: "${TOKEN}"}`), "TOKEN: ${TOKEN} is empty; set it in the environment or in a file given with --env-file, or write where the secret is kept, such as ssm:/imaging/token"},
		{"as large as can be", strings.Repeat("x", 4096), in(`secrets: {TOKEN: "${TOKEN}"}`), ""},
		{"too large", strings.Repeat("x", 4097), in(`secrets: {TOKEN: "${TOKEN}"}`), "TOKEN: ${TOKEN} has 4097 bytes, a parameter of Systems Manager holds 4096; put it into Secrets Manager, and write where: secretsmanager:NAME"},
		{"a reference in it", "a{{ssm:b}}", in(`secrets: {TOKEN: "${TOKEN}"}`), "TOKEN: ${TOKEN} holds {{ and }}, which no parameter of Systems Manager may; put it into Secrets Manager, and write where: secretsmanager:NAME"},
		{"no text", "hunter\xff\x00", in(`secrets: {TOKEN: "${TOKEN}"}`), "TOKEN: $TOKEN holds bytes that are no text"},
		{"an ARN", "arn:aws:ssm:eu-west-1:123456789012:parameter/a", in(`secrets: {TOKEN: "${TOKEN}"}`), "TOKEN: wants ssm: or secretsmanager: before the ARN"},
		{"a bad reference", "ssm:hunter 2", in(`secrets: {TOKEN: "${TOKEN}"}`), "TOKEN: wants the name of a parameter after ssm:, of letters, digits and . - _ /, such as ssm:/imaging/token"},
		{"with text before", "hunter2-hunter2", in(`secrets: {TOKEN: "Bearer ${TOKEN}"}`), "TOKEN: a secret does not belong in this file: put it into Systems Manager or Secrets Manager, and write where: " +
			"ssm:/imaging/token, secretsmanager:imaging or secretsmanager:imaging#token; or write ${NAME} and give it with --env-file"},
		{"two", "hunter2-hunter2", in(`secrets: {TOKEN: "${TOKEN}${TOKEN}"}`), "TOKEN: a secret does not belong in this file: put it into Systems Manager or Secrets Manager, and write where: " +
			"ssm:/imaging/token, secretsmanager:imaging or secretsmanager:imaging#token; or write ${NAME} and give it with --env-file"},
		{"a user with a colon", "hunter2:hunter2", "project: a\nfunctions: {}\nstorage: {webdav.a: {endpoint: 'https://a', user: '${TOKEN}', password: '${TOKEN}'}}\n",
			"user: a user's name has no colon; a password belongs to the key password"},
		{"lines in a key", "hunter2\nhunter2", "project: a\nfunctions: {}\nstorage: {minio.a: {endpoint: 'https://a', access_key: '${TOKEN}', secret_key: '${TOKEN}'}}\n",
			"access_key: holds a control character"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &report{}
			_, _, err := testGrammar().check(sourcesOf(c.text), Options{Lookup: variables("TOKEN", c.value)}, r)
			if err = errors.Join(err, r.err()); err != nil && len(c.value) >= shortestSecret && strings.Contains(err.Error(), c.value) && !strings.HasPrefix(c.value, "arn:") {
				t.Errorf("the secret is shown: %v", err)
			}
			got := ""
			if problems, ok := r.err().(Problems); ok {
				got = problems[0].Message
			}
			if got != c.want {
				t.Errorf("problem %q, want %q", got, c.want)
			}
		})
	}
}

// The default of a variable that holds a secret is one too: neither show nor a message has it.
func TestDefaultsOfSecretsAreHidden(t *testing.T) {
	long := strings.Repeat("x", maxParameter+1)
	text := "project: p\nfunctions: {f: {image: a, env: {MY_TOKEN: \"${T:-hunter1}\"}, secrets: {TOKEN: \"${TOKEN:-hunter2}\", LONG: \"${LONG:-hunter3}\"}}}\n"
	path := filepath.Join(writeFiles(t, map[string]string{"func.yaml": text}), "func.yaml")
	_, err := Load(t.Context(), []string{path}, Options{Lookup: variables("LONG", long)})
	if err == nil || strings.Contains(err.Error(), "hunter") || !strings.Contains(err.Error(), "${LONG} has 4097 bytes") {
		t.Errorf("%v", err)
	}
	shown, err := Show(t.Context(), []string{path}, Options{Lookup: variables("LONG", "short")})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%+v", shown); strings.Contains(got, "hunter") || !strings.Contains(got, "${TOKEN}") {
		t.Error(got)
	}
}
