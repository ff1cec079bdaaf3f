package flow

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/scar-go/scar/applier/aws"
	"github.com/scar-go/scar/planner"
)

// Outputs are what AWS alone can tell of what has been applied, in two orders.
type Outputs struct {
	Resources planner.Outputs              // of each resource
	Functions map[string]map[string]string // of each function, its arn and its url, wherever that is answered
}

// newOutputs orders the outputs of resources by functions. behind are the functions that APIs give their requests to, as far
// as they are known. What would be a function's second value of a name stays under its resource's address.
func newOutputs(resources planner.Outputs, behind map[planner.Address]string) Outputs {
	functions := map[string]map[string]string{}
	for _, address := range slices.SortedFunc(maps.Keys(resources), planner.Address.Compare) {
		function := address.Name
		if address.Kind == planner.KindHTTPAPI {
			function = behind[address]
		}
		for name, value := range resources[address] {
			of := function
			if _, taken := functions[of][name]; taken || of == "" {
				of = address.String()
			}
			if functions[of] == nil {
				functions[of] = map[string]string{}
			}
			functions[of][name] = value
		}
	}
	return Outputs{Resources: resources, Functions: functions}
}

// outputs orders what is known of the plan's resources.
func (p *Planned) outputs(resources planner.Outputs) Outputs {
	behind := map[planner.Address]string{}
	for _, c := range p.Changes {
		if function, found := functionBehind(c.After); found {
			behind[c.Address] = function
		}
	}
	return newOutputs(resources, behind)
}

// functionBehind is the function that an API gives its requests to.
func functionBehind(v planner.Value) (function string, found bool) {
	api, isAPI := v.(planner.HTTPAPI)
	if !isAPI {
		return "", false
	}
	return planner.FunctionOfARN(api.Function)
}

// Outputs are what AWS alone can tell of all that belongs to a project, or of one of its functions if one is named.
func (a *Account) Outputs(ctx context.Context, project, function string) (Outputs, error) {
	naming, err := a.identify(ctx)
	if err != nil {
		return Outputs{}, err
	}
	cloud := a.cloud(project, naming, carried{})
	found, err := cloud.Find(ctx, project)
	if err != nil {
		return Outputs{}, fmt.Errorf("list what belongs to project %s: %w", project, explainCall(err))
	}
	refs, behind, err := withOutputs(ctx, cloud, found, function)
	if err != nil {
		return Outputs{}, explainCall(err)
	}
	resources, err := cloud.Outputs(ctx, refs)
	if err != nil {
		return Outputs{}, fmt.Errorf("read what AWS alone knows: %w", explainCall(err))
	}
	return newOutputs(resources, behind), nil
}

// withOutputs are those of a project's resources that AWS alone can tell something of, and the functions behind its APIs.
// What was found of a function may be all that is left of it, such as its log group; of a function that is there, it may
// have a URL. Resources of other functions than the one that is named are left out.
func withOutputs(ctx context.Context, cloud *aws.Cloud, found []planner.Ref, function string) ([]planner.Ref, map[planner.Address]string, error) {
	candidates := slices.DeleteFunc(found, func(ref planner.Ref) bool {
		isFunction := ref.Kind == planner.KindFunction && (function == "" || ref.Name == function)
		return !isFunction && ref.Kind != planner.KindHTTPAPI
	})
	live, err := cloud.Read(ctx, candidates)
	if err != nil {
		return nil, nil, err
	}
	var refs []planner.Ref
	behind := map[planner.Address]string{}
	for _, ref := range candidates {
		resource, exists := live[ref]
		if !exists {
			continue
		}
		if ref.Kind == planner.KindFunction {
			refs = append(refs, ref, planner.Ref{Kind: planner.KindFunctionURL, Name: ref.Name})
			continue
		}
		behind[ref], _ = functionBehind(resource.Value)
		if function == "" || function == behind[ref] {
			refs = append(refs, ref)
		}
	}
	return refs, behind, nil
}
