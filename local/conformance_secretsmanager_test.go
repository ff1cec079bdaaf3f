package local

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

func conformSecrets(t *testing.T, s server) {
	ctx, c := context.Background(), secretsmanager.NewFromConfig(s.cfg)
	name := aws.String("imaging/db")
	made, err := c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: name, SecretString: aws.String(`{"password":"first"}`), Description: aws.String("of the test"),
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("imaging")}}})
	must(t, err)
	if !regexp.MustCompile(`^arn:aws:secretsmanager:us-east-1:` + s.account + `:secret:imaging/db-[A-Za-z0-9]{6}$`).MatchString(*made.ARN) {
		t.Errorf("ARN %s", *made.ARN)
	}
	_, err = c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: name, SecretString: aws.String("x")})
	wantCode(t, err, "ResourceExistsException")

	put, err := c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: name, SecretString: aws.String("second")})
	must(t, err)
	if !slices.Equal(put.VersionStages, []string{"AWSCURRENT"}) || *put.VersionId == *made.VersionId {
		t.Errorf("the second version %s has the labels %v", *put.VersionId, put.VersionStages)
	}
	partial := (*made.ARN)[:len(*made.ARN)-len("-000000")]
	for what, q := range map[string]struct {
		in   secretsmanager.GetSecretValueInput
		want string
	}{
		"by name":        {secretsmanager.GetSecretValueInput{SecretId: name}, "second"},
		"by ARN":         {secretsmanager.GetSecretValueInput{SecretId: made.ARN}, "second"},
		"by partial ARN": {secretsmanager.GetSecretValueInput{SecretId: &partial}, "second"},
		"current":        {secretsmanager.GetSecretValueInput{SecretId: name, VersionStage: aws.String("AWSCURRENT")}, "second"},
		"previous":       {secretsmanager.GetSecretValueInput{SecretId: name, VersionStage: aws.String("AWSPREVIOUS")}, `{"password":"first"}`},
		"by version":     {secretsmanager.GetSecretValueInput{SecretId: name, VersionId: made.VersionId}, `{"password":"first"}`},
	} {
		got, err := c.GetSecretValue(ctx, &q.in)
		must(t, err)
		if *got.SecretString != q.want || *got.Name != *name || *got.ARN != *made.ARN {
			t.Errorf("%s: %q of %s %s", what, *got.SecretString, *got.Name, *got.ARN)
		}
	}
	d, err := c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: name})
	must(t, err)
	if *d.Description != "of the test" || len(d.Tags) != 1 || !slices.Equal(d.VersionIdsToStages[*made.VersionId], []string{"AWSPREVIOUS"}) {
		t.Errorf("described %q, tags %v, labels %v", *d.Description, d.Tags, d.VersionIdsToStages)
	}

	_, err = c.UpdateSecret(ctx, &secretsmanager.UpdateSecretInput{SecretId: name, SecretBinary: []byte("\x00binary")})
	must(t, err)
	got, err := c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: name})
	must(t, err)
	if string(got.SecretBinary) != "\x00binary" || got.SecretString != nil {
		t.Errorf("binary %q, text %v", got.SecretBinary, got.SecretString)
	}
	_, err = c.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: name, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	must(t, err)
	_, err = c.UntagResource(ctx, &secretsmanager.UntagResourceInput{SecretId: name, TagKeys: []string{"team"}})
	must(t, err)
	d, err = c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: name})
	must(t, err)
	if len(d.Tags) != 1 || *d.Tags[0].Key != "k" {
		t.Errorf("tags %v", d.Tags)
	}
}

func conformSecretRules(t *testing.T, s server) {
	ctx, c := context.Background(), secretsmanager.NewFromConfig(s.cfg)
	absent := aws.String("absent")
	_, err := c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: absent})
	wantCode(t, err, "ResourceNotFoundException")
	if err == nil || !strings.Contains(err.Error(), "Secrets Manager can't find the specified secret.") {
		t.Errorf("an absent secret: %v", err)
	}
	_, err = c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: absent, SecretString: aws.String("x")})
	wantCode(t, err, "ResourceNotFoundException")
	_, err = c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: absent})
	wantCode(t, err, "ResourceNotFoundException")

	empty := aws.String("rules/empty")
	_, err = c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: empty})
	must(t, err)
	_, err = c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: empty})
	wantCode(t, err, "ResourceNotFoundException")
	if err == nil || !strings.Contains(err.Error(), "value for staging label: AWSCURRENT") {
		t.Errorf("a secret without a value: %v", err)
	}

	token := aws.String(strings.Repeat("t", 32))
	for range 2 { // the second is the first one again
		_, err = c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: empty, SecretString: aws.String("x"), ClientRequestToken: token})
		must(t, err)
	}
	_, err = c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: empty, SecretString: aws.String("hidden"), ClientRequestToken: token})
	wantCode(t, err, "ResourceExistsException")
	if err != nil && strings.Contains(err.Error(), "hidden") {
		t.Errorf("the error holds the value: %v", err)
	}
	if s.differs(t, "it checks neither names nor values") {
		return
	}
	_, err = c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("a b"), SecretString: aws.String("x")})
	wantCode(t, err, "ValidationException")
	_, err = c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: empty, SecretString: aws.String("x"), SecretBinary: []byte("x")})
	wantCode(t, err, "InvalidParameterException")
	_, err = c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: empty})
	wantCode(t, err, "InvalidRequestException")
	_, err = c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: empty, SecretString: aws.String(strings.Repeat("x", 65537))})
	wantCode(t, err, "ValidationException")
}

func conformSecretDeletion(t *testing.T, s server) {
	ctx, c := context.Background(), secretsmanager.NewFromConfig(s.cfg)
	name := aws.String("deleted")
	create := &secretsmanager.CreateSecretInput{Name: name, SecretString: aws.String("x")}
	_, err := c.CreateSecret(ctx, create)
	must(t, err)
	_, err = c.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: name, RecoveryWindowInDays: aws.Int64(6)})
	wantCode(t, err, "InvalidParameterException")
	_, err = c.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: name, RecoveryWindowInDays: aws.Int64(7), ForceDeleteWithoutRecovery: aws.Bool(true)})
	wantCode(t, err, "InvalidParameterException")
	_, err = c.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: name, RecoveryWindowInDays: aws.Int64(7)})
	must(t, err)

	_, err = c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: name})
	wantCode(t, err, "InvalidRequestException")
	if !s.differs(t, "it makes and changes secrets that are to be deleted") {
		_, err = c.CreateSecret(ctx, create)
		wantCode(t, err, "InvalidRequestException")
		_, err = c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: name, SecretString: aws.String("y")})
		wantCode(t, err, "InvalidRequestException")
	}
	d, err := c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: name})
	must(t, err)
	if d.DeletedDate == nil {
		t.Error("nothing says that the secret is to be deleted")
	}
	names := func(planned bool) (found []string) {
		p := secretsmanager.NewListSecretsPaginator(c, &secretsmanager.ListSecretsInput{IncludePlannedDeletion: &planned})
		for p.HasMorePages() {
			page, err := p.NextPage(ctx)
			must(t, err)
			for _, x := range page.SecretList {
				found = append(found, *x.Name)
			}
		}
		return found
	}
	if slices.Contains(names(false), *name) || !slices.Contains(names(true), *name) {
		t.Errorf("listed: %v, with those to be deleted: %v", names(false), names(true))
	}
	_, err = c.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: name})
	must(t, err)
	_, err = c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: name})
	must(t, err)
	for range 2 { // what is gone can be deleted for good again
		_, err = c.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: name, ForceDeleteWithoutRecovery: aws.Bool(true)})
		must(t, err)
	}
	_, err = c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: name})
	wantCode(t, err, "ResourceNotFoundException")
	_, err = c.CreateSecret(ctx, create)
	must(t, err)
}

func conformSecretLists(t *testing.T, s server) {
	ctx, c := context.Background(), secretsmanager.NewFromConfig(s.cfg)
	for _, name := range []string{"lists/a", "lists/b", "lists/c", "lists/d", "other"} {
		_, err := c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("x"), Tags: []types.Tag{{Key: aws.String("t" + name[:1]), Value: aws.String("v")}}})
		must(t, err)
	}
	for what, q := range map[string]struct {
		filter types.Filter
		want   []string
	}{
		"by name":    {types.Filter{Key: types.FilterNameStringTypeName, Values: []string{"lists/"}}, []string{"lists/a", "lists/b", "lists/c", "lists/d"}},
		"by tag key": {types.Filter{Key: types.FilterNameStringTypeTagKey, Values: []string{"to"}}, []string{"other"}},
	} {
		var found []string
		p := secretsmanager.NewListSecretsPaginator(c, &secretsmanager.ListSecretsInput{Filters: []types.Filter{q.filter}, MaxResults: aws.Int32(3), SortOrder: types.SortOrderTypeAsc})
		for p.HasMorePages() {
			page, err := p.NextPage(ctx)
			must(t, err)
			if len(page.SecretList) > 3 {
				t.Errorf("a page of %d", len(page.SecretList))
			}
			for _, x := range page.SecretList {
				found = append(found, *x.Name)
			}
		}
		if !slices.Equal(found, q.want) {
			t.Errorf("%s: %v", what, found)
		}
	}
}
