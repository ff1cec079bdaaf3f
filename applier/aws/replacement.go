package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/scar-go/scar/planner"
)

// arrivalClient finds out what has arrived in a bucket.
type arrivalClient interface {
	s3.ListObjectsV2APIClient
	s3.ListMultipartUploadsAPIClient
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// invokeClient gives a function an event.
type invokeClient interface {
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// replacements see to it that replacing a function loses nothing. Lambda knows no way to exchange a function for another of
// its name: for a while there is none, with the function goes its policy, and what S3 tells of meanwhile is told to
// nobody. What is needed to make up for that is written down before the function goes.
type replacements struct {
	client      arrivalClient
	invoker     invokeClient
	parameters  *parameters
	permissions *permissions
	roles       *roles
	naming      planner.Naming
	project     string
	parallel    int
	patience

	mu    sync.Mutex
	begun map[string]replacement // by function; what was written by this very process need not be read
}

// replacement is what is written down before a function is replaced.
type replacement struct {
	// Since is from when on what arrived may not have been worked on, by S3's clock.
	Since time.Time `json:"since"`

	// Uploads is the same of objects that were uploaded in parts. S3 dates them by when their upload began (S3 user guide,
	// "System-defined object metadata"), so an old one may have been completed just now.
	Uploads time.Time `json:"uploads"`

	// Statements are those of others in the function's policy, which are made again.
	Statements []planner.Permission `json:"statements,omitempty"`
}

// clockMargin is by how much what S3 says of times may differ from one answer to another.
const clockMargin = time.Minute

// maxParameter is how much a parameter of the standard tier holds (Systems Manager API reference, PutParameter).
const maxParameter = 4096

// begin writes down what the replacement of a function takes, before it is deleted. The statements that it returns are to be made
// again as soon as there is a function again.
func (r *replacements) begin(ctx context.Context, c planner.Change, live planner.Function, say sayer) ([]planner.Permission, error) {
	all, err := r.permissions.readAll(ctx, live.Name)
	if err != nil {
		return nil, err
	}
	var note replacement
	var foreign []planner.Permission
	var buckets []string
	takesOver := c.Reason == planner.ReasonAdopted
	for _, is := range all {
		p := is.Value.(planner.Permission)
		byS3 := p.Principal == planner.ServicePrincipal("s3")
		if bucket, found := refOf(p.SourceARN); byS3 && found && r.isOurs(p, say) {
			buckets = append(buckets, bucket.Name)
		}
		if is.Owner.Project == r.project {
			continue
		}
		foreign = append(foreign, p)
		if !takesOver || !byS3 {
			note.Statements = append(note.Statements, p)
		}
	}
	if len(buckets)+len(foreign) == 0 {
		return nil, nil
	}
	if note.Since, note.Uploads, err = r.clocks(ctx, buckets); err != nil {
		return nil, err
	}
	// What a run of the former function was at work on may end with it.
	note.Since = note.Since.Add(-clockMargin - time.Duration(live.Timeout)*time.Second)
	if note.Uploads.After(note.Since) {
		note.Uploads = note.Since
	}
	return foreign, r.write(ctx, c, note, say)
}

// isOurs says whether a bucket that may start a function can be looked into. One of another account cannot.
func (r *replacements) isOurs(p planner.Permission, say sayer) bool {
	if p.SourceAccount == "" || p.SourceAccount == r.naming.Account {
		return true
	}
	say(fmt.Sprintf("what arrives in %s of the account %s while the function is replaced is not found", p.SourceARN, p.SourceAccount), 0, 0)
	return false
}

// clocks are the time now, as S3 sees it, and when the oldest upload in parts began that is still under way.
func (r *replacements) clocks(ctx context.Context, buckets []string) (now, uploads time.Time, err error) {
	now = time.Now().UTC()
	uploads = now
	for _, bucket := range buckets {
		pages := s3.NewListMultipartUploadsPaginator(r.client, &s3.ListMultipartUploadsInput{Bucket: &bucket, ExpectedBucketOwner: &r.naming.Account})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if isNotFound(err) {
				break
			}
			if err != nil {
				return now, uploads, fmt.Errorf("look for uploads that are under way in the bucket %s: %w", bucket, err)
			}
			if at, told := awsmiddleware.GetServerTime(page.ResultMetadata); told && at.Before(now) {
				now = at.UTC()
			}
			for _, upload := range page.Uploads {
				if begun := deref(upload.Initiated); begun.Before(uploads) {
					uploads = begun.UTC()
				}
			}
		}
	}
	return now, uploads, nil
}

// write stores what is written down. If an earlier try did so, its times count, since it may have deleted the function.
func (r *replacements) write(ctx context.Context, c planner.Change, note replacement, say sayer) error {
	name := planner.ReplacementName(r.project, c.Name)
	before, found, err := r.read(ctx, c.Name)
	if err != nil {
		return err
	}
	if found {
		note = before.with(note)
	}
	content, err := json.Marshal(note)
	if err != nil {
		return fmt.Errorf("write down that the function is being replaced: %w", err)
	}
	if len(content) > maxParameter {
		say("the statements of others in its policy are too many to be kept, should this be cut short", 0, 0)
		if content, err = json.Marshal(replacement{Since: note.Since, Uploads: note.Uploads}); err != nil {
			return fmt.Errorf("write down that the function is being replaced: %w", err)
		}
	}
	in := &ssm.PutParameterInput{Name: &name, Type: types.ParameterTypeString, Value: ptr(string(content))}
	if found {
		in.Overwrite = ptr(true)
	} else {
		in.Tags = tagList(r.tags(c), newSSMTag)
	}
	if err := r.parameters.put(ctx, in); err != nil && !isExists(err) { // there: a lost answer
		return fmt.Errorf("write down that the function is being replaced: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun == nil {
		r.begun = map[string]replacement{}
	}
	r.begun[c.Name] = note
	return nil
}

func (r *replacements) tags(c planner.Change) planner.Tags {
	tags := planner.Tags{planner.TagProject: r.project, planner.TagFunction: c.Name}
	if c.Reason == planner.ReasonAdopted {
		tags[planner.TagTakesOver] = "original"
	}
	return tags
}

// with is what a second try adds to what the first wrote down.
func (n replacement) with(later replacement) replacement {
	if later.Uploads.Before(n.Uploads) {
		n.Uploads = later.Uploads
	}
	for _, p := range later.Statements {
		if !slices.ContainsFunc(n.Statements, func(has planner.Permission) bool { return has.StatementID == p.StatementID }) {
			n.Statements = append(n.Statements, p)
		}
	}
	return n
}

// read is what was written down about the replacement of a function, by this or an earlier process.
func (r *replacements) read(ctx context.Context, function string) (note replacement, found bool, err error) {
	r.mu.Lock()
	note, found = r.begun[function]
	r.mu.Unlock()
	if found {
		return note, true, nil
	}
	name := planner.ReplacementName(r.project, function)
	stored, err := r.parameters.get(ctx, []string{name})
	if err != nil || len(stored) == 0 {
		return replacement{}, false, err
	}
	if err := json.Unmarshal([]byte(deref(stored[0].Value)), &note); err != nil {
		return replacement{}, false, fmt.Errorf("the parameter %s does not say when the replacement of the function began, as scar writes it: %w", name, err)
	}
	return note, true, nil
}

// restore makes statements again that went with a function.
func (r *replacements) restore(ctx context.Context, statements []planner.Permission, say sayer) error {
	for _, p := range statements {
		if err := r.permissions.create(ctx, p, say); err != nil && !errors.Is(err, errExists) {
			return fmt.Errorf("restore the statement %q of the function's policy: %w", p.StatementID, err)
		}
	}
	return nil
}

// end ends the replacement that the first change of a batch is about: it sends the function what has arrived since it began, as
// far as the rules of the batch's other changes want it, and deletes what was written down. Where the function is gone,
// or the project is destroyed, there is nothing to send.
func (r *replacements) end(ctx context.Context, functions *functions, b planner.Batch, say sayer) error {
	function, _ := planner.ReplacementOf(r.project, b[0].Name)
	note, found, err := r.read(ctx, function)
	if err != nil || !found {
		return err
	}
	is, owner, err := functions.read(ctx, function)
	if err != nil && !errors.Is(err, errAbsent) {
		return err
	}
	if err == nil && owner.Project == r.project && b[0].Reason == planner.ReasonReplaced {
		if err := r.restore(ctx, note.Statements, say); err != nil {
			return err
		}
		if err := r.send(ctx, is, arrivals(b[1:]), note, say); err != nil {
			return err
		}
	}
	if err := converge(ctx, r.patience, r.project, r.parameters, b[0], say); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.begun, function)
	return nil
}

// arrivals are the rules about new objects that changes make or leave.
func arrivals(changes []planner.Change) []planner.Trigger {
	var rules []planner.Trigger
	for _, c := range changes {
		if rule, isRule := c.After.(planner.Trigger); isRule && slices.ContainsFunc(rule.Events, isCreation) {
			rules = append(rules, rule)
		}
	}
	return rules
}

func isCreation(event string) bool { return strings.HasPrefix(event, "s3:ObjectCreated:") }
