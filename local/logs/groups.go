package logs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

const (
	maxName    = 512
	maxTags    = 50
	groupsPage = 50
)

var groupPattern = wire.Pattern(`^[.\-_/#A-Za-z0-9]+$`)

// retentions are the numbers of days for which events can be kept.
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

type createLogGroupInput struct {
	LogGroupName  string
	Tags          map[string]string
	KmsKeyID      string `json:"kmsKeyId"`
	LogGroupClass string
}

func (s *Service) createLogGroup(_ context.Context, in createLogGroupInput) (wire.Empty, error) {
	if err := checkGroupName(in.LogGroupName); err != nil {
		return wire.Empty{}, err
	}
	if len(in.Tags) > maxTags {
		return wire.Empty{}, constraint(in.Tags, "tags", fmt.Sprintf("have length less than or equal to %d", maxTags))
	}
	if in.KmsKeyID != "" || (in.LogGroupClass != "" && in.LogGroupClass != standardClass) {
		return wire.Empty{}, wire.Errorf(http.StatusNotImplemented, "NotImplemented", "the local backend serves log groups of class %s without keys only", standardClass)
	}
	return wire.Empty{}, s.cfg.DB.Bolt().Update(func(tx *bbolt.Tx) error {
		b, err := tx.Bucket(rootBucket).CreateBucket([]byte(in.LogGroupName))
		if errors.Is(err, bolterrors.ErrBucketExists) {
			return wire.Errorf(http.StatusBadRequest, "ResourceAlreadyExistsException", "The specified log group already exists")
		}
		if err != nil {
			return err
		}
		for _, name := range [][]byte{streamsBucket, namesBucket, eventsBucket, indexBucket} {
			if _, err := b.CreateBucket(name); err != nil {
				return err
			}
		}
		return store.PutJSON(b, metaKey, group{Name: in.LogGroupName, Created: s.now(), Tags: in.Tags})
	})
}

const standardClass = "STANDARD"

func checkGroupName(name string) error {
	if name == "" || len(name) > maxName {
		return constraint(name, "logGroupName", fmt.Sprintf("have length between 1 and %d", maxName))
	}
	if !groupPattern().MatchString(name) {
		return constraint(name, "logGroupName", `satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+`)
	}
	return nil
}

type describeLogGroupsInput struct {
	LogGroupNamePrefix  string
	LogGroupNamePattern string // a part of the name
	NextToken           string
	Limit               int
}

type groupDescription struct {
	LogGroupName      string `json:"logGroupName"`
	CreationTime      int64  `json:"creationTime"`
	RetentionInDays   int    `json:"retentionInDays,omitempty"`
	MetricFilterCount int    `json:"metricFilterCount"`
	ARN               string `json:"arn"`
	StoredBytes       int64  `json:"storedBytes"`
	LogGroupClass     string `json:"logGroupClass"`
	LogGroupARN       string `json:"logGroupArn"`
}

type describeLogGroupsOutput struct {
	LogGroups []groupDescription `json:"logGroups"`
	NextToken string             `json:"nextToken,omitempty"`
}

func (s *Service) describeLogGroups(ctx context.Context, in describeLogGroupsInput) (out describeLogGroupsOutput, err error) {
	if in.LogGroupNamePrefix != "" && in.LogGroupNamePattern != "" {
		return out, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	if in.Limit < 0 || in.Limit > groupsPage {
		return out, constraint(in.Limit, "limit", fmt.Sprintf("have value between 1 and %d", groupsPage))
	}
	start, err := wire.PageStart(in.NextToken, "InvalidParameterException")
	if err != nil {
		return out, err
	}
	size := wire.PageSize(ctx, in.Limit, groupsPage)
	out.LogGroups = []groupDescription{}
	err = s.eachGroup(in.LogGroupNamePrefix, func(g group) bool {
		if g.Name < start || !strings.Contains(strings.ToLower(g.Name), strings.ToLower(in.LogGroupNamePattern)) {
			return true
		}
		if len(out.LogGroups) == size {
			out.NextToken = wire.PageToken(g.Name)
			return false
		}
		out.LogGroups = append(out.LogGroups, s.describe(g))
		return true
	})
	return out, err
}

func (s *Service) describe(g group) groupDescription {
	return groupDescription{
		LogGroupName: g.Name, CreationTime: g.Created, RetentionInDays: g.Retention, StoredBytes: g.Bytes,
		ARN: s.arn(g.Name) + ":*", LogGroupARN: s.arn(g.Name), LogGroupClass: standardClass,
	}
}

type groupInput struct{ LogGroupName string }

func (s *Service) deleteLogGroup(_ context.Context, in groupInput) (wire.Empty, error) {
	return wire.Empty{}, s.cfg.DB.Bolt().Update(func(tx *bbolt.Tx) error {
		err := tx.Bucket(rootBucket).DeleteBucket([]byte(in.LogGroupName))
		if errors.Is(err, bolterrors.ErrBucketNotFound) || errors.Is(err, bolterrors.ErrBucketNameRequired) {
			return noSuchGroup()
		}
		return err
	})
}

type putRetentionPolicyInput struct {
	LogGroupName    string
	RetentionInDays int
}

func (s *Service) putRetentionPolicy(_ context.Context, in putRetentionPolicyInput) (wire.Empty, error) {
	if !slices.Contains(retentions, in.RetentionInDays) {
		set := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(retentions)), ", "), "[]")
		return wire.Empty{}, constraint(in.RetentionInDays, "retentionInDays", "satisfy enum value set: ["+set+"]")
	}
	return wire.Empty{}, s.update(in.LogGroupName, func(_ *bbolt.Bucket, g *group) error {
		g.Retention = in.RetentionInDays
		return nil
	})
}

func (s *Service) deleteRetentionPolicy(_ context.Context, in groupInput) (wire.Empty, error) {
	return wire.Empty{}, s.update(in.LogGroupName, func(_ *bbolt.Bucket, g *group) error {
		g.Retention = 0
		return nil
	})
}

// groupOfARN is the name of the group that an ARN, with or without ":*" behind, names.
func (s *Service) groupOfARN(arn string) (string, error) {
	name, found := strings.CutPrefix(arn, s.arn(""))
	if !found || name == "" {
		return "", wire.Errorf(http.StatusBadRequest, "ResourceNotFoundException", "The specified resource does not exist.")
	}
	return strings.TrimSuffix(name, ":*"), nil
}

type tagResourceInput struct {
	ResourceARN string `json:"resourceArn"`
	Tags        map[string]string
}

func (s *Service) tagResource(_ context.Context, in tagResourceInput) (wire.Empty, error) {
	name, err := s.groupOfARN(in.ResourceARN)
	if err != nil {
		return wire.Empty{}, err
	}
	return wire.Empty{}, s.update(name, func(_ *bbolt.Bucket, g *group) error {
		if g.Tags == nil {
			g.Tags = map[string]string{}
		}
		maps.Copy(g.Tags, in.Tags)
		if len(g.Tags) > maxTags {
			return wire.Errorf(http.StatusBadRequest, "TooManyTagsException", "The number of tags exceeds the limit of %d.", maxTags)
		}
		return nil
	})
}

type untagResourceInput struct {
	ResourceARN string `json:"resourceArn"`
	TagKeys     []string
}

func (s *Service) untagResource(_ context.Context, in untagResourceInput) (wire.Empty, error) {
	name, err := s.groupOfARN(in.ResourceARN)
	if err != nil {
		return wire.Empty{}, err
	}
	return wire.Empty{}, s.update(name, func(_ *bbolt.Bucket, g *group) error {
		for _, key := range in.TagKeys {
			delete(g.Tags, key)
		}
		return nil
	})
}

type listTagsInput struct {
	ResourceARN string `json:"resourceArn"`
}

type listTagsOutput struct {
	Tags map[string]string `json:"tags"`
}

func (s *Service) listTagsForResource(_ context.Context, in listTagsInput) (out listTagsOutput, err error) {
	name, err := s.groupOfARN(in.ResourceARN)
	if err != nil {
		return out, err
	}
	err = s.view(name, func(b *bbolt.Bucket) error {
		g, err := readGroup(b)
		out.Tags = g.Tags
		return err
	})
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	return out, err
}
