// Package ecr serves Amazon Elastic Container Registry: its API, and the registry behind it, which
// speaks the protocol of the OCI distribution specification.
//
// The registry is the project's own because blobs must stream: go-containerregistry's holds an upload
// in memory, under one lock, and reads a blob in full to answer a HEAD; and because manifests must be
// the same ones that ECR's API shows, and survive a restart.
package ecr

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Config is what a Service needs. All of it must be given.
type Config struct {
	DB         *store.DB
	Dir        string // where blobs are kept; made if absent
	Clock      clock.Clock
	Account    string // twelve digits
	Region     string
	Passwords  Passwords
	Authorizer Authorizer
}

// Passwords makes the passwords that registry clients log in with, and knows them again.
type Passwords interface {
	RegistryPassword(id wire.Identity) (password string, expires time.Time, err error)
	RegistryIdentity(password string) (wire.Identity, error)
}

// Authorizer says what an identity may do.
type Authorizer interface {
	Allowed(ctx context.Context, id wire.Identity, action, resource string, conditions map[string][]string) (bool, error)
}

// Service is the ECR of one account and region.
type Service struct {
	cfg        Config
	blobs      *blobs
	operations map[string]wire.JSONOperation
}

// ErrNotFound is returned for an image that does not exist.
var ErrNotFound = errors.New("image does not exist")

// repository is a repository, as it is stored.
type repository struct {
	Name    string
	Created time.Time
	Tags    map[string]string
	Policy  string // document; empty: none
	// Immutable says that a tag cannot move to another image.
	Immutable  bool
	ScanOnPush bool
}

// image is an image or an index of a repository, as it is stored by digest.
type image struct {
	MediaType string
	Manifest  []byte
	Pushed    time.Time
	Size      int64 // of config and layers, in bytes
}

// layer says that a blob belongs to a repository.
type layer struct {
	Size  int64
	Added time.Time
}

// Below rootBucket there is a bucket per repository, with the repository under metaKey and buckets for
// its images by digest, the digests by tag, and its layers by digest.
const metaKey = "meta"

var (
	rootBucket   = []byte("ecr.repositories")
	imagesBucket = []byte("images")
	tagsBucket   = []byte("tags")
	layersBucket = []byte("layers")
)

// New returns the service, with the state that is in the database and the directory.
func New(cfg Config) (*Service, error) {
	b, err := openBlobs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open registry: %w", err)
	}
	err = cfg.DB.Bolt().Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(rootBucket)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open registry: %w", err)
	}
	s := &Service{cfg: cfg, blobs: b}
	s.operations = map[string]wire.JSONOperation{
		"GetAuthorizationToken":       wire.JSON(s.getAuthorizationToken),
		"CreateRepository":            wire.JSON(s.createRepository),
		"DescribeRepositories":        wire.JSON(s.describeRepositories),
		"DeleteRepository":            wire.JSON(s.deleteRepository),
		"TagResource":                 wire.JSON(s.tagResource),
		"UntagResource":               wire.JSON(s.untagResource),
		"ListTagsForResource":         wire.JSON(s.listTagsForResource),
		"GetRepositoryPolicy":         wire.JSON(s.getRepositoryPolicy),
		"SetRepositoryPolicy":         wire.JSON(s.setRepositoryPolicy),
		"DeleteRepositoryPolicy":      wire.JSON(s.deleteRepositoryPolicy),
		"PutImage":                    wire.JSON(s.putImage),
		"BatchGetImage":               wire.JSON(s.batchGetImage),
		"DescribeImages":              wire.JSON(s.describeImages),
		"ListImages":                  wire.JSON(s.listImages),
		"BatchDeleteImage":            wire.JSON(s.batchDeleteImage),
		"BatchCheckLayerAvailability": wire.JSON(s.batchCheckLayerAvailability),
	}
	return s, nil
}

// hostKey is the key of a context for the host that a request was sent to.
type hostKey struct{}

// ServeHTTP serves one call of ECR's API.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The token is for the registry at the address that the caller knows the backend by.
	ctx := context.WithValue(r.Context(), hostKey{}, r.Host)
	wire.ServeJSON(w, r.WithContext(ctx), "ecr", s.operations)
}

// Tagged are the repositories for the tagging service.
func (s *Service) Tagged(context.Context) ([]wire.Resource, error) {
	var out []wire.Resource
	err := s.eachRepository(func(r repository) bool {
		out = append(out, wire.Resource{ARN: s.arn(r.Name), Tags: r.Tags})
		return true
	})
	return out, err
}

func (s *Service) arn(name string) string {
	return fmt.Sprintf("arn:%s:ecr:%s:%s:repository/%s", wire.Partition(s.cfg.Region), s.cfg.Region, s.cfg.Account, name)
}

// host is the host of the account's registry in AWS.
func (s *Service) host() string {
	host := fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com", s.cfg.Account, s.cfg.Region)
	if wire.Partition(s.cfg.Region) == "aws-cn" {
		host += ".cn"
	}
	return host
}

func failure(code, format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, code, format, args...)
}

func (s *Service) noSuchRepository(name string) error {
	return failure("RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry with id '%s'", name, s.cfg.Account)
}

// view reads one repository.
func (s *Service) view(name string, read func(b *bbolt.Bucket) error) error {
	return s.cfg.DB.Bolt().View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(rootBucket).Bucket([]byte(name))
		if b == nil {
			return s.noSuchRepository(name)
		}
		return read(b)
	})
}

// update changes one repository in a transaction.
func (s *Service) update(name string, change func(b *bbolt.Bucket, r *repository) error) error {
	return s.cfg.DB.Bolt().Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(rootBucket).Bucket([]byte(name))
		if b == nil {
			return s.noSuchRepository(name)
		}
		r, _, err := store.GetJSON[repository](b, metaKey)
		if err != nil {
			return fmt.Errorf("repository %q: %w", name, err)
		}
		if err := change(b, &r); err != nil {
			return err
		}
		return store.PutJSON(b, metaKey, r)
	})
}

// eachRepository visits the repositories in the order of their names until visit returns false.
func (s *Service) eachRepository(visit func(repository) bool) error {
	return s.cfg.DB.Bolt().View(func(tx *bbolt.Tx) error {
		root := tx.Bucket(rootBucket)
		c := root.Cursor()
		for name, _ := c.First(); name != nil; name, _ = c.Next() {
			r, _, err := store.GetJSON[repository](root.Bucket(name), metaKey)
			if err != nil {
				return fmt.Errorf("repository %q: %w", name, err)
			}
			if !visit(r) {
				return nil
			}
		}
		return nil
	})
}
