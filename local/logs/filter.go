package logs

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/wire"
)

type filterLogEventsInput struct {
	LogGroupName        string
	LogGroupIdentifier  string
	LogStreamNames      []string
	LogStreamNamePrefix string
	StartTime           *int64
	EndTime             *int64 // events later than this are left out
	FilterPattern       string
	NextToken           string
	Limit               int
}

type filteredEvent struct {
	LogStreamName string `json:"logStreamName"`
	outputEvent
	EventID string `json:"eventId"`
}

type filterLogEventsOutput struct {
	Events             []filteredEvent `json:"events"`
	SearchedLogStreams []struct{}      `json:"searchedLogStreams"` // always empty since 2019
	NextToken          string          `json:"nextToken,omitempty"`
}

func (s *Service) filterLogEvents(ctx context.Context, in filterLogEventsInput) (out filterLogEventsOutput, err error) {
	name, err := s.groupName(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return out, err
	}
	if in.Limit < 0 || in.Limit > maxPageEvents {
		return out, constraint(in.Limit, "limit", fmt.Sprintf("have value between 1 and %d", maxPageEvents))
	}
	if len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != "" {
		return out, invalid("logStreamNames and logStreamNamePrefix cannot be used together.")
	}
	p, err := parsePattern(in.FilterPattern)
	if err != nil {
		return out, err
	}
	from, err := filterStart(in)
	if err != nil {
		return out, err
	}
	err = s.view(name, func(b *bbolt.Bucket) error {
		g, err := readGroup(b)
		if err != nil {
			return err
		}
		if at := positionOf(s.oldest(g), 0); bytes.Compare(at[:], from[:]) > 0 {
			from = at
		}
		streams, err := wantedStreams(b, in)
		if err != nil {
			return err
		}
		out = collect(b, in, from, p, streams, wire.PageSize(ctx, in.Limit, maxPageEvents))
		return nil
	})
	return out, err
}

// filterStart is the position of the first event to look at.
func filterStart(in filterLogEventsInput) (from position, err error) {
	if in.NextToken != "" {
		text, err := wire.PageStart(in.NextToken, "InvalidParameterException")
		if err != nil {
			return from, err
		}
		if len(text) != len(from) {
			return from, invalid("The specified nextToken is invalid.")
		}
		copy(from[:], text)
		return from, nil
	}
	if in.StartTime != nil {
		from = positionOf(max(0, *in.StartTime), 0)
	}
	return from, nil
}

// wantedStreams are the names by id of the streams to look into.
func wantedStreams(b *bbolt.Bucket, in filterLogEventsInput) (map[uint64]string, error) {
	for _, name := range in.LogStreamNames {
		if _, found, err := readStream(b, name); err != nil || !found {
			return nil, noSuchStream()
		}
	}
	out := map[uint64]string{}
	err := b.Bucket(namesBucket).ForEach(func(id, name []byte) error {
		wanted := strings.HasPrefix(string(name), in.LogStreamNamePrefix)
		if len(in.LogStreamNames) > 0 {
			wanted = slices.Contains(in.LogStreamNames, string(name))
		}
		if wanted {
			out[binary.BigEndian.Uint64(id)] = string(name)
		}
		return nil
	})
	return out, err
}

func collect(b *bbolt.Bucket, in filterLogEventsInput, from position, p pattern, streams map[uint64]string, most int) filterLogEventsOutput {
	end := int64(math.MaxInt64)
	if in.EndTime != nil {
		end = *in.EndTime
	}
	out := filterLogEventsOutput{Events: []filteredEvent{}, SearchedLogStreams: []struct{}{}}
	total := 0
	c := b.Bucket(eventsBucket).Cursor()
	for key, value := c.Seek(from[:]); key != nil; key, value = c.Next() {
		if int64(binary.BigEndian.Uint64(key)) > end {
			break
		}
		name, wanted := streams[binary.BigEndian.Uint64(value)]
		if !wanted || !p.matches(string(value[valueHeader:])) {
			continue
		}
		total += int(size(value))
		if len(out.Events) == most || len(out.Events) > 0 && total > maxPageBytes {
			out.NextToken = wire.PageToken(string(key))
			break
		}
		out.Events = append(out.Events, filteredEvent{name, newOutputEvent(key, value), eventID(key)})
	}
	return out
}

// eventID is an id of 56 digits, as AWS's are.
func eventID(key []byte) string {
	return fmt.Sprintf("%028d%028d", binary.BigEndian.Uint64(key), binary.BigEndian.Uint64(key[8:]))
}

// pattern is a filter pattern of terms, as of "Filter pattern syntax" in the CloudWatch Logs user
// guide: all of the plain ones must be there and none of the excluded. Optional ones count only where
// there are no others, and then one of them must be there.
type pattern struct{ all, any, none []string }

func parsePattern(text string) (p pattern, err error) {
	rest := strings.TrimSpace(text)
	if rest != "" && strings.ContainsRune("{[%", rune(rest[0])) {
		return p, invalid("the local backend serves filter patterns of terms and quoted phrases only, not %q", text)
	}
	for rest != "" {
		list := &p.all
		switch rest[0] {
		case '?':
			list, rest = &p.any, rest[1:]
		case '-':
			list, rest = &p.none, rest[1:]
		}
		term, after, err := cutTerm(rest)
		if err != nil {
			return p, err
		}
		if term != "" {
			*list = append(*list, term)
		}
		rest = strings.TrimSpace(after)
	}
	return p, nil
}

// cutTerm takes a word or a quoted phrase, in which a backslash escapes, off the front.
func cutTerm(text string) (term, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, " \t\n")
		if end < 0 {
			return text, "", nil
		}
		return text[:end], text[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case text[i] == '"':
			return b.String(), text[i+1:], nil
		default:
			b.WriteByte(text[i])
		}
	}
	return "", "", invalid("Invalid filter pattern: a quote is not closed")
}

func (p pattern) matches(message string) bool {
	has := func(term string) bool { return strings.Contains(message, term) }
	if slices.ContainsFunc(p.none, has) {
		return false
	}
	if len(p.all) == 0 && len(p.any) > 0 {
		return slices.ContainsFunc(p.any, has)
	}
	return !slices.ContainsFunc(p.all, func(term string) bool { return !has(term) })
}
