package lambda

import (
	"context"
	"encoding/json"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/scar-go/scar/local/wire"
)

// Credentials are those of a role's session.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expires         time.Time
}

// Roles makes sessions of roles. The error is Lambda's own (a wire.Error) where the role does not
// exist, does not trust the service, or does not do so yet.
type Roles interface {
	Session(ctx context.Context, roleARN, servicePrincipal, sessionName string) (Credentials, error)
}

// Images finds the image that a URI of the account's registry names, by digest or tag.
type Images interface {
	Image(ctx context.Context, uri string) (v1.Image, error)
}

// LogEvent is one line of a log.
type LogEvent struct {
	Timestamp int64 // milliseconds since 1970
	Message   string
}

// Logs takes what functions write. The stream is made if absent.
type Logs interface {
	Append(ctx context.Context, group, stream string, events []LogEvent) error
}

// Authorizer knows whose an access key is, and what the policies of roles allow.
type Authorizer interface {
	// Lookup returns the secret of an access key and its session token, and whose it is.
	Lookup(ctx context.Context, accessKey, token string) (secret string, id wire.Identity, err error)
	// Allowed says whether a caller may take an action, such as sqs:ReceiveMessage, on a resource, an ARN. Conditions holds the
	// values of condition keys.
	Allowed(ctx context.Context, id wire.Identity, action, resource string, conditions map[string][]string) (bool, error)
}

// Queues are the queues of the account, as Lambda itself uses them: the rights of functions' roles are checked before. An error is
// SQS's own (a wire.Error) where the queue does not exist.
type Queues interface {
	// Receive takes at most max messages, 1 to 10, and hides them for the queue's visibility timeout. It waits until there is
	// one, or the context ends.
	Receive(ctx context.Context, queueARN string, max int) ([]QueueMessage, error)
	Delete(ctx context.Context, queueARN string, receipts []string) error
	// Release makes messages visible again at once.
	Release(ctx context.Context, queueARN string, receipts []string) error
	// Hold hides messages anew, if nobody else has received one of them meanwhile, and says whether that is so.
	Hold(ctx context.Context, queueARN string, receipts []string) (held bool, err error)
	Attributes(ctx context.Context, queueARN string) (QueueAttributes, error)
}

// QueueMessage is a message that was received.
type QueueMessage struct {
	ID, Receipt, Body, MD5 string
	Attributes             map[string]string // as SQS names them: ApproximateReceiveCount, SentTimestamp, …
	MessageAttributes      json.RawMessage   // as in Lambda's events, by name; nil: none
	MD5OfAttributes        string            // of the message attributes; empty: none
	ReceiveCount           int               // with this time, from 1
}

// QueueAttributes is what a mapping has to know of a queue.
type QueueAttributes struct {
	VisibilityTimeout time.Duration
}

// Destinations take what Lambda says of asynchronous events.
type Destinations interface {
	// Deliver gives a document to a bucket (where it gets that key), queue, topic, event bus or function, with the rights of a
	// function's role.
	Deliver(ctx context.Context, destinationARN, roleARN, key string, document []byte) error
}

// Networks knows the VPCs of the account.
type Networks interface {
	// CheckVPC returns the id of the VPC that all subnets and security groups are of. The error is EC2's own (a wire.Error)
	// where one does not exist.
	CheckVPC(ctx context.Context, subnets, groups []string) (vpcID string, err error)
}

// FileSystems knows the access points of EFS.
type FileSystems interface {
	// AccessPoint returns the folder on this machine that an access point stands for.
	AccessPoint(ctx context.Context, arn string) (folder string, err error)
}
