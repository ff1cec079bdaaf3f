package aws

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// failedError says that Lambda gave up creating or updating a function.
type failedError struct {
	update bool // an update; what was there before keeps serving
	code   string
	reason string
}

func (e *failedError) Error() string {
	if e.update {
		return fmt.Sprintf("Lambda could not update the function, the version before keeps serving: %s: %s", e.code, e.reason)
	}
	return fmt.Sprintf("Lambda could not create the function: %s: %s", e.code, e.reason)
}

func isFailed(err error) bool {
	var failed *failedError
	return errors.As(err, &failed)
}

// ready waits until a function is neither being created nor updated. Lambda prepares the image of a
// new or changed function first, which takes seconds to minutes. The SDK's own waiters pause for up
// to two minutes, so the state is polled here.
func (f *functions) ready(ctx context.Context, name string, say sayer) error {
	return f.until(ctx, functionWait, func() (bool, error, error) {
		out, err := f.get(ctx, name)
		if errors.Is(err, errAbsent) {
			return false, errors.New("it cannot be read yet"), nil
		}
		if err != nil {
			return false, nil, err
		}
		waitingFor, err := judge(out.Configuration)
		if err != nil {
			return false, nil, err
		}
		if waitingFor == "" {
			return true, nil, nil
		}
		say(waitingFor, 0, 0)
		return false, errors.New(waitingFor), nil
	})
}

// judge says what a function is waiting for; nothing if it is as usable as it gets. Inactive and
// deactivated functions wake up at their next invocation.
func judge(c *types.FunctionConfiguration) (waitingFor string, err error) {
	switch c.State {
	case types.StatePending:
		return "waiting until the function is active", nil
	case types.StateFailed:
		return "", &failedError{code: string(c.StateReasonCode), reason: deref(c.StateReason)}
	}
	switch c.LastUpdateStatus {
	case types.LastUpdateStatusInProgress:
		return "waiting until the function is updated", nil
	case types.LastUpdateStatusFailed:
		return "", &failedError{update: true, code: string(c.LastUpdateStatusReasonCode), reason: deref(c.LastUpdateStatusReason)}
	}
	return "", nil
}

// fieldName is the first part of a field's path: tags of tags[team].
func fieldName(path string) string {
	if i := strings.IndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return path
}
