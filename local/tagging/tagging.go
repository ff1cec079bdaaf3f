// Package tagging serves the AWS Resource Groups Tagging API: which resources carry which tags. It
// stores nothing; it asks the services.
package tagging

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// Source is a service whose resources are listed. IAM is none: as in AWS, roles do not show.
type Source interface {
	Tagged(ctx context.Context) ([]wire.Resource, error)
}

// Service is the tagging service of one account and region.
type Service struct {
	sources    []Source
	operations map[string]wire.JSONOperation
}

// New returns the service over the sources.
func New(sources ...Source) *Service {
	s := &Service{sources: sources}
	s.operations = map[string]wire.JSONOperation{"GetResources": wire.JSON(s.getResources)}
	return s
}

// ServeHTTP serves one call.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	wire.ServeJSON(w, r, "tagging", s.operations)
}

// Limits of GetResources, from its API reference.
const (
	maxPage       = 100
	maxFilters    = 50
	maxValues     = 20
	maxARNs       = 100
	invalidParams = "InvalidParameterException"
)

type tagFilter struct {
	Key    string
	Values []string
}

type getResourcesInput struct {
	PaginationToken     string
	ResourcesPerPage    *int
	TagFilters          []tagFilter
	ResourceTypeFilters []string
	ResourceARNList     []string
}

type tag struct{ Key, Value string }

type mapping struct {
	ResourceARN string
	Tags        []tag
}

type getResourcesOutput struct {
	PaginationToken        string
	ResourceTagMappingList []mapping
}

func (s *Service) getResources(ctx context.Context, in getResourcesInput) (out getResourcesOutput, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	start, err := wire.PageStart(in.PaginationToken, "PaginationTokenExpiredException")
	if err != nil {
		return out, err
	}
	all, err := s.matching(ctx, in)
	if err != nil {
		return out, err
	}
	asked := 0
	if in.ResourcesPerPage != nil {
		asked = *in.ResourcesPerPage
	}
	from, _ := slices.BinarySearchFunc(all, start, func(r wire.Resource, arn string) int { return cmp.Compare(r.ARN, arn) })
	all = all[from:]
	if size := wire.PageSize(ctx, asked, maxPage); len(all) > size {
		out.PaginationToken = wire.PageToken(all[size].ARN)
		all = all[:size]
	}
	out.ResourceTagMappingList = []mapping{}
	for _, r := range all {
		out.ResourceTagMappingList = append(out.ResourceTagMappingList, newMapping(r))
	}
	return out, nil
}

func newMapping(r wire.Resource) mapping {
	m := mapping{ResourceARN: r.ARN, Tags: []tag{}}
	for _, key := range slices.Sorted(maps.Keys(r.Tags)) {
		m.Tags = append(m.Tags, tag{key, r.Tags[key]})
	}
	return m
}

// matching are the resources that have tags and pass the filters, in the order of their ARNs.
func (s *Service) matching(ctx context.Context, in getResourcesInput) ([]wire.Resource, error) {
	var out []wire.Resource
	for _, source := range s.sources {
		resources, err := source.Tagged(ctx)
		if err != nil {
			return nil, fmt.Errorf("list tagged resources: %w", err)
		}
		for _, r := range resources {
			if len(r.Tags) > 0 && in.wants(r) {
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, func(a, b wire.Resource) int { return cmp.Compare(a.ARN, b.ARN) })
	return out, nil
}

func (in getResourcesInput) check() error {
	invalid := func(format string, args ...any) error {
		return wire.Errorf(http.StatusBadRequest, invalidParams, format, args...)
	}
	if in.ResourcesPerPage != nil && (*in.ResourcesPerPage < 1 || *in.ResourcesPerPage > maxPage) {
		return invalid("ResourcesPerPage must be between 1 and %d", maxPage)
	}
	if len(in.TagFilters) > maxFilters {
		return invalid("The number of tag filters must not exceed %d", maxFilters)
	}
	for _, f := range in.TagFilters {
		if f.Key == "" || len(f.Values) > maxValues {
			return invalid("A tag filter has a key and at most %d values", maxValues)
		}
	}
	if len(in.ResourceARNList) > maxARNs {
		return invalid("The number of ARNs must not exceed %d", maxARNs)
	}
	if len(in.ResourceARNList) > 0 && len(in.TagFilters)+len(in.ResourceTypeFilters) > 0 {
		return invalid("ResourceARNList cannot be specified with other filters")
	}
	return nil
}

// wants says whether a resource has, for each key that is asked for, one of the values, and is of one
// of the types.
func (in getResourcesInput) wants(r wire.Resource) bool {
	if len(in.ResourceARNList) > 0 {
		return slices.Contains(in.ResourceARNList, r.ARN)
	}
	for _, f := range in.TagFilters {
		value, found := r.Tags[f.Key]
		if !found || len(f.Values) > 0 && !slices.Contains(f.Values, value) {
			return false
		}
	}
	return len(in.ResourceTypeFilters) == 0 || slices.ContainsFunc(in.ResourceTypeFilters, func(filter string) bool {
		return isOfType(r.ARN, filter)
	})
}

// untyped are the services whose ARNs have no type in them, with the only type that there is.
var untyped = map[string]string{"s3": "bucket", "sqs": "queue", "sns": "topic"}

// isOfType says whether an ARN is of a type written as service, or as service:type.
func isOfType(arn, filter string) bool {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return false
	}
	service, kind, typed := strings.Cut(filter, ":")
	if service != parts[2] {
		return false
	}
	if !typed {
		return true
	}
	if only, found := untyped[service]; found {
		return kind == only
	}
	resource := strings.TrimPrefix(parts[5], "/") // as those of API Gateway begin
	end := strings.IndexAny(resource, ":/")
	return end >= 0 && resource[:end] == kind
}
