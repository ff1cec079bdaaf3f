package lambda

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// Lambda's limits of what a function is connected to.
const (
	maxSubnets     = 16
	maxGroups      = 5
	maxFileSystems = 1
	maxMountPath   = 160
)

var (
	mountPattern       = wire.Pattern(`^/mnt/[a-zA-Z0-9-_.]+$`)
	accessPointPattern = wire.Pattern(`^arn:aws[a-zA-Z-]*:elasticfilesystem:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:access-point/fsap-[a-f0-9]{17}$`)
)

// networkActions are what Lambda needs of EC2 to connect a function, in the order in which it misses them.
var networkActions = []string{"CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface"}

// vpcConfig is how a function is connected to a VPC. One that was taken out of its VPC keeps an empty one.
type vpcConfig struct {
	SubnetIDs               []string `json:"SubnetIds"`
	SecurityGroupIDs        []string `json:"SecurityGroupIds"`
	VPCID                   string   `json:"VpcId"`
	Ipv6AllowedForDualStack bool
}

type fileSystemConfig struct {
	ARN            string `json:"Arn"`
	LocalMountPath string
}

func (c *vpcConfig) isZero() bool { return c == nil || len(c.SubnetIDs)+len(c.SecurityGroupIDs) == 0 }

// checkNetwork asks the neighbours for what the settings refer to, and fills in the VPC's id.
func (s *Service) checkNetwork(ctx context.Context, in *settingsInput, roleARN string) error {
	if !in.VpcConfig.isZero() {
		if err := s.checkVPC(ctx, in.VpcConfig, roleARN); err != nil {
			return err
		}
	} else if in.VpcConfig != nil {
		in.VpcConfig = &vpcConfig{SubnetIDs: []string{}, SecurityGroupIDs: []string{}}
	}
	if in.FileSystemConfigs == nil {
		return nil
	}
	for _, fs := range *in.FileSystemConfigs {
		if err := fs.check(); err != nil {
			return err
		}
		if s.cfg.FileSystems == nil {
			return invalid("the local backend does not serve FileSystemConfigs here")
		}
		if _, err := s.cfg.FileSystems.AccessPoint(ctx, fs.ARN); err != nil {
			return invalid("%s", messageOf(err))
		}
	}
	return nil
}

func (s *Service) checkVPC(ctx context.Context, c *vpcConfig, roleARN string) error {
	switch {
	case s.cfg.Networks == nil:
		return invalid("the local backend does not serve VpcConfig here")
	case len(c.SubnetIDs) == 0 || len(c.SecurityGroupIDs) == 0:
		return invalid("SubnetIds and SecurityIds must coexist or be both empty list.")
	case len(c.SubnetIDs) > maxSubnets:
		return tooLong("vpcConfig.subnetIds", c.SubnetIDs, maxSubnets)
	case len(c.SecurityGroupIDs) > maxGroups:
		return tooLong("vpcConfig.securityGroupIds", c.SecurityGroupIDs, maxGroups)
	}
	for _, action := range networkActions {
		allowed, err := s.roleMay(ctx, roleARN, "ec2:"+action, "*")
		if err != nil {
			return err
		}
		if !allowed {
			return invalid("The provided execution role does not have permissions to call %s on EC2", action)
		}
	}
	id, err := s.cfg.Networks.CheckVPC(ctx, c.SubnetIDs, c.SecurityGroupIDs)
	if err != nil {
		return networkError(err)
	}
	c.VPCID = id
	return nil
}

// networkError is what Lambda makes of an error of EC2.
func networkError(err error) error {
	var known *wire.Error
	if !errors.As(err, &known) {
		return err
	}
	operation := "DescribeSubnets"
	if strings.HasPrefix(known.Code, "InvalidGroup") || strings.HasPrefix(known.Code, "InvalidSecurityGroup") {
		operation = "DescribeSecurityGroups"
	}
	return invalid("Error occurred while %s. EC2 Error Code: %s. EC2 Error Message: %s", operation, known.Code, known.Message)
}

// messageOf is what an error says, without its code.
func messageOf(err error) string {
	var known *wire.Error
	if errors.As(err, &known) {
		return known.Message
	}
	return err.Error()
}

func tooLong(field string, values []string, most int) error {
	return wire.Errorf(http.StatusBadRequest, "ValidationException",
		"1 validation error detected: Value '[%s]' at '%s' failed to satisfy constraint: Member must have length less than or equal to %d",
		list(values), field, most)
}

func (c fileSystemConfig) check() error {
	for _, field := range []struct {
		name, value, pattern string
		holds                bool
	}{
		{"arn", c.ARN, accessPointPattern().String(), accessPointPattern().MatchString(c.ARN)},
		{"localMountPath", c.LocalMountPath, mountPattern().String(), mountPattern().MatchString(c.LocalMountPath) && len(c.LocalMountPath) <= maxMountPath},
	} {
		if !field.holds {
			return wire.Errorf(http.StatusBadRequest, "ValidationException",
				"1 validation error detected: Value '%s' at 'fileSystemConfigs.1.member.%s' failed to satisfy constraint: Member must satisfy regular expression pattern: %s",
				field.value, field.name, field.pattern)
		}
	}
	return nil
}

// checkFileSystems holds a function's file systems against its network.
func (set *settings) checkFileSystems() error {
	switch {
	case len(set.FileSystems) > maxFileSystems:
		return wire.Errorf(http.StatusBadRequest, "ValidationException",
			"1 validation error detected: Value at 'fileSystemConfigs' failed to satisfy constraint: Member must have length less than or equal to %d", maxFileSystems)
	case len(set.FileSystems) > 0 && set.VPC.isZero():
		return invalid("Function must be configured to execute in a VPC to reference access point %s.", set.FileSystems[0].ARN)
	default:
		return nil
	}
}

// roleMay says whether the policies of a function's role let Lambda take an action in its name.
func (s *Service) roleMay(ctx context.Context, roleARN, action, resource string) (bool, error) {
	if s.cfg.Authorizer == nil {
		return true, nil
	}
	name := roleARN[strings.LastIndexByte(roleARN, '/')+1:]
	id := wire.Identity{
		Account: s.cfg.Account, AccessKey: servicePrincipal, Role: name,
		ARN: fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/lambda", wire.Partition(s.cfg.Region), s.cfg.Account, name),
	}
	allowed, err := s.cfg.Authorizer.Allowed(ctx, id, action, resource, nil)
	if err != nil {
		return false, fmt.Errorf("ask whether role %s may take %s: %w", name, action, err)
	}
	return allowed, nil
}
