package spec

import (
	"fmt"
	"strings"
)

// readConcurrency reads what is reserved for a function.
func (d *draft) readConcurrency() {
	n := d.node.get("concurrency")
	d.ConcurrencyManaged = n != nil
	if n == nil {
		return
	}
	d.Concurrency = Unreserved
	if n.kind != mapping {
		d.Concurrency = n.number(Unreserved)
	}
}

func readRetries(n *node) Retries {
	return Retries{Attempts: n.get("attempts").number(defaultRetries), MaxAge: n.get("max_age").quantity("s", defaultMaxAge)}
}

// destinations are the sorts of resources, beside buckets, that Lambda tells of failures.
var destinations = []resourceSort{queueARN, topicARN, busARN, functionARN}

// readDestination reads what is told of failures: an ARN, or a bucket as s3://BUCKET. It is empty where that makes no
// sense.
func readDestination(n *node, r *report) string {
	text := n.str()
	if text == "" {
		return ""
	}
	destination, problem := parseDestination(text)
	if problem != "" {
		r.at(n, "%s", problem)
		return ""
	}
	return destination
}

func parseDestination(text string) (destination, problem string) {
	if rest, found := strings.CutPrefix(text, "s3://"); found {
		return bucketDestination(rest)
	}
	name, found := splitARN(text)
	if found && name.service == OwnS3 {
		if name.region != "" || name.account != "" || !arnPartition().MatchString(name.partition) {
			return "", fmt.Sprintf("%q is no ARN of a bucket, which is like arn:aws:s3:::failed-photos; write s3://failed-photos", shorten(text))
		}
		return bucketDestination(name.resource)
	}
	for _, s := range destinations {
		if !found || name.service != s.service {
			continue
		}
		if problem := s.check(text); problem != "" {
			return "", problem
		}
		if strings.HasSuffix(text, ".fifo") {
			return "", "Lambda tells no FIFO queues and topics of failures; name a standard one"
		}
		return text, ""
	}
	return "", fmt.Sprintf("wants a bucket such as s3://failed-photos, or the ARN of a queue of SQS, a topic of SNS, a bus of EventBridge, "+
		"a function or a bucket, not %q", shorten(text))
}

func bucketDestination(text string) (destination, problem string) {
	bucket, key, _ := strings.Cut(text, "/")
	if problem := checkBucket(bucket); problem != "" {
		return "", problem
	}
	if key != "" {
		return "", fmt.Sprintf("Lambda chooses the folder, %s; write s3://%s", failures, bucket)
	}
	return "s3://" + bucket, ""
}
