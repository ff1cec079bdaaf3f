package aws

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/scar-go/scar/planner"
)

// fakeSSM keeps parameters in memory.
type fakeSSM struct {
	script
	stored map[string]types.Parameter
	tags   map[string]map[string]string
}

func newFakeSSM() *fakeSSM {
	return &fakeSSM{script: script{fails: map[string][]error{}}, stored: map[string]types.Parameter{}, tags: map[string]map[string]string{}}
}

// do runs op, unless the script has another answer.
func (f *fakeSSM) do(operation string, op func() error) error {
	if err := f.next(operation); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return op()
}

var (
	errNoParameter = answer("ParameterNotFound", "")
	errNoResource  = answer("InvalidResourceId", "The resource ID is not valid. Verify that you entered the correct ID and try again.")
)

func (f *fakeSSM) GetParametersByPath(_ context.Context, in *ssm.GetParametersByPathInput, _ ...func(*ssm.Options)) (*ssm.GetParametersByPathOutput, error) {
	out := &ssm.GetParametersByPathOutput{}
	return out, f.do("GetParametersByPath", func() error {
		for _, name := range slices.Sorted(maps.Keys(f.stored)) {
			if strings.HasPrefix(name, *in.Path) {
				out.Parameters = append(out.Parameters, types.Parameter{Name: &name})
			}
		}
		return nil
	})
}

func (f *fakeSSM) GetParameters(_ context.Context, in *ssm.GetParametersInput, _ ...func(*ssm.Options)) (*ssm.GetParametersOutput, error) {
	out := &ssm.GetParametersOutput{}
	return out, f.do("GetParameters", func() error {
		for _, name := range in.Names {
			if p, found := f.stored[name]; found {
				out.Parameters = append(out.Parameters, p)
			} else {
				out.InvalidParameters = append(out.InvalidParameters, name)
			}
		}
		return nil
	})
}

func (f *fakeSSM) PutParameter(_ context.Context, in *ssm.PutParameterInput, _ ...func(*ssm.Options)) (*ssm.PutParameterOutput, error) {
	return nil, f.do("PutParameter", func() error {
		is, found := f.stored[*in.Name]
		switch {
		case found && !deref(in.Overwrite):
			return answer("ParameterAlreadyExists", "The parameter already exists.")
		case found && is.Type != in.Type:
			return answer("HierarchyTypeMismatchException", "Parameter Store doesn't support changing a parameter type in a hierarchy.")
		case found && len(in.Tags) > 0:
			return answer("ValidationException", "tags and overwrite can't be used together")
		}
		f.stored[*in.Name] = types.Parameter{Name: in.Name, Type: in.Type, Value: in.Value}
		if !found {
			f.tags[*in.Name] = tagsOf(in.Tags, ssmTag)
		}
		return nil
	})
}

func (f *fakeSSM) DeleteParameter(_ context.Context, in *ssm.DeleteParameterInput, _ ...func(*ssm.Options)) (*ssm.DeleteParameterOutput, error) {
	return nil, f.do("DeleteParameter", func() error {
		if _, found := f.stored[*in.Name]; !found {
			return errNoParameter
		}
		delete(f.stored, *in.Name)
		return nil
	})
}

func (f *fakeSSM) ListTagsForResource(_ context.Context, in *ssm.ListTagsForResourceInput, _ ...func(*ssm.Options)) (*ssm.ListTagsForResourceOutput, error) {
	out := &ssm.ListTagsForResourceOutput{}
	return out, f.do("ListTagsForResource", func() error {
		if _, found := f.stored[*in.ResourceId]; !found {
			return errNoResource
		}
		out.TagList = tagList(planner.Tags(f.tags[*in.ResourceId]), newSSMTag)
		return nil
	})
}

func (f *fakeSSM) AddTagsToResource(_ context.Context, in *ssm.AddTagsToResourceInput, _ ...func(*ssm.Options)) (*ssm.AddTagsToResourceOutput, error) {
	return nil, f.do("AddTagsToResource", func() error {
		if _, found := f.stored[*in.ResourceId]; !found {
			return errNoResource
		}
		maps.Copy(f.tags[*in.ResourceId], tagsOf(in.Tags, ssmTag))
		return nil
	})
}

func (f *fakeSSM) RemoveTagsFromResource(_ context.Context, in *ssm.RemoveTagsFromResourceInput, _ ...func(*ssm.Options)) (*ssm.RemoveTagsFromResourceOutput, error) {
	return nil, f.do("RemoveTagsFromResource", func() error {
		for _, key := range in.TagKeys {
			delete(f.tags[*in.ResourceId], key)
		}
		return nil
	})
}
