package efs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/efs/types"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/applier/aws/ec2"
	"github.com/scar-go/scar/internal/moto"
	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// networks has one VPC with two subnets in one zone, and one in another.
type networks struct{}

func (networks) Subnet(_ context.Context, id string) (Subnet, error) {
	zones := map[string]string{"subnet-a1": "a", "subnet-a2": "a", "subnet-b": "b"}
	zone, found := zones[id]
	if !found {
		return Subnet{}, wire.Errorf(http.StatusBadRequest, "InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
	}
	return Subnet{VPC: "vpc-1", Zone: "us-east-1" + zone, ZoneID: "use1-az1", CIDR: netip.MustParsePrefix("10.0.0.0/24"), DefaultGroup: "sg-default"}, nil
}

func (networks) CheckVPC(_ context.Context, _, groups []string) (string, error) {
	for _, id := range groups {
		if !strings.HasPrefix(id, "sg-d") {
			return "", wire.Errorf(http.StatusBadRequest, "InvalidGroup.NotFound", "The security group '%s' does not exist", id)
		}
	}
	return "vpc-1", nil
}

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
	s, err := New(Config{DB: db, Dir: filepath.Join(t.TempDir(), "files"), Clock: clock.Real{}, Account: "000000000000", Region: "us-east-1", Networks: networks{}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newClient(endpoint string) *efs.Client {
	return efs.New(efs.Options{Region: "us-east-1", BaseEndpoint: &endpoint, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
}

func start(t *testing.T) (*Service, *efs.Client) {
	t.Helper()
	s := newService(t)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, newClient(server.URL)
}

func code(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &api):
		return api.ErrorCode()
	default:
		return err.Error()
	}
}

func makeSystem(t *testing.T, c *efs.Client, token string) *string {
	t.Helper()
	f, err := c.CreateFileSystem(t.Context(), &efs.CreateFileSystemInput{CreationToken: &token, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("n")}}})
	if err != nil {
		t.Fatal(err)
	}
	return f.FileSystemId
}

func makePoint(t *testing.T, c *efs.Client, system *string, path string) *efs.CreateAccessPointOutput {
	t.Helper()
	p, err := c.CreateAccessPoint(t.Context(), &efs.CreateAccessPointInput{FileSystemId: system,
		PosixUser: &types.PosixUser{Uid: aws.Int64(1000), Gid: aws.Int64(1000)},
		RootDirectory: &types.RootDirectory{Path: &path, CreationInfo: &types.CreationInfo{
			OwnerUid: aws.Int64(1000), OwnerGid: aws.Int64(1000), Permissions: aws.String("0750")}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFolders(t *testing.T) {
	s, c := start(t)
	ctx := t.Context()
	system, other := makeSystem(t, c, "a"), makeSystem(t, c, "b")
	folders := map[string]string{}
	for name, p := range map[string]*efs.CreateAccessPointOutput{
		"a/x": makePoint(t, c, system, "/x"), "a/x again": makePoint(t, c, system, "/x"), "a/y": makePoint(t, c, system, "/x/y"),
		"a": makePoint(t, c, system, "/"), "b/x": makePoint(t, c, other, "/x"),
	} {
		folder, err := s.AccessPoint(ctx, *p.AccessPointArn)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(folder)
		if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 || filepath.Dir(filepath.Dir(folder)) != s.cfg.Dir {
			t.Errorf("%s: %s %v, %v", name, folder, info, err)
		}
		folders[name] = folder
	}
	if folders["a/x"] != folders["a/x again"] {
		t.Error("access points with the same root do not share it")
	}
	different := map[string]bool{}
	for _, folder := range folders {
		different[folder] = true
	}
	if len(different) != 4 {
		t.Errorf("%d folders: %v", len(different), folders)
	}
	// A file system takes its files along, whatever a function made of them, and nobody else's.
	outside := filepath.Join(t.TempDir(), "keep")
	locked := filepath.Join(folders["a/x"], "locked", "deep")
	err := errors.Join(os.WriteFile(outside, nil, 0o600), os.MkdirAll(locked, 0o700), os.Symlink(filepath.Dir(outside), filepath.Join(locked, "out")),
		os.WriteFile(filepath.Join(locked, "f"), nil, 0o600), os.Chmod(locked, 0), os.Chmod(filepath.Dir(locked), 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteFileSystem(ctx, &efs.DeleteFileSystemInput{FileSystemId: system}); err != nil {
		t.Fatal(err)
	}
	for name, folder := range folders {
		if _, err := os.Stat(folder); os.IsNotExist(err) != strings.HasPrefix(name, "a") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
	if left, err := c.DescribeAccessPoints(ctx, &efs.DescribeAccessPointsInput{}); err != nil || len(left.AccessPoints) != 1 {
		t.Errorf("%+v, %v", left, err)
	}
}

func TestAccessPointsThatAreNone(t *testing.T) {
	s, c := start(t)
	system := makeSystem(t, c, "a")
	p := makePoint(t, c, system, "/x")
	for _, arn := range []string{
		"arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-00000000000000000", *p.AccessPointId,
		strings.Replace(*p.AccessPointArn, "us-east-1", "eu-west-1", 1), strings.Replace(*p.AccessPointArn, "000000000000", "111111111111", 1), "", "../..",
	} {
		var known *wire.Error
		if folder, err := s.AccessPoint(t.Context(), arn); !errors.As(err, &known) || known.Code != "AccessPointNotFound" {
			t.Errorf("%q: %s, %v", arn, folder, err)
		}
	}
	for _, path := range []string{"x", "/..", "/a/..", "/.a", "//", "/a//b", "/a/b/c/d/e", "/a;b", "/" + strings.Repeat("x", 100)} {
		_, err := c.CreateAccessPoint(t.Context(), &efs.CreateAccessPointInput{FileSystemId: system, RootDirectory: &types.RootDirectory{Path: &path}})
		if code(err) != "BadRequest" {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestMountTargets(t *testing.T) {
	_, c := start(t)
	ctx := t.Context()
	system := makeSystem(t, c, "a")
	for _, q := range []struct{ subnet, group, want string }{
		{"subnet-x", "", "SubnetNotFound"},
		{"subnet-a1", "sg-x", "SecurityGroupNotFound"},
		{"subnet-a1", "sg-d1", "ok"},
		{"subnet-a2", "", "MountTargetConflict"},
		{"subnet-b", "", "ok"},
	} {
		in := &efs.CreateMountTargetInput{FileSystemId: system, SubnetId: &q.subnet}
		if q.group != "" {
			in.SecurityGroups = []string{q.group}
		}
		if _, err := c.CreateMountTarget(ctx, in); code(err) != q.want {
			t.Errorf("%+v: %v", q, err)
		}
	}
	p := makePoint(t, c, system, "/")
	list, err := c.DescribeMountTargets(ctx, &efs.DescribeMountTargetsInput{AccessPointId: p.AccessPointId})
	if err != nil || len(list.MountTargets) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	addresses := map[string]bool{}
	for _, target := range list.MountTargets {
		addresses[*target.IpAddress] = true
		groups, err := c.DescribeMountTargetSecurityGroups(ctx, &efs.DescribeMountTargetSecurityGroupsInput{MountTargetId: target.MountTargetId})
		if err != nil || len(groups.SecurityGroups) != 1 {
			t.Errorf("%+v, %v", groups, err)
		}
	}
	if len(addresses) != 2 || !addresses["10.0.0.4"] {
		t.Errorf("addresses %v", addresses)
	}
}

// TestConformance states what EFS answers, and asks moto whether that is so.
func TestConformance(t *testing.T) {
	_, ours := start(t)
	t.Run("backend", func(t *testing.T) { conform(t, ours, "subnet-a1") })
	t.Run("moto", func(t *testing.T) {
		endpoint := moto.Serve(t)
		network := ec2.New(aws.Config{Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
		subnets, err := network.Subnets(t.Context(), nil)
		if err != nil || len(subnets) == 0 {
			t.Fatalf("%+v, %v", subnets, err)
		}
		conform(t, newClient(endpoint), subnets[0].ID)
	})
}

func conform(t *testing.T, c *efs.Client, subnet string) {
	ctx := t.Context()
	system := makeSystem(t, c, "token")
	_, again := c.CreateFileSystem(ctx, &efs.CreateFileSystemInput{CreationToken: aws.String("token")})
	p := makePoint(t, c, system, "/in")
	if got := fmt.Sprint(*p.RootDirectory.Path, " ", *p.PosixUser.Uid, " ", p.LifeCycleState, " ", strings.Contains(*p.AccessPointArn, ":access-point/fsap-")); got != "/in 1000 available true" {
		t.Errorf("access point: %s", got)
	}
	target, err := c.CreateMountTarget(ctx, &efs.CreateMountTargetInput{FileSystemId: system, SubnetId: &subnet})
	if err != nil {
		t.Fatal(err)
	}
	systems, err := c.DescribeFileSystems(ctx, &efs.DescribeFileSystemsInput{FileSystemId: system})
	if err != nil || len(systems.FileSystems) != 1 || systems.FileSystems[0].NumberOfMountTargets != 1 || *systems.FileSystems[0].Name != "n" {
		t.Errorf("%+v, %v", systems, err)
	}
	points, err := c.DescribeAccessPoints(ctx, &efs.DescribeAccessPointsInput{AccessPointId: p.AccessPointId})
	if err != nil || len(points.AccessPoints) != 1 || *points.AccessPoints[0].FileSystemId != *system {
		t.Errorf("%+v, %v", points, err)
	}
	_, err = c.TagResource(ctx, &efs.TagResourceInput{ResourceId: p.AccessPointId, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	tags, err2 := c.ListTagsForResource(ctx, &efs.ListTagsForResourceInput{ResourceId: p.AccessPointId})
	if err := errors.Join(err, err2); err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Value != "v" {
		t.Errorf("%+v, %v", tags, err)
	}
	_, busy := c.DeleteFileSystem(ctx, &efs.DeleteFileSystemInput{FileSystemId: system})
	_, noTarget := c.DeleteMountTarget(ctx, &efs.DeleteMountTargetInput{MountTargetId: aws.String("fsmt-00000000000000000")})
	_, noPoint := c.DescribeAccessPoints(ctx, &efs.DescribeAccessPointsInput{AccessPointId: aws.String("fsap-00000000000000000")})
	_, noSystem := c.DescribeFileSystems(ctx, &efs.DescribeFileSystemsInput{FileSystemId: aws.String("fs-00000000000000000")})
	for _, q := range []struct {
		err  error
		want string
	}{{again, "FileSystemAlreadyExists"}, {busy, "FileSystemInUse"}, {noTarget, "MountTargetNotFound"}, {noPoint, "AccessPointNotFound"}, {noSystem, "FileSystemNotFound"}} {
		if code(q.err) != q.want {
			t.Errorf("got %v, want %s", q.err, q.want)
		}
	}
	_, err1 := c.DeleteMountTarget(ctx, &efs.DeleteMountTargetInput{MountTargetId: target.MountTargetId})
	_, err2 = c.DeleteAccessPoint(ctx, &efs.DeleteAccessPointInput{AccessPointId: p.AccessPointId})
	_, err3 := c.DeleteFileSystem(ctx, &efs.DeleteFileSystemInput{FileSystemId: system})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Error(err)
	}
}
