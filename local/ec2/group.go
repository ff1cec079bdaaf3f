package ec2

import (
	"context"
	"net/url"
)

// group is a security group, as it is stored. It has no rules: there is no network to have them for.
type group struct {
	ID, VPC     string
	Name        string
	Description string
	Tags        map[string]string
}

// defaultName is the name of the group that every VPC has.
const defaultName = "default"

// maxText is how long the name and the description of a group can be.
const maxText = 255

func (g group) id() string { return g.ID }

func (g group) facts() facts {
	return tagFacts(facts{
		"group-id": {g.ID}, "group-name": {g.Name}, "vpc-id": {g.VPC}, "description": {g.Description},
	}, g.Tags)
}

func noSuchGroup(id string) error {
	return failure("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
}

type groupItem struct {
	OwnerID     string `xml:"ownerId"`
	GroupID     string `xml:"groupId"`
	GroupName   string `xml:"groupName"`
	Description string `xml:"groupDescription"`
	VPCID       string `xml:"vpcId"`
	ARN         string `xml:"securityGroupArn"`
	TagSet      []tag  `xml:"tagSet>item"`
}

func (s *Service) groupItem(g group) groupItem {
	return groupItem{s.cfg.Account, g.ID, g.Name, g.Description, g.VPC, s.arn("security-group/" + g.ID), tagSet(g.Tags)}
}

type createGroupOutput struct {
	Return  bool   `xml:"return"`
	GroupID string `xml:"groupId"`
	ARN     string `xml:"securityGroupArn"`
	TagSet  []tag  `xml:"tagSet>item"`
}

func (s *Service) createGroup(_ context.Context, form url.Values) (any, error) {
	g := group{ID: newID("sg"), VPC: form.Get("VpcId"), Name: form.Get("GroupName"), Description: form.Get("GroupDescription"),
		Tags: tagsOf(form, "security-group")}
	switch {
	case g.Name == "":
		return nil, missing("GroupName")
	case g.Description == "":
		return nil, missing("GroupDescription")
	case len(g.Name) > maxText || len(g.Description) > maxText:
		return nil, failure("InvalidParameterValue", "The name and the description of a security group have %d characters at most", maxText)
	}
	vpcs, err := all(s.vpcs)
	if err != nil {
		return nil, err
	}
	known := false
	for _, v := range vpcs {
		if g.VPC == "" && v.Default {
			g.VPC = v.ID
		}
		known = known || v.ID == g.VPC
	}
	switch {
	case g.VPC == "":
		return nil, failure("VPCIdNotSpecified", "No default VPC for this user")
	case !known:
		return nil, noSuchVPC(g.VPC)
	}
	groups, err := all(s.groups)
	if err != nil {
		return nil, err
	}
	for _, other := range groups {
		if other.VPC == g.VPC && other.Name == g.Name {
			return nil, failure("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", g.Name, g.VPC)
		}
	}
	return createGroupOutput{true, g.ID, s.arn("security-group/" + g.ID), tagSet(g.Tags)}, s.groups.Put(g.ID, g)
}

type describeGroupsOutput struct {
	Items     []groupItem `xml:"securityGroupInfo>item"`
	NextToken string      `xml:"nextToken,omitempty"`
}

func (s *Service) describeGroups(ctx context.Context, form url.Values) (any, error) {
	stored, err := all(s.groups)
	if err != nil {
		return nil, err
	}
	found, next, err := describe(ctx, form, stored, "GroupId", noSuchGroup)
	out := describeGroupsOutput{NextToken: next}
	for _, g := range found {
		out.Items = append(out.Items, s.groupItem(g))
	}
	return out, err
}

type deleteGroupOutput struct {
	Return  bool   `xml:"return"`
	GroupID string `xml:"groupId"`
}

func (s *Service) deleteGroup(_ context.Context, form url.Values) (any, error) {
	id := form.Get("GroupId")
	if id == "" {
		return nil, missing("GroupId") // by name they are found in the default VPC only, which nobody should rely on
	}
	return deleteGroupOutput{true, id}, s.groups.Remove(id, func(g group, found bool) error {
		switch {
		case !found:
			return noSuchGroup(id)
		case g.Name == defaultName:
			return failure("CannotDelete", "the specified group: \"%s\" name: \"%s\" cannot be deleted by a user", id, g.Name)
		default:
			return nil
		}
	})
}
