package flow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/planner"
)

// Description is all that the account tells of one function of scar's.
type Description struct {
	*Deployed
	Live       planner.State // of what is only the function's, without parameters
	Parameters []string      // names of those that hold the secrets that its file brought, sorted
	URL        string        // empty: it has none
	Queues     []QueueDepth
	Stored     *StoredImage  // nil: it is not in the account's registry
	Last       *Activity     // nil: the caller may not read metrics
	Duration   time.Duration // of a run in the last 24 hours, on average; 0: there was none
}

// QueueDepth is how much is in a queue. SQS's numbers are approximate.
type QueueDepth struct {
	Name       string
	DeadLetter bool // it keeps what the function could not process
	Waiting    int
	InWork     int // received, and not yet done
}

// StoredImage is an image as the registry has it.
type StoredImage struct {
	Size   int64 // bytes of all layers, compressed
	Pushed time.Time
}

// Describe reads all there is of a function. Its errors are those of Function, and of the calls. note is told what cannot be
// shown for want of a right.
func (a *Account) Describe(ctx context.Context, name string, note func(string)) (*Description, error) {
	deployed, err := a.Function(ctx, name)
	if err != nil {
		return nil, err
	}
	naming, err := a.identify(ctx)
	if err != nil {
		return nil, err
	}
	d := &Description{Deployed: deployed}
	one := []Listed{{Name: name}}
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() error { return a.describeParts(inner, naming, d) })
	group.Go(func() (err error) { d.Stored, err = a.storedImage(inner, deployed.Image); return err })
	group.Go(func() error { return withoutRight(a.addActivity(inner, one), note, func() { forgetActivity(one) }) })
	group.Go(func() (err error) {
		d.Duration, err = a.averageDuration(inner, name)
		return withoutRight(err, nil, func() {})
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	d.Last = one[0].Last
	return d, nil
}

// describeParts reads what belongs to the function, and what only AWS can tell of that.
func (a *Account) describeParts(ctx context.Context, naming planner.Naming, d *Description) error {
	cloud := a.cloud(d.Project, naming, carried{})
	found, err := cloud.Find(ctx, d.Project)
	if err != nil {
		return explainCall(err)
	}
	var refs []planner.Ref
	for _, ref := range found {
		switch {
		case ref.Kind == planner.KindParameter && strings.HasPrefix(ref.Name, "/scar/"+d.Project+"/"+d.Name+"/"):
			d.Parameters = append(d.Parameters, ref.Name) // what it holds is not read
		case ref.Kind != planner.KindParameter && mayBelong(ref, d.Deployed):
			refs = append(refs, ref)
		}
	}
	slices.Sort(d.Parameters)
	live, err := cloud.Read(ctx, refs)
	if err != nil {
		return explainCall(err)
	}
	maps.DeleteFunc(live, func(address planner.Address, r planner.Resource) bool { return !belongs(address, r, d.Name) })
	d.Live = live
	return a.describeAddresses(ctx, cloud, d)
}

// mayBelong says whether something of the project may be of the function, by its name, so that not all of a large project
// is read. Buckets are found by the function's policy.
func mayBelong(ref planner.Ref, d *Deployed) bool {
	region := strings.Split(d.ARN+":::", ":")[3]
	switch ref.Kind {
	case planner.KindHTTPAPI:
		return true // its name says nothing
	case planner.KindLogGroup:
		return ref.Name == d.LogGroup
	case planner.KindRole:
		return ref.Name == planner.RoleName(d.Name, region) || ref.Name == planner.ScheduleRoleName(d.Name, region)
	case planner.KindQueue:
		return ref.Name == planner.QueueName(d.Project, d.Name) || ref.Name == planner.DeadLetterName(d.Project, d.Name)
	case planner.KindSchedule:
		return ref.Name == planner.ScheduleGroupName(d.Project)+"/"+d.Name
	case planner.KindRepository, planner.KindScheduleGroup, planner.KindBucket:
		return false
	}
	first, _, _ := strings.Cut(ref.Name, "/")
	return first == d.Name
}

// belongs says whether what was read is only the function's.
func belongs(address planner.Address, r planner.Resource, function string) bool {
	switch v := r.Value.(type) {
	case planner.HTTPAPI:
		name, _ := planner.FunctionOfARN(v.Function)
		return name == function
	case planner.FunctionURL, planner.InvokeConfig:
		return address.Name == function
	}
	return r.Owner.Function == function
}

// describeAddresses reads the URL of the function, or of its API, and what is in its queues.
func (a *Account) describeAddresses(ctx context.Context, cloud interface {
	Outputs(context.Context, []planner.Ref) (planner.Outputs, error)
}, d *Description) error {
	var addresses []planner.Ref
	for address := range d.Live {
		switch address.Kind {
		case planner.KindFunctionURL, planner.KindHTTPAPI:
			addresses = append(addresses, address)
		case planner.KindQueue:
			d.Queues = append(d.Queues, QueueDepth{Name: address.Name, DeadLetter: address.Name == planner.DeadLetterName(d.Project, d.Name)})
		}
	}
	slices.SortFunc(d.Queues, func(x, y QueueDepth) int { return cmp.Compare(x.Name, y.Name) })
	outputs, err := cloud.Outputs(ctx, addresses)
	if err != nil {
		return explainCall(err)
	}
	for _, values := range outputs {
		d.URL = values["url"]
	}
	for i := range d.Queues {
		if err := a.measure(ctx, &d.Queues[i]); err != nil {
			return err
		}
	}
	return nil
}

// measure asks how much is in a queue. One that is gone by now is empty.
func (a *Account) measure(ctx context.Context, q *QueueDepth) error {
	client := sqs.NewFromConfig(a.config)
	var gone *sqstypes.QueueDoesNotExist
	url, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &q.Name})
	if errors.As(err, &gone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find queue %s: %w", q.Name, explainCall(err))
	}
	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{
		sqstypes.QueueAttributeNameApproximateNumberOfMessages, sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		sqstypes.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}})
	if errors.As(err, &gone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read how much is in queue %s: %w", q.Name, explainCall(err))
	}
	number := func(name sqstypes.QueueAttributeName) int {
		n, _ := strconv.Atoi(out.Attributes[string(name)]) // what is absent is 0
		return n
	}
	q.Waiting = number(sqstypes.QueueAttributeNameApproximateNumberOfMessages) + number(sqstypes.QueueAttributeNameApproximateNumberOfMessagesDelayed)
	q.InWork = number(sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible)
	return nil
}

// storedImage asks the registry for an image, by the reference that Lambda has. Of other registries than ECR, and of images
// that are gone, nothing is told.
func (a *Account) storedImage(ctx context.Context, reference string) (*StoredImage, error) {
	host, rest, _ := strings.Cut(reference, "/")
	repository, digest, found := strings.Cut(rest, "@")
	if !found || !strings.Contains(host, ".dkr.ecr.") {
		return nil, nil
	}
	out, err := ecr.NewFromConfig(a.config).DescribeImages(ctx, &ecr.DescribeImagesInput{
		RepositoryName: &repository, ImageIds: []ecrtypes.ImageIdentifier{{ImageDigest: &digest}},
	})
	var noRepository *ecrtypes.RepositoryNotFoundException
	var noImage *ecrtypes.ImageNotFoundException
	switch {
	case errors.As(err, &noRepository), errors.As(err, &noImage):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the image %s: %w", reference, explainCall(err))
	case len(out.ImageDetails) == 0:
		return nil, nil
	}
	image := out.ImageDetails[0]
	return &StoredImage{Size: sdk.ToInt64(image.ImageSizeInBytes), Pushed: sdk.ToTime(image.ImagePushedAt)}, nil
}
