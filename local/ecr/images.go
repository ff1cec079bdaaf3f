package ecr

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// maxImageIDs is the most images that one call can name.
const maxImageIDs = 100

var tagPattern = wire.Pattern(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

// imageID names an image by tag, by digest, or by both.
type imageID struct {
	ImageDigest string `json:"imageDigest,omitempty"`
	ImageTag    string `json:"imageTag,omitempty"`
}

// String writes the id as ECR's messages do.
func (id imageID) String() string {
	null := func(s string) string {
		if s == "" {
			return "null"
		}
		return s
	}
	return fmt.Sprintf("{imageDigest:'%s', imageTag:'%s'}", null(id.ImageDigest), null(id.ImageTag))
}

type imageFailure struct {
	ImageID       imageID `json:"imageId"`
	FailureCode   string  `json:"failureCode"`
	FailureReason string  `json:"failureReason"`
}

type imageOutput struct {
	RegistryID             string  `json:"registryId"`
	RepositoryName         string  `json:"repositoryName"`
	ImageID                imageID `json:"imageId"`
	ImageManifest          string  `json:"imageManifest"`
	ImageManifestMediaType string  `json:"imageManifestMediaType,omitempty"`
}

// getAuthorizationToken answers the password for the registry at the address of the request.
func (s *Service) getAuthorizationToken(ctx context.Context, _ wire.Empty) (any, error) {
	password, expires, err := s.cfg.Passwords.RegistryPassword(wire.CallOf(ctx).Identity)
	if err != nil {
		return nil, err
	}
	type authorization struct {
		AuthorizationToken string     `json:"authorizationToken"`
		ExpiresAt          wire.Epoch `json:"expiresAt"`
		ProxyEndpoint      string     `json:"proxyEndpoint"`
	}
	host, _ := ctx.Value(hostKey{}).(string)
	token := base64.StdEncoding.EncodeToString([]byte(registryUser + ":" + password))
	return struct {
		AuthorizationData []authorization `json:"authorizationData"`
	}{[]authorization{{token, wire.Epoch(expires), "http://" + host}}}, nil
}

type putImageInput struct {
	RepositoryName         string
	ImageManifest          string
	ImageManifestMediaType string
	ImageTag               string
	ImageDigest            string
}

func (s *Service) putImage(_ context.Context, in putImageInput) (any, error) {
	if in.ImageTag != "" && !tagPattern().MatchString(in.ImageTag) {
		return nil, failure("InvalidParameterException", "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression '%s''", tagPattern())
	}
	m, err := parseManifest([]byte(in.ImageManifest), in.ImageManifestMediaType)
	if err != nil {
		return nil, failure("InvalidParameterException", "Invalid parameter at 'ImageManifest' failed to satisfy constraint: '%v'", err)
	}
	if in.ImageDigest != "" && in.ImageDigest != m.digest {
		return nil, failure("ImageDigestDoesNotMatchException", "The specified image digest does not match the digest that Amazon ECR calculated for the image: %s", m.digest)
	}
	added, err := s.put(in.RepositoryName, m, in.ImageTag)
	if missing := (*missingError)(nil); errors.As(err, &missing) {
		return nil, s.missing(in.RepositoryName, missing)
	}
	if err != nil {
		return nil, err
	}
	if !added {
		if in.ImageTag == "" {
			return nil, failure("ImageAlreadyExistsException", "Image with digest '%s' already exists in the repository with name '%s' in registry with id '%s'", m.digest, in.RepositoryName, s.cfg.Account)
		}
		return nil, failure("ImageAlreadyExistsException", "Image with digest '%s' and tag '%s' already exists in the repository with name '%s' in registry with id '%s'",
			m.digest, in.ImageTag, in.RepositoryName, s.cfg.Account)
	}
	return struct {
		Image imageOutput `json:"image"`
	}{s.output(in.RepositoryName, imageID{m.digest, in.ImageTag}, image{Manifest: m.raw, MediaType: string(m.mediaType)})}, nil
}

func (s *Service) missing(repo string, e *missingError) error {
	list := "[" + strings.Join(e.digests, ", ") + "]"
	if e.manifests {
		return failure("ReferencedImagesNotFoundException", "Images with digests '%s' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist", list, repo, s.cfg.Account)
	}
	return failure("LayersNotFoundException", "Layers with digests '%s' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist", list, repo, s.cfg.Account)
}

func (s *Service) output(repo string, id imageID, i image) imageOutput {
	return imageOutput{s.cfg.Account, repo, id, string(i.Manifest), i.MediaType}
}

type imageIDsInput struct {
	RepositoryName     string
	ImageIDs           []imageID `json:"imageIds"`
	AcceptedMediaTypes []string
}

// locate finds an image. The failure is filled in where there is none.
func locate(b *bbolt.Bucket, id imageID) (digest string, i image, failed *imageFailure, err error) {
	fail := func(code, reason string) (string, image, *imageFailure, error) {
		return "", image{}, &imageFailure{id, code, reason}, nil
	}
	reference := id.ImageTag
	if id.ImageDigest != "" {
		if _, err := parseDigest(id.ImageDigest); err != nil {
			return fail("InvalidImageDigest", "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")
		}
		reference = id.ImageDigest
	} else if reference == "" {
		return fail("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")
	} else if !tagPattern().MatchString(reference) {
		return fail("InvalidImageTag", "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'")
	}
	digest, i, found, err := find(b, reference)
	if err != nil {
		return "", image{}, nil, err
	}
	if !found {
		return fail("ImageNotFound", "Requested image not found")
	}
	if id.ImageTag != "" && string(b.Bucket(tagsBucket).Get([]byte(id.ImageTag))) != digest {
		return fail("ImageTagDoesNotMatchDigest", "Requested image tag does not match the digest")
	}
	return digest, i, nil, nil
}

func checkImageIDs(ids []imageID) error {
	if len(ids) == 0 || len(ids) > maxImageIDs {
		return failure("InvalidParameterException", "Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length between 1 and %d'", maxImageIDs)
	}
	return nil
}

func (s *Service) batchGetImage(_ context.Context, in imageIDsInput) (any, error) {
	out := struct {
		Images   []imageOutput  `json:"images"`
		Failures []imageFailure `json:"failures"`
	}{[]imageOutput{}, []imageFailure{}}
	if err := checkImageIDs(in.ImageIDs); err != nil {
		return nil, err
	}
	err := s.view(in.RepositoryName, func(b *bbolt.Bucket) error {
		for _, id := range in.ImageIDs {
			digest, i, failed, err := locate(b, id)
			if err != nil {
				return err
			}
			if failed == nil && len(in.AcceptedMediaTypes) > 0 && !slices.Contains(in.AcceptedMediaTypes, i.MediaType) {
				failed = &imageFailure{id, "ImageNotFound", "Requested image has no manifest of an accepted media type; it is " + i.MediaType}
			}
			if failed != nil {
				out.Failures = append(out.Failures, *failed)
				continue
			}
			out.Images = append(out.Images, s.output(in.RepositoryName, imageID{digest, id.ImageTag}, i))
		}
		return nil
	})
	return out, err
}

func (s *Service) batchDeleteImage(_ context.Context, in imageIDsInput) (any, error) {
	out := struct {
		ImageIDs []imageID      `json:"imageIds"`
		Failures []imageFailure `json:"failures"`
	}{[]imageID{}, []imageFailure{}}
	if err := checkImageIDs(in.ImageIDs); err != nil {
		return nil, err
	}
	var orphans []string
	err := s.update(in.RepositoryName, func(b *bbolt.Bucket, _ *repository) error {
		for _, id := range in.ImageIDs {
			digest, _, failed, err := locate(b, id)
			if err != nil {
				return err
			}
			if failed != nil {
				out.Failures = append(out.Failures, *failed)
				continue
			}
			if in, err := indexWith(b, digest); err != nil {
				return err
			} else if in != "" && id.ImageTag == "" {
				out.Failures = append(out.Failures, imageFailure{id, "ImageReferencedByManifestList", "Requested image referenced by manifest list: [" + in + "]"})
				continue
			}
			gone, err := remove(b, digest, id.ImageTag)
			if err != nil {
				return err
			}
			out.ImageIDs = append(out.ImageIDs, gone...)
		}
		var err error
		orphans, err = s.dropLayers(b)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, s.sweep(orphans)
}

// indexWith is an index that holds the image of a digest, or empty.
func indexWith(b *bbolt.Bucket, digest string) (string, error) {
	images := b.Bucket(imagesBucket)
	for _, other := range keys(images) {
		i, _, err := store.GetJSON[image](images, other)
		if err != nil {
			return "", err
		}
		m, err := parseManifest(i.Manifest, i.MediaType)
		if err != nil {
			return "", err
		}
		if slices.Contains(m.children, digest) {
			return other, nil
		}
	}
	return "", nil
}

// remove removes one tag of an image, and the image with its last tag; or without a tag the image
// with all its tags.
func remove(b *bbolt.Bucket, digest, tag string) ([]imageID, error) {
	tags := b.Bucket(tagsBucket)
	all := tagsOf(b, digest)
	if tag != "" && len(all) > 1 {
		return []imageID{{digest, tag}}, tags.Delete([]byte(tag))
	}
	var gone []imageID
	for _, t := range all {
		gone = append(gone, imageID{digest, t})
		if err := tags.Delete([]byte(t)); err != nil {
			return nil, err
		}
	}
	if gone == nil {
		gone = []imageID{{ImageDigest: digest}}
	}
	return gone, b.Bucket(imagesBucket).Delete([]byte(digest))
}

// tagsOf are the tags of an image, in order.
func tagsOf(b *bbolt.Bucket, digest string) []string {
	tags := b.Bucket(tagsBucket)
	return slices.DeleteFunc(keys(tags), func(t string) bool { return string(tags.Get([]byte(t))) != digest })
}

type layersInput struct {
	RepositoryName string
	LayerDigests   []string
}

func (s *Service) batchCheckLayerAvailability(_ context.Context, in layersInput) (any, error) {
	type available struct {
		LayerDigest       string `json:"layerDigest"`
		LayerAvailability string `json:"layerAvailability"`
		LayerSize         int64  `json:"layerSize"`
	}
	out := struct {
		Layers   []available `json:"layers"`
		Failures []struct{}  `json:"failures"`
	}{[]available{}, []struct{}{}}
	err := s.view(in.RepositoryName, func(b *bbolt.Bucket) error {
		for _, digest := range in.LayerDigests {
			l, found, err := store.GetJSON[layer](b.Bucket(layersBucket), digest)
			if err != nil {
				return err
			}
			state := "AVAILABLE"
			if !found {
				state = "UNAVAILABLE"
			}
			out.Layers = append(out.Layers, available{digest, state, l.Size})
		}
		return nil
	})
	return out, err
}
