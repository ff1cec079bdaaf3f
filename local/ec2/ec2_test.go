package ec2

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

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

func newClient(endpoint string) *ec2.Client {
	return ec2.New(ec2.Options{Region: "us-east-1", BaseEndpoint: &endpoint, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
}

func start(t *testing.T) (*Service, *ec2.Client) {
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
	vpcs, err := c.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: []types.Filter{{Name: aws.String("is-default"), Values: []string{"true"}}}})
	if err != nil || len(vpcs.Vpcs) != 1 {
		t.Fatalf("%+v, %v", vpcs, err)
	}
	id := vpcs.Vpcs[0].VpcId
	ofVPC := []types.Filter{{Name: aws.String("vpc-id"), Values: []string{*id}}}
	subnets, err := c.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: ofVPC})
	if err != nil {
		t.Fatal(err)
	}
	var zones, ids []string
	for _, n := range subnets.Subnets {
		zones, ids = append(zones, *n.AvailabilityZone+" "+*n.AvailabilityZoneId), append(ids, *n.SubnetId)
	}
	slices.Sort(zones)
	if want := []string{"us-east-1a use1-az1", "us-east-1b use1-az2", "us-east-1c use1-az3"}; !slices.Equal(zones, want) {
		t.Errorf("zones %v", zones)
	}
	groups, err := c.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: append(ofVPC, types.Filter{Name: aws.String("group-name"), Values: []string{"def*"}})})
	if err != nil || len(groups.SecurityGroups) != 1 {
		t.Fatalf("%+v, %v", groups, err)
	}
	if got, err := s.CheckVPC(ctx, ids, []string{*groups.SecurityGroups[0].GroupId}); got != *id || err != nil {
		t.Errorf("VPC %s, %v", got, err)
	}
	for _, id := range ids {
		if _, err := c.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &id}); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: id}); err != nil {
		t.Error(err)
	}
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
		v, err := c.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
		if err != nil {
			t.Fatal(err)
		}
		n, err := c.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: v.Vpc.VpcId, CidrBlock: aws.String("10.0.1.0/24")})
		if err != nil {
			t.Fatal(err)
		}
		g, err := c.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: v.Vpc.VpcId, GroupName: aws.String("g"), Description: aws.String("d")})
		if err != nil {
			t.Fatal(err)
		}
		made[name] = [2]string{*n.Subnet.SubnetId, *g.GroupId}
		if *n.Subnet.AvailableIpAddressCount != 251 {
			t.Errorf("%d addresses", *n.Subnet.AvailableIpAddressCount)
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
	ctx := t.Context()
	v, err := c.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		if _, err := c.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: v.Vpc.VpcId, CidrBlock: aws.String(fmt.Sprintf("10.0.%d.0/24", i))}); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	p := ec2.NewDescribeSubnetsPaginator(c, &ec2.DescribeSubnetsInput{MaxResults: aws.Int32(5),
		Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{*v.Vpc.VpcId}}}})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page.Subnets {
			seen[*n.SubnetId] = true
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d subnets", len(seen))
	}
}

// TestConformance states what EC2 answers, and asks moto whether that is so.
func TestConformance(t *testing.T) {
	_, ours := start(t)
	t.Run("backend", func(t *testing.T) { conform(t, ours) })
	t.Run("moto", func(t *testing.T) { conform(t, newClient(moto.Serve(t))) })
}

func conform(t *testing.T, c *ec2.Client) {
	ctx := t.Context()
	v, err := c.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16"), TagSpecifications: []types.TagSpecification{
		{ResourceType: types.ResourceTypeVpc, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}}})
	if err != nil {
		t.Fatal(err)
	}
	id := v.Vpc.VpcId
	n, err := c.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: id, CidrBlock: aws.String("10.1.0.0/24"), AvailabilityZone: aws.String("us-east-1b")})
	if err != nil {
		t.Fatal(err)
	}
	g, err := c.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: id, GroupName: aws.String("g"), Description: aws.String("d")})
	if err != nil {
		t.Fatal(err)
	}
	tagged, err := c.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: []types.Filter{{Name: aws.String("tag:a"), Values: []string{"b"}}}})
	if err != nil || len(tagged.Vpcs) != 1 || *tagged.Vpcs[0].VpcId != *id || *tagged.Vpcs[0].CidrBlock != "10.1.0.0/16" {
		t.Errorf("by tag: %+v, %v", tagged, err)
	}
	subnets, err := c.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{*n.Subnet.SubnetId}})
	if err != nil || len(subnets.Subnets) != 1 || *subnets.Subnets[0].VpcId != *id || *subnets.Subnets[0].AvailabilityZone != "us-east-1b" {
		t.Errorf("by id: %+v, %v", subnets, err)
	}
	groups, err := c.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{*id}}}})
	if err != nil || len(groups.SecurityGroups) != 2 {
		t.Errorf("a VPC has its default group and ours: %+v, %v", groups, err)
	}
	for name, q := range map[string]struct {
		call func() error
		want string
	}{
		"absent subnet": {func() error {
			_, err := c.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-00000000000000000"}})
			return err
		}, "InvalidSubnetID.NotFound"},
		"absent group": {func() error {
			_, err := c.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-00000000000000000"}})
			return err
		}, "InvalidGroup.NotFound"},
		"absent VPC": {func() error {
			_, err := c.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: aws.String("vpc-00000000000000000"), CidrBlock: aws.String("10.1.1.0/24")})
			return err
		}, "InvalidVpcID.NotFound"},
		"subnet outside": {func() error {
			_, err := c.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: id, CidrBlock: aws.String("10.2.0.0/24")})
			return err
		}, "InvalidSubnet.Range"},
		"subnet twice": {func() error {
			_, err := c.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: id, CidrBlock: aws.String("10.1.0.128/25")})
			return err
		}, "InvalidSubnet.Conflict"},
		"no block": {func() error {
			_, err := c.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/33")})
			return err
		}, "InvalidParameterValue"},
		"group twice": {func() error {
			_, err := c.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: id, GroupName: aws.String("g"), Description: aws.String("d")})
			return err
		}, "InvalidGroup.Duplicate"},
		"VPC in use": {func() error {
			_, err := c.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: id})
			return err
		}, "DependencyViolation"},
	} {
		if err := q.call(); code(err) != q.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err1 := c.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: g.GroupId})
	_, err2 := c.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: n.Subnet.SubnetId})
	_, err3 := c.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: id})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Error(err)
	}
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
