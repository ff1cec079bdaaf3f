package ecr

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

const (
	maxRepositoryName = 256
	maxTags           = 50
	defaultPage       = 100
	maxPage           = 1000
)

var repositoryPattern = wire.Pattern(`^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$`)

type tag struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

func tagMap(tags []tag) (map[string]string, error) {
	out := map[string]string{}
	for _, t := range tags {
		if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 {
			return nil, failure("InvalidTagParameterException", "The tag with key %q is invalid: keys have 1 to 128 characters, values up to 256", t.Key)
		}
		out[t.Key] = t.Value
	}
	return out, checkTagCount(out)
}

func checkTagCount(tags map[string]string) error {
	if len(tags) > maxTags {
		return failure("TooManyTagsException", "The list of tags on the repository is over the limit. The maximum number of tags that can be applied to a repository is %d.", maxTags)
	}
	return nil
}

type createRepositoryInput struct {
	RepositoryName             string
	Tags                       []tag
	ImageTagMutability         string
	ImageScanningConfiguration struct{ ScanOnPush bool }
	EncryptionConfiguration    struct{ EncryptionType string }
}

type repositoryDescription struct {
	RepositoryARN              string     `json:"repositoryArn"`
	RegistryID                 string     `json:"registryId"`
	RepositoryName             string     `json:"repositoryName"`
	RepositoryURI              string     `json:"repositoryUri"`
	CreatedAt                  wire.Epoch `json:"createdAt"`
	ImageTagMutability         string     `json:"imageTagMutability"`
	ImageScanningConfiguration struct {
		ScanOnPush bool `json:"scanOnPush"`
	} `json:"imageScanningConfiguration"`
	EncryptionConfiguration struct {
		EncryptionType string `json:"encryptionType"`
	} `json:"encryptionConfiguration"`
}

type repositoryOutput struct {
	Repository repositoryDescription `json:"repository"`
}

func (s *Service) describe(r repository) repositoryDescription {
	out := repositoryDescription{
		RepositoryARN: s.arn(r.Name), RegistryID: s.cfg.Account, RepositoryName: r.Name,
		RepositoryURI: s.host() + "/" + r.Name, CreatedAt: wire.Epoch(r.Created), ImageTagMutability: "MUTABLE",
	}
	if r.Immutable {
		out.ImageTagMutability = "IMMUTABLE"
	}
	out.ImageScanningConfiguration.ScanOnPush = r.ScanOnPush
	out.EncryptionConfiguration.EncryptionType = "AES256"
	return out
}

func (s *Service) createRepository(_ context.Context, in createRepositoryInput) (out repositoryOutput, err error) {
	if len(in.RepositoryName) < 2 || len(in.RepositoryName) > maxRepositoryName || !repositoryPattern().MatchString(in.RepositoryName) {
		return out, failure("InvalidParameterException", "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '%s''",
			strings.Trim(repositoryPattern().String(), "^$"))
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return out, err
	}
	if e := in.EncryptionConfiguration.EncryptionType; e != "" && e != "AES256" {
		return out, failure("InvalidParameterException", "the local backend does not serve encryption of type %s", e)
	}
	if m := in.ImageTagMutability; m != "" && m != "MUTABLE" && m != "IMMUTABLE" {
		return out, failure("InvalidParameterException", "Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member must satisfy enum value set: [MUTABLE, IMMUTABLE]'")
	}
	r := repository{
		Name: in.RepositoryName, Created: s.cfg.Clock.Now().UTC(), Tags: tags,
		Immutable: in.ImageTagMutability == "IMMUTABLE", ScanOnPush: in.ImageScanningConfiguration.ScanOnPush,
	}
	err = s.cfg.DB.Bolt().Update(func(tx *bbolt.Tx) error {
		b, err := tx.Bucket(rootBucket).CreateBucket([]byte(r.Name))
		if errors.Is(err, bolterrors.ErrBucketExists) {
			return failure("RepositoryAlreadyExistsException", "The repository with name '%s' already exists in the registry with id '%s'", r.Name, s.cfg.Account)
		}
		if err != nil {
			return err
		}
		for _, name := range [][]byte{imagesBucket, tagsBucket, layersBucket} {
			if _, err := b.CreateBucket(name); err != nil {
				return err
			}
		}
		return store.PutJSON(b, metaKey, r)
	})
	return repositoryOutput{s.describe(r)}, err
}

type describeRepositoriesInput struct {
	RepositoryNames []string
	NextToken       string
	MaxResults      int
}

type describeRepositoriesOutput struct {
	Repositories []repositoryDescription `json:"repositories"`
	NextToken    string                  `json:"nextToken,omitempty"`
}

func (s *Service) describeRepositories(ctx context.Context, in describeRepositoriesInput) (out describeRepositoriesOutput, err error) {
	byName := map[string]repository{}
	var names []string
	err = s.eachRepository(func(r repository) bool {
		byName[r.Name] = r
		names = append(names, r.Name)
		return true
	})
	if err != nil {
		return out, err
	}
	if len(in.RepositoryNames) > 0 {
		names = in.RepositoryNames
	}
	names, out.NextToken, err = page(ctx, names, in.NextToken, in.MaxResults)
	if err != nil {
		return out, err
	}
	out.Repositories = []repositoryDescription{}
	for _, name := range names {
		r, found := byName[name]
		if !found {
			return describeRepositoriesOutput{}, s.noSuchRepository(name)
		}
		out.Repositories = append(out.Repositories, s.describe(r))
	}
	return out, nil
}

// page cuts a page out of a list; a token is the entry at which the next one starts.
func page(ctx context.Context, all []string, token string, asked int) (part []string, next string, err error) {
	if asked < 0 || asked > maxPage {
		return nil, "", failure("InvalidParameterException", "Invalid parameter at 'maxResults' failed to satisfy constraint: 'must be between 1 and %d'", maxPage)
	}
	if asked == 0 {
		asked = defaultPage
	}
	start, err := wire.PageStart(token, "InvalidParameterException")
	if err != nil {
		return nil, "", err
	}
	if start != "" {
		all = all[max(0, slices.Index(all, start)):]
	}
	size := wire.PageSize(ctx, asked, maxPage)
	if len(all) <= size {
		return all, "", nil
	}
	return all[:size], wire.PageToken(all[size]), nil
}

type deleteRepositoryInput struct {
	RepositoryName string
	Force          bool
}

func (s *Service) deleteRepository(_ context.Context, in deleteRepositoryInput) (out repositoryOutput, err error) {
	var orphans []string
	err = s.cfg.DB.Bolt().Update(func(tx *bbolt.Tx) error {
		root := tx.Bucket(rootBucket)
		b := root.Bucket([]byte(in.RepositoryName))
		if b == nil {
			return s.noSuchRepository(in.RepositoryName)
		}
		r, _, err := store.GetJSON[repository](b, metaKey)
		if err != nil {
			return err
		}
		if first, _ := b.Bucket(imagesBucket).Cursor().First(); first != nil && !in.Force {
			return failure("RepositoryNotEmptyException", "The repository with name '%s' in registry with id '%s' cannot be deleted because it still contains images", r.Name, s.cfg.Account)
		}
		out.Repository = s.describe(r)
		orphans = keys(b.Bucket(layersBucket))
		return root.DeleteBucket([]byte(r.Name))
	})
	if err != nil {
		return repositoryOutput{}, err
	}
	return out, s.sweep(orphans)
}

// keys are the keys of a bucket, in order.
func keys(b *bbolt.Bucket) []string {
	var out []string
	c := b.Cursor()
	for key, _ := c.First(); key != nil; key, _ = c.Next() {
		out = append(out, string(key))
	}
	return out
}

type resourceInput struct {
	ResourceARN string `json:"resourceArn"`
	Tags        []tag
	TagKeys     []string
}

func (s *Service) nameOfARN(arn string) (string, error) {
	name, found := strings.CutPrefix(arn, s.arn(""))
	if !found {
		return "", failure("InvalidParameterException", "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'")
	}
	return name, nil
}

func (s *Service) tagResource(_ context.Context, in resourceInput) (wire.Empty, error) {
	name, err := s.nameOfARN(in.ResourceARN)
	if err != nil {
		return wire.Empty{}, err
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return wire.Empty{}, err
	}
	return wire.Empty{}, s.update(name, func(_ *bbolt.Bucket, r *repository) error {
		if r.Tags == nil {
			r.Tags = map[string]string{}
		}
		maps.Copy(r.Tags, tags)
		return checkTagCount(r.Tags)
	})
}

func (s *Service) untagResource(_ context.Context, in resourceInput) (wire.Empty, error) {
	name, err := s.nameOfARN(in.ResourceARN)
	if err != nil {
		return wire.Empty{}, err
	}
	return wire.Empty{}, s.update(name, func(_ *bbolt.Bucket, r *repository) error {
		for _, key := range in.TagKeys {
			delete(r.Tags, key)
		}
		return nil
	})
}

type listTagsOutput struct {
	Tags []tag `json:"tags"`
}

func (s *Service) listTagsForResource(_ context.Context, in resourceInput) (out listTagsOutput, err error) {
	name, err := s.nameOfARN(in.ResourceARN)
	if err != nil {
		return out, err
	}
	out.Tags = []tag{}
	err = s.view(name, func(b *bbolt.Bucket) error {
		r, _, err := store.GetJSON[repository](b, metaKey)
		for _, key := range slices.Sorted(maps.Keys(r.Tags)) {
			out.Tags = append(out.Tags, tag{key, r.Tags[key]})
		}
		return err
	})
	return out, err
}

type policyInput struct {
	RepositoryName string
	PolicyText     string
}

type policyOutput struct {
	RegistryID     string `json:"registryId"`
	RepositoryName string `json:"repositoryName"`
	PolicyText     string `json:"policyText"`
}

func (s *Service) noPolicy(name string) error {
	return failure("RepositoryPolicyNotFoundException", "Repository policy does not exist for the repository with name '%s' in the registry with id '%s'", name, s.cfg.Account)
}

func (s *Service) getRepositoryPolicy(_ context.Context, in policyInput) (out policyOutput, err error) {
	err = s.view(in.RepositoryName, func(b *bbolt.Bucket) error {
		r, _, err := store.GetJSON[repository](b, metaKey)
		if err == nil && r.Policy == "" {
			return s.noPolicy(in.RepositoryName)
		}
		out = policyOutput{s.cfg.Account, in.RepositoryName, r.Policy}
		return err
	})
	return out, err
}

func (s *Service) setRepositoryPolicy(_ context.Context, in policyInput) (policyOutput, error) {
	if !json.Valid([]byte(in.PolicyText)) {
		return policyOutput{}, failure("InvalidParameterException", "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'")
	}
	err := s.update(in.RepositoryName, func(_ *bbolt.Bucket, r *repository) error {
		r.Policy = in.PolicyText
		return nil
	})
	return policyOutput{s.cfg.Account, in.RepositoryName, in.PolicyText}, err
}

func (s *Service) deleteRepositoryPolicy(_ context.Context, in policyInput) (out policyOutput, err error) {
	err = s.update(in.RepositoryName, func(_ *bbolt.Bucket, r *repository) error {
		if r.Policy == "" {
			return s.noPolicy(in.RepositoryName)
		}
		out = policyOutput{s.cfg.Account, in.RepositoryName, r.Policy}
		r.Policy = ""
		return nil
	})
	return out, err
}
