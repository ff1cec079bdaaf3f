package secretsmanager

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// description is a secret without its value.
type description struct {
	ARN             string
	Name            string
	Description     string `json:",omitempty"`
	KMSKeyID        string `json:"KmsKeyId,omitempty"`
	CreatedDate     wire.Epoch
	LastChangedDate wire.Epoch
	DeletedDate     *wire.Epoch `json:",omitempty"`
	Tags            []tag
}

func (s *Service) describe(x secret) description {
	d := description{
		ARN: s.arn(x), Name: x.Name, Description: x.Description, KMSKeyID: x.KMSKeyID,
		CreatedDate: wire.Epoch(x.Created), LastChangedDate: wire.Epoch(x.Changed), Tags: tagList(x.Tags),
	}
	if !x.Deleted.IsZero() {
		deleted := wire.Epoch(x.Deleted)
		d.DeletedDate = &deleted
	}
	return d
}

// stages are the labels of the versions that have some, by the versions' ids.
func (x secret) stages() map[string][]string {
	out := map[string][]string{}
	for _, id := range x.Stages {
		out[id] = x.stagesOf(id)
	}
	return out
}

type describeSecretOutput struct {
	description
	VersionIDsToStages map[string][]string `json:"VersionIdsToStages"`
}

func (s *Service) describeSecret(_ context.Context, in secretInput) (out describeSecretOutput, err error) {
	x, found, err := s.find(in.SecretID)
	if err == nil && !found {
		err = noSuchSecret()
	}
	if err != nil {
		return out, err
	}
	return describeSecretOutput{s.describe(x), x.stages()}, nil
}

// maxPage is the most secrets that a page of ListSecrets has; without MaxResults it has as many.
const maxPage = 100

type listSecretsInput struct {
	Filters                []filter
	IncludePlannedDeletion bool
	MaxResults             *int
	NextToken              string
	SortBy                 string
	SortOrder              string // asc or desc, by the time at which secrets were made
}

type listed struct {
	description
	SecretVersionsToStages map[string][]string
}

type listSecretsOutput struct {
	SecretList []listed
	NextToken  string `json:",omitempty"`
}

func (s *Service) listSecrets(ctx context.Context, in listSecretsInput) (out listSecretsOutput, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	start, err := wire.PageStart(in.NextToken, "InvalidNextTokenException")
	if err != nil {
		return out, err
	}
	found, err := s.matching(in)
	if err != nil {
		return out, err
	}
	if start != "" {
		at := slices.IndexFunc(found, func(x secret) bool { return x.Name == start })
		if at < 0 {
			return out, failure("InvalidNextTokenException", "The NextToken value is invalid.")
		}
		found = found[at:]
	}
	asked := 0
	if in.MaxResults != nil {
		asked = *in.MaxResults
	}
	if size := wire.PageSize(ctx, asked, maxPage); len(found) > size {
		out.NextToken = wire.PageToken(found[size].Name)
		found = found[:size]
	}
	out.SecretList = []listed{}
	for _, x := range found {
		out.SecretList = append(out.SecretList, listed{s.describe(x), x.stages()})
	}
	return out, nil
}

// matching are the secrets that are asked for, in the order that is.
func (s *Service) matching(in listSecretsInput) ([]secret, error) {
	now := s.cfg.Clock.Now()
	var found []secret
	err := s.secrets.Each("", func(_ string, x secret) bool {
		hidden := x.gone(now) || !x.Deleted.IsZero() && !in.IncludePlannedDeletion
		if !hidden && !slices.ContainsFunc(in.Filters, func(f filter) bool { return !f.fits(x) }) {
			found = append(found, x)
		}
		return true
	})
	slices.SortFunc(found, func(a, b secret) int {
		if in.SortOrder == "desc" {
			a, b = b, a
		}
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.Name, b.Name))
	})
	return found, err
}

func (in listSecretsInput) check() error {
	if in.MaxResults != nil && (*in.MaxResults < 1 || *in.MaxResults > maxPage) {
		return invalid("1 validation error detected: Value '%d' at 'maxResults' failed to satisfy constraint: Member must have value between 1 and %d", *in.MaxResults, maxPage)
	}
	if in.SortBy != "" && in.SortBy != "created-date" {
		return invalid("the local backend sorts secrets by created-date only")
	}
	for _, f := range in.Filters {
		if !slices.Contains(filterKeys, f.Key) {
			return invalid("the local backend filters secrets by %s only", strings.Join(filterKeys, ", "))
		}
		if len(f.Values) == 0 {
			return invalid("The filter %s has no values.", f.Key)
		}
	}
	return nil
}

// filter says what secrets are asked for: one of the values is how the text begins. A value with ! before it says how it does not.
type filter struct {
	Key    string
	Values []string
}

var filterKeys = []string{"name", "description", "tag-key", "tag-value"}

func (f filter) fits(x secret) bool {
	var texts []string
	switch f.Key {
	case "name":
		texts = []string{x.Name}
	case "description":
		texts = []string{x.Description}
	case "tag-key":
		texts = slices.Collect(maps.Keys(x.Tags))
	case "tag-value":
		texts = slices.Collect(maps.Values(x.Tags))
	}
	return slices.ContainsFunc(f.Values, func(want string) bool {
		prefix, negated := strings.CutPrefix(want, "!")
		begins := func(text string) bool {
			if f.Key == "description" {
				return strings.HasPrefix(strings.ToLower(text), strings.ToLower(prefix))
			}
			return strings.HasPrefix(text, prefix)
		}
		return slices.ContainsFunc(texts, begins) != negated
	})
}
