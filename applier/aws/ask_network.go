package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/efs/types"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/applier/aws/ec2"
	"github.com/scar-go/scar/planner"
)

// networkClient describes parts of VPCs.
type networkClient interface {
	Subnets(ctx context.Context, ids []string) ([]ec2.Subnet, error)
	SecurityGroups(ctx context.Context, ids []string) ([]ec2.SecurityGroup, error)
}

// fileSystemClient describes access points of EFS and how their file systems are reached.
type fileSystemClient interface {
	DescribeAccessPoints(context.Context, *efs.DescribeAccessPointsInput, ...func(*efs.Options)) (*efs.DescribeAccessPointsOutput, error)
	DescribeMountTargets(context.Context, *efs.DescribeMountTargetsInput, ...func(*efs.Options)) (*efs.DescribeMountTargetsOutput, error)
}

// networkParts asks for all ids in one call. One id that does not exist fails the call for all of them; then each is
// asked for by itself.
func (a *answering) networkParts(ctx context.Context, subject planner.Subject, ids []string, describe func(context.Context, []string) (map[string]planner.Answer, error)) {
	found, err := describe(ctx, ids)
	if isNoSuchThing(err) && len(ids) > 1 {
		group := errgroup.Group{}
		group.SetLimit(a.parallel)
		for _, id := range ids {
			group.Go(func() error {
				a.networkParts(ctx, subject, []string{id}, describe)
				return nil
			})
		}
		_ = group.Wait() // nothing returns an error: a.put keeps them
		return
	}
	if isNoSuchThing(err) {
		err = errAbsent
	}
	for _, id := range ids {
		answer, exists := found[id]
		if err == nil && !exists {
			answer.Absent = true
		}
		a.put(subject, id, answer, err)
	}
}

func (a *asker) subnets(ctx context.Context, ids []string) (map[string]planner.Answer, error) {
	subnets, err := a.networks.Subnets(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("describe subnets: %w", err)
	}
	found := map[string]planner.Answer{}
	for _, s := range subnets {
		found[s.ID] = planner.Answer{VPC: s.VPC, Zone: s.Zone}
	}
	return found, nil
}

func (a *asker) securityGroups(ctx context.Context, ids []string) (map[string]planner.Answer, error) {
	groups, err := a.networks.SecurityGroups(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("describe security groups: %w", err)
	}
	found := map[string]planner.Answer{}
	for _, g := range groups {
		found[g.ID] = planner.Answer{VPC: g.VPC}
	}
	return found, nil
}

// accessPoint answers in which VPC and zones the access point's file system can be reached.
func (a *asker) accessPoint(ctx context.Context, name string) (planner.Answer, error) {
	parsed, err := arn.Parse(name)
	if err != nil {
		return planner.Answer{}, errAbsent
	}
	region := func(o *efs.Options) { o.Region = a.regionOf(name) }
	// An access point of another account is asked for by its ARN.
	out, err := a.fileSystems.DescribeAccessPoints(ctx, &efs.DescribeAccessPointsInput{AccessPointId: accessPointID(parsed, a.isOther(name))}, region)
	if isNoSuchThing(err) || isBadAccessPoint(err) {
		return planner.Answer{}, a.absent(name)
	}
	if err != nil {
		return planner.Answer{}, fmt.Errorf("describe access point: %w", err)
	}
	gone := []types.LifeCycleState{types.LifeCycleStateDeleting, types.LifeCycleStateDeleted}
	if len(out.AccessPoints) == 0 || slices.Contains(gone, out.AccessPoints[0].LifeCycleState) {
		return planner.Answer{}, errAbsent
	}
	targets, err := a.mountTargets(ctx, deref(out.AccessPoints[0].FileSystemId), region)
	if err != nil {
		return planner.Answer{}, fmt.Errorf("describe mount targets: %w", err)
	}
	var answer planner.Answer
	for _, t := range targets {
		if slices.Contains(gone, t.LifeCycleState) || t.LifeCycleState == types.LifeCycleStateError {
			continue
		}
		answer.VPC = deref(t.VpcId) // a file system is in one VPC at a time
		answer.Zones = append(answer.Zones, deref(t.AvailabilityZoneName))
	}
	slices.Sort(answer.Zones)
	return answer, nil
}

func (a *asker) mountTargets(ctx context.Context, fileSystem string, region func(*efs.Options)) ([]types.MountTargetDescription, error) {
	var all []types.MountTargetDescription
	err := eachPage(func(token *string) (*string, error) {
		out, err := a.fileSystems.DescribeMountTargets(ctx, &efs.DescribeMountTargetsInput{FileSystemId: &fileSystem, Marker: token}, region)
		if err != nil {
			return nil, err
		}
		all = append(all, out.MountTargets...)
		return out.NextMarker, nil
	})
	return all, err
}

func accessPointID(parsed arn.ARN, whole bool) *string {
	id := strings.TrimPrefix(parsed.Resource, "access-point/")
	if whole {
		id = parsed.String()
	}
	return &id
}

// isBadAccessPoint says that an id is none of an access point (EFS API reference, DescribeAccessPoints).
func isBadAccessPoint(err error) bool { return codeIn(err, "BadRequest", "ValidationException") }
