package planner

import (
	"strings"
	"testing"
)

func TestRoleNameFitsIAM(t *testing.T) {
	long := strings.Repeat("f", 64)
	for _, c := range []struct{ function, region, want string }{
		{"grayify", "eu-west-1", "scar-grayify-eu-west-1"},
		{long, "ap-southeast-1", ""},
	} {
		got := RoleName(c.function, c.region)
		if len(got) > maxRoleName {
			t.Errorf("RoleName(%s, %s) has %d characters", c.function, c.region, len(got))
		}
		if c.want != "" && got != c.want {
			t.Errorf("RoleName(%s, %s) = %s, want %s", c.function, c.region, got, c.want)
		}
	}
	if RoleName(long, "eu-west-1") == RoleName(long[:63]+"g", "eu-west-1") {
		t.Error("two functions share a role")
	}
}

func TestOwnsRule(t *testing.T) {
	arn := func(function string) string { return "arn:aws:lambda:eu-west-1:123456789012:function:" + function }
	id := RuleID("imaging", "gray", "photos", "in/", "", nil)
	for _, c := range []struct {
		name, project, id, target string
		want                      bool
	}{
		{"ours", "imaging", id, arn("gray"), true},
		{"ours by alias", "imaging", id, arn("gray") + ":live", true},
		{"our id, another's function", "imaging", id, arn("theirs"), false},
		{"our id, a queue", "imaging", id, "arn:aws:sqs:eu-west-1:123456789012:gray", false},
		{"a project whose name begins with ours", "imag", id, arn("gray"), false},
		{"names with dashes: project a, function b-c", "a", RuleID("a", "b-c", "x", "", "", nil), arn("b-c"), true},
		{"names with dashes: not project a-b", "a-b", RuleID("a", "b-c", "x", "", "", nil), arn("b-c"), false},
		{"more behind the hash", "imaging", id + "-copy", arn("gray"), false},
		{"no hash", "imaging", "scar-imaging-gray-", arn("gray"), false},
	} {
		if got := OwnsRule(c.project, Trigger{ID: c.id, Target: c.target}); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestOwnsStatement(t *testing.T) {
	for _, c := range []struct {
		project, id string
		want        bool
	}{
		{"imaging", StatementID("imaging", "my.photos"), true},
		{"imag", StatementID("imaging", "my.photos"), false},
		{"imaging", "scar-imaging-s3-", false},
		{"imaging", "AllowS3", false},
	} {
		if got := OwnsStatement(c.project, c.id); got != c.want {
			t.Errorf("OwnsStatement(%s, %s) = %v", c.project, c.id, got)
		}
	}
	if id := StatementID(strings.Repeat("p", 32), "a.b"); len(id) > 100 || strings.Contains(id, ".") {
		t.Errorf("statement id %q is not one that Lambda takes", id)
	}
}

func TestNamingInPartitions(t *testing.T) {
	for _, c := range []struct{ region, function, host string }{
		{"eu-west-1", "arn:aws:lambda:eu-west-1:1:function:f", "1.dkr.ecr.eu-west-1.amazonaws.com"},
		{"cn-north-1", "arn:aws-cn:lambda:cn-north-1:1:function:f", "1.dkr.ecr.cn-north-1.amazonaws.com.cn"},
		{"us-gov-west-1", "arn:aws-us-gov:lambda:us-gov-west-1:1:function:f", "1.dkr.ecr.us-gov-west-1.amazonaws.com"},
	} {
		n := Naming{Partition: PartitionOf(c.region), Account: "1", Region: c.region}
		if got := n.FunctionARN("f"); got != c.function {
			t.Errorf("function ARN %s, want %s", got, c.function)
		}
		if got := n.RegistryHost(); got != c.host {
			t.Errorf("registry %s, want %s", got, c.host)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add("function/grayify")
	f.Add("trigger/photos/scar-imaging-grayify-00000000")
	f.Add("log_group//aws/lambda/x")
	f.Add("/")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err == nil && a.String() != s {
			t.Errorf("%q reads as %q", s, a)
		}
	})
}

func TestEveryKindIsRankedAndMade(t *testing.T) {
	for i, k := range Kinds() {
		if k.rank() != i {
			t.Errorf("%s ranks %d, is shown at %d", k, k.rank(), i)
		}
		if v := zeroValue(k); v == nil || v.Kind() != k {
			t.Errorf("%s: its zero value is %#v", k, v)
		}
	}
}

func TestDiffOfTwoKinds(t *testing.T) {
	fields := Diff(LogGroup{Name: "a"}, Bucket{Name: "a"})
	if len(fields) != 2 || fields[0].Before != "a" || fields[1].After != "a" {
		t.Errorf("got %v", fields)
	}
}

// FuzzOwnerOfRule reads whose rules are from ids that anybody may have written, and finds scar's own again.
func FuzzOwnerOfRule(f *testing.F) {
	f.Add("imaging", "grayify", "scar-imaging-grayify-00000000", "arn:aws:lambda:eu-west-1:123456789012:function:grayify")
	f.Add("a-b", "c-d", "scar--0000000a", "arn:aws:sqs:eu-west-1:123456789012:scar-a-b_c-d")
	f.Add("x", "f"+strings.Repeat("y", 80), "scar-x", "arn:aws:lambda:::function:")
	f.Fuzz(func(t *testing.T, project, function, id, target string) {
		if owner := ownerOfRule(Trigger{ID: id, Target: target}); owner.Project == "" && owner.Function != "" {
			t.Errorf("%q on %q is the function %q's of no project", id, target, owner.Function)
		}
		if !validName(project) || !validName(function) {
			return
		}
		ruleID := RuleID(project, function, "bucket", "", "", nil)
		for _, target := range []string{testNaming.FunctionARN(function), testNaming.FunctionARN(function) + ":live", testNaming.QueueARN(QueueName(project, function))} {
			if got := ownerOfRule(Trigger{ID: ruleID, Target: target}); got != (Owner{project, function}) {
				t.Errorf("%q on %q is %+v's", ruleID, target, got)
			}
		}
	})
}

// validName says whether a name has only what the names of projects and functions can have.
func validName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && name[0] != '-'
}
