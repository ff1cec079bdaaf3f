package ec2

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"

	"github.com/scar-go/scar/local/store"
)

// vpc is a VPC, as it is stored.
type vpc struct {
	ID      string
	CIDR    string
	Default bool
	Tags    map[string]string
}

func (v vpc) id() string { return v.ID }

func (v vpc) facts() facts {
	isDefault := []string{strconv.FormatBool(v.Default)}
	return tagFacts(facts{
		"vpc-id": {v.ID}, "cidr": {v.CIDR}, "cidr-block": {v.CIDR}, "state": {"available"}, "is-default": isDefault, "isDefault": isDefault,
	}, v.Tags)
}

// subnet is a subnet, as it is stored.
type subnet struct {
	ID, VPC string
	CIDR    string
	Zone    string // such as us-east-1a
	Default bool
	Tags    map[string]string
}

func (n subnet) id() string { return n.ID }

func (n subnet) facts() facts {
	isDefault := []string{strconv.FormatBool(n.Default)}
	return tagFacts(facts{
		"subnet-id": {n.ID}, "vpc-id": {n.VPC}, "cidr": {n.CIDR}, "cidr-block": {n.CIDR}, "state": {"available"},
		"availability-zone": {n.Zone}, "availabilityZone": {n.Zone}, "availability-zone-id": {zoneID(n.Zone)},
		"default-for-az": isDefault, "defaultForAz": isDefault,
	}, n.Tags)
}

// all are the values of a table, in the order of their ids.
func all[T any](table *store.Table[T]) ([]T, error) {
	var out []T
	err := table.Each("", func(_ string, value T) bool {
		out = append(out, value)
		return true
	})
	return out, err
}

func noSuchVPC(id string) error {
	return failure("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", id)
}

func noSuchSubnet(id string) error {
	return failure("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
}

type vpcItem struct {
	VPCID           string `xml:"vpcId"`
	OwnerID         string `xml:"ownerId"`
	State           string `xml:"state"`
	CIDRBlock       string `xml:"cidrBlock"`
	DHCPOptionsID   string `xml:"dhcpOptionsId"`
	InstanceTenancy string `xml:"instanceTenancy"`
	IsDefault       bool   `xml:"isDefault"`
	TagSet          []tag  `xml:"tagSet>item"`
}

func (s *Service) vpcItem(v vpc) vpcItem {
	return vpcItem{v.ID, s.cfg.Account, "available", v.CIDR, "default", "default", v.Default, tagSet(v.Tags)}
}

// The sizes that VPCs and subnets can have, in bits of their prefix.
const minPrefix, maxPrefix = 16, 28

func parseCIDR(form url.Values) (netip.Prefix, error) {
	text := form.Get("CidrBlock")
	if text == "" {
		return netip.Prefix{}, missing("cidrBlock")
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4() || p != p.Masked() {
		return p, failure("InvalidParameterValue", "Value (%s) for parameter cidrBlock is invalid. This is not a valid CIDR block.", text)
	}
	return p, nil
}

type createVPCOutput struct {
	VPC vpcItem `xml:"vpc"`
}

func (s *Service) createVPC(_ context.Context, form url.Values) (any, error) {
	cidr, err := parseCIDR(form)
	if err != nil {
		return nil, err
	}
	if cidr.Bits() < minPrefix || cidr.Bits() > maxPrefix {
		return nil, failure("InvalidVpc.Range", "The CIDR '%s' is invalid.", cidr)
	}
	v := vpc{ID: newID("vpc"), CIDR: cidr.String(), Tags: tagsOf(form, "vpc")}
	return createVPCOutput{s.vpcItem(v)}, s.addVPC(v)
}

// addVPC stores a VPC with its default security group.
func (s *Service) addVPC(v vpc) error {
	g := group{ID: newID("sg"), VPC: v.ID, Name: defaultName, Description: "default VPC security group"}
	return errors.Join(s.vpcs.Put(v.ID, v), s.groups.Put(g.ID, g))
}

type describeVPCsOutput struct {
	Items     []vpcItem `xml:"vpcSet>item"`
	NextToken string    `xml:"nextToken,omitempty"`
}

func (s *Service) describeVPCs(ctx context.Context, form url.Values) (any, error) {
	stored, err := all(s.vpcs)
	if err != nil {
		return nil, err
	}
	found, next, err := describe(ctx, form, stored, "VpcId", noSuchVPC)
	out := describeVPCsOutput{NextToken: next}
	for _, v := range found {
		out.Items = append(out.Items, s.vpcItem(v))
	}
	return out, err
}

func (s *Service) deleteVPC(_ context.Context, form url.Values) (any, error) {
	id := form.Get("VpcId")
	groups, err := all(s.groups)
	if err != nil {
		return nil, err
	}
	subnets, err := all(s.subnets)
	if err != nil {
		return nil, err
	}
	own := ""
	used := false
	for _, g := range groups {
		if g.VPC == id && g.Name == defaultName {
			own = g.ID
		}
		used = used || g.VPC == id && g.Name != defaultName
	}
	for _, n := range subnets {
		used = used || n.VPC == id
	}
	err = s.vpcs.Remove(id, func(_ vpc, found bool) error {
		switch {
		case !found:
			return noSuchVPC(id)
		case used:
			return failure("DependencyViolation", "The vpc '%s' has dependencies and cannot be deleted.", id)
		default:
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	return done{true}, s.groups.Delete(own)
}

type subnetItem struct {
	SubnetID           string `xml:"subnetId"`
	SubnetARN          string `xml:"subnetArn"`
	State              string `xml:"state"`
	OwnerID            string `xml:"ownerId"`
	VPCID              string `xml:"vpcId"`
	CIDRBlock          string `xml:"cidrBlock"`
	AvailableAddresses int    `xml:"availableIpAddressCount"`
	AvailabilityZone   string `xml:"availabilityZone"`
	AvailabilityZoneID string `xml:"availabilityZoneId"`
	DefaultForAZ       bool   `xml:"defaultForAz"`
	MapPublicIP        bool   `xml:"mapPublicIpOnLaunch"`
	TagSet             []tag  `xml:"tagSet>item"`
}

// reserved are the addresses of a subnet that AWS keeps for itself.
const reserved = 5

func (s *Service) subnetItem(n subnet) subnetItem {
	addresses := 0
	if p, err := netip.ParsePrefix(n.CIDR); err == nil {
		addresses = 1<<(32-p.Bits()) - reserved
	}
	return subnetItem{n.ID, s.arn("subnet/" + n.ID), "available", s.cfg.Account, n.VPC, n.CIDR, addresses, n.Zone, zoneID(n.Zone),
		n.Default, n.Default, tagSet(n.Tags)}
}

type createSubnetOutput struct {
	Subnet subnetItem `xml:"subnet"`
}

func (s *Service) createSubnet(_ context.Context, form url.Values) (any, error) {
	cidr, err := parseCIDR(form)
	if err != nil {
		return nil, err
	}
	v, found, err := s.vpcs.Get(form.Get("VpcId"))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, noSuchVPC(form.Get("VpcId"))
	}
	zone, err := s.zone(form.Get("AvailabilityZone"))
	if err != nil {
		return nil, err
	}
	if err := s.checkRoom(v, cidr); err != nil {
		return nil, err
	}
	n := subnet{ID: newID("subnet"), VPC: v.ID, CIDR: cidr.String(), Zone: zone, Tags: tagsOf(form, "subnet")}
	return createSubnetOutput{s.subnetItem(n)}, s.subnets.Put(n.ID, n)
}

// zone is a zone of the region by name, or the first.
func (s *Service) zone(name string) (string, error) {
	if name == "" {
		return s.cfg.Region + zones[:1], nil
	}
	for _, letter := range zones {
		if name == s.cfg.Region+string(letter) {
			return name, nil
		}
	}
	return "", failure("InvalidParameterValue", "Value (%s) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: %s.",
		name, fmt.Sprintf("%[1]sa, %[1]sb, %[1]sc", s.cfg.Region))
}

// checkRoom says whether a VPC has a range of addresses, and no subnet has any of it.
func (s *Service) checkRoom(v vpc, cidr netip.Prefix) error {
	network, err := netip.ParsePrefix(v.CIDR)
	if err != nil {
		return fmt.Errorf("VPC %s: %w", v.ID, err)
	}
	if !network.Contains(cidr.Addr()) || cidr.Bits() < network.Bits() || cidr.Bits() > maxPrefix {
		return failure("InvalidSubnet.Range", "The CIDR '%s' is invalid.", cidr)
	}
	subnets, err := all(s.subnets)
	if err != nil {
		return err
	}
	for _, n := range subnets {
		if other, err := netip.ParsePrefix(n.CIDR); n.VPC == v.ID && err == nil && other.Overlaps(cidr) {
			return failure("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", cidr)
		}
	}
	return nil
}

type describeSubnetsOutput struct {
	Items     []subnetItem `xml:"subnetSet>item"`
	NextToken string       `xml:"nextToken,omitempty"`
}

func (s *Service) describeSubnets(ctx context.Context, form url.Values) (any, error) {
	stored, err := all(s.subnets)
	if err != nil {
		return nil, err
	}
	found, next, err := describe(ctx, form, stored, "SubnetId", noSuchSubnet)
	out := describeSubnetsOutput{NextToken: next}
	for _, n := range found {
		out.Items = append(out.Items, s.subnetItem(n))
	}
	return out, err
}

func (s *Service) deleteSubnet(_ context.Context, form url.Values) (any, error) {
	id := form.Get("SubnetId")
	return done{true}, s.subnets.Remove(id, func(_ subnet, found bool) error {
		if !found {
			return noSuchSubnet(id)
		}
		return nil
	})
}
