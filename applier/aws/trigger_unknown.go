package aws

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// maxDocument bounds the notifications of a bucket: 100 rules of at most a few KB each (S3 user guide).
const maxDocument = 4 << 20

// knownElements are the elements that the SDK reads and writes. What else S3 may answer one day would
// be lost when the document is written back, so it is looked for (S3 API reference,
// NotificationConfiguration). A rule for a function is a CloudFunctionConfiguration there.
var knownElements = []string{
	"EventBridgeConfiguration",
	"CloudFunctionConfiguration", "CloudFunction", "QueueConfiguration", "Queue", "TopicConfiguration", "Topic",
	"Id", "Event", "Filter", "S3Key", "FilterRule", "Name", "Value",
}

// findUnknown makes a call note the elements of its answer that the SDK does not know.
func findUnknown(unknown *[]string) func(*s3.Options) {
	return func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			// Last in this step is nearest to the wire, so the answer is seen before it is read.
			return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("FindUnknownElements",
				func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
					out, metadata, err := next.HandleDeserialize(ctx, in)
					response, isHTTP := out.RawResponse.(*smithyhttp.Response)
					if err != nil || !isHTTP || response.StatusCode >= 300 {
						return out, metadata, err
					}
					body, err := io.ReadAll(io.LimitReader(response.Body, maxDocument))
					if err != nil {
						return out, metadata, fmt.Errorf("read answer: %w", err)
					}
					closer := response.Body
					response.Body = struct {
						io.Reader
						io.Closer
					}{bytes.NewReader(body), closer}
					*unknown, err = unknownElements(body)
					return out, metadata, err
				}), middleware.After)
		})
	}
}

// unknownElements lists the elements of a document that are not among knownElements, each once. What the
// root is called does not matter.
func unknownElements(document []byte) ([]string, error) {
	var unknown []string
	d := xml.NewDecoder(bytes.NewReader(document))
	for depth := 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return unknown, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read notifications: %w", err)
		}
		switch element := token.(type) {
		case xml.StartElement:
			name := element.Name.Local
			if depth > 0 && !slices.Contains(knownElements, name) && !slices.Contains(unknown, name) {
				unknown = append(unknown, name)
			}
			depth++
		case xml.EndElement:
			depth--
		}
	}
}
