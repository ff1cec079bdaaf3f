package job

import (
	"encoding/base64"
	"fmt"
)

// Response is the answer of every synchronous invocation but that of a queue. It has the shape that Lambda's
// HTTP front ends expect of a proxy, so one answer serves Invoke, function URLs, API Gateway and load balancers. Which of
// the optional fields are there depends on who hands it on:
//
//   - https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
//   - https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-output-format
//   - https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#respond-to-load-balancer
type Response struct {
	StatusCode        int                 `json:"statusCode"`
	StatusDescription string              `json:"statusDescription,omitempty"` // for load balancers, such as 200 OK
	Headers           map[string]string   `json:"headers,omitempty"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders,omitempty"` // for REST APIs and load balancers
	Cookies           []string            `json:"cookies,omitempty"`           // for function URLs and HTTP APIs: the values of Set-Cookie
	Body              string              `json:"body"`                        // base64 of the script's output, or of the body that it left
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

// The headers of a Response.
const (
	HeaderRequestID = "amz-lambda-request-id"
	HeaderLogGroup  = "amz-log-group-name"
	HeaderLogStream = "amz-log-stream-name"
)

// Error is why an invocation failed. Lambda hands Type and Message to the caller and to its
// destinations; users alarm on Type, so a type never changes its meaning.
type Error struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// The error types of the runtime.
const (
	ErrBadEvent       = "Scar.BadEvent"       // the event cannot be understood
	ErrBadJob         = "Scar.BadJob"         // the job description is absent or damaged
	ErrSecret         = "Scar.Secret"         // a secret could not be fetched
	ErrStageIn        = "Scar.StageIn"        // the input could not be fetched
	ErrDiskFull       = "Scar.DiskFull"       // /tmp has no room for the input or the outputs
	ErrScriptStart    = "Scar.ScriptStart"    // the script could not be started
	ErrScriptFailed   = "Scar.ScriptFailed"   // the script ended with an exit code other than 0
	ErrScriptKilled   = "Scar.ScriptKilled"   // a signal ended the script
	ErrTimeout        = "Scar.Timeout"        // the script was ended at the deadline less the margin
	ErrStageOut       = "Scar.StageOut"       // an output could not be stored
	ErrRecord         = "Scar.Record"         // the record could not be written
	ErrBadResponse    = "Scar.BadResponse"    // what the script left in RESPONSE_DIR is no answer
	ErrResponseTooBig = "Scar.ResponseTooBig" // the answer exceeds Lambda's 6 MB
	ErrRecordsFailed  = "Scar.RecordsFailed"  // some of an event's several records failed, the message names them
	ErrInternal       = "Scar.Internal"       // a fault of the runtime itself
)

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Type, e.Message) }

// NewResponse is the answer of an invocation whose script wrote output. Log group and stream may be
// empty, where nothing names them.
func NewResponse(requestID, logGroup, logStream string, output []byte) *Response {
	return &Response{
		StatusCode: 200,
		Headers: map[string]string{
			HeaderRequestID: requestID,
			HeaderLogGroup:  logGroup,
			HeaderLogStream: logStream,
		},
		Body:            base64.StdEncoding.EncodeToString(output),
		IsBase64Encoded: true,
	}
}
