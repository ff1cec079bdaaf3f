package aws

import (
	"context"
	"errors"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// What the errors of functions, their URLs and destinations, and of HTTP APIs mean. What concerns all kinds is in
// errors.go.

// isEC2Throttled says that Lambda could not make a function's network interfaces because the account calls EC2 too
// often. It takes longer to pass than a new role does (terraform-provider-aws, internal/service/lambda/function.go).
func isEC2Throttled(err error) bool {
	return codeIn(err, "InvalidParameterValueException") && messageHas(err, "throttled by EC2")
}

// isPassingFailure says that Lambda gave up a creation or an update for a reason that passes: it did not know the
// rights of a role yet that changed a moment ago, or EC2 was called too often (Lambda API reference,
// FunctionConfiguration, StateReasonCode).
func isPassingFailure(err error) bool {
	var failed *failedError
	if !errors.As(err, &failed) {
		return false
	}
	return failed.code == string(types.StateReasonCodeInsufficientRolePermissions) ||
		failed.code == string(types.StateReasonCodeEC2RequestLimitExceeded)
}

// isAccessPointNotReady says that an access point of EFS, or a mount target of its file system, is being made.
func isAccessPointNotReady(err error) bool {
	return codeIn(err, "InvalidParameterValueException") && messageHas(err, "not in available state", "not in the available life cycle state") ||
		codeIn(err, "EFSMountConnectivityException")
}

// isDestinationNotReady says that Lambda could not verify that a function's role may send to a destination. For a
// moment after the right was granted that is to be expected; Lambda has one message for it and for a destination
// that does not exist (terraform-provider-aws, internal/service/lambda/function_event_invoke_config.go).
func isDestinationNotReady(err error) bool {
	if !codeIn(err, "InvalidParameterValueException") {
		return false
	}
	return messageHas(err, "does not have permissions to call") || messageHas(err, "destination ARN") && messageHas(err, "is invalid")
}

// isURLThere says that a function has a URL already. Lambda's code is that of every conflict.
func isURLThere(err error) bool { return codeIn(err, "ResourceConflictException") && !isBusy(err) }

// isThrottled says that a service asks to be called less often.
func isThrottled(err error) bool {
	return codeIn(err, "TooManyRequestsException", "ThrottlingException", "Throttling")
}

// isUnanswered says that it is not known whether a call took effect: the connection broke, or the service failed.
func isUnanswered(err error) bool {
	var call *smithy.OperationError
	if !errors.As(err, &call) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || isRefused(err) {
		return false
	}
	// Whose fault it is the SDK knows of the errors only that a service's model has; of others the status says it.
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() >= http.StatusInternalServerError {
		return true
	}
	var api smithy.APIError
	return !errors.As(err, &api) || api.ErrorFault() == smithy.FaultServer
}

// isConcurrencyTaken says that too few executions of the account would be left unreserved (Lambda API reference,
// PutFunctionConcurrency).
func isConcurrencyTaken(err error) bool {
	return codeIn(err, "InvalidParameterValueException") && messageHas(err, "UnreservedConcurrentExecution below its minimum value")
}

// isNoSuchCall says that a service does not have a call in this region. Lambda has no function URLs in several, and answers
// there as if a right were missing (Lambda developer guide, "Creating and managing Lambda function URLs", lists the regions;
// the message is what users of other tools report).
func isNoSuchCall(err error) bool {
	return isDenied(err) && messageHas(err, "Unable to determine service/operation name")
}
