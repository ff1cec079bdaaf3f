package local

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/scar-go/scar/local/clock"
)

func TestSignaturesAreVerified(t *testing.T) {
	ctx := context.Background()
	b, _ := open(t, Options{})
	for _, c := range []struct {
		name, key, secret, token string
		iamCode, logsCode        string
	}{
		{"wrong secret", AdminAccessKey, "wrong", "", "SignatureDoesNotMatch", "InvalidSignatureException"},
		{"unknown key", "AKIDUNKNOWN", "x", "", "InvalidClientTokenId", "UnrecognizedClientException"},
		{"forged token", "ASIAFORGED", "x", "e30.AAAA", "InvalidClientTokenId", "UnrecognizedClientException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(b.Endpoint(), c.key, c.secret, c.token)
			_, err := iam.NewFromConfig(cfg).ListRoles(ctx, nil)
			wantCode(t, err, c.iamCode)
			_, err = sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
			wantCode(t, err, c.iamCode)
			_, err = cloudwatchlogs.NewFromConfig(cfg).DescribeLogGroups(ctx, nil)
			wantCode(t, err, c.logsCode)
		})
	}
	t.Run("wrong region", func(t *testing.T) {
		cfg := adminOf(b)
		cfg.Region = "eu-west-1"
		_, err := cloudwatchlogs.NewFromConfig(cfg).DescribeLogGroups(ctx, nil)
		wantCode(t, err, "InvalidSignatureException")
		_, err = iam.NewFromConfig(cfg).ListRoles(ctx, nil)
		must(t, err)
	})
}

func TestSessionsExpire(t *testing.T) {
	ctx := context.Background()
	now := clock.NewVirtual(time.Now())
	b, _ := open(t, Options{Clock: now})
	createRole(t, adminOf(b), "r")
	s, err := b.iam.Session(ctx, "arn:aws:iam::000000000000:role/r", "lambda.amazonaws.com", "s")
	must(t, err)
	client := sts.NewFromConfig(config(b.Endpoint(), s.AccessKeyID, s.SecretAccessKey, s.SessionToken))
	_, err = client.GetCallerIdentity(ctx, nil)
	must(t, err)
	now.Advance(13 * time.Hour)
	_, err = client.GetCallerIdentity(ctx, nil)
	wantCode(t, err, "ExpiredToken")
}

func TestSessionsMayDoWhatTheirRoleAllows(t *testing.T) {
	ctx := context.Background()
	b, _ := open(t, Options{})
	admin := iam.NewFromConfig(adminOf(b))
	createRole(t, adminOf(b), "r")
	s, err := b.iam.Session(ctx, "arn:aws:iam::000000000000:role/r", "lambda.amazonaws.com", "s")
	must(t, err)
	session := iam.NewFromConfig(config(b.Endpoint(), s.AccessKeyID, s.SecretAccessKey, s.SessionToken))

	_, err = session.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("r")})
	wantCode(t, err, "AccessDenied")
	_, err = admin.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: aws.String("r"), PolicyName: aws.String("p"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:Get*","Resource":"arn:aws:iam::000000000000:role/r"}}`),
	})
	must(t, err)
	_, err = session.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("r")})
	must(t, err)
	_, err = session.ListRoles(ctx, nil)
	wantCode(t, err, "AccessDenied")
	_, err = cloudwatchlogs.NewFromConfig(config(b.Endpoint(), s.AccessKeyID, s.SecretAccessKey, s.SessionToken)).DescribeLogGroups(ctx, nil)
	wantCode(t, err, "AccessDeniedException")

	_, err = admin.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("p")})
	must(t, err)
	_, err = admin.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String("r")})
	must(t, err)
	_, err = session.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("r")})
	wantCode(t, err, "InvalidClientTokenId")
}

func TestAssumeRole(t *testing.T) {
	ctx := context.Background()
	b, _ := open(t, Options{})
	admin := adminOf(b)
	trust := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}}`
	_, err := iam.NewFromConfig(admin).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("ops"), Path: aws.String("/team/"), AssumeRolePolicyDocument: &trust})
	must(t, err)
	in := &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::000000000000:role/team/ops"), RoleSessionName: aws.String("me@work")}
	_, err = sts.NewFromConfig(admin).AssumeRole(ctx, in)
	wantCode(t, err, "AccessDenied")
	in.ExternalId = aws.String("x")
	out, err := sts.NewFromConfig(admin).AssumeRole(ctx, in)
	must(t, err)
	c := out.Credentials
	who, err := sts.NewFromConfig(config(b.Endpoint(), *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)).GetCallerIdentity(ctx, nil)
	must(t, err)
	if *who.Arn != "arn:aws:sts::000000000000:assumed-role/ops/me@work" || *who.UserId != *out.AssumedRoleUser.AssumedRoleId {
		t.Errorf("the session is %s %s", *who.Arn, *who.UserId)
	}
	in.RoleArn = aws.String("arn:aws:iam::000000000000:role/ops") // the path is part of the ARN
	_, err = sts.NewFromConfig(admin).AssumeRole(ctx, in)
	wantCode(t, err, "AccessDenied")

	// A token of one session does not fit the keys of another.
	_, err = sts.NewFromConfig(config(b.Endpoint(), "ASIAOTHER", *c.SecretAccessKey, *c.SessionToken)).GetCallerIdentity(ctx, nil)
	wantCode(t, err, "InvalidClientTokenId")
}
