package local

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	taggingtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
)

func conformRepositories(t *testing.T, s server) {
	ctx, c := context.Background(), ecr.NewFromConfig(s.cfg)
	name := aws.String("scar/imaging")
	in := &ecr.CreateRepositoryInput{RepositoryName: name, Tags: []types.Tag{{Key: aws.String("scar:project"), Value: aws.String("imaging")}}}
	created, err := c.CreateRepository(ctx, in)
	must(t, err)
	if want := s.account + ".dkr.ecr.us-east-1.amazonaws.com/scar/imaging"; *created.Repository.RepositoryUri != want {
		t.Errorf("uri %s", *created.Repository.RepositoryUri)
	}
	arn := created.Repository.RepositoryArn
	if want := fmt.Sprintf("arn:aws:ecr:us-east-1:%s:repository/scar/imaging", s.account); *arn != want {
		t.Errorf("arn %s", *arn)
	}
	_, err = c.CreateRepository(ctx, in)
	wantCode(t, err, "RepositoryAlreadyExistsException")
	_, err = c.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String("Upper/Case")})
	wantCode(t, err, "InvalidParameterException")

	described, err := c.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{*name}})
	must(t, err)
	if len(described.Repositories) != 1 || described.Repositories[0].CreatedAt == nil {
		t.Errorf("described %+v", described.Repositories)
	}
	_, err = c.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"absent"}})
	wantCode(t, err, "RepositoryNotFoundException")

	_, err = c.TagResource(ctx, &ecr.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}})
	must(t, err)
	_, err = c.UntagResource(ctx, &ecr.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"scar:project"}})
	must(t, err)
	tags, err := c.ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: arn})
	must(t, err)
	if len(tags.Tags) != 1 || *tags.Tags[0].Key != "a" {
		t.Errorf("tags %+v", tags.Tags)
	}

	_, err = c.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: name})
	wantCode(t, err, "RepositoryPolicyNotFoundException")
	policy := `{"Version":"2012-10-17","Statement":[{"Sid":"LambdaECRImageRetrievalPolicy","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":["ecr:BatchGetImage"]}]}`
	_, err = c.SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{RepositoryName: name, PolicyText: &policy})
	must(t, err)
	got, err := c.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: name})
	must(t, err)
	if !strings.Contains(*got.PolicyText, "LambdaECRImageRetrievalPolicy") {
		t.Errorf("policy %s", *got.PolicyText)
	}
	_, err = c.DeleteRepositoryPolicy(ctx, &ecr.DeleteRepositoryPolicyInput{RepositoryName: name})
	must(t, err)
	_, err = c.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: name})
	must(t, err)
	_, err = c.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: name})
	wantCode(t, err, "RepositoryNotFoundException")
}

func conformImages(t *testing.T, s server) {
	ctx, c := context.Background(), ecr.NewFromConfig(s.cfg)
	repo := aws.String("images")
	_, err := c.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: repo})
	must(t, err)
	manifests := []string{smallImage(t, s, *repo, "one"), smallImage(t, s, *repo, "two")}
	digests := []string{digestOf(manifests[0]), digestOf(manifests[1])}
	put := func(i int, tag string) error {
		// moto makes up a digest where it is given none.
		in := &ecr.PutImageInput{RepositoryName: repo, ImageManifest: &manifests[i], ImageManifestMediaType: aws.String(ociManifest), ImageDigest: &digests[i]}
		if tag != "" {
			in.ImageTag = &tag
		}
		out, err := c.PutImage(ctx, in)
		if err == nil && *out.Image.ImageId.ImageDigest != digests[i] {
			t.Errorf("digest %s, want %s", *out.Image.ImageId.ImageDigest, digests[i])
		}
		return err
	}
	must(t, put(0, "f"))
	wantCode(t, put(0, "f"), "ImageAlreadyExistsException")
	must(t, put(1, "f")) // the tag moves

	if s.differs(t, "it forgets an image whose tag has moved") {
		must(t, put(0, "other"))
	}
	got, err := c.BatchGetImage(ctx, &ecr.BatchGetImageInput{RepositoryName: repo, ImageIds: []types.ImageIdentifier{
		{ImageTag: aws.String("f")}, {ImageTag: aws.String("absent")}, {ImageDigest: &digests[0]}}})
	must(t, err)
	if len(got.Images) != 2 || *got.Images[0].ImageManifest != manifests[1] || *got.Images[1].ImageId.ImageDigest != digests[0] {
		t.Errorf("images %+v", got.Images)
	}
	if len(got.Failures) != 1 || got.Failures[0].FailureCode != types.ImageFailureCodeImageNotFound {
		t.Errorf("failures %+v", got.Failures)
	}
	untagged, err := c.ListImages(ctx, &ecr.ListImagesInput{RepositoryName: repo, Filter: &types.ListImagesFilter{TagStatus: types.TagStatusUntagged}})
	must(t, err)
	if len(untagged.ImageIds) != 1 && !s.differs(t, "the image was tagged again, since it forgot it") {
		t.Errorf("untagged %+v", untagged.ImageIds)
	}
	details, err := c.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: repo, ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("f")}}})
	must(t, err)
	if len(details.ImageDetails) != 1 || *details.ImageDetails[0].ImageDigest != digests[1] || details.ImageDetails[0].ImagePushedAt == nil {
		t.Errorf("details %+v", details.ImageDetails)
	}
	_, err = c.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: repo, ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("absent")}}})
	wantCode(t, err, "ImageNotFoundException")
	_, err = c.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: repo})
	wantCode(t, err, "RepositoryNotEmptyException")
	deleted, err := c.BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{RepositoryName: repo, ImageIds: []types.ImageIdentifier{{ImageDigest: &digests[0]}}})
	must(t, err)
	if len(deleted.ImageIds) == 0 || len(deleted.Failures) != 0 {
		t.Errorf("deleted %+v", deleted)
	}
	if !s.differs(t, "it takes manifests whose layers are nowhere") {
		_, err = c.PutImage(ctx, &ecr.PutImageInput{RepositoryName: repo, ImageManifest: aws.String(missingLayers)})
		wantCode(t, err, "LayersNotFoundException")
		_, err = c.PutImage(ctx, &ecr.PutImageInput{RepositoryName: repo, ImageManifest: &manifests[1], ImageDigest: &digests[0]})
		wantCode(t, err, "ImageDigestDoesNotMatchException")
	}
	_, err = c.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: repo, Force: true})
	must(t, err)
}

func conformTagging(t *testing.T, s server) {
	ctx, c := context.Background(), tagging.NewFromConfig(s.cfg)
	logs, registry := cloudwatchlogs.NewFromConfig(s.cfg), ecr.NewFromConfig(s.cfg)
	for i := range 3 {
		_, err := logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(fmt.Sprintf("/tagged/%d", i)), Tags: map[string]string{"scar:project": "tagged"}})
		must(t, err)
	}
	_, err := registry.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String("tagged"), Tags: []types.Tag{{Key: aws.String("scar:project"), Value: aws.String("tagged")}}})
	must(t, err)
	_, err = logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/tagged/other"), Tags: map[string]string{"scar:project": "other"}})
	must(t, err)
	filter := []taggingtypes.TagFilter{{Key: aws.String("scar:project"), Values: []string{"tagged"}}}
	list := func(types []string, perPage int32) (pages int, arns []string) {
		p := tagging.NewGetResourcesPaginator(c, &tagging.GetResourcesInput{TagFilters: filter, ResourceTypeFilters: types, ResourcesPerPage: &perPage})
		for p.HasMorePages() {
			out, err := p.NextPage(ctx)
			must(t, err)
			pages++
			for _, m := range out.ResourceTagMappingList {
				arns = append(arns, *m.ResourceARN)
			}
		}
		return pages, arns
	}
	if s.differs(t, "it lists no repositories, and writes the type of log groups in another way") {
		if _, arns := list([]string{"logs"}, 100); len(arns) != 3 {
			t.Errorf("log groups: %v", arns)
		}
		return
	}
	if _, arns := list([]string{"logs:log-group", "ecr:repository", "s3", "lambda:function"}, 100); len(arns) != 4 {
		t.Errorf("of all types: %v", arns)
	}
	if _, arns := list([]string{"ecr:repository"}, 100); len(arns) != 1 || !strings.HasSuffix(arns[0], ":repository/tagged") {
		t.Errorf("repositories: %v", arns)
	}
	if pages, arns := list(nil, 3); pages != 2 || len(arns) != 4 {
		t.Errorf("%d pages: %v", pages, arns)
	}
}
