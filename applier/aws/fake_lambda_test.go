package aws

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/planner"
)

// script makes the calls of a fake fail: the n-th call of an operation takes the n-th error, nil lets
// it through, and past the end all go through.
type script struct {
	mu    sync.Mutex
	fails map[string][]error
	calls []string
}

func (s *script) next(operation string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, operation)
	queue := s.fails[operation]
	if len(queue) == 0 {
		return nil
	}
	s.fails[operation] = queue[1:]
	return queue[0]
}

func (s *script) count(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if c == operation {
			n++
		}
	}
	return n
}

// answer is an error as a service gives it.
func answer(code, message string) error {
	return &smithy.GenericAPIError{Code: code, Message: message}
}

var errRoleNotReady = answer("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")

// fakeLambda keeps functions and their policies in memory. What it does takes until by, and then shows
// after stale more reads.
type fakeLambda struct {
	invokeClient // starts nothing
	script
	pending time.Duration // how long a change takes
	stale   int           // reads that still show what was before a change
	failing bool          // creations and updates end as Failed
	failure string        // the reason's code; empty: InvalidImage

	functions map[string]*fakeFunction
	policies  map[string]map[string]planner.Statement
	invoking  map[string]*lambda.GetFunctionEventInvokeConfigOutput
	urls      map[string]*lambda.GetFunctionUrlConfigOutput
	fakeMappings
}

type fakeFunction struct {
	now, before lambda.GetFunctionOutput
	until       time.Time
	update      bool
	stale       int
}

func newFakeLambda() *fakeLambda {
	return &fakeLambda{
		script:    script{fails: map[string][]error{}},
		functions: map[string]*fakeFunction{},
		policies:  map[string]map[string]planner.Statement{},
		invoking:  map[string]*lambda.GetFunctionEventInvokeConfigOutput{},
		urls:      map[string]*lambda.GetFunctionUrlConfigOutput{},
	}
}

func (f *fakeLambda) GetFunction(_ context.Context, in *lambda.GetFunctionInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionOutput, error) {
	if err := f.next("GetFunction"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	fn := f.functions[*in.FunctionName]
	if fn == nil {
		return nil, answer("ResourceNotFoundException", "Function not found")
	}
	out := fn.now
	if fn.stale > 0 {
		fn.stale--
		if fn.before.Configuration == nil {
			return nil, answer("ResourceNotFoundException", "Function not found")
		}
		out = fn.before
	}
	c := *out.Configuration
	c.State, c.LastUpdateStatus = types.StateActive, types.LastUpdateStatusSuccessful
	switch busy := time.Now().Before(fn.until); {
	case busy && fn.update:
		c.LastUpdateStatus = types.LastUpdateStatusInProgress
	case busy:
		c.State = types.StatePending
	case f.failing && fn.update:
		c.LastUpdateStatus, c.LastUpdateStatusReasonCode, c.LastUpdateStatusReason = types.LastUpdateStatusFailed, types.LastUpdateStatusReasonCode(cmp.Or(f.failure, "InvalidImage")), ptr("no entry point")
	case f.failing:
		c.State, c.StateReasonCode, c.StateReason = types.StateFailed, types.StateReasonCode(cmp.Or(f.failure, "InvalidImage")), ptr("no entry point")
	}
	out.Configuration = &c
	return &out, nil
}

// apply runs a change, unless the script has another answer for it.
func (f *fakeLambda) apply(operation string, change func() error) error {
	if err := f.next(operation); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return change()
}

func (f *fakeLambda) CreateFunction(_ context.Context, in *lambda.CreateFunctionInput, _ ...func(*lambda.Options)) (*lambda.CreateFunctionOutput, error) {
	err := f.apply("CreateFunction", func() error {
		if f.functions[*in.FunctionName] != nil {
			return answer("ResourceConflictException", "Function already exist: "+*in.FunctionName)
		}
		f.functions[*in.FunctionName] = &fakeFunction{
			until: time.Now().Add(f.pending), stale: f.stale,
			now: lambda.GetFunctionOutput{
				Code: &types.FunctionCodeLocation{ImageUri: in.Code.ImageUri},
				Tags: maps.Clone(in.Tags),
				Configuration: &types.FunctionConfiguration{
					PackageType: in.PackageType, Role: in.Role, MemorySize: in.MemorySize, Timeout: in.Timeout,
					Description: in.Description, Architectures: in.Architectures, EphemeralStorage: in.EphemeralStorage,
					Environment: &types.EnvironmentResponse{Variables: in.Environment.Variables}, LoggingConfig: in.LoggingConfig,
					VpcConfig: vpcResponse(in.VpcConfig), FileSystemConfigs: in.FileSystemConfigs,
				},
			},
		}
		return nil
	})
	return &lambda.CreateFunctionOutput{}, err
}

// change gives edit a copy of the function to work on.
func (f *fakeLambda) change(operation, name string, edit func(*lambda.GetFunctionOutput)) error {
	return f.apply(operation, func() error {
		fn := f.functions[name]
		if time.Now().Before(fn.until) {
			return answer("ResourceConflictException", "The operation cannot be performed at this time. An update is in progress for resource: "+name)
		}
		fn.before, fn.stale = fn.now, f.stale
		c := *fn.now.Configuration
		fn.now.Configuration = &c
		fn.now.Tags = maps.Clone(fn.now.Tags)
		edit(&fn.now)
		fn.update, fn.until = true, time.Now().Add(f.pending)
		return nil
	})
}

func (f *fakeLambda) UpdateFunctionConfiguration(_ context.Context, in *lambda.UpdateFunctionConfigurationInput, _ ...func(*lambda.Options)) (*lambda.UpdateFunctionConfigurationOutput, error) {
	return &lambda.UpdateFunctionConfigurationOutput{}, f.change("UpdateFunctionConfiguration", *in.FunctionName, func(out *lambda.GetFunctionOutput) {
		c := out.Configuration
		c.Role, c.MemorySize, c.Timeout, c.Description = in.Role, in.MemorySize, in.Timeout, in.Description
		c.EphemeralStorage, c.LoggingConfig = in.EphemeralStorage, in.LoggingConfig
		c.Environment = &types.EnvironmentResponse{Variables: in.Environment.Variables}
		if in.ImageConfig != nil {
			c.ImageConfigResponse = &types.ImageConfigResponse{ImageConfig: in.ImageConfig}
		}
		if in.VpcConfig != nil {
			c.VpcConfig = vpcResponse(in.VpcConfig)
		}
		if in.FileSystemConfigs != nil {
			c.FileSystemConfigs = in.FileSystemConfigs
		}
	})
}

func (f *fakeLambda) UpdateFunctionCode(_ context.Context, in *lambda.UpdateFunctionCodeInput, _ ...func(*lambda.Options)) (*lambda.UpdateFunctionCodeOutput, error) {
	return &lambda.UpdateFunctionCodeOutput{}, f.change("UpdateFunctionCode", *in.FunctionName, func(out *lambda.GetFunctionOutput) {
		out.Code = &types.FunctionCodeLocation{ImageUri: in.ImageUri}
		out.Configuration.Architectures = in.Architectures
	})
}

func (f *fakeLambda) TagResource(_ context.Context, in *lambda.TagResourceInput, _ ...func(*lambda.Options)) (*lambda.TagResourceOutput, error) {
	return &lambda.TagResourceOutput{}, f.apply("TagResource", func() error {
		maps.Copy(f.tagsOf(*in.Resource), in.Tags)
		return nil
	})
}

func (f *fakeLambda) UntagResource(_ context.Context, in *lambda.UntagResourceInput, _ ...func(*lambda.Options)) (*lambda.UntagResourceOutput, error) {
	return &lambda.UntagResourceOutput{}, f.apply("UntagResource", func() error {
		maps.DeleteFunc(f.tagsOf(*in.Resource), func(k, _ string) bool { return slices.Contains(in.TagKeys, k) })
		return nil
	})
}

func (f *fakeLambda) DeleteFunction(_ context.Context, in *lambda.DeleteFunctionInput, _ ...func(*lambda.Options)) (*lambda.DeleteFunctionOutput, error) {
	return &lambda.DeleteFunctionOutput{}, f.apply("DeleteFunction", func() error {
		if f.functions[*in.FunctionName] == nil {
			return answer("ResourceNotFoundException", "Function not found")
		}
		delete(f.functions, *in.FunctionName)
		return nil
	})
}

func (f *fakeLambda) GetPolicy(_ context.Context, in *lambda.GetPolicyInput, _ ...func(*lambda.Options)) (*lambda.GetPolicyOutput, error) {
	if err := f.next("GetPolicy"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	statements := f.policies[*in.FunctionName]
	if len(statements) == 0 {
		return nil, answer("ResourceNotFoundException", "The resource you requested does not exist.")
	}
	document := planner.Policy{Version: "2012-10-17", Statements: slices.Collect(maps.Values(statements))}
	b, err := json.Marshal(document)
	return &lambda.GetPolicyOutput{Policy: ptr(string(b))}, err
}

// AddPermission loses what another call writes meanwhile, as Lambda does.
func (f *fakeLambda) AddPermission(_ context.Context, in *lambda.AddPermissionInput, _ ...func(*lambda.Options)) (*lambda.AddPermissionOutput, error) {
	f.mu.Lock()
	before := maps.Clone(f.policies[*in.FunctionName])
	f.mu.Unlock()
	time.Sleep(time.Second)
	return &lambda.AddPermissionOutput{}, f.apply("AddPermission", func() error {
		if _, exists := before[*in.StatementId]; exists {
			return answer("ResourceConflictException", "The statement id ("+*in.StatementId+") provided already exists.")
		}
		if before == nil {
			before = map[string]planner.Statement{}
		}
		before[*in.StatementId] = statementOf(in)
		f.policies[*in.FunctionName] = before
		return nil
	})
}

func (f *fakeLambda) RemovePermission(_ context.Context, in *lambda.RemovePermissionInput, _ ...func(*lambda.Options)) (*lambda.RemovePermissionOutput, error) {
	return &lambda.RemovePermissionOutput{}, f.apply("RemovePermission", func() error {
		statements := f.policies[*in.FunctionName]
		if _, exists := statements[*in.StatementId]; !exists {
			return answer("ResourceNotFoundException", "No policy is associated with the given resource.")
		}
		delete(statements, *in.StatementId)
		return nil
	})
}
