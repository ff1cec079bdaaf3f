package spec

import "slices"

// readQueue reads the queue that a function takes its events from.
func (d *draft) readQueue(r *report) {
	n := d.node.get("queue")
	if !n.on() {
		return
	}
	d.Queue = &Queue{
		BatchSize:      n.get("batch_size").number(defaultBatchSize),
		MaxConcurrency: n.get("max_concurrency").number(0),
		Attempts:       n.get("attempts").number(defaultQueueAttempts),
	}
	own := slices.ContainsFunc(d.Inputs, func(in Input) bool { return in.Provider == OwnS3 })
	arn, attempts := n.get("arn"), n.get("attempts")
	if arn == nil {
		if !own && d.complete() {
			r.atKey(n, "%s has no input on the account's own S3 that could fill the queue; add one such as s3://photos/in/, or name a queue of your own, as in queue: {arn: %s}%s",
				d.Name, queueARN.example, exempt(n))
		}
		return
	}
	d.Queue.Attempts = 0
	if attempts != nil {
		r.atKey(attempts, "cannot be together with arn in %s: how often a queue of your own is tried is set there, in its redrive policy", arn.place(attempts))
	}
	if text := arn.str(); text != "" {
		d.Queue.ARN = text
		if problem := queueARN.check(text); problem != "" {
			r.at(arn, "%s", problem)
		}
	}
}
