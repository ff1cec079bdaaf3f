package sqs

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/wire"
)

const (
	// deletedFor is how long nobody can make a queue of a deleted one's name.
	deletedFor = 60 * time.Second
	// purgePause is how long a queue cannot be purged again.
	purgePause = 60 * time.Second
	fifoSuffix = ".fifo"
	maxName    = 80 // characters
	maxListed  = 1000
)

var queueName = wire.Pattern(`^[A-Za-z0-9_-]{1,80}$`)

// queue is a queue, as it is stored.
type queue struct {
	Name       string
	Attributes map[string]string // all that can be set and are not empty
	Tags       map[string]string
	Created    time.Time
	Modified   time.Time
	Purged     time.Time // zero: never
}

// deletion is when a queue of a name was deleted.
type deletion struct{ At time.Time }

func (q queue) fifo() bool { return strings.HasSuffix(q.Name, fifoSuffix) }

type createQueueInput struct {
	QueueName  string
	Attributes map[string]string
	Tags       map[string]string
}

type queueURLOutput struct {
	QueueURL string `json:"QueueUrl" xml:"QueueUrl"`
}

func (s *Service) createQueue(ctx context.Context, in createQueueInput) (out queueURLOutput, err error) {
	if err := s.mayUse(ctx, queue{Name: in.QueueName}, "CreateQueue"); err != nil {
		return out, err
	}
	if err := checkName(in.QueueName, in.Attributes); err != nil {
		return out, err
	}
	if err := s.checkAttributes(in.QueueName, in.Attributes); err != nil {
		return out, err
	}
	if err := checkTags(in.Tags); err != nil {
		return out, err
	}
	now := s.cfg.Clock.Now()
	if err := s.checkDeleted(in.QueueName, now); err != nil {
		return out, err
	}
	err = s.queues.Update(in.QueueName, func(q *queue, found bool) error {
		if found {
			return sameAttributes(*q, in.Attributes)
		}
		*q = queue{Name: in.QueueName, Tags: in.Tags, Created: now, Modified: now, Attributes: map[string]string{}}
		q.set(in.Attributes)
		return nil
	})
	return queueURLOutput{s.url(ctx, in.QueueName)}, err
}

func checkName(name string, attributes map[string]string) error {
	if name == "" {
		return errMissing("QueueName")
	}
	base, fifo := strings.CutSuffix(name, fifoSuffix)
	if wanted := attributes["FifoQueue"] == "true"; fifo && wanted {
		if !queueName().MatchString(base) || len(name) > maxName {
			return failure("InvalidParameterValue", "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.")
		}
		return nil
	} else if wanted {
		return failure("InvalidParameterValue", "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.")
	}
	if !queueName().MatchString(name) {
		return failure("InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	return nil
}

// checkDeleted refuses a name that was freed a moment ago, and forgets all that were longer ago.
func (s *Service) checkDeleted(name string, now time.Time) error {
	var old []string
	recently := false
	err := s.deleted.Each("", func(other string, d deletion) bool {
		switch past := now.Sub(d.At); {
		case past >= deletedFor:
			old = append(old, other)
		case other == name:
			recently = true
		}
		return true
	})
	for _, other := range old {
		if err == nil {
			err = s.deleted.Delete(other)
		}
	}
	if err == nil && recently {
		err = failure(simpleQueueService+"QueueDeletedRecently", "You must wait 60 seconds after deleting a queue before you can create another with the same name.")
	}
	return err
}

// sameAttributes refuses to make a queue again with other attributes. Those that are not named do not count.
func sameAttributes(q queue, asked map[string]string) error {
	for name, value := range asked {
		if q.value(name) != canonical(name, value) {
			return failure("QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute %s", name)
		}
	}
	return nil
}

type queueInput struct {
	QueueURL string `json:"QueueUrl"`
}

// open is the queue of a URL, if the caller may take the action on it.
func (s *Service) open(ctx context.Context, url, action string) (queue, error) {
	q, err := s.byURL(url)
	if err != nil {
		return q, err
	}
	return q, s.mayUse(ctx, q, action)
}

func (s *Service) deleteQueue(ctx context.Context, in queueInput) (out wire.Empty, err error) {
	q, err := s.open(ctx, in.QueueURL, "DeleteQueue")
	if err != nil {
		return out, err
	}
	// The name is taken first: a crash in between leaves the queue, which can be deleted again.
	if err := s.deleted.Put(q.Name, deletion{s.cfg.Clock.Now()}); err != nil {
		return out, err
	}
	err = s.cfg.DB.Bolt().Update(func(tx *bbolt.Tx) error {
		if err := tx.Bucket(tableQueues).Delete([]byte(q.Name)); err != nil {
			return err
		}
		return dropMessages(tx, q.Name)
	})
	s.changed(q.Name) // those who wait learn that it is gone
	return out, err
}

type getQueueURLInput struct {
	QueueName              string
	QueueOwnerAWSAccountID string `json:"QueueOwnerAWSAccountId"`
}

func (s *Service) getQueueURL(ctx context.Context, in getQueueURLInput) (out queueURLOutput, err error) {
	if in.QueueName == "" {
		return out, errMissing("QueueName")
	}
	if owner := in.QueueOwnerAWSAccountID; owner != "" && owner != s.cfg.Account {
		return out, errNoSuchQueue()
	}
	q, err := s.byName(in.QueueName)
	if err != nil {
		return out, err
	}
	return queueURLOutput{s.url(ctx, q.Name)}, s.mayUse(ctx, q, "GetQueueUrl")
}

type listQueuesInput struct {
	QueueNamePrefix string
	QueueURL        string  `json:"QueueUrl"` // of ListDeadLetterSourceQueues
	MaxResults      *number // absent: everything up to 1,000, and no token
	NextToken       string
}

type listQueuesOutput struct {
	QueueURLs []string `json:"QueueUrls,omitempty" xml:"QueueUrl"`
	NextToken string   `json:",omitempty" xml:",omitempty"`
}

func (s *Service) listQueues(ctx context.Context, in listQueuesInput) (out listQueuesOutput, err error) {
	if err := s.mayList(ctx); err != nil {
		return out, err
	}
	var names []string
	err = s.queues.Each(in.QueueNamePrefix, func(name string, _ queue) bool {
		names = append(names, name)
		return true
	})
	if err != nil {
		return out, err
	}
	return s.page(ctx, in, names)
}

func (s *Service) page(ctx context.Context, in listQueuesInput, names []string) (out listQueuesOutput, err error) {
	start, err := wire.PageStart(in.NextToken, "InvalidParameterValue")
	if err != nil {
		return out, err
	}
	asked := in.MaxResults.or(maxListed)
	if asked < 1 || asked > maxListed {
		return out, errParameter(asked, "MaxResults", "Must be between 1 and 1000, if provided.")
	}
	from, _ := slices.BinarySearch(names, start)
	names = names[from:]
	// Without MaxResults there is no token: the list is cut, as SQS cuts it.
	if size := wire.PageSize(ctx, asked, maxListed); in.MaxResults != nil && len(names) > size {
		out.NextToken = wire.PageToken(names[size])
		names = names[:size]
	}
	for _, name := range names[:min(len(names), maxListed)] {
		out.QueueURLs = append(out.QueueURLs, s.url(ctx, name))
	}
	return out, nil
}

type listSourcesOutput struct {
	QueueURLs []string `json:"queueUrls" xml:"QueueUrl"`
	NextToken string   `json:",omitempty" xml:",omitempty"`
}

func (s *Service) listDeadLetterSourceQueues(ctx context.Context, in listQueuesInput) (out listSourcesOutput, err error) {
	dead, err := s.open(ctx, in.QueueURL, "ListDeadLetterSourceQueues")
	if err != nil {
		return out, err
	}
	var names []string
	err = s.queues.Each("", func(name string, q queue) bool {
		if r, found := q.redrive(); found && r.Target == s.arn(dead.Name) {
			names = append(names, name)
		}
		return true
	})
	if err != nil {
		return out, err
	}
	listed, err := s.page(ctx, in, names)
	out = listSourcesOutput(listed)
	if out.QueueURLs == nil {
		out.QueueURLs = []string{}
	}
	return out, err
}

func (s *Service) purgeQueue(ctx context.Context, in queueInput) (out wire.Empty, err error) {
	q, err := s.open(ctx, in.QueueURL, "PurgeQueue")
	if err != nil {
		return out, err
	}
	now := s.cfg.Clock.Now()
	err = s.queues.Update(q.Name, func(q *queue, found bool) error {
		if !found {
			return errNoSuchQueue()
		}
		if !q.Purged.IsZero() && now.Sub(q.Purged) < purgePause {
			return wire.Errorf(403, simpleQueueService+"PurgeQueueInProgress", "Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.Name)
		}
		q.Purged = now
		return nil
	})
	if err != nil {
		return out, err
	}
	return out, s.cfg.DB.Bolt().Update(func(tx *bbolt.Tx) error { return dropMessages(tx, q.Name) })
}

// maxTags is the most tags that a queue can have.
const maxTags = 50

func checkTags(tags map[string]string) error {
	for key, value := range tags {
		if key == "" || len(key) > 128 || len(value) > 256 || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return failure("InvalidParameterValue", "The tag %q is invalid: keys have 1 to 128 characters and do not begin with aws:, values have up to 256.", key)
		}
	}
	if len(tags) > maxTags {
		return failure("InvalidParameterValue", "Too many tags: a queue can have %d.", maxTags)
	}
	return nil
}

type tagsInput struct {
	QueueURL string `json:"QueueUrl"`
	Tags     map[string]string
	TagKeys  []string
}

func (s *Service) tagQueue(ctx context.Context, in tagsInput) (wire.Empty, error) {
	if err := checkTags(in.Tags); err != nil {
		return wire.Empty{}, err
	}
	return wire.Empty{}, s.changeTags(ctx, in.QueueURL, "TagQueue", func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (s *Service) untagQueue(ctx context.Context, in tagsInput) (wire.Empty, error) {
	return wire.Empty{}, s.changeTags(ctx, in.QueueURL, "UntagQueue", func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (s *Service) changeTags(ctx context.Context, url, action string, change func(map[string]string)) error {
	q, err := s.open(ctx, url, action)
	if err != nil {
		return err
	}
	return s.queues.Update(q.Name, func(q *queue, found bool) error {
		if !found {
			return errNoSuchQueue()
		}
		if q.Tags == nil {
			q.Tags = map[string]string{}
		}
		change(q.Tags)
		return checkTags(q.Tags)
	})
}

type listTagsOutput struct {
	Tags tagMap `json:",omitempty" xml:"Tag"`
}

func (s *Service) listQueueTags(ctx context.Context, in queueInput) (out listTagsOutput, err error) {
	q, err := s.open(ctx, in.QueueURL, "ListQueueTags")
	return listTagsOutput{q.Tags}, err
}
