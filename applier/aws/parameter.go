package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/planner"
)

// parameterStore is what the parameters of a project need of Systems Manager.
type parameterStore interface {
	ssm.GetParametersByPathAPIClient
	GetParameters(context.Context, *ssm.GetParametersInput, ...func(*ssm.Options)) (*ssm.GetParametersOutput, error)
	ListTagsForResource(context.Context, *ssm.ListTagsForResourceInput, ...func(*ssm.Options)) (*ssm.ListTagsForResourceOutput, error)
	PutParameter(context.Context, *ssm.PutParameterInput, ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
	AddTagsToResource(context.Context, *ssm.AddTagsToResourceInput, ...func(*ssm.Options)) (*ssm.AddTagsToResourceOutput, error)
	RemoveTagsFromResource(context.Context, *ssm.RemoveTagsFromResourceInput, ...func(*ssm.Options)) (*ssm.RemoveTagsFromResourceOutput, error)
	DeleteParameter(context.Context, *ssm.DeleteParameterInput, ...func(*ssm.Options)) (*ssm.DeleteParameterOutput, error)
}

// maxParameterNames is how many parameters one call of GetParameters reads (Systems Manager API reference).
const maxParameterNames = 10

// parameters are the parameters of a project. What they hold is compared by its digest, and never leaves this type but
// to Systems Manager.
type parameters struct {
	client  parameterStore
	secrets map[string]string // those that may have to be written, by the name of their parameter
	digests *planner.Digests
	patience
}

// list lists the project's parameters, by their path.
func (p *parameters) list(ctx context.Context, project string) ([]planner.Ref, error) {
	path := planner.ParameterPath(project)
	pages := ssm.NewGetParametersByPathPaginator(p.client, &ssm.GetParametersByPathInput{Path: &path, Recursive: ptr(true)})
	var refs []planner.Ref
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list parameters: %w", err)
		}
		for _, found := range page.Parameters {
			refs = append(refs, planner.Ref{Kind: planner.KindParameter, Name: deref(found.Name)})
		}
	}
	return refs, nil
}

func (p *parameters) read(ctx context.Context, name string) (planner.Parameter, planner.Owner, error) {
	all, err := p.readAll(ctx, []string{name}, 1)
	if err != nil {
		return planner.Parameter{}, planner.Owner{}, err
	}
	if len(all) == 0 {
		return planner.Parameter{}, planner.Owner{}, errAbsent
	}
	return all[0].Value.(planner.Parameter), all[0].Owner, nil
}

// readAll reads parameters by their names, as many in one call as it takes, and the tags of each meanwhile. Those that
// do not exist are left out.
func (p *parameters) readAll(ctx context.Context, names []string, parallel int) ([]planner.Resource, error) {
	stored := make([][]types.Parameter, (len(names)+maxParameterNames-1)/maxParameterNames)
	var mu sync.Mutex
	tags := map[string]planner.Tags{}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	i := 0
	for chunk := range slices.Chunk(names, maxParameterNames) {
		at := i
		i++
		group.Go(func() (err error) {
			stored[at], err = p.get(inner, chunk)
			return err
		})
	}
	for _, name := range names {
		group.Go(func() error {
			of, err := p.tags(inner, name)
			mu.Lock()
			defer mu.Unlock()
			tags[name] = of
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return p.resources(slices.Concat(stored...), tags)
}

// resources are what was read of parameters. Digests are slow on purpose, and made at once.
func (p *parameters) resources(stored []types.Parameter, tags map[string]planner.Tags) ([]planner.Resource, error) {
	resources := make([]planner.Resource, len(stored))
	group := errgroup.Group{}
	for i, is := range stored {
		group.Go(func() error {
			digest, err := p.digests.Of(deref(is.Name), deref(is.Value))
			v := planner.Parameter{Name: deref(is.Name), Type: string(is.Type), Digest: digest, Tags: tags[deref(is.Name)]}
			resources[i] = planner.Resource{
				Address: planner.Address{Kind: planner.KindParameter, Name: v.Name}, Value: v, Owner: planner.OwnerOf(v.Tags),
			}
			return err
		})
	}
	return resources, group.Wait()
}

func (p *parameters) get(ctx context.Context, names []string) ([]types.Parameter, error) {
	out, err := p.client.GetParameters(ctx, &ssm.GetParametersInput{Names: names, WithDecryption: ptr(true)})
	if err != nil {
		return nil, fmt.Errorf("read parameters: %w", err)
	}
	return out.Parameters, nil
}

// tags are those of a parameter; none of one that does not exist.
func (p *parameters) tags(ctx context.Context, name string) (planner.Tags, error) {
	out, err := p.client.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: &name})
	if isNoSuchParameter(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read tags of parameter: %w", err)
	}
	return tagsOf(out.TagList, ssmTag), nil
}

// create makes the parameter with its tags, in one call, so that nothing is ever there that does not tell whose it is.
func (p *parameters) create(ctx context.Context, want planner.Parameter, _ sayer) error {
	secret, err := p.secret(want)
	if err != nil {
		return err
	}
	err = p.put(ctx, &ssm.PutParameterInput{
		Name: &want.Name, Type: types.ParameterType(want.Type), Value: &secret, Tags: tagList(want.Tags, newSSMTag),
	})
	if isExists(err) {
		return errExists
	}
	if err != nil {
		return fmt.Errorf("create parameter: %w", err)
	}
	return nil
}

// update writes the secret if it is not the one that is there, and the tags.
func (p *parameters) update(ctx context.Context, live, want planner.Parameter, _ sayer) error {
	if live.Digest != want.Digest {
		secret, err := p.secret(want)
		if err != nil {
			return err
		}
		err = p.put(ctx, &ssm.PutParameterInput{Name: &want.Name, Type: types.ParameterType(want.Type), Value: &secret, Overwrite: ptr(true)})
		if err != nil {
			return fmt.Errorf("change parameter: %w", err)
		}
	}
	return p.tag(ctx, live, want)
}

// put writes a value. While another write of the parameter is under way, Systems Manager refuses it.
func (p *parameters) put(ctx context.Context, in *ssm.PutParameterInput) error {
	return p.retry(ctx, busyWait, isBusy, func() error {
		_, err := p.client.PutParameter(ctx, in)
		return err
	})
}

// tag changes the tags. A parameter that was made a moment ago may not be known to the call yet.
func (p *parameters) tag(ctx context.Context, live, want planner.Parameter) error {
	set, remove := retag(live.Tags, want.Tags)
	if len(set) > 0 {
		err := p.retry(ctx, parameterWait, isNoSuchParameter, func() error {
			_, err := p.client.AddTagsToResource(ctx, &ssm.AddTagsToResourceInput{
				ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: &want.Name, Tags: tagList(set, newSSMTag),
			})
			return err
		})
		if err != nil {
			return fmt.Errorf("tag parameter: %w", err)
		}
	}
	if len(remove) > 0 {
		_, err := p.client.RemoveTagsFromResource(ctx, &ssm.RemoveTagsFromResourceInput{
			ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: &want.Name, TagKeys: remove,
		})
		if err != nil {
			return fmt.Errorf("remove tags from parameter: %w", err)
		}
	}
	return nil
}

func (p *parameters) remove(ctx context.Context, live planner.Parameter, _ sayer) error {
	_, err := p.client.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &live.Name})
	if err != nil && !isNoSuchParameter(err) {
		return fmt.Errorf("delete parameter: %w", err)
	}
	return nil
}

// secret is what is to be written, which the plan knows by its digest only.
func (p *parameters) secret(want planner.Parameter) (string, error) {
	secret, found := p.secrets[want.Name]
	if !found {
		return "", errors.New("the file does not bring its value any more: plan again")
	}
	digest, err := p.digests.Of(want.Name, secret)
	if err != nil {
		return "", err
	}
	if digest != want.Digest {
		return "", errors.New("its value is not the one that was planned: plan again")
	}
	return secret, nil
}

func ssmTag(t types.Tag) (*string, *string)  { return t.Key, t.Value }
func newSSMTag(key, value *string) types.Tag { return types.Tag{Key: key, Value: value} }
