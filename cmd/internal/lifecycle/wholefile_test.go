package lifecycle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scar-go/scar/local"
)

// TestTheWholeFileFromTheCommandLine takes the file with every key through its life as users do.
func TestTheWholeFileFromTheCommandLine(t *testing.T) {
	w, c := newWorld(t), newCLI(t)
	variables := w.surroundings()
	before := w.inventory()
	variables["IMAGE"] = baseLayout(t, "amd64") + "/"
	for name, value := range variables {
		c.env = append(c.env, name+"="+value)
	}
	c.write("aws", strings.Join([]string{
		"[profile whole]", "aws_access_key_id = " + local.AdminAccessKey, "aws_secret_access_key = " + local.AdminSecretKey,
		"endpoint_url = " + *w.config.BaseEndpoint, "",
	}, "\n"))
	c.env = append(c.env, "AWS_CONFIG_FILE="+filepath.Join(c.dir, "aws"))
	if err := os.CopyFS(filepath.Join(c.dir, "whole"), os.DirFS(filepath.Dir(wholeFile))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("whole", "func.yaml")
	out := c.run("scar", "apply", "-f", file, "--auto-approve")
	if !strings.Contains(out, "everybody who knows the address can call it") {
		t.Errorf("apply does not say that the URL is open:\n%s", out)
	}
	if out, err := c.try("scar", "plan", "-f", file, "--detailed-exitcode"); err != nil {
		t.Fatalf("there is something to do after an apply: %v\n%s", err, out)
	}
	if out := c.run("scar", "outputs", "-f", file, "--json"); strings.Count(out, "http://") < 3 {
		t.Errorf("not every address is told: %s", out)
	}
	c.run("scar", "destroy", "-f", file, "--auto-approve", "--delete-buckets", "--drain", "0")
	w.sameAs(before)
}
