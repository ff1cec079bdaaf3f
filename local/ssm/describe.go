package ssm

import (
	"context"
	"slices"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// maxDescribePage is the most parameters that a page of DescribeParameters has; without MaxResults it has as many.
const maxDescribePage = 50

type describeParametersInput struct {
	Filters          []filter // as ParameterFilters, of an older form of the call
	ParameterFilters []filter
	MaxResults       *int
	NextToken        string
}

type describeParametersOutput struct {
	Parameters []metadata
	NextToken  string `json:",omitempty"`
}

// metadata is a parameter without its value.
type metadata struct {
	ARN              string
	Name             string
	Type             string
	KeyID            string `json:"KeyId,omitempty"`
	LastModifiedDate wire.Epoch
	LastModifiedUser string
	Description      string `json:",omitempty"`
	AllowedPattern   string `json:",omitempty"`
	Version          int64
	Tier             string
	Policies         []struct{}
	DataType         string
}

func (s *Service) describeParameters(ctx context.Context, in describeParametersInput) (out describeParametersOutput, err error) {
	if len(in.Filters) > 0 && len(in.ParameterFilters) > 0 {
		return out, invalid("You can use either Filters or ParameterFilters in a single request.")
	}
	filters := in.ParameterFilters
	for _, f := range in.Filters {
		f.Option = beginsWith // what the older form means
		filters = append(filters, f)
	}
	wanted, err := newMatcher(filters, describing)
	if err != nil {
		return out, err
	}
	var found []parameter
	err = s.parameters.Each("", func(_ string, p parameter) bool {
		if wanted(p) {
			found = append(found, p)
		}
		return true
	})
	if err != nil {
		return out, err
	}
	found, out.NextToken, err = page(ctx, found, in.NextToken, in.MaxResults, maxDescribePage)
	out.Parameters = []metadata{}
	for _, p := range found {
		v := p.latest()
		out.Parameters = append(out.Parameters, metadata{
			ARN: s.ARN(p.Name), Name: p.Name, Type: v.Type, KeyID: v.KeyID, LastModifiedDate: wire.Epoch(v.Modified),
			LastModifiedUser: v.ModifiedBy, Description: v.Description, AllowedPattern: v.AllowedPattern,
			Version: v.Number, Tier: v.Tier, Policies: []struct{}{}, DataType: v.DataType,
		})
	}
	return out, err
}

// filter says what parameters are asked for: one of the values fits.
type filter struct {
	Key    string
	Option string // empty: Equals, and OneLevel for Path
	Values []string
}

// The options of filters.
const (
	equals     = "Equals"
	beginsWith = "BeginsWith"
	contains   = "Contains"
	recursive  = "Recursive"
	oneLevel   = "OneLevel"
)

// The keys that the calls take, from "ParameterStringFilter" in the API reference, without Label: no version has one here.
var (
	byPath     = []string{"Type", "KeyId"}
	describing = []string{"Path", "Name", "Type", "KeyId", "Tier", "DataType"}
)

// newMatcher makes one test of filters, all of which must fit.
func newMatcher(filters []filter, keys []string) (func(parameter) bool, error) {
	seen := map[string]bool{}
	for i, f := range filters {
		tagged := strings.HasPrefix(f.Key, "tag:") && slices.Contains(keys, "Name")
		if !slices.Contains(keys, f.Key) && !tagged {
			return nil, failure("InvalidFilterKey", "The following filter key is not valid: %s. Valid filter keys include: [%s].", f.Key, strings.Join(keys, ", "))
		}
		if len(f.Values) == 0 && !tagged {
			return nil, failure("InvalidFilterValue", "The following filter values are missing : null for filter key %s.", f.Key)
		}
		if seen[f.Key] {
			return nil, failure("InvalidFilterKey", "The following filter is duplicated in the request: %s. A request can contain only one occurrence of a specific filter.", f.Key)
		}
		seen[f.Key] = true
		options := []string{equals, beginsWith}
		switch f.Key {
		case "Path":
			options = []string{oneLevel, recursive}
		case "Name":
			options = append(options, contains)
		}
		if f.Option == "" {
			filters[i].Option = options[0]
		} else if !slices.Contains(options, f.Option) {
			return nil, failure("InvalidFilterOption", "The following filter option is not valid: %s. Valid options include: [%s].", f.Option, strings.Join(options, ", "))
		}
	}
	return func(p parameter) bool {
		return !slices.ContainsFunc(filters, func(f filter) bool { return !f.fits(p) })
	}, nil
}

func (f filter) fits(p parameter) bool {
	v := p.latest()
	text := map[string]string{"Name": p.Name, "Type": v.Type, "KeyId": v.KeyID, "Tier": v.Tier, "DataType": v.DataType}[f.Key]
	if key, tagged := strings.CutPrefix(f.Key, "tag:"); tagged {
		value, found := p.Tags[key]
		if !found || len(f.Values) == 0 {
			return found
		}
		text = value
	}
	return slices.ContainsFunc(f.Values, func(want string) bool {
		switch f.Option {
		case beginsWith:
			// A hierarchy is found with and without its slash.
			return strings.HasPrefix(text, want) || f.Key == "Name" && strings.HasPrefix(text, "/"+want)
		case contains:
			return strings.Contains(text, want)
		case recursive, oneLevel:
			rest, below := strings.CutPrefix(p.Name, strings.TrimSuffix(want, "/")+"/")
			return below && (f.Option == recursive || !strings.Contains(rest, "/"))
		}
		return text == want
	})
}
