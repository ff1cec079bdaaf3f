package local

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

func conformParameters(t *testing.T, s server) {
	ctx, c := context.Background(), ssm.NewFromConfig(s.cfg)
	put := func(in ssm.PutParameterInput) (*ssm.PutParameterOutput, error) { return c.PutParameter(ctx, &in) }
	name := aws.String("/imaging/token")
	out, err := put(ssm.PutParameterInput{Name: name, Value: aws.String("first"), Type: types.ParameterTypeSecureString,
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("imaging")}}})
	must(t, err)
	if out.Version != 1 {
		t.Errorf("the first version is %d", out.Version)
	}
	_, err = put(ssm.PutParameterInput{Name: name, Value: aws.String("second"), Type: types.ParameterTypeSecureString})
	wantCode(t, err, "ParameterAlreadyExists")
	out, err = put(ssm.PutParameterInput{Name: name, Value: aws.String("second"), Overwrite: aws.Bool(true)})
	must(t, err)
	if out.Version != 2 {
		t.Errorf("the second version is %d", out.Version)
	}

	arn := "arn:aws:ssm:us-east-1:" + s.account + ":parameter/imaging/token"
	for _, id := range []string{*name, *name + ":2", arn} {
		got, err := c.GetParameter(ctx, &ssm.GetParameterInput{Name: &id, WithDecryption: aws.Bool(true)})
		must(t, err)
		if p := got.Parameter; *p.Value != "second" || p.Type != types.ParameterTypeSecureString || p.Version != 2 || *p.ARN != arn {
			t.Errorf("%s: value %q, type %s, version %d, ARN %s", id, *p.Value, p.Type, p.Version, *p.ARN)
		}
	}
	first, err := c.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(*name + ":1"), WithDecryption: aws.Bool(true)})
	must(t, err)
	if *first.Parameter.Value != "first" {
		t.Errorf("version 1 has %q", *first.Parameter.Value)
	}
	_, err = c.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(*name + ":9")})
	wantCode(t, err, "ParameterVersionNotFound")
	_, err = c.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/absent")})
	wantCode(t, err, "ParameterNotFound")
	got, err := c.GetParameter(ctx, &ssm.GetParameterInput{Name: name})
	must(t, err)
	if *got.Parameter.Value == "second" || strings.Contains(*got.Parameter.Value, "second") && !s.differs(t, "its ciphertext shows the value") {
		t.Errorf("without decryption there is %q", *got.Parameter.Value)
	}

	list, err := c.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: name})
	must(t, err)
	if len(list.TagList) != 1 || *list.TagList[0].Key != "team" || *list.TagList[0].Value != "imaging" {
		t.Errorf("tags %v", list.TagList)
	}
	_, err = c.AddTagsToResource(ctx, &ssm.AddTagsToResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: name,
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	must(t, err)
	_, err = c.RemoveTagsFromResource(ctx, &ssm.RemoveTagsFromResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: name, TagKeys: []string{"team"}})
	must(t, err)
	list, err = c.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: name})
	must(t, err)
	if len(list.TagList) != 1 || *list.TagList[0].Key != "k" {
		t.Errorf("tags %v", list.TagList)
	}
	_, err = c.AddTagsToResource(ctx, &ssm.AddTagsToResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String("/absent"),
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	wantCode(t, err, "InvalidResourceId")

	_, err = c.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: name})
	must(t, err)
	_, err = c.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: name})
	wantCode(t, err, "ParameterNotFound")
}

func conformParameterRules(t *testing.T, s server) {
	ctx, c := context.Background(), ssm.NewFromConfig(s.cfg)
	_, err := c.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/rules/there"), Value: aws.String("x"), Type: types.ParameterTypeString})
	must(t, err)
	for what, q := range map[string]struct {
		in     ssm.PutParameterInput
		code   string
		unlike string // how moto differs
	}{
		"no type":              {ssm.PutParameterInput{Name: aws.String("/rules/a"), Value: aws.String("x")}, "ValidationException", ""},
		"unknown type":         {ssm.PutParameterInput{Name: aws.String("/rules/a"), Value: aws.String("x"), Type: "Text"}, "ValidationException", ""},
		"reserved":             {ssm.PutParameterInput{Name: aws.String("awsome"), Value: aws.String("x"), Type: "String"}, "ValidationException", ""},
		"reserved, ssm":        {ssm.PutParameterInput{Name: aws.String("/ssm/a"), Value: aws.String("x"), Type: "String"}, "ValidationException", ""},
		"reserved path":        {ssm.PutParameterInput{Name: aws.String("/aws/a"), Value: aws.String("x"), Type: "String"}, "AccessDeniedException", ""},
		"odd character":        {ssm.PutParameterInput{Name: aws.String("/rules/a b"), Value: aws.String("x"), Type: "String"}, "ValidationException", "it takes any character"},
		"not qualified":        {ssm.PutParameterInput{Name: aws.String("rules/a"), Value: aws.String("x"), Type: "String"}, "ValidationException", "it takes relative paths"},
		"too deep":             {ssm.PutParameterInput{Name: aws.String(strings.Repeat("/a", 16)), Value: aws.String("x"), Type: "String"}, "HierarchyLevelLimitExceededException", "it takes any depth"},
		"tags and overwrite":   {ssm.PutParameterInput{Name: aws.String("/rules/a"), Value: aws.String("x"), Type: "String", Overwrite: aws.Bool(true), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}, "ValidationException", ""},
		"large for standard":   {ssm.PutParameterInput{Name: aws.String("/rules/a"), Value: aws.String(strings.Repeat("x", 4097)), Type: "String"}, "ValidationException", "it takes any size"},
		"large for advanced":   {ssm.PutParameterInput{Name: aws.String("/rules/a"), Value: aws.String(strings.Repeat("x", 8193)), Type: "String", Tier: "Advanced"}, "ValidationException", "it takes any size"},
		"not of the pattern":   {ssm.PutParameterInput{Name: aws.String("/rules/a"), Value: aws.String("x"), Type: "String", AllowedPattern: aws.String(`\d+`)}, "ParameterPatternMismatchException", "it does not check patterns"},
		"another type":         {ssm.PutParameterInput{Name: aws.String("/rules/there"), Value: aws.String("x"), Type: "SecureString", Overwrite: aws.Bool(true)}, "HierarchyTypeMismatchException", "it changes types"},
		"unknown type of data": {ssm.PutParameterInput{Name: aws.String("/rules/a"), Value: aws.String("x"), Type: "String", DataType: aws.String("blob")}, "ValidationException", ""},
	} {
		if q.unlike != "" && s.differs(t, q.unlike) {
			continue
		}
		_, err := c.PutParameter(ctx, &q.in)
		if err == nil {
			t.Errorf("%s was stored", what)
			continue
		}
		wantCode(t, err, q.code)
		if strings.Contains(err.Error(), "xxxx") {
			t.Errorf("%s: the error holds the value", what)
		}
	}
	out, err := c.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/rules/large"), Value: aws.String(strings.Repeat("x", 8192)), Type: "String", Tier: "Intelligent-Tiering"})
	must(t, err)
	if out.Tier != types.ParameterTierAdvanced && !s.differs(t, "it does not choose tiers") {
		t.Errorf("tier %s", out.Tier)
	}
}

func conformParameterLists(t *testing.T, s server) {
	ctx, c := context.Background(), ssm.NewFromConfig(s.cfg)
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprintf("/lists/p%02d", i))
	}
	for _, name := range append([]string{"/lists/deep/er/p", "/lists2/p"}, names...) {
		_, err := c.PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: aws.String("value of " + name), Type: types.ParameterTypeString})
		must(t, err)
	}
	paths := func(recursive bool) (found []string) {
		p := ssm.NewGetParametersByPathPaginator(c, &ssm.GetParametersByPathInput{Path: aws.String("/lists"), Recursive: &recursive, MaxResults: aws.Int32(5)})
		for p.HasMorePages() {
			page, err := p.NextPage(ctx)
			must(t, err)
			if len(page.Parameters) > 5 {
				t.Errorf("a page of %d", len(page.Parameters))
			}
			for _, x := range page.Parameters {
				found = append(found, *x.Name)
			}
		}
		return found
	}
	if got := paths(false); len(got) != 12 || got[0] != names[0] || got[11] != names[11] {
		t.Errorf("one level: %v", got)
	}
	if got := paths(true); len(got) != 13 {
		t.Errorf("all levels: %v", got)
	}

	for what, q := range map[string]struct {
		filter types.ParameterStringFilter
		want   int
	}{
		"name":            {types.ParameterStringFilter{Key: aws.String("Name"), Values: names[:2]}, 2},
		"name begins":     {types.ParameterStringFilter{Key: aws.String("Name"), Option: aws.String("BeginsWith"), Values: []string{"/lists/p"}}, 12},
		"name contains":   {types.ParameterStringFilter{Key: aws.String("Name"), Option: aws.String("Contains"), Values: []string{"er/p"}}, 1},
		"path, recursive": {types.ParameterStringFilter{Key: aws.String("Path"), Option: aws.String("Recursive"), Values: []string{"/lists"}}, 13},
	} {
		found := 0
		p := ssm.NewDescribeParametersPaginator(c, &ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{q.filter}, MaxResults: aws.Int32(10)})
		for p.HasMorePages() {
			page, err := p.NextPage(ctx)
			must(t, err)
			found += len(page.Parameters)
		}
		if found != q.want {
			t.Errorf("%s: %d, want %d", what, found, q.want)
		}
	}
	_, err := c.DescribeParameters(ctx, &ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{{Key: aws.String("Label"), Values: []string{"x"}}}})
	wantCode(t, err, "InvalidFilterKey")

	got, err := c.GetParameters(ctx, &ssm.GetParametersInput{Names: []string{names[3], "/absent", names[1]}})
	must(t, err)
	if len(got.Parameters) != 2 || len(got.InvalidParameters) != 1 || got.InvalidParameters[0] != "/absent" {
		t.Errorf("found %d, not found %v", len(got.Parameters), got.InvalidParameters)
	}
	_, err = c.GetParameters(ctx, &ssm.GetParametersInput{Names: names[:11]})
	wantCode(t, err, "ValidationException")
	gone, err := c.DeleteParameters(ctx, &ssm.DeleteParametersInput{Names: []string{names[0], "/absent"}})
	must(t, err)
	if len(gone.DeletedParameters) != 1 || len(gone.InvalidParameters) != 1 {
		t.Errorf("deleted %v, not found %v", gone.DeletedParameters, gone.InvalidParameters)
	}
}
