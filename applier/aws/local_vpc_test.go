package aws

import (
	"slices"
	"testing"

	"github.com/scar-go/scar/applier/aws/ec2"
	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/planner"
)

// TestLocalFunctionInAVPC joins a function to the default VPC and mounts a file system, and takes it out again.
func TestLocalFunctionInAVPC(t *testing.T) {
	t.Parallel()
	a := startLocal(t, nil)
	var point, vpc string
	makeNetwork(t, a.cfg, func(about planner.Subject, name string, answer planner.Answer) {
		if about == planner.AboutAccessPoint {
			point, vpc = name, answer.VPC
		}
	})
	subnets, groups := networkOf(t, a, vpc)
	img := a.assembleFor(t, "grayify", "echo 1")
	c := a.cloud(Options{Images: map[string]*image.Image{img.Digest(): img}})
	repository := planner.Repository{Name: "scar/imaging", Tags: planner.Tags{"scar:project": "imaging"}}
	group := planner.LogGroup{Name: "/aws/lambda/grayify", Tags: planner.Tags{"scar:project": "imaging"}}
	role, inside := networkRole(), grayify()
	inside.Environment = map[string]string{"QUALITY": "80"}
	inside.Role, inside.Image = a.naming.RoleARN("imaging", role.Name), a.naming.ImageURI(repository.Name, img.Digest())
	outside := inside
	inside.Subnets, inside.SecurityGroups, inside.Mounts = subnets, groups, map[string]string{"/mnt/models": point}
	inside.LogFormat, inside.LogLevel, inside.SystemLogLevel = "JSON", "TRACE", "INFO"
	step(t, c, planner.Create, repository.Name, nil, repository)
	step(t, c, planner.Create, "grayify", nil, imageValue(t, img))
	step(t, c, planner.Create, group.Name, nil, group)
	step(t, c, planner.Create, role.Name, nil, role)
	step(t, c, planner.Create, inside.Name, nil, inside)
	step(t, c, planner.Update, inside.Name, inside, outside)
	step(t, c, planner.Update, inside.Name, outside, inside)
	step(t, c, planner.Delete, inside.Name, inside, nil)
}

// networkOf lists the subnets and the default security group of a VPC.
func networkOf(t *testing.T, a account, vpc string) (subnets, groups []string) {
	t.Helper()
	client := ec2.New(a.cfg)
	found, err := client.Subnets(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range found {
		if s.VPC == vpc {
			subnets = append(subnets, s.ID)
		}
	}
	all, err := client.SecurityGroups(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		if g.VPC == vpc {
			groups = append(groups, g.ID)
		}
	}
	slices.Sort(subnets)
	slices.Sort(groups)
	return subnets, groups[:1]
}

func networkRole() planner.Role {
	role := testRole()
	allow := func(sid string, actions ...string) planner.Statement {
		return planner.Statement{Sid: sid, Effect: "Allow", Action: actions, Resource: planner.StringList{"*"}}
	}
	role.Policy = planner.Policy{Version: "2012-10-17", Statements: []planner.Statement{
		allow("Files", "elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"),
		allow("Network", "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
			"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"),
	}}
	return role
}
