package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/scar-go/scar/planner"
)

// permissionClient is what the statements of functions' policies need of Lambda.
type permissionClient interface {
	GetPolicy(context.Context, *lambda.GetPolicyInput, ...func(*lambda.Options)) (*lambda.GetPolicyOutput, error)
	AddPermission(context.Context, *lambda.AddPermissionInput, ...func(*lambda.Options)) (*lambda.AddPermissionOutput, error)
	RemovePermission(context.Context, *lambda.RemovePermissionInput, ...func(*lambda.Options)) (*lambda.RemovePermissionOutput, error)
}

// permissions are the statements in the policies of functions. Changes of one function's policy in
// parallel lose statements, so there is a lock for each function.
type permissions struct {
	client  permissionClient
	project string
	locks   *locks
	patience
}

func (p *permissions) read(ctx context.Context, name string) (planner.Permission, planner.Owner, error) {
	function, id := splitName(planner.KindPermission, name)
	all, err := p.readAll(ctx, function)
	if err != nil {
		return planner.Permission{}, planner.Owner{}, err
	}
	for _, r := range all {
		if v := r.Value.(planner.Permission); v.StatementID == id {
			return v, r.Owner, nil
		}
	}
	return planner.Permission{}, planner.Owner{}, errAbsent
}

// readAll reads every statement of a function's policy. A function without a policy, or no function,
// has none.
func (p *permissions) readAll(ctx context.Context, function string) ([]planner.Resource, error) {
	out, err := p.client.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: &function})
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read policy of function: %w", err)
	}
	policy, err := planner.ParsePolicy([]byte(deref(out.Policy)))
	if err != nil {
		return nil, fmt.Errorf("policy of function: %w", err)
	}
	var all []planner.Resource
	for _, s := range policy.Statements {
		r := planner.Resource{
			Address: planner.Address{Kind: planner.KindPermission, Name: function + "/" + s.Sid},
			Value:   permissionValue(function, s),
		}
		if planner.OwnsStatement(p.project, s.Sid) {
			r.Owner = planner.Owner{Project: p.project, Function: function}
		}
		all = append(all, r)
	}
	return all, nil
}

func permissionValue(function string, s planner.Statement) planner.Permission {
	v := planner.Permission{
		Function:    function,
		StatementID: s.Sid,
		Action:      strings.Join(s.Action, ","),
		Principal:   principal(s),
	}
	for _, keys := range s.Condition {
		for key, values := range keys {
			switch strings.ToLower(key) {
			case "aws:sourcearn":
				v.SourceARN = strings.Join(values, ",")
			case "aws:sourceaccount":
				v.SourceAccount = strings.Join(values, ",")
			case "lambda:functionurlauthtype":
				v.FunctionURLAuthType = strings.Join(values, ",")
			case "lambda:invokedviafunctionurl":
				v.InvokedViaFunctionURL = slices.Contains(values, "true")
			}
		}
	}
	return v
}

func principal(s planner.Statement) string {
	if service := s.Principal["Service"]; len(service) > 0 {
		return strings.Join(service, ",")
	}
	return strings.Join(s.Principal["AWS"], ",")
}

func (p *permissions) create(ctx context.Context, want planner.Permission, _ sayer) error {
	unlock, err := p.locks.lock(ctx, want.Function)
	if err != nil {
		return err
	}
	defer unlock()
	return p.add(ctx, want)
}

func (p *permissions) add(ctx context.Context, want planner.Permission) error {
	in := &lambda.AddPermissionInput{
		FunctionName: &want.Function,
		StatementId:  &want.StatementID,
		Action:       &want.Action,
		Principal:    &want.Principal,
	}
	if want.SourceARN != "" {
		in.SourceArn = &want.SourceARN
	}
	if want.SourceAccount != "" {
		in.SourceAccount = &want.SourceAccount
	}
	if want.FunctionURLAuthType != "" {
		in.FunctionUrlAuthType = types.FunctionUrlAuthType(want.FunctionURLAuthType)
	}
	if want.InvokedViaFunctionURL {
		in.InvokedViaFunctionUrl = &want.InvokedViaFunctionURL
	}
	err := p.retry(ctx, busyWait, isBusy, func() error {
		_, err := p.client.AddPermission(ctx, in)
		return err
	})
	if isExists(err) {
		return errExists
	}
	if err != nil {
		return fmt.Errorf("add permission: %w", err)
	}
	return nil
}

// update replaces the statement: there is no call that changes one. One that is there after all is the work of
// a call whose answer was lost; what it says is seen when it is read back.
func (p *permissions) update(ctx context.Context, live, want planner.Permission, _ sayer) error {
	unlock, err := p.locks.lock(ctx, want.Function)
	if err != nil {
		return err
	}
	defer unlock()
	if err := p.drop(ctx, live); err != nil {
		return err
	}
	if err := p.add(ctx, want); !errors.Is(err, errExists) {
		return err
	}
	return nil
}

func (p *permissions) remove(ctx context.Context, live planner.Permission, _ sayer) error {
	unlock, err := p.locks.lock(ctx, live.Function)
	if err != nil {
		return err
	}
	defer unlock()
	return p.drop(ctx, live)
}

// removeUnless removes a statement, by its function and id, unless it is one to be kept. Nobody else here writes the policy
// in between.
func (p *permissions) removeUnless(ctx context.Context, statement planner.Permission, keep func(live planner.Permission) bool) error {
	unlock, err := p.locks.lock(ctx, statement.Function)
	if err != nil {
		return err
	}
	defer unlock()
	live, _, err := p.read(ctx, statement.Function+"/"+statement.StatementID)
	if errors.Is(err, errAbsent) || err == nil && keep(live) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.drop(ctx, live)
}

func (p *permissions) drop(ctx context.Context, live planner.Permission) error {
	err := p.retry(ctx, busyWait, isBusy, func() error {
		_, err := p.client.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: &live.Function, StatementId: &live.StatementID})
		return err
	})
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("remove permission: %w", err)
	}
	return nil
}

func splitName(k planner.Kind, name string) (document, id string) {
	return planner.Address{Kind: k, Name: name}.Split()
}

// locks is a set of locks by name that can be waited for with a context.
type locks struct {
	mu    sync.Mutex
	named map[string]chan struct{}
}

func newLocks() *locks { return &locks{named: map[string]chan struct{}{}} }

func (l *locks) lock(ctx context.Context, name string) (unlock func(), err error) {
	l.mu.Lock()
	held, exists := l.named[name]
	if !exists {
		held = make(chan struct{}, 1)
		l.named[name] = held
	}
	l.mu.Unlock()
	select {
	case held <- struct{}{}:
		return func() { <-held }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
