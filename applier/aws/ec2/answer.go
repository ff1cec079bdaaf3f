package ec2

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/ec2query"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// maxAnswer is the size of the largest answer that is read, in bytes. Two hundred security groups with the rules that a
// group has without a higher quota, sixty in each direction, are about 6 MB.
const maxAnswer = 32 << 20

// deserialize reads the whole answer to an attempt, so that one that breaks off is asked for again. Its result is the
// content of a success.
func deserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	if err != nil {
		return out, metadata, err
	}
	response, ok := out.RawResponse.(*smithyhttp.Response)
	if !ok {
		return out, metadata, fmt.Errorf("the response is a %T", out.RawResponse)
	}
	content, err := readAll(response.Body)
	if err != nil {
		return out, metadata, err
	}
	if response.StatusCode < 200 || response.StatusCode >= 300 {
		refused, requestID := refusal(response.StatusCode, content)
		if requestID != "" {
			awsmiddleware.SetRequestIDMetadata(&metadata, requestID)
		}
		return out, metadata, refused
	}
	out.Result = content
	return out, metadata, nil
}

// readAll reads and closes the body of an answer. Its error is one of the connection, which is worth another attempt, unless
// the answer is too large.
func readAll(body io.ReadCloser) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err := errors.Join(err, body.Close()); err != nil {
		return nil, &smithyhttp.RequestSendError{Err: fmt.Errorf("read the answer: %w", err)}
	}
	if len(content) > maxAnswer {
		return nil, fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	return content, nil
}

// refusal is the error that an answer of that status holds. What stands between the client and EC2 answers in forms of its
// own, which have no code.
func refusal(status int, content []byte) (refused *smithy.GenericAPIError, requestID string) {
	refused = &smithy.GenericAPIError{
		Code: "UnknownError", Message: fmt.Sprintf("the answer is %d %s, without an error of EC2's", status, http.StatusText(status)), Fault: smithy.FaultClient,
	}
	if status >= http.StatusInternalServerError {
		refused.Fault = smithy.FaultServer
	}
	stated, err := ec2query.GetErrorResponseComponents(bytes.NewReader(content))
	if err != nil || stated.Code == "" {
		return refused, ""
	}
	refused.Code, refused.Message = stated.Code, stated.Message
	return refused, stated.RequestID
}

// decode reads the response element of an action. Anything else that comes with a success, such as the page of a proxy, is an
// error: an empty list would say that things do not exist.
func decode(action string, content []byte, answer any) error {
	if err := decodeElement(action+"Response", content, answer); err != nil {
		return fmt.Errorf("understand the answer: %w", err)
	}
	return nil
}

func decodeElement(name string, content []byte, into any) error {
	decoder := xml.NewDecoder(bytes.NewReader(content))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("it has no element %s", name)
		}
		if err != nil {
			return err
		}
		start, isElement := token.(xml.StartElement)
		switch {
		case !isElement: // what stands before the first element
		case start.Name.Local != name:
			return fmt.Errorf("it is an element %.100q, not %s", start.Name.Local, name)
		case into == nil:
			return decoder.Skip()
		default:
			return decoder.DecodeElement(into, &start)
		}
	}
}
