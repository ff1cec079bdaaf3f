package supervisor

import (
	"fmt"
	"strings"

	"github.com/scar-go/scar/runtime/event"
	"github.com/scar-go/scar/runtime/job"
)

// duplicate reports why an event needs nothing to be done, by the record of its object. What failed is never a duplicate
// of itself. Two copies of one event that arrive at the same moment are both processed: nothing locks a record.
func duplicate(prior *job.Record, o *event.Object) (why string, ok bool) {
	if prior == nil {
		return "", false
	}
	if prior.Sequencer != "" && o.Sequencer != "" {
		order := compareSequencers(o.Sequencer, prior.Sequencer)
		switch {
		case order < 0:
			return fmt.Sprintf("request %s processed a later event of this object", prior.RequestID), true
		case order == 0 && prior.Status == job.Done:
			return fmt.Sprintf("request %s processed this event", prior.RequestID), true
		}
		return "", false
	}
	if o.ETag != "" && o.ETag == prior.ETag && prior.Status == job.Done {
		return fmt.Sprintf("request %s processed this version of the object", prior.RequestID), true
	}
	return "", false
}

// compareSequencers orders the events of one key. Sequencers are hexadecimal numbers, the shorter of which counts as if zeros
// followed it, see https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
func compareSequencers(a, b string) int {
	length := max(len(a), len(b))
	pad := func(s string) string { return strings.ToUpper(s) + strings.Repeat("0", length-len(s)) }
	return strings.Compare(pad(a), pad(b))
}
