package ssm

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

type getParameterInput struct {
	Name           string
	WithDecryption bool
}

type getParameterOutput struct{ Parameter description }

// description is a parameter with its value.
type description struct {
	ARN              string
	Name             string
	Type             string
	Value            string
	Version          int64
	Selector         string `json:",omitempty"`
	DataType         string
	LastModifiedDate wire.Epoch
}

func (s *Service) describe(p parameter, v version, selector string, decrypt bool) description {
	d := description{
		ARN: s.ARN(p.Name), Name: p.Name, Type: v.Type, Value: v.Value, Version: v.Number,
		DataType: v.DataType, LastModifiedDate: wire.Epoch(v.Modified),
	}
	if selector != "" {
		d.Selector = ":" + selector
	}
	if v.Type == typeSecure && !decrypt {
		d.Value = ciphertext(p, v)
	}
	return d
}

// ciphertext is what stands for an encrypted value. Nothing can be made of it, least of all the value.
func ciphertext(p parameter, v version) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", p.Name, v.Number))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (s *Service) getParameter(_ context.Context, in getParameterInput) (out getParameterOutput, err error) {
	if in.Name == "" {
		return out, constraint("", "name", "have length greater than or equal to 1")
	}
	p, selector, found, err := s.find(in.Name)
	if err != nil {
		return out, err
	}
	if !found {
		return out, noSuchParameter()
	}
	v, found := p.version(selector)
	if !found {
		return out, failure("ParameterVersionNotFound", "Systems Manager could not find version %s of %s. Verify the version and try again.", selector, p.Name)
	}
	return getParameterOutput{s.describe(p, v, selector, in.WithDecryption)}, nil
}

// version is the version that a selector, which is empty or a number, stands for. Labels are not served, and none is ever attached.
func (p parameter) version(selector string) (version, bool) {
	if selector == "" {
		return p.latest(), true
	}
	number, err := strconv.ParseInt(selector, 10, 64)
	at := slices.IndexFunc(p.Versions, func(v version) bool { return v.Number == number })
	if err != nil || at < 0 {
		return version{}, false
	}
	return p.Versions[at], true
}

type getParametersOutput struct {
	Parameters        []description
	InvalidParameters []string
}

func (s *Service) getParameters(_ context.Context, in namesInput) (out getParametersOutput, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	out = getParametersOutput{[]description{}, []string{}}
	for _, id := range in.Names {
		p, selector, found, err := s.find(id)
		if err != nil {
			return out, err
		}
		var v version
		if found {
			v, found = p.version(selector)
		}
		if !found {
			out.InvalidParameters = append(out.InvalidParameters, id)
			continue
		}
		out.Parameters = append(out.Parameters, s.describe(p, v, selector, in.WithDecryption))
	}
	return out, nil
}

// maxPathPage is the most parameters that a page of GetParametersByPath has.
const maxPathPage = 10

type getParametersByPathInput struct {
	Path             string
	Recursive        bool
	WithDecryption   bool
	ParameterFilters []filter
	MaxResults       *int
	NextToken        string
}

type getParametersByPathOutput struct {
	Parameters []description
	NextToken  string `json:",omitempty"`
}

func (s *Service) getParametersByPath(ctx context.Context, in getParametersByPathInput) (out getParametersByPathOutput, err error) {
	if err := checkPath(in.Path); err != nil {
		return out, err
	}
	wanted, err := newMatcher(in.ParameterFilters, byPath)
	if err != nil {
		return out, err
	}
	folder := strings.TrimSuffix(in.Path, "/") + "/"
	var found []parameter
	err = s.parameters.Each(folder, func(name string, p parameter) bool {
		if (in.Recursive || !strings.Contains(name[len(folder):], "/")) && wanted(p) {
			found = append(found, p)
		}
		return true
	})
	if err != nil {
		return out, err
	}
	found, out.NextToken, err = page(ctx, found, in.NextToken, in.MaxResults, maxPathPage)
	out.Parameters = []description{}
	for _, p := range found {
		out.Parameters = append(out.Parameters, s.describe(p, p.latest(), "", in.WithDecryption))
	}
	return out, err
}

func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") || !namePattern().MatchString(path) {
		return invalid(`The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "/". It can't be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.`)
	}
	return nil
}

// page cuts a page out of parameters that are in the order of their names; a token is the name at which it starts.
func page(ctx context.Context, all []parameter, token string, asked *int, most int) (part []parameter, next string, err error) {
	size := most
	if asked != nil {
		if *asked < 1 || *asked > most {
			return nil, "", constraint(*asked, "maxResults", fmt.Sprintf("have value between 1 and %d", most))
		}
		size = *asked
	}
	start, err := wire.PageStart(token, "InvalidNextToken")
	if err != nil {
		return nil, "", err
	}
	first, _ := slices.BinarySearchFunc(all, start, func(p parameter, name string) int { return strings.Compare(p.Name, name) })
	all = all[first:]
	size = wire.PageSize(ctx, size, most)
	if len(all) <= size {
		return all, "", nil
	}
	return all[:size], wire.PageToken(all[size].Name), nil
}
