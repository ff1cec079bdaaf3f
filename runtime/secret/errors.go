package secret

import (
	"errors"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/scar-go/scar/runtime/job"
)

var errNoValue = errors.New("it has no value")

// answerError is an error that a service answered.
type answerError struct {
	answer  smithy.APIError
	hint    string // what to do; may be empty
	passing bool   // the same call may succeed later
}

func (e *answerError) Error() string {
	text := e.answer.ErrorCode()
	if message := e.answer.ErrorMessage(); message != "" {
		text += ": " + message
	}
	if e.hint != "" {
		text += " (" + e.hint + ")"
	}
	return text
}

func (e *answerError) Unwrap() error { return e.answer }

// explain keeps of the SDK's error what a user can act on. What it says of an answer that it could not read is dropped: that
// may quote a value.
func explain(err error, s job.Secret) error {
	var answer smithy.APIError
	var unreadable *smithy.DeserializationError
	var unsent *smithyhttp.RequestSendError
	switch {
	case errors.As(err, &answer):
		return &answerError{answer, hint(answer, s), newRetryer(maxPause).IsErrorRetryable(err)}
	case errors.As(err, &unreadable):
		return errors.New("the service's answer cannot be understood")
	case errors.As(err, &unsent):
		return unsent.Err
	}
	return err
}

// hint says what to do about an error.
func hint(answer smithy.APIError, s job.Secret) string {
	switch answer.ErrorCode() {
	case "AccessDeniedException", "AccessDenied":
		return "the function's role needs " + missingRight(answer.ErrorMessage(), s) +
			": permissions in func.yaml adds it to the role that scar makes"
	case "ParameterNotFound", "ParameterVersionNotFound", "ResourceNotFoundException":
		return "it must exist in the function's account and region"
	}
	return ""
}

// missingRight is what a refusal is for want of. When it is the right on the key that a value is encrypted with, Systems Manager
// says "the ciphertext refers to a customer master key that … you are not allowed to access", and Secrets Manager "Access to
// KMS is not allowed": neither names the action that was called.
func missingRight(message string, s job.Secret) string {
	action, resource := "ssm:GetParameter", "parameter/"+strings.TrimPrefix(s.Name, "/")
	if s.Service == job.SecretsManager {
		action, resource = "secretsmanager:GetSecretValue", "secret:"+s.Name+"-??????"
	}
	if strings.HasPrefix(s.Name, "arn:") {
		resource = s.Name
	}
	if message != "" && !strings.Contains(message, action) {
		return "kms:Decrypt on the key that the secret is encrypted with"
	}
	return action + " on " + resource
}

// definite says whether a service has answered, and would answer the same again: there is no such secret, or it may not be
// read. Everything else, such as too many calls, may pass.
func definite(err error) bool {
	var answered *answerError
	return errors.As(err, &answered) && !answered.passing
}
