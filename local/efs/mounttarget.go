package efs

import (
	"errors"
	"net/http"
	"net/netip"

	"github.com/scar-go/scar/local/wire"
)

// mountTarget is where a file system can be reached in a zone of a VPC, as it is stored.
type mountTarget struct {
	ID, FileSystem string
	Subnet, VPC    string
	Zone, ZoneID   string
	Address        string
	Interface      string // id of a network interface that nobody else knows
	Groups         []string
}

// firstAddress is the first address of a subnet that AWS does not keep for itself, counted from its beginning.
const firstAddress = 4

func noSuchTarget(id string) error {
	return notFound("MountTargetNotFound", "Mount target '%s' does not exist.", id)
}

type createMountTargetInput struct {
	FileSystemID   string `json:"FileSystemId"`
	SubnetID       string `json:"SubnetId"`
	IPAddress      string `json:"IpAddress"`
	SecurityGroups []string
}

type mountTargetOutput struct {
	AvailabilityZoneID   string `json:"AvailabilityZoneId"`
	AvailabilityZoneName string
	FileSystemID         string `json:"FileSystemId"`
	IPAddress            string `json:"IpAddress"`
	LifeCycleState       string
	MountTargetID        string `json:"MountTargetId"`
	NetworkInterfaceID   string `json:"NetworkInterfaceId"`
	OwnerID              string `json:"OwnerId"`
	SubnetID             string `json:"SubnetId"`
	VPCID                string `json:"VpcId"`
}

func (s *Service) targetOutput(t mountTarget) mountTargetOutput {
	return mountTargetOutput{t.ZoneID, t.Zone, t.FileSystem, t.Address, available, t.ID, t.Interface, s.cfg.Account, t.Subnet, t.VPC}
}

func (s *Service) createMountTarget(r *http.Request, in createMountTargetInput) (out mountTargetOutput, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.system(in.FileSystemID)
	if err != nil {
		return out, err
	}
	subnet, err := s.cfg.Networks.Subnet(r.Context(), in.SubnetID)
	if err != nil {
		return out, translated(err, "SubnetNotFound")
	}
	groups := in.SecurityGroups
	if len(groups) == 0 {
		groups = []string{subnet.DefaultGroup}
	}
	if _, err := s.cfg.Networks.CheckVPC(r.Context(), []string{in.SubnetID}, groups); err != nil {
		return out, translated(err, "SecurityGroupNotFound")
	}
	targets, err := all(s.targets)
	if err != nil {
		return out, err
	}
	taken := map[string]bool{}
	for _, t := range targets {
		taken[t.Address] = true
		switch {
		case t.FileSystem != f.ID:
		case t.Zone == subnet.Zone:
			return out, conflict("MountTargetConflict", "mount target already exists in this AZ")
		case t.VPC != subnet.VPC:
			return out, conflict("MountTargetConflict", "requested subnet for new mount target is not in the same VPC as existing mount targets")
		}
	}
	address, err := freeAddress(in.IPAddress, subnet.CIDR, taken)
	if err != nil {
		return out, err
	}
	t := mountTarget{ID: newID("fsmt"), FileSystem: f.ID, Subnet: in.SubnetID, VPC: subnet.VPC, Zone: subnet.Zone, ZoneID: subnet.ZoneID,
		Address: address, Interface: newID("eni"), Groups: groups}
	return s.targetOutput(t), s.targets.Put(t.ID, t)
}

// translated is an error of EC2 with EFS's code.
func translated(err error, code string) error {
	var known *wire.Error
	if errors.As(err, &known) {
		return wire.Errorf(http.StatusBadRequest, code, "%s", known.Message)
	}
	return err
}

// freeAddress is the address that is asked for, or the first that nobody has.
func freeAddress(asked string, cidr netip.Prefix, taken map[string]bool) (string, error) {
	if asked != "" {
		address, err := netip.ParseAddr(asked)
		if err != nil || !cidr.Contains(address) {
			return "", badRequest("Address does not fall within the subnet's address range")
		}
		if taken[asked] {
			return "", conflict("IpAddressInUse", "Address is already in use")
		}
		return asked, nil
	}
	address := cidr.Masked().Addr()
	for range firstAddress {
		address = address.Next()
	}
	for ; cidr.Contains(address); address = address.Next() {
		if !taken[address.String()] {
			return address.String(), nil
		}
	}
	return "", conflict("NoFreeAddressesInSubnet", "The subnet has no free addresses")
}

type describeMountTargetsOutput struct {
	MountTargets []mountTargetOutput
	NextMarker   *string `json:",omitempty"`
}

func (s *Service) describeMountTargets(r *http.Request, _ wire.Empty) (out describeMountTargetsOutput, err error) {
	wanted, err := s.wantedTargets(r)
	if err != nil {
		return out, err
	}
	targets, err := all(s.targets)
	if err != nil {
		return out, err
	}
	var found []mountTargetOutput
	for _, t := range targets {
		if wanted(t) {
			found = append(found, s.targetOutput(t))
		}
	}
	out.MountTargets, out.NextMarker, err = page(r, found, func(t mountTargetOutput) string { return t.MountTargetID }, "MaxItems", "Marker")
	return out, err
}

// wantedTargets reads which mount targets are asked for: one, or those of a file system, which an access point may stand for.
func (s *Service) wantedTargets(r *http.Request) (func(mountTarget) bool, error) {
	query := r.URL.Query()
	ofSystem := func(id string) func(mountTarget) bool {
		return func(t mountTarget) bool { return t.FileSystem == id }
	}
	if ref := query.Get("MountTargetId"); ref != "" {
		t, found, err := s.targets.Get(idOf(ref))
		if err == nil && !found {
			err = noSuchTarget(idOf(ref))
		}
		return func(other mountTarget) bool { return other.ID == t.ID }, err
	}
	if ref := query.Get("FileSystemId"); ref != "" {
		f, err := s.system(ref)
		return ofSystem(f.ID), err
	}
	if ref := query.Get("AccessPointId"); ref != "" {
		p, err := s.point(ref)
		return ofSystem(p.FileSystem), err
	}
	return nil, badRequest("You must specify one of FileSystemId, MountTargetId and AccessPointId")
}

func (s *Service) deleteMountTarget(r *http.Request, _ []byte) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := idOf(r.PathValue("id"))
	return nil, s.targets.Remove(id, func(_ mountTarget, found bool) error {
		if !found {
			return noSuchTarget(id)
		}
		return nil
	})
}

type describeGroupsOutput struct{ SecurityGroups []string }

func (s *Service) describeGroups(r *http.Request, _ wire.Empty) (out describeGroupsOutput, err error) {
	id := idOf(r.PathValue("id"))
	t, found, err := s.targets.Get(id)
	if err == nil && !found {
		err = noSuchTarget(id)
	}
	out.SecurityGroups = t.Groups
	return out, err
}
