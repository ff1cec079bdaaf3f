package aws

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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
	PutFunctionConcurrency(context.Context, *lambda.PutFunctionConcurrencyInput, ...func(*lambda.Options)) (*lambda.PutFunctionConcurrencyOutput, error)
	DeleteFunctionConcurrency(context.Context, *lambda.DeleteFunctionConcurrencyInput, ...func(*lambda.Options)) (*lambda.DeleteFunctionConcurrencyOutput, error)
	DeleteFunction(context.Context, *lambda.DeleteFunctionInput, ...func(*lambda.Options)) (*lambda.DeleteFunctionOutput, error)
}

// functions are the Lambda functions of one account and region.
type functions struct {
	client       functionClient
	naming       planner.Naming
	replacements *replacements
	patience
}

// replace deletes a function so that another of its name can be made, in a way that loses nothing. What it returns is to be done
// once that one is there.
func (f *functions) replace(ctx context.Context, c planner.Change, live planner.Function, say sayer) (func(context.Context) error, error) {
	statements, err := f.replacements.begin(ctx, c, live, say)
	if err != nil {
		return nil, err
	}
	restore := func(ctx context.Context) error { return f.replacements.restore(ctx, statements, say) }
	return restore, f.remove(ctx, live, say)
}

func (f *functions) read(ctx context.Context, name string) (planner.Function, planner.Owner, error) {
	r, err := f.describe(ctx, name)
	if err != nil {
		return planner.Function{}, planner.Owner{}, err
	}
	return r.Value.(planner.Function), r.Owner, nil
}

// describe reads a function, with what stays of it when it is taken over.
func (f *functions) describe(ctx context.Context, name string) (planner.Resource, error) {
	out, err := f.get(ctx, name)
	if err != nil {
		return planner.Resource{}, err
	}
	if err := tagsRead(out); err != nil {
		return planner.Resource{}, err
	}
	v := functionValue(name, out)
	r := planner.Resource{Address: planner.Address{Kind: planner.KindFunction, Name: name}, Value: v, Owner: planner.OwnerOf(v.Tags)}
	for _, layer := range out.Configuration.Layers {
		r.Warnings = append(r.Warnings, layerStays(deref(layer.Arn)))
	}
	return r, nil
}

// layerStays says what becomes of a version of a layer, by its ARN, when its function becomes an image.
func layerStays(arn string) string {
	stays := "its layer " + arn + " stays, and is not used by it any more"
	parts := strings.Split(arn, ":")
	if len(parts) != 8 {
		return stays
	}
	return stays + ": once no other function has it, remove it with aws lambda delete-layer-version --layer-name " + parts[6] + " --version-number " + parts[7]
}

func (f *functions) get(ctx context.Context, name string) (*lambda.GetFunctionOutput, error) {
	return getFunction(ctx, f.client, name)
}

// getFunction reads a function, or returns errAbsent.
func getFunction(ctx context.Context, client lambda.GetFunctionAPIClient, name string) (*lambda.GetFunctionOutput, error) {
	out, err := client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &name})
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

// tagsRead says whether a function's answer has its tags, which Lambda leaves out where the caller may not list them.
func tagsRead(out *lambda.GetFunctionOutput) error {
	if out.TagsError == nil {
		return nil
	}
	return fmt.Errorf("read tags of function: %s: %s (is the right lambda:ListTags missing?)",
		deref(out.TagsError.ErrorCode), deref(out.TagsError.Message))
}

// create makes the function, and makes it again where Lambda gave it up for a reason that passes.
func (f *functions) create(ctx context.Context, want planner.Function, say sayer) error {
	in := createInput(want)
	err := f.retry(ctx, roleWait, isPassingFailure, func() error {
		err := f.retryRole(ctx, say, func() error {
			_, err := f.client.CreateFunction(ctx, in)
			return err
		})
		if isExists(err) {
			return errExists
		}
		if err != nil {
			return fmt.Errorf("create function: %w", err)
		}
		return f.discardFailed(ctx, want, f.ready(ctx, want.Name, say))
	})
	if err != nil {
		return err
	}
	return f.reserve(ctx, planner.Unreserved, want)
}

// retryRole repeats a call while Lambda cannot use the function's role, and longer while EC2 refuses it the network
// interfaces that the function needs.
func (f *functions) retryRole(ctx context.Context, say sayer, call func() error) error {
	told := func() error {
		err := call()
		switch {
		case isEC2Throttled(err):
			say("waiting until EC2 lets Lambda make network interfaces", 0, 0)
		case isRoleNotReady(err):
			say("waiting until Lambda can use the role", 0, 0)
		case isAccessPointNotReady(err):
			say("waiting until the access point is available", 0, 0)
		}
		return err
	}
	err := f.retry(ctx, roleWait, either(isRoleNotReady, isAccessPointNotReady, isBusy), told)
	if isEC2Throttled(err) {
		return f.retry(ctx, ec2Wait, either(isEC2Throttled, isBusy), told)
	}
	return err
}

// ec2Wait is for how long more EC2's throttling of Lambda is waited out (terraform-provider-aws,
// internal/service/lambda/function.go).
const ec2Wait = 9 * time.Minute

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

// update changes the configuration, then the code, then what is reserved, then the tags. The first two are calls of their own,
// and Lambda takes no second one while the first is in progress.
func (f *functions) update(ctx context.Context, live, want planner.Function, say sayer) error {
	if err := f.ready(ctx, want.Name, say); err != nil && !isFailed(err) {
		return err
	}
	code, configuration := splitFields(planner.Diff(live, want))
	if configuration {
		if err := f.configure(ctx, live, want, say); err != nil {
			return err
		}
	}
	if code {
		if err := f.deploy(ctx, want, say); err != nil {
			return err
		}
	}
	if err := f.reserve(ctx, live.Concurrency, want); err != nil {
		return err
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
		case "tags", "concurrency":
		default:
			configuration = true
		}
	}
	return code, configuration
}

// configure sends the whole configuration. Lambda tries the rights of the role, which may have changed a moment ago.
func (f *functions) configure(ctx context.Context, live, want planner.Function, say sayer) error {
	in := configureInput(live, want)
	return f.retry(ctx, roleWait, isPassingFailure, func() error {
		err := f.retryRole(ctx, say, func() error {
			_, err := f.client.UpdateFunctionConfiguration(ctx, in)
			return err
		})
		if err != nil {
			return fmt.Errorf("change configuration of function: %w", err)
		}
		return f.ready(ctx, want.Name, say)
	})
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

// reserve changes how many executions are kept free for the function, which no other call does.
func (f *functions) reserve(ctx context.Context, live int, want planner.Function) error {
	if live == want.Concurrency {
		return nil
	}
	call := func() (err error) {
		if want.Concurrency == planner.Unreserved {
			_, err = f.client.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: &want.Name})
		} else {
			_, err = f.client.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{
				FunctionName: &want.Name, ReservedConcurrentExecutions: ptr(int32(want.Concurrency)),
			})
		}
		return err
	}
	// What this plan takes from another function may not be free yet. That there is enough in all has been checked.
	err := f.retry(ctx, reserveWait, isConcurrencyTaken, func() error { return f.retry(ctx, busyWait, isBusy, call) })
	if err != nil {
		return fmt.Errorf("reserve executions of function: %w", err)
	}
	return nil
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
