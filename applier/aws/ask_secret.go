package aws

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/scar-go/scar/planner"
)

// parameterClient describes parameters of Systems Manager. It cannot read their values.
type parameterClient = ssm.DescribeParametersAPIClient

// secretClient describes secrets of Secrets Manager. It cannot read their values.
type secretClient interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
}

// keyClient describes keys of KMS.
type keyClient interface {
	DescribeKey(context.Context, *kms.DescribeKeyInput, ...func(*kms.Options)) (*kms.DescribeKeyOutput, error)
}

// maxFilterValues is how many names one call of DescribeParameters may ask for (SSM API reference,
// ParameterStringFilter).
const maxFilterValues = 50

// allParameters asks for the parameters of each region together: the call that describes them takes several names,
// and is among the rarest that Systems Manager allows.
func (a *answering) allParameters(ctx context.Context, names []string) {
	byRegion := map[string][]string{}
	for _, name := range names {
		if a.isOther(name) {
			a.put(planner.AboutParameter, name, planner.Answer{}, a.absent(name))
			continue
		}
		region := a.regionOf(name)
		byRegion[region] = append(byRegion[region], name)
	}
	for region, names := range byRegion {
		found, err := a.parameterKeys(ctx, region, names)
		for _, name := range names {
			a.parameter(ctx, region, name, found, err)
		}
	}
}

// parameterKeys are the keys of those parameters that exist, by their names; empty for one that is not encrypted.
func (a *asker) parameterKeys(ctx context.Context, region string, names []string) (map[string]string, error) {
	var values []string
	for _, name := range names {
		values = append(values, parameterNames(name)...)
	}
	pages := ssm.NewDescribeParametersPaginator(a.parameters, &ssm.DescribeParametersInput{
		ParameterFilters: []types.ParameterStringFilter{{Key: ptr("Name"), Option: ptr("Equals"), Values: values}},
		MaxResults:       ptr(int32(maxFilterValues)),
	})
	found := map[string]string{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, func(o *ssm.Options) { o.Region = region })
		if err != nil {
			return nil, fmt.Errorf("describe parameters: %w", err)
		}
		for _, p := range page.Parameters {
			found[deref(p.Name)] = deref(p.KeyId)
		}
	}
	return found, nil
}

// parameterNames are the names that a parameter may have. An ARN does not tell /token from token: both are
// parameter/token there. A name with more levels begins with a slash.
func parameterNames(name string) []string {
	parsed, err := arn.Parse(name)
	if err != nil {
		return []string{name}
	}
	path := strings.TrimPrefix(parsed.Resource, "parameter")
	if bare := strings.TrimPrefix(path, "/"); !strings.Contains(bare, "/") {
		return []string{path, bare}
	}
	return []string{path}
}

func (a *answering) parameter(ctx context.Context, region, name string, found map[string]string, err error) {
	if err != nil {
		a.put(planner.AboutParameter, name, planner.Answer{}, err)
		return
	}
	for _, candidate := range parameterNames(name) {
		if key, exists := found[candidate]; exists {
			customers, err := a.customersKey(ctx, region, key)
			a.put(planner.AboutParameter, name, planner.Answer{Key: customers}, err)
			return
		}
	}
	a.put(planner.AboutParameter, name, planner.Answer{}, errAbsent)
}

func (a *asker) secret(ctx context.Context, name string) (planner.Answer, error) {
	region := a.regionOf(name)
	out, err := a.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &name},
		func(o *secretsmanager.Options) { o.Region = region })
	if isNoSuchThing(err) || err == nil && out.DeletedDate != nil { // scheduled for deletion: its value cannot be read
		return planner.Answer{}, a.absent(name)
	}
	if err != nil {
		return planner.Answer{}, fmt.Errorf("describe secret: %w", err)
	}
	key, err := a.customersKey(ctx, region, deref(out.KmsKeyId))
	return planner.Answer{Key: key}, err
}

// customersKey is the ARN of a key by its id, ARN or alias, if it is one of a customer's, which a role needs rights to
// use; AWS's own keys need none, nor does what has no key. A key that is not described because it is another account's
// is a customer's too: AWS's own are not shared.
func (a *asker) customersKey(ctx context.Context, region, key string) (string, error) {
	if key == "" || isAWSAlias(key) {
		return "", nil
	}
	out, err := a.keys.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &key}, func(o *kms.Options) { o.Region = region })
	switch {
	case err != nil && a.isOther(key) && (isHidden(err) || isNoSuchThing(err)):
		return key, nil
	case isNoSuchThing(err):
		return "", &unknownError{fmt.Sprintf("the key %s that it is encrypted with does not exist", key)}
	case err != nil:
		return "", fmt.Errorf("describe key: %w", err)
	case out.KeyMetadata == nil || out.KeyMetadata.KeyManager != kmstypes.KeyManagerTypeCustomer:
		return "", nil
	}
	return deref(out.KeyMetadata.Arn), nil
}

// isAWSAlias says whether a key is named by an alias of AWS's own (KMS developer guide, "AWS managed keys").
func isAWSAlias(key string) bool {
	if parsed, err := arn.Parse(key); err == nil {
		key = parsed.Resource
	}
	return strings.HasPrefix(key, "alias/aws/")
}
