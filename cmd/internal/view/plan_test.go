package view

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/planner"
)

var update = flag.Bool("update", false, "write the golden files anew")

func digestOf(c string) string { return "sha256:" + strings.Repeat(c, 64) }

// everything is a plan with each kind of resource and each action.
func everything() *planner.Plan {
	function := planner.Function{
		Name: "grayify", PackageType: "Image", Image: "000000000000.dkr.ecr.eu-west-1.amazonaws.com/scar/imaging@" + digestOf("a"),
		Role: "arn:aws:iam::000000000000:role/scar/imaging/scar-grayify-eu-west-1", Memory: 512, Timeout: 300, EphemeralStorage: 512,
		Architecture: "x86_64", Environment: map[string]string{"QUALITY": "80", "API_TOKEN": "hunter2"},
		LogGroup: "/aws/lambda/grayify", LogFormat: "Text", Concurrency: planner.Unreserved, Tags: planner.Tags{"scar:project": "imaging", "scar:function": "grayify"},
	}
	changed := function
	changed.Memory, changed.Environment = 1024, map[string]string{"QUALITY": "90", "API_TOKEN": "hunter3", "NEW": "x\x1b[2J"}
	trust := planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{{
		Effect: "Allow", Principal: planner.StringLists{"Service": {"lambda.amazonaws.com"}}, Action: planner.StringList{"sts:AssumeRole"},
	}}}
	read := planner.Statement{Sid: "Read0", Effect: "Allow", Action: planner.StringList{"s3:GetObject"}, Resource: planner.StringList{"arn:aws:s3:::photos/in/*"}}
	list := planner.Statement{
		Sid: "List0", Effect: "Allow", Action: planner.StringList{"s3:ListBucket"}, Resource: planner.StringList{"arn:aws:s3:::photos"},
		Condition: planner.Conditions{"StringLike": {"s3:prefix": {"in/*"}}},
	}
	more := read
	more.Resource = planner.StringList{"arn:aws:s3:::photos/in/*", "arn:aws:s3:::photos/raw/*"}
	role := planner.Role{Name: "scar-grayify-eu-west-1", Path: "/scar/imaging/", Trust: trust, Policy: planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{list, read}}}
	otherRole := role
	otherRole.Policy = planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{more, {Sid: "Write0", Effect: "Allow", Action: planner.StringList{"s3:PutObject"}, Resource: planner.StringList{"arn:aws:s3:::photos/out/*"}}}}
	image := func(job string) planner.Image {
		return planner.Image{Repository: "scar/imaging", Tag: "grayify", Digest: digestOf(job), Parts: planner.Parts{Base: "b", Runtime: "r", Files: "f", Script: "s" + job, Job: "j"}}
	}
	at := func(k planner.Kind, name string) planner.Address { return planner.Address{Kind: k, Name: name} }
	return &planner.Plan{
		Project: "imaging", Account: "000000000000", Region: "eu-west-1",
		Changes: []planner.Change{
			{Address: at(planner.KindBucket, "foreign"), Action: planner.NoOp, Reason: planner.ReasonForeign, Before: planner.Bucket{Name: "foreign"}, After: planner.Bucket{Name: "foreign"}},
			{Address: at(planner.KindBucket, "old"), Action: planner.Retain, Reason: planner.ReasonKept, Before: planner.Bucket{Name: "old"}},
			{Address: at(planner.KindBucket, "photos"), Action: planner.Create, Reason: planner.ReasonAbsent, After: planner.Bucket{Name: "photos", Region: "eu-west-1", Tags: planner.Tags{"scar:project": "imaging"}}},
			{Address: at(planner.KindImage, "grayify"), Action: planner.Update, Reason: planner.ReasonDiffers, Before: image("1"), After: image("2"), Fields: []planner.Field{
				{Path: "digest", Before: digestOf("1"), After: digestOf("2")}, {Path: "parts.script", Before: "s1", After: "s2"},
			}},
			{Address: at(planner.KindLogGroup, "/aws/lambda/grayify"), Action: planner.Adopt, Reason: planner.ReasonAdopted, Before: planner.LogGroup{Name: "/aws/lambda/grayify"}, After: planner.LogGroup{Name: "/aws/lambda/grayify", RetentionDays: 30}, Fields: []planner.Field{
				{Path: "retention_days", Before: 0, After: 30}, {Path: "tags[scar:project]", After: "imaging"},
			}},
			{Address: at(planner.KindRole, "scar-blur-eu-west-1"), Action: planner.Create, Reason: planner.ReasonAbsent, After: role},
			{Address: at(planner.KindRole, "scar-grayify-eu-west-1"), Action: planner.Update, Reason: planner.ReasonDiffers, Before: role, After: otherRole, Fields: []planner.Field{{Path: "policy", Before: role.Policy, After: otherRole.Policy}}},
			{Address: at(planner.KindFunction, "blur"), Action: planner.Replace, Reason: planner.ReasonCannotUpdate, Before: function, After: function, Fields: []planner.Field{{Path: "package_type", Before: "Zip", After: "Image", Replace: true}}},
			{Address: at(planner.KindFunction, "grayify"), Action: planner.Update, Reason: planner.ReasonDiffers, Before: function, After: changed, Fields: []planner.Field{
				{Path: "memory", Before: 512, After: 1024},
				{Path: "environment[API_TOKEN]", Before: "hunter2", After: "hunter3"},
				{Path: "environment[NEW]", After: "x\x1b[2J"},
				{Path: "environment[QUALITY]", Before: "80", After: "90"},
			}},
			{Address: at(planner.KindFunction, "new"), Action: planner.Create, Reason: planner.ReasonAbsent, After: function},
			{Address: at(planner.KindFunction, "sepia"), Action: planner.Delete, Reason: planner.ReasonNotInFile, Before: function},
			{Address: at(planner.KindPermission, "new/scar-imaging-s3-01234567"), Action: planner.Create, Reason: planner.ReasonAbsent, After: planner.Permission{Function: "new", StatementID: "scar-imaging-s3-01234567", Action: "lambda:InvokeFunction", Principal: "s3.amazonaws.com", SourceARN: "arn:aws:s3:::photos", SourceAccount: "000000000000"}},
			{Address: at(planner.KindTrigger, "photos/scar-imaging-new-01234567"), Action: planner.Create, Reason: planner.ReasonAbsent, After: planner.Trigger{Bucket: "photos", ID: "scar-imaging-new-01234567", Target: "arn:aws:lambda:eu-west-1:000000000000:function:new", Events: []string{"s3:ObjectCreated:*"}, Prefix: "in/"}},
		},
		Warnings: []planner.Warning{{Address: at(planner.KindTrigger, "photos/scar-imaging-new-01234567"), Message: "function/other of project lab writes below the prefix"}},
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with: go test -update)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (write it anew with: go test -update):\n%s", path, diff)
	}
}

// unchanged is a plan of what is there and as it should be.
func unchanged() *planner.Plan {
	p := &planner.Plan{Project: "imaging", Account: "000000000000", Region: "eu-west-1"}
	group := planner.LogGroup{Name: "/aws/lambda/new", RetentionDays: 30}
	p.Changes = []planner.Change{{
		Address: planner.Address{Kind: planner.KindLogGroup, Name: group.Name}, Action: planner.NoOp, Before: group, After: group,
	}}
	return p
}

func TestPlan(t *testing.T) {
	for name, c := range map[string]struct {
		plan   *planner.Plan
		format Format
		color  bool
	}{
		"plan.txt":       {everything(), Human, false},
		"plan-color.txt": {everything(), Human, true},
		"plan.json":      {everything(), JSON, false},
		"plan.md":        {everything(), Markdown, false},
		"triggered.txt":  {triggered(), Human, false},
		"triggered.md":   {triggered(), Markdown, false},
		"triggered.json": {triggered(), JSON, false},
		"empty.txt":      {unchanged(), Human, false},
		"empty.md":       {unchanged(), Markdown, false},
		"nothing.txt":    {&planner.Plan{Project: "imaging", Account: "000000000000", Region: "eu-west-1"}, Human, false},
	} {
		t.Run(name, func(t *testing.T) {
			var out, err bytes.Buffer
			s := &Streams{Out: &out, Err: &err, OutColor: c.color, ErrColor: c.color}
			if e := Plan(s, c.format, c.plan); e != nil {
				t.Fatal(e)
			}
			golden(t, name, out.Bytes())
			if len(c.plan.Warnings) > 0 && !strings.Contains(err.String(), "warning:") {
				t.Errorf("no warning on standard error: %q", err.String())
			}
			for _, secret := range []string{"hunter2", "hunter3"} {
				if strings.Contains(out.String(), secret) {
					t.Errorf("the plan shows %s", secret)
				}
			}
			if !c.color && strings.Contains(out.String(), "\x1b") {
				t.Error("the plan holds an escape")
			}
		})
	}
}
