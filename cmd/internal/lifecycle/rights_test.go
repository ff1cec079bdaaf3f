package lifecycle

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// trespassers are two functions that try the same: what a plain one may, what one with every feature may, and more.
const trespassers = `
project: imaging
defaults:
  image: ./busybox.tar
  run: $EXTRA_PAYLOAD/trespass > $TMP_OUTPUT_DIR/report.txt
  files: [trespass]
  timeout: 60
  env: {ACCOUNT: "000000000000"}
functions:
  trespass:
    input: [s3://photos/in/]
    output: [s3://photos/out/]
  featured:
    input: [s3://photos/featured/]
    output: [s3://photos/results/]
    queue: true
    schedule: rate(30 days)
    http: true
    secrets: {TOKEN: "ssm:/imaging/token", DB: "secretsmanager:imaging/db"}
    on_failure: s3://failed
    vpc: {subnets: [SUBNET], security_groups: [GROUP]}
`

// TestRoleAllowsNothingElse runs a program that tries, in a plain function and in one with every feature.
func TestRoleAllowsNothingElse(t *testing.T) {
	c := newCLI(t)
	c.debianImage("busybox.tar", "busybox-static")
	build := exec.Command("go", "build", "-o", filepath.Join(c.dir, "trespass"), "./testdata/trespass")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build trespass: %v\n%s", err, out)
	}
	c.up()
	for _, name := range []string{"/imaging/token", "/imaging/other"} {
		c.run("aws", "ssm", "put-parameter", "--name", name, "--value", "x", "--type", "SecureString")
	}
	for _, name := range []string{"imaging/db", "imaging/other"} {
		c.run("aws", "secretsmanager", "create-secret", "--name", name, "--secret-string", "x")
	}
	c.run("aws", "sns", "create-topic", "--name", "theirs")
	subnet := c.run("aws", "ec2", "describe-subnets", "--query", "Subnets[0].SubnetId", "--output", "text")
	group := c.run("aws", "ec2", "describe-security-groups", "--query", "SecurityGroups[0].GroupId", "--output", "text")
	c.write("func.yaml", strings.NewReplacer("SUBNET", strings.TrimSpace(subnet), "GROUP", strings.TrimSpace(group)).Replace(trespassers))
	c.run("scar", "apply", "--local", "--auto-approve")
	c.write("file.txt", "x")
	c.run("aws", "s3", "mb", "s3://others")
	for _, to := range []string{"s3://photos/private/secret.txt", "s3://others/secret.txt", "s3://photos/in/file.txt", "s3://photos/featured/file.txt"} {
		c.run("aws", "s3", "cp", "file.txt", to)
	}
	for prefix, allowed := range map[string][]string{
		"out": {"read input", "write output", "list input"},
		"results": {
			"report failure", "list failures", "take messages", "look at the queue", "read parameter", "read secret",
		},
	} {
		eventually(t, "the report in "+prefix, func() bool {
			_, err := c.try("aws", "s3", "cp", "s3://photos/"+prefix+"/report.txt", prefix+".txt")
			return err == nil
		})
		report, err := os.ReadFile(filepath.Join(c.dir, prefix+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		tries := strings.Split(strings.TrimSpace(string(report)), "\n")
		for _, try := range tries {
			name, outcome, _ := strings.Cut(try, ": ")
			if want := map[bool]string{true: "allowed", false: "denied"}[slices.Contains(allowed, name)]; outcome != want {
				t.Errorf("%s: %s is %s, want %s", prefix, name, outcome, want)
			}
		}
		if len(tries) != 38 {
			t.Errorf("%d tries were made:\n%s", len(tries), report)
		}
	}
}
