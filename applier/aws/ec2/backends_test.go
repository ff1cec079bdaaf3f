package ec2

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/internal/moto"
	backend "github.com/scar-go/scar/local/ec2"
	"github.com/scar-go/scar/local/store"
)

func TestEmbeddedBackend(t *testing.T) {
	db, err := store.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	service, err := backend.New(backend.Config{DB: db, Account: "000000000000", Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	testNetwork(t, clientOf(server.URL))
}

func TestMoto(t *testing.T) { testNetwork(t, clientOf(moto.Serve(t))) }

// testNetwork makes a VPC with a subnet and a group, and asks about them.
func testNetwork(t *testing.T, c *Client) {
	ctx := t.Context()
	call := func(action string, answer any, params ...string) {
		t.Helper()
		form := url.Values{}
		for i := 0; i < len(params); i += 2 {
			form.Set(params[i], params[i+1])
		}
		if err := c.Call(ctx, action, form, answer); err != nil {
			t.Fatal(err)
		}
	}
	var vpc struct {
		ID string `xml:"vpc>vpcId"`
	}
	call("CreateVpc", &vpc, "CidrBlock", "10.0.0.0/16")
	var subnet struct {
		Subnet Subnet `xml:"subnet"`
	}
	call("CreateSubnet", &subnet, "VpcId", vpc.ID, "CidrBlock", "10.0.1.0/24", "AvailabilityZone", "eu-west-1b")
	var group struct {
		ID string `xml:"groupId"`
	}
	call("CreateSecurityGroup", &group, "VpcId", vpc.ID, "GroupName", "ours", "GroupDescription", "x")

	subnets, err := c.Subnets(ctx, []string{subnet.Subnet.ID})
	if want := []Subnet{{subnet.Subnet.ID, vpc.ID, "eu-west-1b"}}; err != nil || !reflect.DeepEqual(subnets, want) || want[0].ID == "" || vpc.ID == "" {
		t.Errorf("%+v, %v, want %+v", subnets, err, want)
	}
	groups, err := c.SecurityGroups(ctx, []string{group.ID})
	if want := []SecurityGroup{{group.ID, vpc.ID}}; err != nil || !reflect.DeepEqual(groups, want) || want[0].ID == "" {
		t.Errorf("%+v, %v, want %+v", groups, err, want)
	}
	if all, err := c.Subnets(ctx, nil); err != nil || len(all) < 4 {
		t.Errorf("the default ones and ours: %+v, %v", all, err)
	}
	if all, err := c.SecurityGroups(ctx, nil); err != nil || len(all) < 3 {
		t.Errorf("the default ones and ours: %+v, %v", all, err)
	}
	_, noSubnet := c.Subnets(ctx, []string{subnet.Subnet.ID, "subnet-0123456789abcdef0"})
	_, noGroup := c.SecurityGroups(ctx, []string{"sg-0123456789abcdef0"})
	for err, want := range map[error]string{noSubnet: "InvalidSubnetID.NotFound", noGroup: "InvalidGroup.NotFound"} {
		if got := codeOf(err); got != want {
			t.Errorf("%s: %v, want %s", got, err, want)
		}
	}
}

func codeOf(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	return api.ErrorCode()
}
