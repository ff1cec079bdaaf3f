package aws

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/planner"
)

// keepFormer is how long the former images of functions stay: long enough to go back to the last one
// without a push, and for every update that is under way to end.
const keepFormer = 24 * time.Hour

// cleaner deletes former images from the project's repository: those without a tag that are older
// than keepFormer and that no function of the project refers to. It works once in its life.
type cleaner struct {
	client     imageClient
	repository string
	local      map[string]*image.Image // are about to be used, and stay
	functions  *functions
	finder     *finder
	project    string
	now        func() time.Time

	once sync.Once
}

func newCleaner(client imageClient, opts Options, functions *functions, finder *finder) *cleaner {
	return &cleaner{
		client:     client,
		repository: planner.RepositoryName(opts.Project),
		local:      opts.Images,
		functions:  functions,
		finder:     finder,
		project:    opts.Project,
		now:        time.Now,
	}
}

// sweep deletes what can go. A failure is told and no more: the images that stay are in nobody's way,
// and the next apply tries again. Only the end of the context is an error.
func (c *cleaner) sweep(ctx context.Context, say sayer) error {
	c.once.Do(func() {
		if err := c.clean(ctx); err != nil && ctx.Err() == nil {
			say(fmt.Sprintf("former images were not removed: %v", err), 0, 0)
		}
	})
	return ctx.Err()
}

func (c *cleaner) clean(ctx context.Context) error {
	former, err := c.former(ctx)
	if err != nil || len(former) == 0 {
		return err
	}
	used, err := c.used(ctx)
	if err != nil {
		return err
	}
	var ids []types.ImageIdentifier
	for _, digest := range former {
		if !used[digest] {
			ids = append(ids, types.ImageIdentifier{ImageDigest: &digest})
		}
	}
	return deleteImages(ctx, c.client, c.repository, ids)
}

// former are the digests of the images that are old enough, without a tag, and not about to be used.
func (c *cleaner) former(ctx context.Context) ([]string, error) {
	var digests []string
	pages := ecr.NewDescribeImagesPaginator(c.client, &ecr.DescribeImagesInput{
		RepositoryName: &c.repository, Filter: &types.DescribeImagesFilter{TagStatus: types.TagStatusUntagged},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list former images: %w", err)
		}
		for _, img := range page.ImageDetails {
			_, local := c.local[deref(img.ImageDigest)]
			old := img.ImagePushedAt != nil && c.now().Sub(*img.ImagePushedAt) > keepFormer
			if len(img.ImageTags) == 0 && old && !local {
				digests = append(digests, deref(img.ImageDigest))
			}
		}
	}
	return digests, nil
}

// used are the digests that functions refer to: those found by tag and those that tags of the
// repository name. If one cannot be read, or is between two images, nothing is deleted.
func (c *cleaner) used(ctx context.Context) (map[string]bool, error) {
	refs, err := c.finder.find(ctx, c.project)
	if err != nil {
		return nil, err
	}
	digests := map[string]bool{}
	for _, ref := range refs {
		if ref.Kind != planner.KindFunction {
			continue
		}
		out, err := c.functions.get(ctx, ref.Name)
		if errors.Is(err, errAbsent) {
			continue
		}
		if err != nil {
			return nil, err
		}
		// While a function is updated, and after that failed, the image before serves, which is not told.
		waitingFor, err := judge(out.Configuration)
		if err != nil || waitingFor != "" {
			return nil, fmt.Errorf("function %s may need one of them", ref.Name)
		}
		if _, digest, found := strings.Cut(functionValue(ref.Name, out).Image, "@"); found {
			digests[digest] = true
		}
	}
	return digests, nil
}
