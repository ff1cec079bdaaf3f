package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/planner"
)

// imageClient is what images need of ECR. Their blobs go by the registry's own protocol.
type imageClient interface {
	imageLister
	imageDeleter
	tagReader
	ecr.DescribeImagesAPIClient
	BatchGetImage(context.Context, *ecr.BatchGetImageInput, ...func(*ecr.Options)) (*ecr.BatchGetImageOutput, error)
	PutImage(context.Context, *ecr.PutImageInput, ...func(*ecr.Options)) (*ecr.PutImageOutput, error)
	GetAuthorizationToken(context.Context, *ecr.GetAuthorizationTokenInput, ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error)
}

type imageLister = ecr.ListImagesAPIClient

type imageDeleter interface {
	BatchDeleteImage(context.Context, *ecr.BatchDeleteImageInput, ...func(*ecr.Options)) (*ecr.BatchDeleteImageOutput, error)
}

// addedLayers are the layers that scar puts on a base: runtime, files, script, job, in this order.
const addedLayers = 4

// maxImageIDs is how many images one call of ECR takes (API reference, BatchGetImage and
// BatchDeleteImage).
const maxImageIDs = 100

// manifestTypes are the manifests that are taken as they are: those that Lambda runs, and the indexes
// that somebody may have pushed into the repository, so that they are seen too.
var manifestTypes = []string{
	"application/vnd.docker.distribution.manifest.v2+json",
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.oci.image.index.v1+json",
}

// images are the images of one project's repository, each under its function's name as tag.
type images struct {
	client     imageClient
	repository string
	arn        string
	project    string
	local      map[string]*image.Image // by digest: what can be pushed
	push       func(ctx context.Context, img *image.Image, say sayer) error
	cleaner    *cleaner
	patience
}

func newImages(client imageClient, opts Options, p patience, cleaner *cleaner) *images {
	repository := planner.RepositoryName(opts.Project)
	pusher := &pusher{client: client, repository: repository, registry: opts.Naming.Registry}
	return &images{
		client:     client,
		repository: repository,
		arn:        opts.Naming.RepositoryARN(repository),
		project:    opts.Project,
		local:      opts.Images,
		push:       pusher.push,
		cleaner:    cleaner,
		patience:   p,
	}
}

func (i *images) read(ctx context.Context, tag string) (planner.Image, planner.Owner, error) {
	found, err := i.readAll(ctx, []string{tag})
	if err != nil {
		return planner.Image{}, planner.Owner{}, err
	}
	r, exists := found[tag]
	if !exists {
		return planner.Image{}, planner.Owner{}, errAbsent
	}
	return r.Value.(planner.Image), r.Owner, nil
}

// readAll reads the images of the tags that exist. They belong to whom the repository belongs, but for those
// whose tags are no names of functions: somebody else put these there.
func (i *images) readAll(ctx context.Context, tags []string) (map[string]planner.Resource, error) {
	ids := make([]types.ImageIdentifier, len(tags))
	for n := range tags {
		ids[n].ImageTag = &tags[n]
	}
	var found []types.Image
	var repository planner.Tags
	err := together(ctx,
		func(ctx context.Context) (err error) { found, err = i.get(ctx, ids); return err },
		func(ctx context.Context) (err error) {
			repository, err = repositoryTags(ctx, i.client, i.arn)
			return err
		},
	)
	if errors.Is(err, errAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := map[string]planner.Resource{}
	for _, img := range found {
		v := i.value(img)
		r := planner.Resource{Address: planner.Address{Kind: planner.KindImage, Name: v.Tag}, Value: v}
		if isFunctionName(v.Tag) {
			r.Owner = planner.Owner{Project: planner.OwnerOf(repository).Project, Function: v.Tag}
		}
		out[v.Tag] = r
	}
	return out, nil
}

// value describes a live image. One that scar did not assemble has no parts that could be named.
func (i *images) value(img types.Image) planner.Image {
	v := planner.Image{Repository: i.repository, Tag: deref(img.ImageId.ImageTag), Digest: deref(img.ImageId.ImageDigest)}
	base, added, err := image.Parts([]byte(deref(img.ImageManifest)), addedLayers)
	if err == nil && len(added) == addedLayers {
		v.Parts = planner.Parts{Base: base, Runtime: added[0], Files: added[1], Script: added[2], Job: added[3]}
	}
	return v
}

// get reads manifests; those that do not exist are left out.
func (i *images) get(ctx context.Context, ids []types.ImageIdentifier) ([]types.Image, error) {
	var found []types.Image
	for chunk := range slices.Chunk(ids, maxImageIDs) {
		out, err := i.client.BatchGetImage(ctx, &ecr.BatchGetImageInput{
			RepositoryName: &i.repository, ImageIds: chunk, AcceptedMediaTypes: manifestTypes,
		})
		if isNotFound(err) {
			return nil, errAbsent
		}
		if err != nil {
			return nil, fmt.Errorf("read images: %w", err)
		}
		for _, failure := range out.Failures {
			if failure.FailureCode != types.ImageFailureCodeImageNotFound {
				return nil, fmt.Errorf("read image %s: %s: %s", deref(failure.ImageId.ImageTag), failure.FailureCode, deref(failure.FailureReason))
			}
		}
		found = append(found, out.Images...)
	}
	return found, nil
}

// create gives the wanted image its tag, and uploads it before if the repository does not hold it.
func (i *images) create(ctx context.Context, want planner.Image, say sayer) error {
	digest := want.Digest
	found, err := i.get(ctx, []types.ImageIdentifier{{ImageDigest: &digest}})
	if err != nil && !errors.Is(err, errAbsent) {
		return err
	}
	in := &ecr.PutImageInput{RepositoryName: &i.repository, ImageTag: &want.Tag, ImageDigest: &digest}
	if len(found) > 0 {
		in.ImageManifest, in.ImageManifestMediaType = found[0].ImageManifest, found[0].ImageManifestMediaType
	} else if err := i.upload(ctx, want, in, say); err != nil {
		return err
	}
	if _, err := i.client.PutImage(ctx, in); err != nil && !isImageThere(err) {
		return fmt.Errorf("put image: %w", err)
	}
	return i.cleaner.sweep(ctx, say)
}

func (i *images) upload(ctx context.Context, want planner.Image, in *ecr.PutImageInput, say sayer) error {
	img, have := i.local[want.Digest]
	if !have {
		return fmt.Errorf("the image %s is neither in the repository nor assembled here: plan and apply again from the file", want.Digest)
	}
	if err := i.push(ctx, img, say); err != nil {
		return err
	}
	manifest, mediaType := string(img.Manifest()), img.MediaType()
	in.ImageManifest, in.ImageManifestMediaType = &manifest, &mediaType
	return nil
}

// update moves the tag to the wanted image. The one that it leaves stays, untagged, as long as it may
// be needed.
func (i *images) update(ctx context.Context, _, want planner.Image, say sayer) error {
	return i.create(ctx, want, say)
}

// remove takes the tag away; ECR deletes the image with its last tag.
func (i *images) remove(ctx context.Context, live planner.Image, _ sayer) error {
	return deleteImages(ctx, i.client, i.repository, []types.ImageIdentifier{{ImageTag: &live.Tag}})
}

// listImages lists the tagged or the untagged images of a repository.
func listImages(ctx context.Context, client imageLister, repository string, status types.TagStatus) ([]types.ImageIdentifier, error) {
	var ids []types.ImageIdentifier
	pages := ecr.NewListImagesPaginator(client, &ecr.ListImagesInput{
		RepositoryName: &repository, Filter: &types.ListImagesFilter{TagStatus: status},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list images: %w", err)
		}
		ids = append(ids, page.ImageIds...)
	}
	return ids, nil
}

// deleteImages deletes images, or their tags. What is not there is no error.
func deleteImages(ctx context.Context, client imageDeleter, repository string, ids []types.ImageIdentifier) error {
	for chunk := range slices.Chunk(ids, maxImageIDs) {
		out, err := client.BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{RepositoryName: &repository, ImageIds: chunk})
		if isNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("delete images: %w", err)
		}
		for _, failure := range out.Failures {
			if failure.FailureCode != types.ImageFailureCodeImageNotFound {
				return fmt.Errorf("delete image %s%s: %s: %s", deref(failure.ImageId.ImageTag), deref(failure.ImageId.ImageDigest),
					failure.FailureCode, deref(failure.FailureReason))
			}
		}
	}
	return nil
}
