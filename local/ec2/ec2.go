// Package ec2 serves of Amazon EC2 what functions in a VPC refer to: VPCs, subnets and security groups. They are names without a
// network behind them. As in an account of AWS's, a default VPC with a default subnet in each zone is there from the beginning.
package ec2

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Config is what a Service needs. All of it must be given.
type Config struct {
	DB      *store.DB
	Account string // twelve digits
	Region  string
}

// Service is the EC2 of one account and region. It is an http.Handler.
type Service struct {
	wire.QueryAPI
	cfg     Config
	vpcs    *store.Table[vpc] // by id, as the others
	subnets *store.Table[subnet]
	groups  *store.Table[group]
}

// zones are the letters of the region's zones.
const zones = "abc"

// New returns the service, with the state that is in the database, or with the default VPC where there is no state yet.
func New(cfg Config) (*Service, error) {
	s := &Service{cfg: cfg}
	var err error
	if s.vpcs, err = store.NewTable[vpc](cfg.DB, "ec2.vpcs"); err != nil {
		return nil, err
	}
	if s.subnets, err = store.NewTable[subnet](cfg.DB, "ec2.subnets"); err != nil {
		return nil, err
	}
	if s.groups, err = store.NewTable[group](cfg.DB, "ec2.groups"); err != nil {
		return nil, err
	}
	s.QueryAPI = wire.QueryAPI{
		Service: "ec2", Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/", EC2: true,
		Operations: map[string]wire.QueryOperation{
			"CreateVpc":              s.createVPC,
			"DescribeVpcs":           s.describeVPCs,
			"DeleteVpc":              s.deleteVPC,
			"CreateSubnet":           s.createSubnet,
			"DescribeSubnets":        s.describeSubnets,
			"DeleteSubnet":           s.deleteSubnet,
			"CreateSecurityGroup":    s.createGroup,
			"DescribeSecurityGroups": s.describeGroups,
			"DeleteSecurityGroup":    s.deleteGroup,
		},
	}
	if err := s.makeDefaults(); err != nil {
		return nil, fmt.Errorf("make default VPC: %w", err)
	}
	return s, nil
}

// makeDefaults makes the default VPC, once in the life of the database: one that was deleted stays so.
func (s *Service) makeDefaults() error {
	made, err := store.NewTable[bool](s.cfg.DB, "ec2.made")
	if err != nil {
		return err
	}
	const key = "default"
	if _, found, err := made.Get(key); err != nil || found {
		return err
	}
	v := vpc{ID: newID("vpc"), CIDR: "172.31.0.0/16", Default: true}
	if err := s.addVPC(v); err != nil {
		return err
	}
	for i, letter := range zones {
		n := subnet{ID: newID("subnet"), VPC: v.ID, CIDR: fmt.Sprintf("172.31.%d.0/20", 16*i), Zone: s.cfg.Region + string(letter), Default: true}
		if err := s.subnets.Put(n.ID, n); err != nil {
			return err
		}
	}
	return made.Put(key, true)
}

// CheckVPC returns the id of the VPC that all of some subnets and security groups are of. The error is EC2's where one does not
// exist, or where they are of several VPCs.
func (s *Service) CheckVPC(_ context.Context, subnets, groups []string) (vpcID string, err error) {
	for _, id := range subnets {
		n, found, err := s.subnets.Get(id)
		switch {
		case err != nil:
			return "", err
		case !found:
			return "", noSuchSubnet(id)
		case vpcID != "" && n.VPC != vpcID:
			return "", failure("InvalidParameterValue", "The subnets %s and %s belong to different VPCs", subnets[0], id)
		}
		vpcID = n.VPC
	}
	for _, id := range groups {
		g, found, err := s.groups.Get(id)
		switch {
		case err != nil:
			return "", err
		case !found:
			return "", noSuchGroup(id)
		case vpcID != "" && g.VPC != vpcID:
			return "", failure("InvalidParameter", "Security group %s and subnet %s belong to different networks.", id, subnets[0])
		}
		vpcID = g.VPC
	}
	return vpcID, nil
}

// Subnet is a subnet, for those who put something into it.
type Subnet struct {
	ID, VPC, Zone, ZoneID string
	CIDR                  netip.Prefix
	DefaultGroup          string // id of the VPC's default security group
}

// Subnet is the subnet of that id. The error is EC2's where it does not exist.
func (s *Service) Subnet(_ context.Context, id string) (Subnet, error) {
	n, found, err := s.subnets.Get(id)
	if err != nil {
		return Subnet{}, err
	}
	if !found {
		return Subnet{}, noSuchSubnet(id)
	}
	cidr, err := netip.ParsePrefix(n.CIDR)
	if err != nil {
		return Subnet{}, fmt.Errorf("subnet %s: %w", id, err)
	}
	out := Subnet{ID: n.ID, VPC: n.VPC, Zone: n.Zone, ZoneID: zoneID(n.Zone), CIDR: cidr}
	err = s.groups.Each("", func(_ string, g group) bool {
		if g.VPC == n.VPC && g.Name == defaultName {
			out.DefaultGroup = g.ID
		}
		return true
	})
	return out, err
}

// zoneID is the id of a zone, in the form of use1-az1. In AWS which zone has which differs between accounts.
func zoneID(zone string) string {
	region, letter := zone[:len(zone)-1], zone[len(zone)-1]
	parts := strings.Split(region, "-")
	short := parts[0]
	for _, p := range parts[1:] {
		short += p[:1]
	}
	return fmt.Sprintf("%s-az%d", short, letter-'a'+1)
}

// Tagged are the VPCs, subnets and security groups for the tagging service.
func (s *Service) Tagged(context.Context) ([]wire.Resource, error) {
	var out []wire.Resource
	err := s.vpcs.Each("", func(id string, v vpc) bool {
		out = append(out, wire.Resource{ARN: s.arn("vpc/" + id), Tags: v.Tags})
		return true
	})
	if err == nil {
		err = s.subnets.Each("", func(id string, n subnet) bool {
			out = append(out, wire.Resource{ARN: s.arn("subnet/" + id), Tags: n.Tags})
			return true
		})
	}
	if err == nil {
		err = s.groups.Each("", func(id string, g group) bool {
			out = append(out, wire.Resource{ARN: s.arn("security-group/" + id), Tags: g.Tags})
			return true
		})
	}
	return out, err
}

func (s *Service) arn(resource string) string {
	return fmt.Sprintf("arn:%s:ec2:%s:%s:%s", wire.Partition(s.cfg.Region), s.cfg.Region, s.cfg.Account, resource)
}

// newID makes an id such as vpc-0123456789abcdef0.
func newID(kind string) string {
	var b [8]byte
	// Read never fails: crypto/rand ends the program rather than return an error.
	_, _ = rand.Read(b[:])
	return kind + "-0" + hex.EncodeToString(b[:])
}

func failure(code, format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, code, format, args...)
}

func missing(parameter string) error {
	return failure("MissingParameter", "The request must contain the parameter %s", parameter)
}

// done is the answer of operations that say no more than that.
type done struct {
	Return bool `xml:"return"`
}

// tag is a tag in an answer.
type tag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

// tagsOf are the tags that a form gives a new resource of a type, such as vpc.
func tagsOf(form url.Values, kind string) map[string]string {
	tags := map[string]string{}
	for i := 1; ; i++ {
		list := fmt.Sprintf("TagSpecification.%d", i)
		if !form.Has(list + ".ResourceType") {
			return tags
		}
		if form.Get(list+".ResourceType") != kind {
			continue
		}
		for j := 1; form.Has(fmt.Sprintf("%s.Tag.%d.Key", list, j)); j++ {
			tags[form.Get(fmt.Sprintf("%s.Tag.%d.Key", list, j))] = form.Get(fmt.Sprintf("%s.Tag.%d.Value", list, j))
		}
	}
}
