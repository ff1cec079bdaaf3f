package aws

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/scar-go/scar/planner"
)

// invokeConfigClient is what the settings of asynchronous invocations need of Lambda.
type invokeConfigClient interface {
	lambda.GetFunctionAPIClient
	GetFunctionEventInvokeConfig(context.Context, *lambda.GetFunctionEventInvokeConfigInput, ...func(*lambda.Options)) (*lambda.GetFunctionEventInvokeConfigOutput, error)
	PutFunctionEventInvokeConfig(context.Context, *lambda.PutFunctionEventInvokeConfigInput, ...func(*lambda.Options)) (*lambda.PutFunctionEventInvokeConfigOutput, error)
	DeleteFunctionEventInvokeConfig(context.Context, *lambda.DeleteFunctionEventInvokeConfigInput, ...func(*lambda.Options)) (*lambda.DeleteFunctionEventInvokeConfigOutput, error)
}

// invokeConfigs are what Lambda does about asynchronous events that functions fail on. They have no tags: each
// belongs to whom its function belongs.
type invokeConfigs struct {
	client invokeConfigClient
	patience
}

func (c *invokeConfigs) read(ctx context.Context, function string) (planner.InvokeConfig, planner.Owner, error) {
	return ofFunction(ctx, c.client, function, c.get)
}

// get reads a function's settings without asking whose the function is.
func (c *invokeConfigs) get(ctx context.Context, function string) (planner.InvokeConfig, error) {
	out, err := c.client.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: &function})
	if isNotFound(err) {
		return planner.InvokeConfig{}, errAbsent
	}
	if err != nil {
		return planner.InvokeConfig{}, fmt.Errorf("read settings of asynchronous invocations: %w", err)
	}
	v := planner.InvokeConfig{Function: function, Attempts: planner.DefaultAttempts, MaxAge: planner.DefaultMaxAge}
	if out.MaximumRetryAttempts != nil {
		v.Attempts = int(*out.MaximumRetryAttempts)
	}
	if out.MaximumEventAgeInSeconds != nil {
		v.MaxAge = int(*out.MaximumEventAgeInSeconds)
	}
	if d := out.DestinationConfig; d != nil {
		if d.OnFailure != nil {
			v.OnFailure = deref(d.OnFailure.Destination)
		}
		if d.OnSuccess != nil {
			v.OnSuccess = deref(d.OnSuccess.Destination)
		}
	}
	return v, nil
}

func (c *invokeConfigs) create(ctx context.Context, want planner.InvokeConfig, say sayer) error {
	return c.put(ctx, want, say)
}

func (c *invokeConfigs) update(ctx context.Context, _, want planner.InvokeConfig, say sayer) error {
	return c.put(ctx, want, say)
}

// put replaces all settings. Lambda tries whether the role may send to the destination, which takes a while to be
// true after the right was granted.
func (c *invokeConfigs) put(ctx context.Context, want planner.InvokeConfig, say sayer) error {
	in := &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName:             &want.Function,
		MaximumRetryAttempts:     ptr(int32(want.Attempts)),
		MaximumEventAgeInSeconds: ptr(int32(want.MaxAge)),
	}
	if want.OnFailure != "" || want.OnSuccess != "" {
		in.DestinationConfig = &types.DestinationConfig{}
	}
	if want.OnFailure != "" {
		in.DestinationConfig.OnFailure = &types.OnFailure{Destination: &want.OnFailure}
	}
	if want.OnSuccess != "" {
		in.DestinationConfig.OnSuccess = &types.OnSuccess{Destination: &want.OnSuccess}
	}
	err := c.retry(ctx, principalWait, either(isDestinationNotReady, isBusy), func() error {
		_, err := c.client.PutFunctionEventInvokeConfig(ctx, in)
		if isDestinationNotReady(err) {
			say("waiting until Lambda may send to "+want.OnFailure, 0, 0)
		}
		return err
	})
	if isDestinationNotReady(err) {
		return fmt.Errorf("write settings of asynchronous invocations: %w (does %s exist, and may the function's role send to it?)", err, want.OnFailure)
	}
	if err != nil {
		return fmt.Errorf("write settings of asynchronous invocations: %w", err)
	}
	return nil
}

func (c *invokeConfigs) remove(ctx context.Context, live planner.InvokeConfig, _ sayer) error {
	err := c.retry(ctx, busyWait, isBusy, func() error {
		_, err := c.client.DeleteFunctionEventInvokeConfig(ctx, &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: &live.Function})
		return err
	})
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("delete settings of asynchronous invocations: %w", err)
	}
	return nil
}

// ofFunction reads what a function has and who the function belongs to, at once.
func ofFunction[V planner.Value](ctx context.Context, client lambda.GetFunctionAPIClient, function string,
	get func(context.Context, string) (V, error)) (v V, owner planner.Owner, err error) {
	err = together(ctx,
		func(ctx context.Context) (err error) { v, err = get(ctx, function); return err },
		func(ctx context.Context) error {
			out, err := getFunction(ctx, client, function)
			if err != nil {
				return err
			}
			owner = planner.OwnerOf(tagMap(out.Tags))
			return tagsRead(out)
		},
	)
	return v, owner, err
}
