package lifecycle

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scar-go/scar/internal/localtest"
	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/lambda"
)

// newExample copies an example into a folder of its own, without the images that it has been given by hand.
func newExample(t testing.TB, name string) *cli {
	t.Helper()
	c := newCLI(t)
	from := filepath.Join(root, "examples", name)
	err := filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) == ".tar" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		c.write(below, string(content))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// files are the arguments that name func.yaml and what lies over it.
func files(overlays ...string) []string {
	args := []string{"-f", "func.yaml"}
	for _, name := range overlays {
		args = append(args, "-f", name)
	}
	return args
}

// converge takes a file as far as an account can: valid, planned, applied, and nothing left to do.
func (c *cli) converge(overlays ...string) {
	c.t.Helper()
	of := files(overlays...)
	c.run("scar", append([]string{"validate"}, of...)...)
	c.run("scar", append([]string{"apply", "--local", "--auto-approve"}, of...)...)
	if out, err := c.try("scar", append([]string{"plan", "--local", "--detailed-exitcode"}, of...)...); err != nil {
		c.t.Fatalf("there is something to do after an apply of %s: %v\n%s", of, err, out)
	}
}

// leaveNothing destroys the project and asks the AWS CLI what is left: buckets, which it never destroys unasked, and nothing else.
func (c *cli) leaveNothing() {
	c.t.Helper()
	c.run("scar", "destroy", "--local", "--auto-approve")
	for list, query := range map[string]string{
		"lambda list-functions":             "Functions",
		"lambda list-event-source-mappings": "EventSourceMappings",
		"iam list-roles":                    "Roles[?starts_with(Path, '/scar/')]",
		"ecr describe-repositories":         "repositories",
		"logs describe-log-groups":          "logGroups",
		"sqs list-queues":                   "QueueUrls || `[]`",
		"scheduler list-schedules":          "Schedules",
		"scheduler list-schedule-groups":    "ScheduleGroups[?Name != 'default']",
		"apigatewayv2 get-apis":             "Items",
	} {
		if out := strings.TrimSpace(c.run("aws", append(strings.Fields(list), "--output", "json", "--query", query)...)); out != "[]" {
			c.t.Errorf("after destroy, aws %s lists %s", list, out)
		}
	}
}

// outputs are the addresses and ARNs that scar prints, by resource.
func (c *cli) outputs() map[string]map[string]string {
	c.t.Helper()
	var outputs map[string]map[string]string
	if err := json.Unmarshal([]byte(c.run("scar", "outputs", "--local", "--json")), &outputs); err != nil {
		c.t.Fatal(err)
	}
	return outputs
}

// ask runs the AWS CLI and reads what it prints.
func (c *cli) ask(answer any, args ...string) {
	c.t.Helper()
	if err := json.Unmarshal([]byte(c.run("aws", append(args, "--output", "json")...)), answer); err != nil {
		c.t.Fatalf("aws %s: %v", strings.Join(args, " "), err)
	}
}

// ended are the invocations that have ended, as a backend tells of them.
type ended struct {
	mu   sync.Mutex
	now  *clock.Virtual
	all  []lambda.Invocation
	when []time.Time
}

func (e *ended) add(i lambda.Invocation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all, e.when = append(e.all, i), append(e.when, e.now.Now())
}

// list returns the invocations and when each had ended.
func (e *ended) list() ([]lambda.Invocation, []time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]lambda.Invocation{}, e.all...), append([]time.Time{}, e.when...)
}

// upAtWill serves what scar local up serves, in this process, with a clock that only the test moves: from the machine's time, since
// programs sign with that and may not be more than a quarter of an hour off.
func (c *cli) upAtWill() (*clock.Virtual, *ended) {
	c.t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		c.t.Fatal(err)
	}
	now := clock.NewVirtual(time.Now())
	seen := &ended{now: now}
	state := c.variable("SCAR_STATE_DIR")
	endpoint := localtest.Serve(c.t, local.Options{
		Dir: state, Cache: filepath.Join(cache, "scar", "images"), Clock: now, OnDone: seen.add,
	})
	announced, err := json.Marshal(map[string]string{"endpoint": endpoint, "region": local.DefaultRegion})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(state, "endpoint.json"), announced, 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.env = append(c.env,
		"AWS_ENDPOINT_URL="+endpoint, "AWS_REGION="+local.DefaultRegion, "AWS_DEFAULT_REGION="+local.DefaultRegion,
		"AWS_ACCESS_KEY_ID="+local.AdminAccessKey, "AWS_SECRET_ACCESS_KEY="+local.AdminSecretKey)
	return now, seen
}
