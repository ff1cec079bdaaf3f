package ec2

import (
	"context"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// maxPage is the most that a Describe call answers at once.
const maxPage = 1000

// facts are what filters look at: by their names, the values of a resource.
type facts map[string][]string

// filter says what is asked for: one of its values fits. They may have wildcards.
type filter struct {
	name   string
	values []string
}

func filtersOf(form url.Values) []filter {
	var out []filter
	for i := 1; form.Has("Filter." + strconv.Itoa(i) + ".Name"); i++ {
		list := "Filter." + strconv.Itoa(i)
		out = append(out, filter{form.Get(list + ".Name"), wire.Numbered(form, list+".Value")})
	}
	return out
}

// matches says whether a resource passes all filters.
func matches(filters []filter, f facts) (bool, error) {
	for _, filter := range filters {
		values, known := f[filter.name]
		if !known && !strings.HasPrefix(filter.name, "tag:") && filter.name != "tag-key" {
			return false, failure("InvalidParameterValue", "The filter '%s' is invalid", filter.name)
		}
		fits := func(pattern string) bool {
			return slices.ContainsFunc(values, func(value string) bool { return wildcard(pattern, value) })
		}
		if !slices.ContainsFunc(filter.values, fits) {
			return false, nil
		}
	}
	return true, nil
}

// wildcard knows * and ?; brackets and backslashes, which path.Match would read, are themselves.
func wildcard(pattern, value string) bool {
	escape := strings.NewReplacer(`\`, `\\`, `[`, `\[`, "/", "\x00")
	matched, err := path.Match(escape.Replace(pattern), strings.ReplaceAll(value, "/", "\x00"))
	return err == nil && matched
}

func tagFacts(f facts, tags map[string]string) facts {
	for key, value := range tags {
		f["tag:"+key] = []string{value}
		f["tag-key"] = append(f["tag-key"], key)
	}
	return f
}

func tagSet(tags map[string]string) []tag {
	var out []tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, tag{key, tags[key]})
	}
	return out
}

// resource is what Describe calls list.
type resource interface {
	id() string
	facts() facts
}

// describe is a page of what a form asks for: by its ids, which must all be there, and its filters. Param is the name of the list of
// ids, absent the error of one that is not there.
func describe[T resource](ctx context.Context, form url.Values, all []T, param string, absent func(id string) error) (out []T, next string, err error) {
	wanted := wire.Numbered(form, param)
	for _, id := range wanted {
		if !slices.ContainsFunc(all, func(r T) bool { return r.id() == id }) {
			return nil, "", absent(id)
		}
	}
	start, err := wire.PageStart(form.Get("NextToken"), "InvalidNextToken")
	if err != nil {
		return nil, "", err
	}
	size, err := pageSize(ctx, form)
	if err != nil {
		return nil, "", err
	}
	filters := filtersOf(form)
	for _, r := range all {
		fits, err := matches(filters, r.facts())
		if err != nil {
			return nil, "", err
		}
		if !fits || r.id() < start || len(wanted) > 0 && !slices.Contains(wanted, r.id()) {
			continue
		}
		if len(out) == size {
			return out, wire.PageToken(r.id()), nil
		}
		out = append(out, r)
	}
	return out, "", nil
}

func pageSize(ctx context.Context, form url.Values) (int, error) {
	asked := 0
	if text := form.Get("MaxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 5 || n > maxPage {
			return 0, failure("InvalidParameterValue", "Value ( %s ) for parameter maxResults is invalid. Expecting a value from 5 to %d.", text, maxPage)
		}
		asked = n
	}
	return wire.PageSize(ctx, asked, maxPage), nil
}
