package ec2

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/applier/aws/ec2"
	"github.com/scar-go/scar/internal/moto"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

func newService(t testing.TB) *Service {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := New(Config{DB: db, Account: "000000000000", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// client calls actions with parameters, each as name=value.
type client struct{ *ec2.Client }

func newClient(endpoint string) client {
	return client{ec2.New(aws.Config{Region: "us-east-1", BaseEndpoint: &endpoint, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})}
}

// answer has what any of the actions answers.
type answer struct {
	VPCs    []vpcInfo    `xml:"vpcSet>item"`
	VPC     vpcInfo      `xml:"vpc"`
	Subnets []subnetInfo `xml:"subnetSet>item"`
	Subnet  subnetInfo   `xml:"subnet"`
	Groups  []groupInfo  `xml:"securityGroupInfo>item"`
	groupInfo
	NextToken string `xml:"nextToken"`
}

type vpcInfo struct {
	ID   string `xml:"vpcId"`
	CIDR string `xml:"cidrBlock"`
}

type subnetInfo struct {
	ID        string `xml:"subnetId"`
	VPC       string `xml:"vpcId"`
	Zone      string `xml:"availabilityZone"`
	ZoneID    string `xml:"availabilityZoneId"`
	Addresses int    `xml:"availableIpAddressCount"`
}

type groupInfo struct {
	GroupID string `xml:"groupId"`
}

func (c client) do(ctx context.Context, action string, params ...string) (answer, error) {
	form := url.Values{}
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		form.Set(name, value)
	}
	var out answer
	err := c.Call(ctx, action, form, &out)
	return out, err
}

// must ends the test where an action fails.
func (c client) must(t *testing.T, action string, params ...string) answer {
	t.Helper()
	out, err := c.do(t.Context(), action, params...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func start(t *testing.T) (*Service, client) {
	t.Helper()
	s := newService(t)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, newClient(server.URL)
}

func code(err error) string {
	var api smithy.APIError
	var own *wire.Error
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &api):
		return api.ErrorCode()
	case errors.As(err, &own):
		return own.Code
	default:
		return err.Error()
	}
}

func TestTheDefaultVPCIsThereOnce(t *testing.T) {
	s, c := start(t)
	ctx := t.Context()
	vpcs := c.must(t, "DescribeVpcs", "Filter.1.Name=is-default", "Filter.1.Value.1=true").VPCs
	if len(vpcs) != 1 {
		t.Fatalf("%+v", vpcs)
	}
	id := vpcs[0].ID
	var zones, ids []string
	for _, n := range c.must(t, "DescribeSubnets", "Filter.1.Name=vpc-id", "Filter.1.Value.1="+id).Subnets {
		zones, ids = append(zones, n.Zone+" "+n.ZoneID), append(ids, n.ID)
	}
	slices.Sort(zones)
	if want := []string{"us-east-1a use1-az1", "us-east-1b use1-az2", "us-east-1c use1-az3"}; !slices.Equal(zones, want) {
		t.Errorf("zones %v", zones)
	}
	groups := c.must(t, "DescribeSecurityGroups", "Filter.1.Name=vpc-id", "Filter.1.Value.1="+id, "Filter.2.Name=group-name", "Filter.2.Value.1=def*").Groups
	if len(groups) != 1 {
		t.Fatalf("%+v", groups)
	}
	if got, err := s.CheckVPC(ctx, ids, []string{groups[0].GroupID}); got != id || err != nil {
		t.Errorf("VPC %s, %v", got, err)
	}
	for _, id := range ids {
		c.must(t, "DeleteSubnet", "SubnetId="+id)
	}
	c.must(t, "DeleteVpc", "VpcId="+id)
	again, err := New(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := all(again.vpcs); err != nil || len(left) != 0 {
		t.Errorf("the default VPC came back: %+v, %v", left, err)
	}
}

func TestCheckVPC(t *testing.T) {
	s, c := start(t)
	ctx := t.Context()
	made := map[string][2]string{} // subnet and group by name of the VPC
	for _, name := range []string{"a", "b"} {
		v := c.must(t, "CreateVpc", "CidrBlock=10.0.0.0/16").VPC.ID
		n := c.must(t, "CreateSubnet", "VpcId="+v, "CidrBlock=10.0.1.0/24").Subnet
		g := c.must(t, "CreateSecurityGroup", "VpcId="+v, "GroupName=g", "GroupDescription=d").GroupID
		made[name] = [2]string{n.ID, g}
		if n.Addresses != 251 {
			t.Errorf("%d addresses", n.Addresses)
		}
	}
	for _, q := range []struct {
		subnets, groups []string
		want            string
	}{
		{[]string{made["a"][0]}, []string{made["a"][1]}, "ok"},
		{[]string{made["a"][0], made["b"][0]}, []string{made["a"][1]}, "InvalidParameterValue"},
		{[]string{made["a"][0]}, []string{made["b"][1]}, "InvalidParameter"},
		{[]string{"subnet-0"}, []string{made["a"][1]}, "InvalidSubnetID.NotFound"},
		{[]string{made["a"][0]}, []string{"sg-0"}, "InvalidGroup.NotFound"},
	} {
		if _, err := s.CheckVPC(ctx, q.subnets, q.groups); code(err) != q.want {
			t.Errorf("%v %v: %v", q.subnets, q.groups, err)
		}
	}
}

func TestPages(t *testing.T) {
	_, c := start(t)
	v := c.must(t, "CreateVpc", "CidrBlock=10.0.0.0/16").VPC.ID
	for i := range 12 {
		c.must(t, "CreateSubnet", "VpcId="+v, fmt.Sprintf("CidrBlock=10.0.%d.0/24", i))
	}
	seen, sizes, params := map[string]bool{}, []int{}, []string{"MaxResults=5", "Filter.1.Name=vpc-id", "Filter.1.Value.1=" + v}
	for page := c.must(t, "DescribeSubnets", params...); ; page = c.must(t, "DescribeSubnets", append(params, "NextToken="+page.NextToken)...) {
		sizes = append(sizes, len(page.Subnets))
		for _, n := range page.Subnets {
			seen[n.ID] = true
		}
		if page.NextToken == "" || len(sizes) > 3 {
			break
		}
	}
	if len(seen) != 12 || !slices.Equal(sizes, []int{5, 5, 2}) {
		t.Errorf("%d subnets on pages of %d", len(seen), sizes)
	}
}

// TestConformance states what EC2 answers, and asks moto whether that is so.
func TestConformance(t *testing.T) {
	_, ours := start(t)
	t.Run("backend", func(t *testing.T) { conform(t, ours) })
	t.Run("moto", func(t *testing.T) { conform(t, newClient(moto.Serve(t))) })
}

func conform(t *testing.T, c client) {
	ctx := t.Context()
	id := c.must(t, "CreateVpc", "CidrBlock=10.1.0.0/16", "TagSpecification.1.ResourceType=vpc", "TagSpecification.1.Tag.1.Key=a", "TagSpecification.1.Tag.1.Value=b").VPC.ID
	n := c.must(t, "CreateSubnet", "VpcId="+id, "CidrBlock=10.1.0.0/24", "AvailabilityZone=us-east-1b").Subnet.ID
	g := c.must(t, "CreateSecurityGroup", "VpcId="+id, "GroupName=g", "GroupDescription=d").GroupID
	if tagged := c.must(t, "DescribeVpcs", "Filter.1.Name=tag:a", "Filter.1.Value.1=b").VPCs; len(tagged) != 1 || tagged[0] != (vpcInfo{id, "10.1.0.0/16"}) {
		t.Errorf("by tag: %+v", tagged)
	}
	if subnets := c.must(t, "DescribeSubnets", "SubnetId.1="+n).Subnets; len(subnets) != 1 || subnets[0].VPC != id || subnets[0].Zone != "us-east-1b" {
		t.Errorf("by id: %+v", subnets)
	}
	if groups := c.must(t, "DescribeSecurityGroups", "Filter.1.Name=vpc-id", "Filter.1.Value.1="+id).Groups; len(groups) != 2 {
		t.Errorf("a VPC has its default group and ours: %+v", groups)
	}
	for name, q := range map[string]struct {
		action string
		params []string
		want   string
	}{
		"absent subnet":  {"DescribeSubnets", []string{"SubnetId.1=subnet-00000000000000000"}, "InvalidSubnetID.NotFound"},
		"absent group":   {"DescribeSecurityGroups", []string{"GroupId.1=sg-00000000000000000"}, "InvalidGroup.NotFound"},
		"absent VPC":     {"CreateSubnet", []string{"VpcId=vpc-00000000000000000", "CidrBlock=10.1.1.0/24"}, "InvalidVpcID.NotFound"},
		"subnet outside": {"CreateSubnet", []string{"VpcId=" + id, "CidrBlock=10.2.0.0/24"}, "InvalidSubnet.Range"},
		"subnet twice":   {"CreateSubnet", []string{"VpcId=" + id, "CidrBlock=10.1.0.128/25"}, "InvalidSubnet.Conflict"},
		"no block":       {"CreateVpc", []string{"CidrBlock=10.0.0.0/33"}, "InvalidParameterValue"},
		"group twice":    {"CreateSecurityGroup", []string{"VpcId=" + id, "GroupName=g", "GroupDescription=d"}, "InvalidGroup.Duplicate"},
		"VPC in use":     {"DeleteVpc", []string{"VpcId=" + id}, "DependencyViolation"},
	} {
		if _, err := c.do(ctx, q.action, q.params...); code(err) != q.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.must(t, "DeleteSecurityGroup", "GroupId="+g)
	c.must(t, "DeleteSubnet", "SubnetId="+n)
	c.must(t, "DeleteVpc", "VpcId="+id)
}

func FuzzForm(f *testing.F) {
	s := newService(f)
	f.Add("Filter.1.Name=vpc-id&Filter.1.Value.1=[*&MaxResults=5&NextToken=eA")
	f.Add("CidrBlock=::/0&VpcId=x&GroupName=a&GroupDescription=b&TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=k")
	f.Fuzz(func(t *testing.T, text string) {
		form, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		for name, do := range s.Operations {
			_, err := do(context.Background(), form)
			var known *wire.Error
			if err != nil && !errors.As(err, &known) {
				t.Errorf("%s %q: %v", name, text, err)
			}
		}
	})
}
