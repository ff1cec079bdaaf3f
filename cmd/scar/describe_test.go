package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/planner"
)

func TestSecretsOfAPolicy(t *testing.T) {
	policy := planner.Policy{Statements: []planner.Statement{
		{Effect: "Allow", Action: planner.StringList{"ssm:GetParameter"}, Resource: planner.StringList{
			"arn:aws:ssm:eu-west-1:123456789012:parameter/lab/token", "arn:aws:ssm:eu-west-1:123456789012:parameter/scar/imaging/grayify/KEY", "*",
		}},
		{Effect: "Allow", Action: planner.StringList{"secretsmanager:GetSecretValue"}, Resource: planner.StringList{"arn:aws:secretsmanager:eu-west-1:123456789012:secret:lab/db-??????"}},
		{Effect: "Deny", Action: planner.StringList{"ssm:GetParameter"}, Resource: planner.StringList{"arn:aws:ssm:eu-west-1:123456789012:parameter/denied"}},
		{Effect: "Allow", Action: planner.StringList{"ssm:PutParameter"}, Resource: planner.StringList{"arn:aws:ssm:eu-west-1:123456789012:parameter/written"}},
	}}
	got := secretsOf(policy, []string{"/scar/imaging/grayify/KEY"})
	if diff := cmp.Diff([]string{"ssm:/lab/token", "secretsmanager:lab/db"}, got); diff != "" {
		t.Error(diff)
	}
}
