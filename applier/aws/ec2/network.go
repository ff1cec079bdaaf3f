package ec2

import (
	"context"
	"errors"
	"net/url"
	"strconv"
)

// Subnet is what is asked of a subnet.
type Subnet struct {
	ID   string `xml:"subnetId"`
	VPC  string `xml:"vpcId"`
	Zone string `xml:"availabilityZone"` // by name, such as eu-west-1a
}

// SecurityGroup is what is asked of a security group.
type SecurityGroup struct {
	ID  string `xml:"groupId"`
	VPC string `xml:"vpcId"`
}

// Subnets describes the subnets of those ids, or all of the region's where none is given. One id that does not exist fails the
// call, with the code InvalidSubnetID.NotFound.
func (c *Client) Subnets(ctx context.Context, ids []string) ([]Subnet, error) {
	var all []Subnet
	err := eachPage(numbered("SubnetId", ids), func(params url.Values) (next string, err error) {
		var page struct {
			Subnets   []Subnet `xml:"subnetSet>item"`
			NextToken string   `xml:"nextToken"`
		}
		err = c.Call(ctx, "DescribeSubnets", params, &page)
		all = append(all, page.Subnets...)
		return page.NextToken, err
	})
	if err != nil {
		return nil, err // what has come of an answer that broke off is none
	}
	return all, nil
}

// SecurityGroups describes the security groups of those ids, or all of the region's where none is given. One id that does not
// exist fails the call, with the code InvalidGroup.NotFound.
func (c *Client) SecurityGroups(ctx context.Context, ids []string) ([]SecurityGroup, error) {
	var all []SecurityGroup
	err := eachPage(numbered("GroupId", ids), func(params url.Values) (next string, err error) {
		var page struct {
			Groups    []SecurityGroup `xml:"securityGroupInfo>item"`
			NextToken string          `xml:"nextToken"`
		}
		err = c.Call(ctx, "DescribeSecurityGroups", params, &page)
		all = append(all, page.Groups...)
		return page.NextToken, err
	})
	if err != nil {
		return nil, err // what has come of an answer that broke off is none
	}
	return all, nil
}

// numbered is a list as parameters: name.1, name.2 and so on.
func numbered(name string, values []string) url.Values {
	params := url.Values{}
	for i, value := range values {
		params.Set(name+"."+strconv.Itoa(i+1), value)
	}
	return params
}

// eachPage asks for a page after the other. A token that leads to itself would lead on for ever.
func eachPage(params url.Values, page func(url.Values) (next string, err error)) error {
	for {
		next, err := page(params)
		if err != nil || next == "" {
			return err
		}
		if next == params.Get("NextToken") {
			return errors.New("the next page is the same one again")
		}
		params.Set("NextToken", next)
	}
}
