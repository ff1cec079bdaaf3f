package aws

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/scar-go/scar/planner"
)

// functionURLClient is what the URLs of functions need of Lambda.
type functionURLClient interface {
	lambda.GetFunctionAPIClient
	GetFunctionUrlConfig(context.Context, *lambda.GetFunctionUrlConfigInput, ...func(*lambda.Options)) (*lambda.GetFunctionUrlConfigOutput, error)
	CreateFunctionUrlConfig(context.Context, *lambda.CreateFunctionUrlConfigInput, ...func(*lambda.Options)) (*lambda.CreateFunctionUrlConfigOutput, error)
	UpdateFunctionUrlConfig(context.Context, *lambda.UpdateFunctionUrlConfigInput, ...func(*lambda.Options)) (*lambda.UpdateFunctionUrlConfigOutput, error)
	DeleteFunctionUrlConfig(context.Context, *lambda.DeleteFunctionUrlConfigInput, ...func(*lambda.Options)) (*lambda.DeleteFunctionUrlConfigOutput, error)
}

// outputter is a kind of which AWS alone knows something that users need, such as an address.
type outputter interface {
	outputs(ctx context.Context, name string) (map[string]string, error)
}

// functionURLs are the HTTPS addresses of functions. They have no tags: each belongs to whom its function belongs.
type functionURLs struct {
	client functionURLClient
	patience
}

var _ outputter = (*functionURLs)(nil)

func (u *functionURLs) read(ctx context.Context, function string) (planner.FunctionURL, planner.Owner, error) {
	return ofFunction(ctx, u.client, function, u.get)
}

// get reads a function's URL without asking whose the function is.
func (u *functionURLs) get(ctx context.Context, function string) (planner.FunctionURL, error) {
	out, err := u.config(ctx, function)
	if err != nil {
		return planner.FunctionURL{}, err
	}
	v := planner.FunctionURL{Function: function, Auth: string(out.AuthType), InvokeMode: string(out.InvokeMode)}
	if v.InvokeMode == "" {
		v.InvokeMode = string(types.InvokeModeBuffered)
	}
	if c := out.Cors; c != nil {
		v.CORS = corsValue(c.AllowOrigins, c.AllowMethods, c.AllowHeaders, c.ExposeHeaders, c.AllowCredentials, c.MaxAge)
	}
	return v, nil
}

func (u *functionURLs) config(ctx context.Context, function string) (*lambda.GetFunctionUrlConfigOutput, error) {
	out, err := u.client.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: &function})
	if isNotFound(err) || isNoSuchCall(err) {
		return nil, errAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("read URL of function: %w", err)
	}
	return out, nil
}

// outputs implements outputter. The URL ends in a slash.
func (u *functionURLs) outputs(ctx context.Context, function string) (map[string]string, error) {
	out, err := u.config(ctx, function)
	if err != nil {
		return nil, err
	}
	return map[string]string{"url": deref(out.FunctionUrl)}, nil
}

func (u *functionURLs) create(ctx context.Context, want planner.FunctionURL, _ sayer) error {
	in := &lambda.CreateFunctionUrlConfigInput{
		FunctionName: &want.Function,
		AuthType:     types.FunctionUrlAuthType(want.Auth),
		InvokeMode:   types.InvokeMode(want.InvokeMode),
	}
	if !isNoCORS(want.CORS) {
		in.Cors = lambdaCORS(want.CORS)
	}
	err := u.retry(ctx, busyWait, isBusy, func() error {
		_, err := u.client.CreateFunctionUrlConfig(ctx, in)
		return err
	})
	switch {
	case isURLThere(err):
		return errExists
	case isNoSuchCall(err):
		return errors.New("create URL of function: Lambda has no function URLs in this region: give the function an HTTP API instead (http: {api: NAME})")
	case err != nil:
		return fmt.Errorf("create URL of function: %w", err)
	}
	return nil
}

// update sends everything: what is left out stays, and an empty CORS takes it away.
func (u *functionURLs) update(ctx context.Context, _, want planner.FunctionURL, _ sayer) error {
	in := &lambda.UpdateFunctionUrlConfigInput{
		FunctionName: &want.Function,
		AuthType:     types.FunctionUrlAuthType(want.Auth),
		InvokeMode:   types.InvokeMode(want.InvokeMode),
		Cors:         &types.Cors{},
	}
	if !isNoCORS(want.CORS) {
		in.Cors = lambdaCORS(want.CORS)
	}
	err := u.retry(ctx, busyWait, isBusy, func() error {
		_, err := u.client.UpdateFunctionUrlConfig(ctx, in)
		return err
	})
	if err != nil {
		return fmt.Errorf("change URL of function: %w", err)
	}
	return nil
}

func (u *functionURLs) remove(ctx context.Context, live planner.FunctionURL, _ sayer) error {
	err := u.retry(ctx, busyWait, isBusy, func() error {
		_, err := u.client.DeleteFunctionUrlConfig(ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: &live.Function})
		return err
	})
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("delete URL of function: %w", err)
	}
	return nil
}
