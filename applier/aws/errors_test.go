package aws

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/planner"
)

func TestPredicates(t *testing.T) {
	predicates := map[string]func(error) bool{
		"not found": isNotFound, "exists": isExists, "busy": isBusy, "role": isRoleNotReady, "principal": isPrincipalNotReady,
		"target": isTargetNotReady, "overlap": isOverlap, "not empty": isNotEmpty, "quota": isQuota, "denied": isDenied,
		"taken": isTaken, "delete conflict": isDeleteConflict, "no tags": isNoTags, "image there": isImageThere,
		"queue deleted": isDeletedRecently, "dead letters": isDeadLetterNotReady, "queue": isQueueNotReady,
		"schedule role": isScheduleRoleNotReady, "conflict": isConflict,
	}
	for _, c := range []struct{ code, message, want string }{
		{"ResourceNotFoundException", "", "not found"},
		{"NoSuchEntity", "", "not found"},
		{"NoSuchEntityException", "", "not found"},
		{"NoSuchBucket", "", "not found"},
		{"NotFound", "", "not found"},
		{"RepositoryNotFoundException", "", "not found"},
		{"NoSuchTagSet", "", "no tags"},
		{"ResourceConflictException", "Function already exist: x", "exists"},
		{"ResourceConflictException", "The statement id (x) provided already exists. Please provide a new statement id, or remove the existing statement.", "exists"},
		{"ResourceConflictException", "The operation cannot be performed at this time. An update is in progress for resource: arn", "busy"},
		{"ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: Pending", "busy"},
		{"ResourceConflictException", "something else", ""},
		{"EntityAlreadyExists", "", "exists"},
		{"BucketAlreadyOwnedByYou", "", "exists"},
		{"BucketAlreadyExists", "", "taken"},
		{"OperationAborted", "", "busy"},
		{"OperationAbortedException", "", "busy"},
		{"InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.", "role"},
		{"InvalidParameterValueException", "Lambda was unable to configure access: KMS key is invalid for CreateGrant", "role"},
		{"InvalidParameterValueException", "Source image x does not exist", ""},
		{"MalformedPolicyDocument", `Invalid principal in policy: "AWS":"x"`, "principal"},
		{"MalformedPolicyDocument", "Syntax errors in policy.", ""},
		{"InvalidArgument", "Unable to validate the following destination configurations", "target"},
		{"InvalidArgument", "Configurations overlap. Configurations on the same bucket cannot share a common event type.", "overlap"},
		{"InvalidArgument", "A specified event is not supported", ""},
		{"DeleteConflict", "", "delete conflict"},
		{"QueueDoesNotExist", "", "not found"},
		{"AWS.SimpleQueueService.NonExistentQueue", "", "not found"},
		{"QueueNameExists", "", "exists"},
		{"QueueAlreadyExists", "", "exists"},
		{"AWS.SimpleQueueService.QueueDeletedRecently", "", "queue deleted"},
		{"QueueDeletedRecently", "", "queue deleted"},
		{"InvalidParameterValue", "Value {} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.", "dead letters"},
		{"InvalidParameterValue", "Value x for parameter VisibilityTimeout is invalid.", ""},
		{"ResourceConflictException", "An event source mapping with SQS arn (\" x \") and function (\" f \") already exists. Please update or delete the existing mapping with UUID y", "exists"},
		{"ResourceInUseException", "Cannot update the event source mapping because it is in use.", "busy"},
		{"InvalidParameterValueException", "The function execution role does not have permissions to call ReceiveMessage on SQS", "role"},
		{"InvalidParameterValueException", "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue.", "queue"},
		{"InvalidParameterValueException", "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds", ""},
		{"ValidationException", "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.", "schedule role"},
		{"ValidationException", "Invalid Schedule Expression rate(1 hours).", ""},
		{"ConflictException", "Schedule x already exists.", "conflict"},
		{"ServiceQuotaExceededException", "", "quota"},
		{"LimitExceeded", "", "quota"},
		{"LimitExceededException", "", "quota"},
		{"TooManyRequestsException", "Rate exceeded", ""},
		{"AccessDenied", "", "denied"},
		{"Forbidden", "", "denied"},
		{"BucketNotEmpty", "", "not empty"},
		{"RepositoryNotEmptyException", "", "not empty"},
		{"ImageAlreadyExistsException", "", "image there"},
		{"", "Function already exist", ""},
	} {
		for name, is := range predicates {
			if got := is(fmt.Errorf("wrapped: %w", answer(c.code, c.message))); got != (name == c.want) {
				t.Errorf("%s %q: %s is %v", c.code, c.message, name, got)
			}
		}
	}
	for name, is := range predicates {
		if is(nil) || is(errors.New("x")) {
			t.Errorf("%s takes anything", name)
		}
	}
}

func TestExplainNamesTheRight(t *testing.T) {
	for _, c := range []struct{ service, operation, want string }{
		{"Lambda", "GetFunction", "lambda:GetFunction"},
		{"IAM", "ListRoles", "iam:ListRoles"},
		{"ECR", "PutImage", "ecr:PutImage"},
		{"CloudWatch Logs", "DescribeLogGroups", "logs:DescribeLogGroups"},
		{"Resource Groups Tagging API", "GetResources", "tag:GetResources"},
		{"S3", "PutBucketNotificationConfiguration", "s3:PutBucketNotification"},
		{"SQS", "GetQueueUrl", "sqs:GetQueueUrl"},
		{"Scheduler", "ListSchedules", "scheduler:ListSchedules"},
		{"ApiGatewayV2", "GetApis", "apigateway:GET"},
		{"ApiGatewayV2", "UntagResource", "apigateway:DELETE"},
	} {
		err := explain(&smithy.OperationError{ServiceID: c.service, OperationName: c.operation, Err: answer("AccessDenied", "no")})
		if !strings.Contains(err.Error(), "the right "+c.want+",") {
			t.Errorf("%s %s: %v", c.service, c.operation, err)
		}
	}
	other := &smithy.OperationError{ServiceID: "S3", OperationName: "GetBucketTagging", Err: answer("NoSuchBucket", "no")}
	if explain(other) != error(other) || explain(nil) != nil {
		t.Error("other errors change")
	}
}

func TestUntilStopsAtItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := patience{pace: time.Second}
		start, tries := time.Now(), 0
		err := p.until(t.Context(), time.Minute, func() (bool, error, error) {
			tries++
			return false, errors.New("it rains"), nil
		})
		if err == nil || err.Error() != "gave up after 1m0s: it rains" {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took > time.Minute || took < 50*time.Second || tries < 60/maxPause || tries > 40 {
			t.Errorf("%d tries in %s", tries, took)
		}
	})
}

func TestPausesGrowAndStayBounded(t *testing.T) {
	p := patience{pace: time.Second}
	for n := range 100 {
		full := min(time.Second<<min(n, 10), maxPause*time.Second)
		if got := p.pause(n); got < full/2 || got > full {
			t.Errorf("pause %d is %s", n, got)
		}
	}
}

func TestUntilSaysWhatItWaitedForWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err := patience{pace: time.Second}.until(ctx, time.Hour, func() (bool, error, error) { return false, errors.New("it rains"), nil })
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "it rains") {
			t.Errorf("error %v", err)
		}
	})
}

// TestRetryer checks what the SDK's part repeats, against a server of its own.
func TestRetryer(t *testing.T) {
	for name, c := range map[string]struct {
		code  string
		calls int32
	}{
		"a throttle is repeated": {"TooManyRequestsException", 3},
		"a quota is not":         {"LimitExceededException", 1},
		"a mistake is not":       {"InvalidParameterValueException", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if calls.Add(1) < 3 {
					w.Header().Set("X-Amzn-ErrorType", c.code)
					w.WriteHeader(http.StatusBadRequest)
					return
				}
				_, _ = w.Write([]byte(`{"Policy": "{}"}`))
			}))
			defer server.Close()
			cfg := configFor(server.URL, "eu-west-1")
			cfg.Retryer = newRetryer
			_, _ = lambda.NewFromConfig(cfg).GetPolicy(t.Context(), &lambda.GetPolicyInput{FunctionName: ptr("f")})
			if got := calls.Load(); got != c.calls {
				t.Errorf("%d calls, want %d", got, c.calls)
			}
		})
	}
}

func TestAnEndpointThatIsDownIsNotTriedAgain(t *testing.T) {
	const closed = "http://127.0.0.1:1" // TCP's port 1 is tcpmux, which no system of today serves
	cloud := New(configFor(closed, "eu-west-1"), Options{Project: "imaging", Naming: testNaming})
	_, err := cloud.Read(t.Context(), []planner.Ref{{Kind: planner.KindFunction, Name: "f"}})
	if err == nil || !isRefused(err) || newRetryer().IsErrorRetryable(err) {
		t.Errorf("error %v", err)
	}
}
