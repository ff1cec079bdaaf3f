package ecr

import (
	"context"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

type listInput struct {
	RepositoryName string
	ImageIDs       []imageID `json:"imageIds"`
	Filter         struct{ TagStatus string }
	NextToken      string
	MaxResults     int
}

// wants says whether the filter lets an image with that many tags pass.
func (in listInput) wants(tags int) bool {
	switch in.Filter.TagStatus {
	case "TAGGED":
		return tags > 0
	case "UNTAGGED":
		return tags == 0
	default:
		return true
	}
}

func (s *Service) listImages(ctx context.Context, in listInput) (any, error) {
	out := struct {
		ImageIDs  []imageID `json:"imageIds"`
		NextToken string    `json:"nextToken,omitempty"`
	}{ImageIDs: []imageID{}}
	byKey := map[string]imageID{}
	var all []string
	err := s.view(in.RepositoryName, func(b *bbolt.Bucket) error {
		for _, digest := range keys(b.Bucket(imagesBucket)) {
			tags := tagsOf(b, digest)
			if !in.wants(len(tags)) {
				continue
			}
			if len(tags) == 0 {
				tags = []string{""}
			}
			for _, t := range tags {
				key := digest + " " + t
				byKey[key] = imageID{digest, t}
				all = append(all, key)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	all, out.NextToken, err = page(ctx, all, in.NextToken, in.MaxResults)
	for _, key := range all {
		out.ImageIDs = append(out.ImageIDs, byKey[key])
	}
	return out, err
}

type imageDetail struct {
	RegistryID             string     `json:"registryId"`
	RepositoryName         string     `json:"repositoryName"`
	ImageDigest            string     `json:"imageDigest"`
	ImageTags              []string   `json:"imageTags,omitempty"`
	ImageSizeInBytes       int64      `json:"imageSizeInBytes"`
	ImagePushedAt          wire.Epoch `json:"imagePushedAt"`
	ImageManifestMediaType string     `json:"imageManifestMediaType"`
}

func (s *Service) describeImages(ctx context.Context, in listInput) (any, error) {
	out := struct {
		ImageDetails []imageDetail `json:"imageDetails"`
		NextToken    string        `json:"nextToken,omitempty"`
	}{ImageDetails: []imageDetail{}}
	err := s.view(in.RepositoryName, func(b *bbolt.Bucket) error {
		digests, err := s.described(b, in)
		if err != nil {
			return err
		}
		digests, out.NextToken, err = page(ctx, digests, in.NextToken, in.MaxResults)
		if err != nil {
			return err
		}
		for _, digest := range digests {
			i, _, err := store.GetJSON[image](b.Bucket(imagesBucket), digest)
			if err != nil {
				return err
			}
			out.ImageDetails = append(out.ImageDetails, imageDetail{
				RegistryID: s.cfg.Account, RepositoryName: in.RepositoryName, ImageDigest: digest, ImageTags: tagsOf(b, digest),
				ImageSizeInBytes: i.Size, ImagePushedAt: wire.Epoch(i.Pushed), ImageManifestMediaType: i.MediaType,
			})
		}
		return nil
	})
	return out, err
}

// described are the digests of the images that were asked for.
func (s *Service) described(b *bbolt.Bucket, in listInput) ([]string, error) {
	var out []string
	if len(in.ImageIDs) == 0 {
		for _, digest := range keys(b.Bucket(imagesBucket)) {
			if in.wants(len(tagsOf(b, digest))) {
				out = append(out, digest)
			}
		}
		return out, nil
	}
	for _, id := range in.ImageIDs {
		digest, _, failed, err := locate(b, id)
		if err != nil {
			return nil, err
		}
		if failed != nil {
			return nil, failure("ImageNotFoundException", "The image with imageId %s does not exist within the repository with name '%s' in the registry with id '%s'", id, in.RepositoryName, s.cfg.Account)
		}
		out = append(out, digest)
	}
	return out, nil
}
