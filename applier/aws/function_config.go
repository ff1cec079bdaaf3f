package aws

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/scar-go/scar/planner"
)

// How functions are written in the calls and answers of Lambda.

// What Lambda has where its answer is silent.
const (
	defaultEphemeralStorage = 512 // MB
	defaultArchitecture     = types.ArchitectureX8664
)

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
	if n := c.VpcConfig; n != nil {
		v.Subnets, v.SecurityGroups = sortedSet(n.SubnetIds, nil), sortedSet(n.SecurityGroupIds, nil)
	}
	for _, m := range c.FileSystemConfigs {
		if v.Mounts == nil {
			v.Mounts = map[string]string{}
		}
		v.Mounts[deref(m.LocalMountPath)] = deref(m.Arn)
	}
	setLogs(&v, c.LoggingConfig)
	return v
}

func setLogs(v *planner.Function, l *types.LoggingConfig) {
	if l == nil {
		return
	}
	if group := deref(l.LogGroup); group != "" {
		v.LogGroup = group
	}
	if l.LogFormat != "" {
		v.LogFormat = string(l.LogFormat)
	}
	v.LogLevel, v.SystemLogLevel = string(l.ApplicationLogLevel), string(l.SystemLogLevel) // none with text
}

func notEmpty(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return slices.Clone(list)
}

func createInput(want planner.Function) *lambda.CreateFunctionInput {
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
	if inVPC(want) {
		in.VpcConfig = vpcConfig(want)
	}
	if len(want.Mounts) > 0 {
		in.FileSystemConfigs = mountConfigs(want)
	}
	return in
}

// configureInput is the whole configuration, empty values included: what is left out of the call, Lambda leaves as
// it is. Only what a function neither has nor shall have of networks and file systems is left out, because Lambda
// checks rights that it would not need for them.
func configureInput(live, want planner.Function) *lambda.UpdateFunctionConfigurationInput {
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
	if inVPC(live) || inVPC(want) {
		in.VpcConfig = vpcConfig(want)
	}
	if len(live.Mounts)+len(want.Mounts) > 0 {
		in.FileSystemConfigs = mountConfigs(want)
	}
	return in
}

// imageConfig is never nil, and its lists neither: absent means unchanged.
func imageConfig(v planner.Function) *types.ImageConfig {
	return &types.ImageConfig{
		EntryPoint:       append([]string{}, v.Entrypoint...),
		Command:          append([]string{}, v.Command...),
		WorkingDirectory: &v.WorkingDirectory,
	}
}

func inVPC(v planner.Function) bool { return len(v.Subnets)+len(v.SecurityGroups) > 0 }

// vpcConfig has lists that are never nil: empty ones take a function out of its VPC.
func vpcConfig(v planner.Function) *types.VpcConfig {
	return &types.VpcConfig{
		SubnetIds:        append([]string{}, v.Subnets...),
		SecurityGroupIds: append([]string{}, v.SecurityGroups...),
	}
}

// mountConfigs is never nil, sorted by path.
func mountConfigs(v planner.Function) []types.FileSystemConfig {
	mounts := []types.FileSystemConfig{}
	for _, path := range slices.Sorted(maps.Keys(v.Mounts)) {
		mounts = append(mounts, types.FileSystemConfig{LocalMountPath: &path, Arn: ptr(v.Mounts[path])})
	}
	return mounts
}

// loggingConfig leaves levels out where there are none: Lambda refuses them with text.
func loggingConfig(v planner.Function) *types.LoggingConfig {
	return &types.LoggingConfig{
		LogFormat:           types.LogFormat(v.LogFormat),
		LogGroup:            &v.LogGroup,
		ApplicationLogLevel: types.ApplicationLogLevel(v.LogLevel),
		SystemLogLevel:      types.SystemLogLevel(v.SystemLogLevel),
	}
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func ptr[T any](v T) *T { return &v }
