// Package logs serves Amazon CloudWatch Logs: groups, their streams, and the events in them.
package logs

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Config is what a Service needs. All of it must be given.
type Config struct {
	DB      *store.DB
	Clock   clock.Clock
	Account string // twelve digits
	Region  string
}

// Service is the CloudWatch Logs of one account and region.
type Service struct {
	cfg        Config
	operations map[string]wire.JSONOperation
}

// group is a log group, as it is stored and described.
type group struct {
	Name      string
	Created   int64 // milliseconds since 1970, as all times here
	Retention int   // days; 0: for ever
	Tags      map[string]string
	Bytes     int64
}

// Below rootBucket there is a bucket per group, with the group under metaKey and in buckets of their
// own: the streams by name; the names of the streams by id; the events by time and order of arrival;
// and the keys of the events by stream. What is asked of a group and what is asked of a stream are
// both a walk along one of the last two.
const metaKey = "meta"

var (
	rootBucket    = []byte("logs.groups")
	streamsBucket = []byte("streams")
	namesBucket   = []byte("names")
	eventsBucket  = []byte("events")
	indexBucket   = []byte("index")
)

// New returns the service, with the state that is in the database.
func New(cfg Config) (*Service, error) {
	s := &Service{cfg: cfg}
	s.operations = map[string]wire.JSONOperation{
		"CreateLogGroup":        wire.JSON(s.createLogGroup),
		"DescribeLogGroups":     wire.JSON(s.describeLogGroups),
		"DeleteLogGroup":        wire.JSON(s.deleteLogGroup),
		"PutRetentionPolicy":    wire.JSON(s.putRetentionPolicy),
		"DeleteRetentionPolicy": wire.JSON(s.deleteRetentionPolicy),
		"TagResource":           wire.JSON(s.tagResource),
		"UntagResource":         wire.JSON(s.untagResource),
		"ListTagsForResource":   wire.JSON(s.listTagsForResource),
		"CreateLogStream":       wire.JSON(s.createLogStream),
		"DeleteLogStream":       wire.JSON(s.deleteLogStream),
		"DescribeLogStreams":    wire.JSON(s.describeLogStreams),
		"PutLogEvents":          wire.JSON(s.putLogEvents),
		"GetLogEvents":          wire.JSON(s.getLogEvents),
		"FilterLogEvents":       wire.JSON(s.filterLogEvents),
	}
	err := cfg.DB.Bolt().Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(rootBucket)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open log groups: %w", err)
	}
	return s, nil
}

// ServeHTTP serves one call.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	wire.ServeJSON(w, r, "logs", s.operations)
}

// Exists says whether there is a log group of that name.
func (s *Service) Exists(name string) (bool, error) {
	found := false
	err := s.cfg.DB.Bolt().View(func(tx *bbolt.Tx) error {
		found = tx.Bucket(rootBucket).Bucket([]byte(name)) != nil
		return nil
	})
	return found, err
}

// Tagged are the groups for the tagging service.
func (s *Service) Tagged(context.Context) ([]wire.Resource, error) {
	var out []wire.Resource
	err := s.eachGroup("", func(g group) bool {
		out = append(out, wire.Resource{ARN: s.arn(g.Name), Tags: g.Tags})
		return true
	})
	return out, err
}

func (s *Service) arn(group string) string {
	return fmt.Sprintf("arn:%s:logs:%s:%s:log-group:%s", wire.Partition(s.cfg.Region), s.cfg.Region, s.cfg.Account, group)
}

func (s *Service) now() int64 { return s.cfg.Clock.Now().UnixMilli() }

func noSuchGroup() error {
	return wire.Errorf(http.StatusBadRequest, "ResourceNotFoundException", "The specified log group does not exist.")
}

func noSuchStream() error {
	return wire.Errorf(http.StatusBadRequest, "ResourceNotFoundException", "The specified log stream does not exist.")
}

func invalid(format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, "InvalidParameterException", format, args...)
}

func constraint(value any, field, rule string) error {
	return invalid("1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: Member must %s", value, field, rule)
}

// view reads one group.
func (s *Service) view(name string, read func(b *bbolt.Bucket) error) error {
	return s.cfg.DB.Bolt().View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(rootBucket).Bucket([]byte(name))
		if b == nil {
			return noSuchGroup()
		}
		return read(b)
	})
}

// update changes one group in a transaction.
func (s *Service) update(name string, change func(b *bbolt.Bucket, g *group) error) error {
	return s.cfg.DB.Bolt().Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(rootBucket).Bucket([]byte(name))
		if b == nil {
			return noSuchGroup()
		}
		g, err := readGroup(b)
		if err != nil {
			return err
		}
		if err := change(b, &g); err != nil {
			return err
		}
		return store.PutJSON(b, metaKey, g)
	})
}

// eachGroup visits the groups whose names start with prefix, in order, until visit returns false.
func (s *Service) eachGroup(prefix string, visit func(group) bool) error {
	return s.cfg.DB.Bolt().View(func(tx *bbolt.Tx) error {
		root := tx.Bucket(rootBucket)
		c := root.Cursor()
		for name, _ := c.Seek([]byte(prefix)); name != nil && strings.HasPrefix(string(name), prefix); name, _ = c.Next() {
			g, err := readGroup(root.Bucket(name))
			if err != nil {
				return err
			}
			if !visit(g) {
				return nil
			}
		}
		return nil
	})
}

func readGroup(b *bbolt.Bucket) (group, error) {
	g, _, err := store.GetJSON[group](b, metaKey)
	if err != nil {
		return group{}, fmt.Errorf("log group: %w", err)
	}
	return g, nil
}
