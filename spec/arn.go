package spec

import (
	"fmt"
	"regexp"
	"strings"
)

// arn is the name of a resource of AWS, taken apart: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE.
type arn struct{ partition, service, region, account, resource string }

// splitARN takes a text apart; false where it is no ARN.
func splitARN(text string) (arn, bool) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return arn{}, false
	}
	return arn{parts[1], parts[2], parts[3], parts[4], parts[5]}, true
}

// resourceSort is a sort of resource that a file names by ARN.
type resourceSort struct {
	service  string
	words    string // such as a queue
	example  string
	resource func() *regexp.Regexp
}

// The sorts of resources. The names are those that the API references of SQS, SNS, EventBridge, Lambda and EFS allow.
var (
	queueARN = resourceSort{"sqs", "a queue of SQS", "arn:aws:sqs:eu-west-1:123456789012:pictures",
		pattern(`^([A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)$`)}
	topicARN = resourceSort{"sns", "a topic of SNS", "arn:aws:sns:eu-west-1:123456789012:failed-photos",
		pattern(`^([A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo)$`)}
	busARN = resourceSort{"events", "a bus of EventBridge", "arn:aws:events:eu-west-1:123456789012:event-bus/default",
		pattern(`^event-bus/[A-Za-z0-9/._-]{1,256}$`)}
	functionARN = resourceSort{"lambda", "a function", "arn:aws:lambda:eu-west-1:123456789012:function:failed",
		pattern(`^function:[A-Za-z0-9_-]{1,64}(:(\$LATEST|[A-Za-z0-9_-]{1,128}))?$`)}
	accessPointARN = resourceSort{"elasticfilesystem", "an access point of EFS", "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0123456789abcdef0",
		pattern(`^access-point/fsap-[0-9a-f]{8,40}$`)}
)

var (
	arnPartition = pattern(`^aws(-[a-z]+)*$`)
	arnRegion    = pattern(`^[a-z]{2,5}(-[a-z]+){1,3}-[0-9]{1,2}$`)
	arnAccount   = pattern(`^[0-9]{12}$`)
)

// check says what is wrong with an ARN of this sort, if anything is.
func (s resourceSort) check(text string) string {
	name, found := splitARN(text)
	is := fmt.Sprintf("%q is no ARN of %s: ", shorten(text), s.words)
	switch {
	case !found || name.service != s.service:
		return fmt.Sprintf("wants the ARN of %s such as %s, not %q", s.words, s.example, shorten(text))
	case !arnPartition().MatchString(name.partition):
		return is + "behind arn: it wants a partition, aws, aws-cn or aws-us-gov"
	case !arnRegion().MatchString(name.region):
		return is + "it wants the name of a region behind " + s.service + ":"
	case !arnAccount().MatchString(name.account):
		return is + "it wants the 12 digits of an account behind the region"
	case name.otherPartition() != "":
		return fmt.Sprintf("%sthe partition of %s is %s", is, name.region, name.otherPartition())
	case !s.resource().MatchString(name.resource):
		return is + "its end is none; it is like " + s.example
	default:
		return ""
	}
}

// otherPartition is the partition that the ARN's region is in, where the ARN names another. Of the three that the
// public can use, only aws has regions without a mark of their own; others are left to AWS.
func (a arn) otherPartition() string {
	in := "aws"
	switch {
	case strings.HasPrefix(a.region, "cn-"):
		in = "aws-cn"
	case strings.HasPrefix(a.region, "us-gov-"):
		in = "aws-us-gov"
	case a.partition != "aws-cn" && a.partition != "aws-us-gov":
		return ""
	}
	if in == a.partition {
		return ""
	}
	return in
}

// functionName is the name of the function that an ARN names; empty where it names none.
func functionName(text string) string {
	name, found := splitARN(text)
	if !found || name.service != functionARN.service {
		return ""
	}
	function, _, _ := strings.Cut(strings.TrimPrefix(name.resource, "function:"), ":")
	return function
}
