package aws

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// What AWS's errors mean, by code and, where one code means several things, by message. Every fact
// about errors is in this file, with where it comes from.

// errAbsent is what reading a resource that does not exist answers.
var errAbsent = errors.New("does not exist")

// errExists is what creating a resource that exists answers.
var errExists = errors.New("exists already")

// code is the error code of an answer of AWS, or empty.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func codeIn(err error, codes ...string) bool {
	c := code(err)
	for _, want := range codes {
		// IAM's and S3's codes lack the "Exception" that some endpoints add.
		if c != "" && strings.TrimSuffix(c, "Exception") == strings.TrimSuffix(want, "Exception") {
			return true
		}
	}
	return false
}

func messageHas(err error, parts ...string) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	message := strings.ToLower(api.ErrorMessage())
	for _, part := range parts {
		if strings.Contains(message, strings.ToLower(part)) {
			return true
		}
	}
	return false
}

// queryCode begins the codes of SQS in the form of its older protocol, which the service still sends beside the newer
// ones and the SDK prefers (SQS developer guide, "AWS JSON protocol").
const queryCode = "AWS.SimpleQueueService."

// isNotFound says that what was asked for does not exist. HeadBucket has no body, hence no code of
// its own: the SDK makes NotFound of the status.
func isNotFound(err error) bool {
	return codeIn(err, "ResourceNotFoundException", "NoSuchEntity", "NoSuchBucket", "NotFound",
		"RepositoryNotFoundException", "ImageNotFoundException", "QueueDoesNotExist", queryCode+"NonExistentQueue")
}

// isNoSuchParameter says that Systems Manager has no parameter of that name. Where it is about tags it has another code for
// it (Systems Manager API reference, DeleteParameter and ListTagsForResource).
func isNoSuchParameter(err error) bool { return codeIn(err, "ParameterNotFound", "InvalidResourceId") }

// isNoTags is S3's way to say that a bucket has no tags (API reference, GetBucketTagging).
func isNoTags(err error) bool { return codeIn(err, "NoSuchTagSet") }

// isExists says that a resource of that name is there already and is the account's: also the answer
// to a repeated call whose first answer was lost. Lambda uses one code for several conflicts; the
// message tells them apart.
func isExists(err error) bool {
	return codeIn(err, "EntityAlreadyExists", "RepositoryAlreadyExistsException", "ResourceAlreadyExistsException",
		"BucketAlreadyOwnedByYou", "QueueNameExists", "QueueAlreadyExists", "ParameterAlreadyExists") ||
		codeIn(err, "ResourceConflictException") && messageHas(err, "already exist")
}

// isTaken says that the bucket's name belongs to another account.
func isTaken(err error) bool { return codeIn(err, "BucketAlreadyExists") }

// isBusy says that another change of the same thing is under way and that this one may be repeated:
// Lambda while an update is in progress or a function is Pending (developer guide, "Lambda function
// states"), or while an event source mapping is created, changed or deleted (ResourceInUse), S3 and CloudWatch Logs
// as OperationAborted (API references, error codes), IAM as ConcurrentModification, Systems Manager as TooManyUpdates.
func isBusy(err error) bool {
	return codeIn(err, "OperationAborted", "OperationAbortedException", "ConcurrentModification", "PreconditionFailedException",
		"ResourceInUseException", "TooManyUpdates") ||
		codeIn(err, "ResourceConflictException") &&
			messageHas(err, "update is in progress", "cannot be performed at this time", "in the following state: Pending", "try again")
}

// isDeleteConflict says that IAM still sees something attached to what is to be deleted; it may be
// the trace of what was detached a moment ago, because IAM is eventually consistent.
func isDeleteConflict(err error) bool { return codeIn(err, "DeleteConflict") }

// isRoleNotReady says that Lambda does not know of a new role or its rights yet. Retrying every
// InvalidParameterValueException would hide real mistakes, so only these messages count. They are the
// ones that terraform-provider-aws waits out (internal/service/lambda/function.go).
func isRoleNotReady(err error) bool {
	return codeIn(err, "InvalidParameterValueException") && messageHas(err,
		"The role defined for the function cannot be assumed by Lambda",
		"The provided execution role does not have permissions",
		"function execution role does not have permissions",
		"KMS key is invalid for CreateGrant",
		"throttled by EC2")
}

// isDeletedRecently says that a queue of that name was deleted within the last minute (SQS API reference, CreateQueue).
func isDeletedRecently(err error) bool {
	return codeIn(err, "QueueDeletedRecently", queryCode+"QueueDeletedRecently")
}

// isDeadLetterNotReady says that SQS does not see the queue for dead letters yet, which was made before (SQS API
// reference, CreateQueue: a new queue takes a second to be usable).
func isDeadLetterNotReady(err error) bool {
	return codeIn(err, "InvalidParameterValue", "InvalidParameterValueException", "InvalidAttributeValue") && messageHas(err, "Dead letter target does not exist")
}

// isQueueNotReady says that Lambda does not see the queue yet that it is to take messages from.
func isQueueNotReady(err error) bool {
	return codeIn(err, "InvalidParameterValueException") && messageHas(err, "Error occurred while ReceiveMessage", "NonExistentQueue", "queue does not exist")
}

// isScheduleRoleNotReady says that EventBridge Scheduler cannot take a role, which for a new one passes. It is the
// message that terraform-provider-aws waits out (internal/service/scheduler/schedule.go).
func isScheduleRoleNotReady(err error) bool {
	return codeIn(err, "ValidationException") && messageHas(err, "must allow AWS EventBridge Scheduler to assume the role")
}

// isConflict says that what is to be made is there, or that it is being deleted or changed by somebody else (EventBridge
// Scheduler and API Gateway v2 API references, ConflictException).
func isConflict(err error) bool { return codeIn(err, "ConflictException") }

// isPrincipalNotReady says that IAM does not know a new principal that a policy names (IAM user
// guide, "Changes that I make are not always immediately visible").
func isPrincipalNotReady(err error) bool {
	return codeIn(err, "MalformedPolicyDocument") && messageHas(err, "Invalid principal in policy")
}

// isTargetNotReady says that S3 could not verify that it may call a target. For a moment after the
// permission was granted that is to be expected; if it lasts, one of the bucket's rules, not
// necessarily one of ours, names a target that is gone or does not admit S3.
func isTargetNotReady(err error) bool {
	return codeIn(err, "InvalidArgument") && messageHas(err, "Unable to validate the following destination configurations")
}

// isOverlap says that S3 refuses two rules for one event.
func isOverlap(err error) bool {
	return codeIn(err, "InvalidArgument") && messageHas(err, "overlap", "ambiguously defined")
}

// isNotEmpty says that a bucket or repository still holds something.
func isNotEmpty(err error) bool { return codeIn(err, "BucketNotEmpty", "RepositoryNotEmptyException") }

// isImageThere says that the repository holds exactly this manifest under this tag.
func isImageThere(err error) bool { return codeIn(err, "ImageAlreadyExistsException") }

// isQuota says that a limit of the account is reached. It is no throttle although the SDK's default
// retryer takes it for one: repeating the call is of no use.
func isQuota(err error) bool {
	return codeIn(err, "LimitExceeded", "LimitExceededException", "CodeStorageExceededException", "TooManyBuckets",
		"ServiceQuotaExceededException", "ParameterLimitExceeded")
}

// isDenied says that the caller lacks a right. HeadBucket's 403 comes as Forbidden, without a body.
func isDenied(err error) bool {
	return codeIn(err, "AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation", "NotAuthorized")
}

// elsewhere returns the region that S3 says a bucket is in, if it refused a call for that reason.
func elsewhere(err error) (region string, found bool) {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) || response.Response == nil {
		return "", false
	}
	switch response.HTTPStatusCode() {
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusBadRequest:
		region = response.Response.Header.Get("X-Amz-Bucket-Region")
	}
	return region, region != ""
}

// isRefused says that nobody listens at the endpoint. The SDK would try again for minutes; an endpoint
// of AWS does not refuse, and one on this machine does because it is not running. Windows says it in
// other words.
func isRefused(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "actively refused"))
}

// rights are the rights that calls need where they are not named like the call (service
// authorization reference).
var rights = map[string]string{
	"S3:GetBucketNotificationConfiguration":    "s3:GetBucketNotification",
	"S3:PutBucketNotificationConfiguration":    "s3:PutBucketNotification",
	"S3:ListMultipartUploads":                  "s3:ListBucketMultipartUploads",
	"S3:ListObjectsV2":                         "s3:ListBucket",
	"Lambda:Invoke":                            "lambda:InvokeFunction",
	"S3:GetBucketEncryption":                   "s3:GetEncryptionConfiguration",
	"CloudWatch Logs:ListTagsForResource":      "logs:ListTagsForResource",
	"Resource Groups Tagging API:GetResources": "tag:GetResources",
}

// prefixes are the services' names in rights where lowering the SDK's name does not give them.
var prefixes = map[string]string{
	"CloudWatch Logs": "logs", "Resource Groups Tagging API": "tag", "EFS": "elasticfilesystem",
	"EventBridge": "events", "Secrets Manager": "secretsmanager", "ApiGatewayV2": "apigateway",
}

// verbs are the rights that the calls of API Gateway need, by how their names begin: those of its HTTP interface
// (API Gateway developer guide, "Control access to API Gateway with IAM policies").
var verbs = map[string]string{"Get": "GET", "Create": "POST", "Update": "PATCH", "Delete": "DELETE", "Tag": "POST", "Untag": "DELETE"}

// explain names the call that was denied and the right that it needs; other errors stay as they are.
func explain(err error) error {
	var op *smithy.OperationError
	if err == nil || !isDenied(err) || !errors.As(err, &op) || op.OperationName == "HeadBucket" {
		return err // HeadBucket's denial has two meanings, which are told where it is called
	}
	return fmt.Errorf("access denied: the call %s %s needs the right %s, which these credentials lack: %w", op.ServiceID, op.OperationName, rightFor(op), err)
}

// rightFor is the right that a call needs.
func rightFor(op *smithy.OperationError) string {
	if right, special := rights[op.ServiceID+":"+op.OperationName]; special {
		return right
	}
	prefix := prefixes[op.ServiceID]
	if prefix == "" {
		prefix = strings.ToLower(op.ServiceID)
	}
	return prefix + ":" + action(prefix, op.OperationName)
}

func action(service, operation string) string {
	if service != prefixes["ApiGatewayV2"] {
		return operation
	}
	for start, verb := range verbs {
		if strings.HasPrefix(operation, start) {
			return verb
		}
	}
	return operation
}
