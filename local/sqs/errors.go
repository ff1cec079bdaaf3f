package sqs

import (
	"net/http"

	"github.com/scar-go/scar/local/wire"
)

// The codes are those of the query protocol, which clients of the JSON protocol get too, in a header: see typeOf. The messages are those that
// the service answers.

const simpleQueueService = "AWS.SimpleQueueService."

func failure(code, format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, code, format, args...)
}

func errNoSuchQueue() error {
	return failure(simpleQueueService+"NonExistentQueue", "The specified queue does not exist.")
}

func errMissing(parameter string) error {
	return failure("MissingParameter", "The request must contain the parameter %s.", parameter)
}

// errParameter says why the value of a parameter is refused.
func errParameter(value any, parameter, reason string) error {
	return failure("InvalidParameterValue", "Value %v for parameter %s is invalid. Reason: %s", value, parameter, reason)
}

func errAttributeValue(name string) error {
	return failure("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
}

func errAttributeName(name string) error {
	return failure("InvalidAttributeName", "Unknown Attribute %s.", name)
}

func errReceipt() error {
	return wire.Errorf(http.StatusNotFound, "ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
}
