package lifecycle

import (
	"io"
	"log"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/scar-go/scar/internal/moto"
)

// TestMotoAgrees takes the example through its life on moto, which is not of our making. Its ECR has no
// registry protocol, so blobs go to a registry beside it.
func TestMotoAgrees(t *testing.T) {
	endpoint := moto.Serve(t)
	blobs := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer blobs.Close()

	c := newCLI(t)
	c.env = append(c.env,
		"AWS_ENDPOINT_URL="+endpoint, "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"SCAR_ECR_REGISTRY="+strings.TrimPrefix(blobs.URL, "http://"))
	example, err := filepath.Abs(filepath.Join(root, "examples", "imagemagick"))
	if err != nil {
		t.Fatal(err)
	}
	c.run("cp", filepath.Join(example, "func.yaml"), filepath.Join(example, "grayify.sh"), c.dir)
	c.debianImage("imagemagick.tar", "imagemagick")

	c.run("scar", "apply", "--auto-approve")
	if out, err := c.try("scar", "plan", "--detailed-exitcode"); err != nil {
		t.Fatalf("there is something to do after apply: %v\n%s", err, out)
	}
	c.run("sed", "-i", "s/memory: 1024/memory: 2048/; s/To grayscale/To gray/", "func.yaml")
	c.run("scar", "apply", "--auto-approve")
	if out, err := c.try("scar", "plan", "--detailed-exitcode"); err != nil {
		t.Fatalf("there is something to do after an update: %v\n%s", err, out)
	}
	c.run("scar", "destroy", "--auto-approve", "--delete-buckets")
	for _, list := range [][]string{
		{"lambda", "list-functions", "--query", "Functions"},
		{"iam", "list-roles", "--path-prefix", "/scar/", "--query", "Roles"},
		{"ecr", "describe-repositories", "--query", "repositories"},
		{"logs", "describe-log-groups", "--query", "logGroups"},
		{"s3api", "list-buckets", "--query", "Buckets"},
	} {
		if out := strings.TrimSpace(c.run("aws", list...)); out != "[]" {
			t.Errorf("after destroy, aws %s lists %s", strings.Join(list, " "), out)
		}
	}
}
