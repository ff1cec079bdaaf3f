package planner

import (
	"slices"
	"strings"

	"github.com/scar-go/scar/spec"
)

// network checks that a function's subnets and security groups are there, and in one VPC.
func (c *checks) network(fn *spec.Function) {
	if fn.VPC == nil {
		return
	}
	vpcs := map[string][]string{} // what is in each
	look := func(about Subject, ids []string, what, create string) {
		for _, id := range ids {
			answer, known := c.ask(fn, about, id)
			switch {
			case !known:
			case answer.Absent:
				c.problem(fn, "there is no %s %s in this account and region: list them with aws ec2 %s", what, id, create)
			default:
				vpcs[answer.VPC] = append(vpcs[answer.VPC], id)
			}
		}
	}
	look(AboutSubnet, fn.VPC.Subnets, "subnet", "describe-subnets")
	look(AboutSecurityGroup, fn.VPC.SecurityGroups, "security group", "describe-security-groups")
	if len(vpcs) > 1 {
		var where []string
		for _, vpc := range sortedKeys(vpcs) {
			where = append(where, vpc+" has "+strings.Join(vpcs[vpc], ", "))
		}
		c.problem(fn, "its subnets and security groups are in %d VPCs (%s): a function is in one", len(vpcs), strings.Join(where, "; "))
	}
}

// mounts checks that a function can reach its file system.
func (c *checks) mounts(fn *spec.Function) {
	for _, m := range fn.Mounts {
		answer, known := c.ask(fn, AboutAccessPoint, m.AccessPoint)
		switch {
		case !known:
		case answer.Absent:
			c.problem(fn, "there is no access point %s: list them with aws efs describe-access-points", m.AccessPoint)
		case len(answer.Zones) == 0:
			c.problem(fn, "the file system of %s has no mount target: make one in a subnet of the function (aws efs create-mount-target)", m.AccessPoint)
		default:
			c.mountTargets(fn, m, answer)
		}
	}
}

// mountTargets compares where a file system can be mounted with where the function runs.
func (c *checks) mountTargets(fn *spec.Function, m spec.Mount, target Answer) {
	if fn.VPC == nil {
		return
	}
	var reached, missed []string
	for _, id := range fn.VPC.Subnets {
		subnet, known := c.answers[Question{AboutSubnet, id}]
		switch {
		case !known || subnet.Unknown != "" || subnet.Absent:
			return // told already, and the rest is not known without it
		case target.VPC != "" && subnet.VPC != target.VPC:
			c.problem(fn, "the file system of %s is in the VPC %s, and the subnet %s is in %s: both have to be in one", m.AccessPoint, target.VPC, id, subnet.VPC)
			return
		case slices.Contains(target.Zones, subnet.Zone):
			reached = append(reached, id)
		default:
			missed = append(missed, id+" ("+subnet.Zone+")")
		}
	}
	const advice = "make one there (aws efs create-mount-target)"
	switch zones := strings.Join(target.Zones, ", "); {
	case len(missed) == 0:
	case len(reached) == 0:
		c.problem(fn, "the file system of %s has mount targets in %s, and the function's subnets are elsewhere, %s: %s", m.AccessPoint, zones, strings.Join(missed, ", "), advice)
	default:
		c.warn(fn, "the file system of %s has no mount target in the zone of %s: invocations there may fail; %s", m.AccessPoint, strings.Join(missed, ", "), advice)
	}
}

// queue checks the queue that the file names. One of scar's own, such as another function's dead-letter queue, is as the
// plan makes it.
func (c *checks) queue(fn *spec.Function) {
	if fn.Queue == nil || fn.Queue.ARN == "" {
		return
	}
	if makes(c.file, accountOf(c.desired), fn.Queue.ARN) {
		name, _ := QueueOfARN(fn.Queue.ARN)
		own, _ := c.desired[Address{KindQueue, name}].Value.(Queue)
		if own.VisibilityTimeout < fn.Timeout {
			c.problem(fn, "the queue %s, which scar makes, hides a message for %d s, less than the function's timeout of %d s, and Lambda refuses that: use a shorter timeout, or a queue of your own",
				fn.Queue.ARN, own.VisibilityTimeout, fn.Timeout)
		}
		return
	}
	answer, known := c.ask(fn, AboutQueue, fn.Queue.ARN)
	const set = "set it with aws sqs set-queue-attributes --attributes VisibilityTimeout=%d"
	advised := min(visibilityFactor*fn.Timeout, maxVisibility)
	switch {
	case !known:
	case answer.Absent:
		c.problem(fn, "there is no queue %s: create it, or write queue: true for one of scar's", fn.Queue.ARN)
	case answer.Visibility < fn.Timeout:
		c.problem(fn, "the queue %s hides a message for %d s, less than the function's timeout of %d s, and Lambda refuses that: "+set,
			fn.Queue.ARN, answer.Visibility, fn.Timeout, advised)
	case answer.Visibility < advised:
		c.warn(fn, "the queue %s hides a message for %d s, and Lambda advises %d s, 6 times the function's timeout: messages may be processed twice; "+set,
			fn.Queue.ARN, answer.Visibility, advised, advised)
	}
}

// failures checks what hears of events that a function fails on.
func (c *checks) failures(fn *spec.Function) {
	about := aboutDestination(fn.OnFailure)
	if about == "" || makes(c.file, accountOf(c.desired), fn.OnFailure) {
		return
	}
	answer, known := c.ask(fn, about, fn.OnFailure)
	switch {
	case !known:
	case answer.Absent:
		c.problem(fn, "on_failure: there is no %s: create it, or name a bucket (s3://BUCKET), which scar creates", fn.OnFailure)
	case answer.FIFO:
		c.problem(fn, "on_failure: %s is FIFO, and Lambda delivers to standard queues and topics only", fn.OnFailure)
	}
}

// leastUnreserved is what Lambda keeps for functions without a reservation (Lambda developer guide, "Configuring
// reserved concurrency for a function").
const leastUnreserved = 100

// concurrency checks that the account has what the functions want reserved.
func (c *checks) concurrency() {
	var first *spec.Function // that wants more than it has
	more := 0
	for _, r := range c.desired.Sorted() {
		want, isFunction := r.Value.(Function)
		if !isFunction || !r.ConcurrencyManaged {
			continue
		}
		has := 0
		if live, exists := c.live[r.Address].Value.(Function); exists {
			has = max(live.Concurrency, 0)
		}
		if more += max(want.Concurrency, 0) - has; want.Concurrency > has && first == nil {
			first = c.function(want.Name)
		}
	}
	if first == nil {
		return
	}
	for a, r := range c.live {
		if gone, isFunction := r.Value.(Function); isFunction && r.Owner.Project == c.file.Project {
			if _, stays := c.desired[a]; !stays {
				more -= max(gone.Concurrency, 0)
			}
		}
	}
	answer, known := c.ask(first, AboutConcurrency, "")
	unreserved := answer.Limit
	for _, reserved := range answer.Reserved {
		unreserved -= reserved
	}
	if left := unreserved - more; known && more > 0 && left < leastUnreserved {
		c.problem(first, "the file reserves %d more concurrent executions, and of the account's %d only %d are unreserved, of which Lambda keeps %d: reserve %d less in all, or ask AWS for a higher quota",
			more, answer.Limit, unreserved, leastUnreserved, leastUnreserved-left)
	}
}
