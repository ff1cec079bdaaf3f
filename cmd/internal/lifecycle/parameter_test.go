package lifecycle

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/clock"
)

const withSecret = `
project: imaging
functions:
  grayify:
    image: LAYOUT/
    run: printf %s "$TOKEN" > "$TMP_OUTPUT_DIR/said"
    memory: 128
    secrets: {TOKEN: "${TOKEN}"}
    input: [s3://photos/in/]
    output: [s3://photos/said/]
`

const tokenParameter = "/scar/imaging/grayify/TOKEN"

// TestASecretOfTheFile takes one through its life from the command line: scar is killed as it is written, changed and deleted,
// the function has it, changes by hand are undone, and nothing but the parameter ever holds it.
func TestASecretOfTheFile(t *testing.T) {
	t.Parallel()
	const first, second, third = "correct-horse-1", "correct-horse-2", "correct-horse-3"
	w := openWorld(t, t.TempDir(), nil, clock.Real{})
	c := newCLI(t)
	c.env = append(c.env,
		"AWS_ENDPOINT_URL="+*w.config.BaseEndpoint, "AWS_REGION="+local.DefaultRegion,
		"AWS_ACCESS_KEY_ID="+local.AdminAccessKey, "AWS_SECRET_ACCESS_KEY="+local.AdminSecretKey)
	c.write("func.yaml", strings.ReplaceAll(withSecret, "LAYOUT", busyboxLayout(t)))
	var said strings.Builder
	scar := func(args ...string) string {
		t.Helper()
		out := c.run("scar", args...)
		said.WriteString(out)
		return out
	}
	environment := c.env
	token := func(value string) { c.env = append(environment[:len(environment):len(environment)], "TOKEN="+value) }
	kill := func(operation string, args ...string) {
		t.Helper()
		if !c.killAt(w, operation, 1, true, args...) {
			t.Fatalf("scar ended before it was killed at %s", operation)
		}
	}

	token(first)
	kill("ssm:PutParameter", "apply", "--auto-approve")
	scar("apply", "--auto-approve")
	scar("plan", "--detailed-exitcode")
	if got := w.say(t, "one"); got != first {
		t.Errorf("the script has %q", got)
	}

	token(second)
	out := scar("plan")
	if !strings.Contains(out, "parameter/"+tokenParameter+" will be changed") || !strings.Contains(out, "0 to add, 1 to change, 0 to destroy") {
		t.Errorf("another secret changes\n%s", out)
	}
	scar("plan", "--json")
	scar("plan", "--out", "saved.json")
	saved, err := os.ReadFile(filepath.Join(c.dir, "saved.json"))
	if err != nil {
		t.Fatal(err)
	}
	said.Write(saved)
	token(third)
	if out, err := c.try("scar", "apply", "saved.json"); err == nil || !strings.Contains(out, "plan again") {
		t.Errorf("a saved plan was applied with another secret: %v\n%s", err, out)
	} else {
		said.WriteString(out)
	}
	token(second)
	kill("ssm:PutParameter", "apply", "saved.json")
	scar("apply", "--auto-approve")
	scar("plan", "--detailed-exitcode")

	for name, change := range w.parameterByHand() {
		w.must(change())
		if out, err := c.try("scar", "plan", "--detailed-exitcode"); err == nil || !strings.Contains(out, "parameter/"+tokenParameter) {
			t.Errorf("%s: the plan does not show it: %v\n%s", name, err, out)
		}
		scar("apply", "--auto-approve")
		scar("plan", "--detailed-exitcode")
		if got := w.tokenNow(t); got.Type != types.ParameterTypeSecureString || *got.Value != second {
			t.Errorf("%s: it is a %s", name, got.Type)
		}
	}

	kill("ssm:DeleteParameter", "destroy", "--auto-approve")
	scar("destroy", "--auto-approve")
	left, err := ssm.NewFromConfig(w.config).GetParametersByPath(t.Context(), &ssm.GetParametersByPathInput{Path: sdk.String("/scar/"), Recursive: sdk.Bool(true)})
	w.must(err)
	if len(left.Parameters) > 0 {
		t.Errorf("left: %v", left.Parameters)
	}
	if strings.Contains(said.String(), "correct-horse") {
		t.Errorf("the secret shows:\n%s", said.String())
	}
}

// say has the function work on a file, and returns what its script wrote.
func (w *world) say(t *testing.T, name string) string {
	t.Helper()
	_, err := w.s3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: sdk.String("photos"), Key: sdk.String("in/" + name), Body: bytes.NewReader(nil)})
	w.must(err)
	eventually(t, "the result", func() bool { return len(w.list("photos", "said/")) == 1 })
	out, err := w.s3().GetObject(t.Context(), &s3.GetObjectInput{Bucket: sdk.String("photos"), Key: sdk.String("said/said")})
	w.must(err)
	content, err := io.ReadAll(out.Body)
	w.must(err)
	w.must(out.Body.Close())
	return string(content)
}

// parameterByHand are the changes that somebody may make to the parameter.
func (w *world) parameterByHand() map[string]func() error {
	client, ctx, name := ssm.NewFromConfig(w.config), w.t.Context(), sdk.String(tokenParameter)
	remove := func() error {
		_, err := client.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: name})
		return err
	}
	return map[string]func() error{
		"deleted": remove,
		"another value": func() error {
			_, err := client.PutParameter(ctx, &ssm.PutParameterInput{Name: name, Value: sdk.String("by hand"), Overwrite: sdk.Bool(true)})
			return err
		},
		"for all to read": func() error {
			value := w.tokenNow(w.t).Value
			if err := remove(); err != nil {
				return err
			}
			_, err := client.PutParameter(ctx, &ssm.PutParameterInput{Name: name, Type: types.ParameterTypeString, Value: value,
				Tags: []types.Tag{{Key: sdk.String("scar:project"), Value: sdk.String("imaging")}}})
			return err
		},
		"without a tag": func() error {
			_, err := client.RemoveTagsFromResource(ctx, &ssm.RemoveTagsFromResourceInput{
				ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: name, TagKeys: []string{"scar:function"}})
			return err
		},
	}
}

func (w *world) tokenNow(t testing.TB) types.Parameter {
	t.Helper()
	out, err := ssm.NewFromConfig(w.config).GetParameter(t.Context(), &ssm.GetParameterInput{Name: sdk.String(tokenParameter), WithDecryption: sdk.Bool(true)})
	w.must(err)
	return *out.Parameter
}
