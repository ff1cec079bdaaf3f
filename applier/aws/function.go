package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/scar-go/scar/planner"
)

// functionClient is what functions need of Lambda.
type functionClient interface {
	lambda.GetFunctionAPIClient
	CreateFunction(context.Context, *lambda.CreateFunctionInput, ...func(*lambda.Options)) (*lambda.CreateFunctionOutput, error)
	UpdateFunctionConfiguration(context.Context, *lambda.UpdateFunctionConfigurationInput, ...func(*lambda.Options)) (*lambda.UpdateFunctionConfigurationOutput, error)
	UpdateFunctionCode(context.Context, *lambda.UpdateFunctionCodeInput, ...func(*lambda.Options)) (*lambda.UpdateFunctionCodeOutput, error)
	TagResource(context.Context, *lambda.TagResourceInput, ...func(*lambda.Options)) (*lambda.TagResourceOutput, error)
	UntagResource(context.Context, *lambda.UntagResourceInput, ...func(*lambda.Options)) (*lambda.UntagResourceOutput, error)
	DeleteFunction(context.Context, *lambda.DeleteFunctionInput, ...func(*lambda.Options)) (*lambda.DeleteFunctionOutput, error)
}

// functions are the Lambda functions of one account and region.
type functions struct {
	client functionClient
	naming planner.Naming
	patience
}

// What Lambda has where its answer is silent.
const (
	defaultEphemeralStorage = 512 // MB
	defaultArchitecture     = types.ArchitectureX8664
)

func (f *functions) read(ctx context.Context, name string) (planner.Function, planner.Owner, error) {
	out, err := f.get(ctx, name)
	if err != nil {
		return planner.Function{}, planner.Owner{}, err
	}
	if out.TagsError != nil {
		return planner.Function{}, planner.Owner{}, fmt.Errorf("read tags of function: %s: %s (is the right lambda:ListTags missing?)",
			deref(out.TagsError.ErrorCode), deref(out.TagsError.Message))
	}
	v := functionValue(name, out)
	return v, planner.OwnerOf(v.Tags), nil
}

func (f *functions) get(ctx context.Context, name string) (*lambda.GetFunctionOutput, error) {
	out, err := f.client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &name})
	if isNotFound(err) {
		return nil, errAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("read function: %w", err)
	}
	if out.Configuration == nil {
		return nil, errors.New("read function: the answer has no configuration")
	}
	return out, nil
}

func functionValue(name string, out *lambda.GetFunctionOutput) planner.Function {
	c := out.Configuration
	v := planner.Function{
		Name:             name,
		Description:      deref(c.Description),
		PackageType:      string(c.PackageType),
		Role:             deref(c.Role),
		Memory:           int(deref(c.MemorySize)),
		Timeout:          int(deref(c.Timeout)),
		EphemeralStorage: defaultEphemeralStorage,
		Architecture:     string(defaultArchitecture),
		LogGroup:         planner.LogGroupName(name),
		LogFormat:        string(types.LogFormatText),
		Concurrency:      planner.Unreserved,
		Tags:             tagMap(out.Tags),
	}
	if out.Concurrency != nil {
		v.Concurrency = int(deref(out.Concurrency.ReservedConcurrentExecutions))
	}
	if out.Code != nil {
		v.Image = deref(out.Code.ImageUri)
	}
	if c.State == types.StateFailed {
		// Lambda gave up creating it. It cannot be invoked, and that it could be repaired is not documented,
		// so it is shown as a function without code, which the plan replaces.
		v.PackageType, v.Image = "", ""
	}
	if c.LastUpdateStatus == types.LastUpdateStatusFailed {
		// The version before keeps serving, whatever the rest of the answer says. A function without an image
		// differs from any that is wanted, so that the next plan deploys it again.
		v.Image = ""
	}
	if r := c.ImageConfigResponse; r != nil && r.ImageConfig != nil {
		v.Entrypoint = notEmpty(r.ImageConfig.EntryPoint)
		v.Command = notEmpty(r.ImageConfig.Command)
		v.WorkingDirectory = deref(r.ImageConfig.WorkingDirectory)
	}
	if c.EphemeralStorage != nil {
		v.EphemeralStorage = int(deref(c.EphemeralStorage.Size))
	}
	if len(c.Architectures) > 0 {
		v.Architecture = string(c.Architectures[0])
	}
	if c.Environment != nil && len(c.Environment.Variables) > 0 {
		v.Environment = maps.Clone(c.Environment.Variables)
	}
	if l := c.LoggingConfig; l != nil {
		if group := deref(l.LogGroup); group != "" {
			v.LogGroup = group
		}
		if l.LogFormat != "" {
			v.LogFormat = string(l.LogFormat)
		}
	}
	return v
}

func notEmpty(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return slices.Clone(list)
}

func (f *functions) create(ctx context.Context, want planner.Function, say sayer) error {
	in := &lambda.CreateFunctionInput{
		FunctionName:     &want.Name,
		Description:      &want.Description,
		PackageType:      types.PackageType(want.PackageType),
		Code:             &types.FunctionCode{ImageUri: &want.Image},
		Role:             &want.Role,
		MemorySize:       ptr(int32(want.Memory)),
		Timeout:          ptr(int32(want.Timeout)),
		EphemeralStorage: &types.EphemeralStorage{Size: ptr(int32(want.EphemeralStorage))},
		Architectures:    []types.Architecture{types.Architecture(want.Architecture)},
		Environment:      &types.Environment{Variables: orEmpty(want.Environment)},
		LoggingConfig:    loggingConfig(want),
		Tags:             want.Tags,
	}
	if len(want.Entrypoint)+len(want.Command)+len(want.WorkingDirectory) > 0 {
		in.ImageConfig = imageConfig(want)
	}
	err := f.retry(ctx, roleWait, either(isRoleNotReady, isBusy), func() error {
		_, err := f.client.CreateFunction(ctx, in)
		if isRoleNotReady(err) {
			say("waiting until Lambda can use the role", 0, 0)
		}
		return err
	})
	if isExists(err) {
		return errExists
	}
	if err != nil {
		return fmt.Errorf("create function: %w", err)
	}
	return f.discardFailed(ctx, want, f.ready(ctx, want.Name, say))
}

// discardFailed deletes a function whose creation Lambda gave up. It was made a moment ago by this
// very call, cannot be used nor changed, and would be in the way of the next try.
func (f *functions) discardFailed(ctx context.Context, want planner.Function, err error) error {
	var failed *failedError
	if !errors.As(err, &failed) || failed.update {
		return err
	}
	if removeErr := f.remove(ctx, want, nil); removeErr != nil {
		return fmt.Errorf("%w; and it could not be deleted: %w", err, removeErr)
	}
	return err
}

// update changes the configuration, then the code, then the tags. The first two are calls of their own,
// and Lambda takes no second one while the first is in progress.
func (f *functions) update(ctx context.Context, live, want planner.Function, say sayer) error {
	if err := f.ready(ctx, want.Name, say); err != nil && !isFailed(err) {
		return err
	}
	code, configuration := splitFields(planner.Diff(live, want))
	if configuration {
		if err := f.configure(ctx, want, say); err != nil {
			return err
		}
	}
	if code {
		if err := f.deploy(ctx, want, say); err != nil {
			return err
		}
	}
	return f.tag(ctx, live, want)
}

// splitFields says which of Lambda's two update calls the differences need.
func splitFields(fields []planner.Field) (code, configuration bool) {
	for _, field := range fields {
		name := fieldName(field.Path)
		switch name {
		case "image", "architecture":
			code = true
		case "tags":
		default:
			configuration = true
		}
	}
	return code, configuration
}

// configure sends the whole configuration, empty values included: what is left out of the call, Lambda
// leaves as it is.
func (f *functions) configure(ctx context.Context, want planner.Function, say sayer) error {
	in := &lambda.UpdateFunctionConfigurationInput{
		FunctionName:     &want.Name,
		Description:      &want.Description,
		ImageConfig:      imageConfig(want),
		Role:             &want.Role,
		MemorySize:       ptr(int32(want.Memory)),
		Timeout:          ptr(int32(want.Timeout)),
		EphemeralStorage: &types.EphemeralStorage{Size: ptr(int32(want.EphemeralStorage))},
		Environment:      &types.Environment{Variables: orEmpty(want.Environment)},
		LoggingConfig:    loggingConfig(want),
	}
	err := f.retry(ctx, roleWait, either(isRoleNotReady, isBusy), func() error {
		_, err := f.client.UpdateFunctionConfiguration(ctx, in)
		return err
	})
	if err != nil {
		return fmt.Errorf("change configuration of function: %w", err)
	}
	return f.ready(ctx, want.Name, say)
}

func (f *functions) deploy(ctx context.Context, want planner.Function, say sayer) error {
	in := &lambda.UpdateFunctionCodeInput{
		FunctionName:  &want.Name,
		ImageUri:      &want.Image,
		Architectures: []types.Architecture{types.Architecture(want.Architecture)},
	}
	err := f.retry(ctx, busyWait, isBusy, func() error {
		_, err := f.client.UpdateFunctionCode(ctx, in)
		return err
	})
	if err != nil {
		return fmt.Errorf("change code of function: %w", err)
	}
	return f.ready(ctx, want.Name, say)
}

func (f *functions) tag(ctx context.Context, live, want planner.Function) error {
	set, remove := retag(live.Tags, want.Tags)
	arn := f.naming.FunctionARN(want.Name)
	if len(set) > 0 {
		if _, err := f.client.TagResource(ctx, &lambda.TagResourceInput{Resource: &arn, Tags: set}); err != nil {
			return fmt.Errorf("tag function: %w", err)
		}
	}
	if len(remove) > 0 {
		if _, err := f.client.UntagResource(ctx, &lambda.UntagResourceInput{Resource: &arn, TagKeys: remove}); err != nil {
			return fmt.Errorf("remove tags from function: %w", err)
		}
	}
	return nil
}

func (f *functions) remove(ctx context.Context, live planner.Function, _ sayer) error {
	err := f.retry(ctx, busyWait, isBusy, func() error {
		_, err := f.client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: &live.Name})
		return err
	})
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("delete function: %w", err)
	}
	return nil
}

// imageConfig is never nil, and its lists neither: absent means unchanged.
func imageConfig(v planner.Function) *types.ImageConfig {
	return &types.ImageConfig{
		EntryPoint:       append([]string{}, v.Entrypoint...),
		Command:          append([]string{}, v.Command...),
		WorkingDirectory: &v.WorkingDirectory,
	}
}

func loggingConfig(v planner.Function) *types.LoggingConfig {
	return &types.LoggingConfig{LogFormat: types.LogFormat(v.LogFormat), LogGroup: &v.LogGroup}
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func ptr[T any](v T) *T { return &v }
