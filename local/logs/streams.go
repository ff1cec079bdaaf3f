package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

const streamsPage = 50

// stream is a log stream, as it is stored.
type stream struct {
	ID            uint64
	Created       int64
	FirstEvent    int64 // 0: there is none
	LastEvent     int64
	LastIngestion int64
}

type streamInput struct {
	LogGroupName  string
	LogStreamName string
}

func (s *Service) createLogStream(_ context.Context, in streamInput) (wire.Empty, error) {
	if in.LogStreamName == "" || len(in.LogStreamName) > maxName || strings.ContainsAny(in.LogStreamName, ":*") {
		return wire.Empty{}, constraint(in.LogStreamName, "logStreamName", "satisfy regular expression pattern: [^:*]*")
	}
	return wire.Empty{}, s.update(in.LogGroupName, func(b *bbolt.Bucket, _ *group) error {
		if b.Bucket(streamsBucket).Get([]byte(in.LogStreamName)) != nil {
			return wire.Errorf(http.StatusBadRequest, "ResourceAlreadyExistsException", "The specified log stream already exists")
		}
		_, err := s.newStream(b, in.LogStreamName)
		return err
	})
}

func (s *Service) newStream(b *bbolt.Bucket, name string) (stream, error) {
	streams := b.Bucket(streamsBucket)
	id, err := streams.NextSequence()
	if err != nil {
		return stream{}, fmt.Errorf("make log stream: %w", err)
	}
	st := stream{ID: id, Created: s.now()}
	if err := b.Bucket(namesBucket).Put(number(id), []byte(name)); err != nil {
		return stream{}, fmt.Errorf("make log stream: %w", err)
	}
	return st, store.PutJSON(streams, name, st)
}

func readStream(b *bbolt.Bucket, name string) (st stream, found bool, err error) {
	if name == "" {
		return stream{}, false, nil
	}
	st, found, err = store.GetJSON[stream](b.Bucket(streamsBucket), name)
	if err != nil {
		return stream{}, false, fmt.Errorf("log stream: %w", err)
	}
	return st, found, nil
}

func (s *Service) deleteLogStream(_ context.Context, in streamInput) (wire.Empty, error) {
	return wire.Empty{}, s.update(in.LogGroupName, func(b *bbolt.Bucket, g *group) error {
		st, found, err := readStream(b, in.LogStreamName)
		if err != nil {
			return err
		}
		if !found {
			return noSuchStream()
		}
		index, events := b.Bucket(indexBucket), b.Bucket(eventsBucket)
		prefix := number(st.ID)
		c := index.Cursor()
		for key, _ := c.Seek(prefix); key != nil && strings.HasPrefix(string(key), string(prefix)); key, _ = c.Seek(prefix) {
			key = slices.Clone(key)
			g.Bytes -= size(events.Get(key[len(prefix):]))
			if err := events.Delete(key[len(prefix):]); err != nil {
				return err
			}
			if err := index.Delete(key); err != nil {
				return err
			}
		}
		if err := b.Bucket(namesBucket).Delete(prefix); err != nil {
			return err
		}
		return b.Bucket(streamsBucket).Delete([]byte(in.LogStreamName))
	})
}

type describeLogStreamsInput struct {
	LogGroupName        string
	LogGroupIdentifier  string
	LogStreamNamePrefix string
	OrderBy             string // LogStreamName or LastEventTime
	Descending          bool
	NextToken           string
	Limit               int
}

type streamDescription struct {
	LogStreamName       string `json:"logStreamName"`
	CreationTime        int64  `json:"creationTime"`
	FirstEventTimestamp int64  `json:"firstEventTimestamp,omitempty"`
	LastEventTimestamp  int64  `json:"lastEventTimestamp,omitempty"`
	LastIngestionTime   int64  `json:"lastIngestionTime,omitempty"`
	UploadSequenceToken string `json:"uploadSequenceToken"`
	ARN                 string `json:"arn"`
	StoredBytes         int64  `json:"storedBytes"`
}

type describeLogStreamsOutput struct {
	LogStreams []streamDescription `json:"logStreams"`
	NextToken  string              `json:"nextToken,omitempty"`
}

func (s *Service) describeLogStreams(ctx context.Context, in describeLogStreamsInput) (out describeLogStreamsOutput, err error) {
	name, err := s.groupName(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return out, err
	}
	byTime := in.OrderBy == "LastEventTime"
	if byTime && in.LogStreamNamePrefix != "" {
		return out, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	start, err := wire.PageStart(in.NextToken, "InvalidParameterException")
	if err != nil {
		return out, err
	}
	all, err := s.streams(name, in.LogStreamNamePrefix)
	if err != nil {
		return out, err
	}
	if byTime {
		slices.SortStableFunc(all, func(a, b streamDescription) int { return int(a.LastEventTimestamp - b.LastEventTimestamp) })
	}
	if in.Descending {
		slices.Reverse(all)
	}
	from := 0
	if start != "" {
		from = max(0, slices.IndexFunc(all, func(d streamDescription) bool { return d.LogStreamName == start }))
	}
	size := wire.PageSize(ctx, in.Limit, streamsPage)
	out.LogStreams = all[from:min(from+size, len(all))]
	if from+size < len(all) {
		out.NextToken = wire.PageToken(all[from+size].LogStreamName)
	}
	return out, nil
}

// streams are the streams of a group whose names start with prefix, in order.
func (s *Service) streams(groupName, prefix string) ([]streamDescription, error) {
	out := []streamDescription{}
	err := s.view(groupName, func(b *bbolt.Bucket) error {
		c := b.Bucket(streamsBucket).Cursor()
		for key, value := c.Seek([]byte(prefix)); key != nil && strings.HasPrefix(string(key), prefix); key, value = c.Next() {
			var st stream
			if err := json.Unmarshal(value, &st); err != nil {
				return fmt.Errorf("read log stream %q: %w", key, err)
			}
			out = append(out, streamDescription{
				LogStreamName: string(key), CreationTime: st.Created, FirstEventTimestamp: st.FirstEvent,
				LastEventTimestamp: st.LastEvent, LastIngestionTime: st.LastIngestion,
				UploadSequenceToken: fmt.Sprint(st.ID), // obsolete: nobody need send it any more
				ARN:                 s.arn(groupName) + ":log-stream:" + string(key),
			})
		}
		return nil
	})
	return out, err
}

// groupName is the name of a group that was given by name or by an identifier, which may be an ARN.
func (s *Service) groupName(name, identifier string) (string, error) {
	switch {
	case name != "" && identifier != "":
		return "", invalid("LogGroup name and LogGroup identifier are mutually exclusive parameters.")
	case strings.HasPrefix(identifier, "arn:"):
		return s.groupOfARN(identifier)
	case identifier != "":
		return identifier, nil
	default:
		return name, nil
	}
}
