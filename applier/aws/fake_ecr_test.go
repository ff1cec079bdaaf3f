package aws

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// fakeECR keeps one repository in memory, of which images are known by digest.
type fakeECR struct {
	script
	exists bool
	tags   []types.Tag
	images map[string]*fakeImage
	proxy  string
}

type fakeImage struct {
	manifest, mediaType string
	tags                []string
	pushed              time.Time
}

func newFakeECR() *fakeECR {
	return &fakeECR{script: script{fails: map[string][]error{}}, images: map[string]*fakeImage{}}
}

func (f *fakeECR) call(operation string) error {
	if err := f.next(operation); err != nil {
		return err
	}
	if !f.exists {
		return answer("RepositoryNotFoundException", "The repository does not exist")
	}
	return nil
}

func (f *fakeECR) find(id types.ImageIdentifier) (digest string, img *fakeImage) {
	for _, digest := range slices.Sorted(maps.Keys(f.images)) {
		img := f.images[digest]
		if digest == deref(id.ImageDigest) || id.ImageTag != nil && slices.Contains(img.tags, *id.ImageTag) {
			return digest, img
		}
	}
	return "", nil
}

func (f *fakeECR) DescribeRepositories(context.Context, *ecr.DescribeRepositoriesInput, ...func(*ecr.Options)) (*ecr.DescribeRepositoriesOutput, error) {
	return &ecr.DescribeRepositoriesOutput{}, f.call("DescribeRepositories")
}

func (f *fakeECR) ListTagsForResource(context.Context, *ecr.ListTagsForResourceInput, ...func(*ecr.Options)) (*ecr.ListTagsForResourceOutput, error) {
	return &ecr.ListTagsForResourceOutput{Tags: slices.Clone(f.tags)}, f.call("ListTagsForResource")
}

func (f *fakeECR) CreateRepository(_ context.Context, in *ecr.CreateRepositoryInput, _ ...func(*ecr.Options)) (*ecr.CreateRepositoryOutput, error) {
	if f.exists {
		return nil, answer("RepositoryAlreadyExistsException", "")
	}
	f.exists, f.tags = true, in.Tags
	return nil, f.next("CreateRepository")
}

func (f *fakeECR) TagResource(_ context.Context, in *ecr.TagResourceInput, _ ...func(*ecr.Options)) (*ecr.TagResourceOutput, error) {
	for _, t := range in.Tags {
		f.tags = slices.DeleteFunc(f.tags, func(old types.Tag) bool { return *old.Key == *t.Key })
		f.tags = append(f.tags, t)
	}
	return nil, f.call("TagResource")
}

func (f *fakeECR) UntagResource(_ context.Context, in *ecr.UntagResourceInput, _ ...func(*ecr.Options)) (*ecr.UntagResourceOutput, error) {
	f.tags = slices.DeleteFunc(f.tags, func(t types.Tag) bool { return slices.Contains(in.TagKeys, *t.Key) })
	return nil, f.call("UntagResource")
}

func (f *fakeECR) DeleteRepository(context.Context, *ecr.DeleteRepositoryInput, ...func(*ecr.Options)) (*ecr.DeleteRepositoryOutput, error) {
	if err := f.call("DeleteRepository"); err != nil {
		return nil, err
	}
	if len(f.images) > 0 {
		return nil, answer("RepositoryNotEmptyException", "")
	}
	f.exists = false
	return nil, nil
}

func (f *fakeECR) ListImages(_ context.Context, in *ecr.ListImagesInput, _ ...func(*ecr.Options)) (*ecr.ListImagesOutput, error) {
	if err := f.call("ListImages"); err != nil {
		return nil, err
	}
	out := &ecr.ListImagesOutput{}
	for digest, img := range f.images {
		if len(img.tags) == 0 && in.Filter.TagStatus == types.TagStatusUntagged {
			out.ImageIds = append(out.ImageIds, types.ImageIdentifier{ImageDigest: &digest})
		}
		for _, tag := range img.tags {
			if in.Filter.TagStatus == types.TagStatusTagged {
				out.ImageIds = append(out.ImageIds, types.ImageIdentifier{ImageDigest: &digest, ImageTag: &tag})
			}
		}
	}
	return out, nil
}

func (f *fakeECR) DescribeImages(context.Context, *ecr.DescribeImagesInput, ...func(*ecr.Options)) (*ecr.DescribeImagesOutput, error) {
	if err := f.call("DescribeImages"); err != nil {
		return nil, err
	}
	out := &ecr.DescribeImagesOutput{}
	for digest, img := range f.images {
		if len(img.tags) == 0 {
			out.ImageDetails = append(out.ImageDetails, types.ImageDetail{ImageDigest: &digest, ImagePushedAt: &img.pushed})
		}
	}
	return out, nil
}

func (f *fakeECR) BatchGetImage(_ context.Context, in *ecr.BatchGetImageInput, _ ...func(*ecr.Options)) (*ecr.BatchGetImageOutput, error) {
	if err := f.call("BatchGetImage"); err != nil {
		return nil, err
	}
	if len(in.ImageIds) > maxImageIDs {
		return nil, answer("InvalidParameterException", "too many")
	}
	out := &ecr.BatchGetImageOutput{}
	for _, id := range in.ImageIds {
		digest, img := f.find(id)
		if img == nil {
			out.Failures = append(out.Failures, types.ImageFailure{ImageId: &id, FailureCode: types.ImageFailureCodeImageNotFound})
			continue
		}
		out.Images = append(out.Images, types.Image{
			ImageId: &types.ImageIdentifier{ImageDigest: &digest, ImageTag: id.ImageTag}, ImageManifest: &img.manifest, ImageManifestMediaType: &img.mediaType,
		})
	}
	return out, nil
}

func (f *fakeECR) PutImage(_ context.Context, in *ecr.PutImageInput, _ ...func(*ecr.Options)) (*ecr.PutImageOutput, error) {
	if err := f.call("PutImage"); err != nil {
		return nil, err
	}
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(*in.ImageManifest)))
	if digest != *in.ImageDigest {
		return nil, answer("ImageDigestDoesNotMatchException", "")
	}
	if _, img := f.find(types.ImageIdentifier{ImageTag: in.ImageTag}); img != nil {
		img.tags = slices.DeleteFunc(img.tags, func(t string) bool { return t == *in.ImageTag })
	}
	img := f.images[digest]
	if img == nil {
		img = &fakeImage{manifest: *in.ImageManifest, mediaType: *in.ImageManifestMediaType, pushed: time.Now()}
		f.images[digest] = img
	}
	img.tags = append(img.tags, *in.ImageTag)
	return nil, nil
}

func (f *fakeECR) BatchDeleteImage(_ context.Context, in *ecr.BatchDeleteImageInput, _ ...func(*ecr.Options)) (*ecr.BatchDeleteImageOutput, error) {
	if err := f.call("BatchDeleteImage"); err != nil {
		return nil, err
	}
	out := &ecr.BatchDeleteImageOutput{}
	for _, id := range in.ImageIds {
		digest, img := f.find(id)
		if img == nil {
			out.Failures = append(out.Failures, types.ImageFailure{ImageId: &id, FailureCode: types.ImageFailureCodeImageNotFound})
			continue
		}
		img.tags = slices.DeleteFunc(img.tags, func(t string) bool { return t == deref(id.ImageTag) })
		if len(img.tags) == 0 {
			delete(f.images, digest)
		}
	}
	return out, nil
}

func (f *fakeECR) GetAuthorizationToken(context.Context, *ecr.GetAuthorizationTokenInput, ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error) {
	token := base64.StdEncoding.EncodeToString([]byte("AWS:secret"))
	return &ecr.GetAuthorizationTokenOutput{AuthorizationData: []types.AuthorizationData{{AuthorizationToken: &token, ProxyEndpoint: &f.proxy}}}, f.next("GetAuthorizationToken")
}
