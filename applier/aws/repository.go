package aws

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/scar-go/scar/planner"
)

// repositoryClient is what repositories need of ECR.
type repositoryClient interface {
	imageLister
	DescribeRepositories(context.Context, *ecr.DescribeRepositoriesInput, ...func(*ecr.Options)) (*ecr.DescribeRepositoriesOutput, error)
	ListTagsForResource(context.Context, *ecr.ListTagsForResourceInput, ...func(*ecr.Options)) (*ecr.ListTagsForResourceOutput, error)
	CreateRepository(context.Context, *ecr.CreateRepositoryInput, ...func(*ecr.Options)) (*ecr.CreateRepositoryOutput, error)
	TagResource(context.Context, *ecr.TagResourceInput, ...func(*ecr.Options)) (*ecr.TagResourceOutput, error)
	UntagResource(context.Context, *ecr.UntagResourceInput, ...func(*ecr.Options)) (*ecr.UntagResourceOutput, error)
	DeleteRepository(context.Context, *ecr.DeleteRepositoryInput, ...func(*ecr.Options)) (*ecr.DeleteRepositoryOutput, error)
	BatchDeleteImage(context.Context, *ecr.BatchDeleteImageInput, ...func(*ecr.Options)) (*ecr.BatchDeleteImageOutput, error)
}

// repositories are the ECR repositories of one account and region.
type repositories struct {
	client repositoryClient
	naming planner.Naming
	patience
}

func (r *repositories) read(ctx context.Context, name string) (planner.Repository, planner.Owner, error) {
	var tags planner.Tags
	err := together(ctx,
		func(ctx context.Context) error { return r.find(ctx, name) },
		func(ctx context.Context) (err error) {
			tags, err = repositoryTags(ctx, r.client, r.naming.RepositoryARN(name))
			return err
		},
	)
	if err != nil {
		return planner.Repository{}, planner.Owner{}, err
	}
	return planner.Repository{Name: name, Tags: tags}, planner.OwnerOf(tags), nil
}

func (r *repositories) find(ctx context.Context, name string) error {
	_, err := r.client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{name}})
	if isNotFound(err) {
		return errAbsent
	}
	if err != nil {
		return fmt.Errorf("read repository: %w", err)
	}
	return nil
}

// tagReader reads the tags of ECR's resources.
type tagReader interface {
	ListTagsForResource(context.Context, *ecr.ListTagsForResourceInput, ...func(*ecr.Options)) (*ecr.ListTagsForResourceOutput, error)
}

func repositoryTags(ctx context.Context, client tagReader, arn string) (planner.Tags, error) {
	out, err := client.ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: &arn})
	if isNotFound(err) {
		return nil, errAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("read tags of repository: %w", err)
	}
	return tagsOf(out.Tags, func(t types.Tag) (*string, *string) { return t.Key, t.Value }), nil
}

func (r *repositories) create(ctx context.Context, want planner.Repository, _ sayer) error {
	_, err := r.client.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: &want.Name, Tags: ecrTags(want.Tags)})
	if isExists(err) {
		return errExists
	}
	if err != nil {
		return fmt.Errorf("create repository: %w", err)
	}
	return nil
}

func (r *repositories) update(ctx context.Context, live, want planner.Repository, _ sayer) error {
	arn := r.naming.RepositoryARN(want.Name)
	set, remove := retag(live.Tags, want.Tags)
	if len(set) > 0 {
		if _, err := r.client.TagResource(ctx, &ecr.TagResourceInput{ResourceArn: &arn, Tags: ecrTags(set)}); err != nil {
			return fmt.Errorf("tag repository: %w", err)
		}
	}
	if len(remove) > 0 {
		if _, err := r.client.UntagResource(ctx, &ecr.UntagResourceInput{ResourceArn: &arn, TagKeys: remove}); err != nil {
			return fmt.Errorf("remove tags from repository: %w", err)
		}
	}
	return nil
}

func ecrTags(tags planner.Tags) []types.Tag {
	return tagList(tags, func(k, v *string) types.Tag { return types.Tag{Key: k, Value: v} })
}

// remove deletes the untagged images, which are former images of functions, and then the repository.
// Tagged images that are left were put there by somebody else, and keep it.
func (r *repositories) remove(ctx context.Context, live planner.Repository, say sayer) error {
	untagged, err := listImages(ctx, r.client, live.Name, types.TagStatusUntagged)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(untagged) > 0 {
		say(fmt.Sprintf("deleting %d former images", len(untagged)), 0, 0)
		if err := deleteImages(ctx, r.client, live.Name, untagged); err != nil {
			return err
		}
	}
	_, err = r.client.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: &live.Name})
	switch {
	case isNotFound(err):
		return nil
	case isNotEmpty(err):
		return fmt.Errorf("delete repository: it holds images that are not the project's (%s): delete or move them, then destroy again: %w", r.tagged(ctx, live.Name), err)
	case err != nil:
		return fmt.Errorf("delete repository: %w", err)
	}
	return nil
}

// tagged names the tags in a repository, for a message.
func (r *repositories) tagged(ctx context.Context, name string) string {
	ids, err := listImages(ctx, r.client, name, types.TagStatusTagged)
	if err != nil || len(ids) == 0 {
		return "see aws ecr list-images"
	}
	tags := make([]string, len(ids))
	for i, id := range ids {
		tags[i] = deref(id.ImageTag)
	}
	return strings.Join(tags, ", ")
}
