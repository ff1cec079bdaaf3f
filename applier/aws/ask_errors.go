package aws

import (
	"errors"
	"fmt"
	"net"

	"github.com/aws/smithy-go"
)

// unknownError says why something cannot be found out.
type unknownError struct{ reason string }

func (e *unknownError) Error() string { return e.reason }

// whyUnknown tells what cannot be found out from what failed. elsewhere says that another region than the Cloud's was
// asked, which may not exist, or not be enabled for the account.
func whyUnknown(err error, elsewhere bool) (reason string, unknown bool) {
	var stated *unknownError
	if errors.As(err, &stated) {
		return stated.reason, true
	}
	var op *smithy.OperationError
	if isHidden(err) {
		if errors.As(err, &op) {
			return fmt.Sprintf("the right %s is missing", rightFor(op)), true
		}
		return "a right is missing: " + err.Error(), true
	}
	var lookup *net.DNSError
	if elsewhere && (isNotEnabled(err) || errors.As(err, &lookup) && lookup.IsNotFound) {
		return "its region does not answer: it does not exist, or is not enabled for the account", true
	}
	return "", false
}

// isHidden says that the caller may not see what was asked for. SNS has a code of its own for it (SNS API reference,
// common errors).
func isHidden(err error) bool {
	return isDenied(err) || codeIn(err, "AuthorizationError", "AuthorizationErrorException")
}

// isNotEnabled says that credentials are not valid in a region that is not enabled for the account (Account Management
// reference guide, "Enable or disable AWS Regions in your account"; each service answers with a code of its own).
func isNotEnabled(err error) bool {
	return codeIn(err, "UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", "OptInRequired", "InvalidSecurity")
}

// isNoSuchThing says that what a question is about does not exist, in the words of the services that only questions
// go to: EC2, EFS, SQS, SNS and KMS (their API references, error codes).
func isNoSuchThing(err error) bool {
	return isNotFound(err) || codeIn(err,
		"InvalidSubnetID.NotFound", "InvalidSubnetID.Malformed", "InvalidSubnetId.Malformed",
		"InvalidGroup.NotFound", "InvalidGroupId.Malformed", "InvalidGroupId.NotFound", "InvalidSecurityGroupID.NotFound", "InvalidSecurityGroupId.Malformed",
		"AccessPointNotFound", "FileSystemNotFound",
		"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
		"NotFound", "NotFoundException")
}
