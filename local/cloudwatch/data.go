package cloudwatch

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/scar-go/scar/local/wire"
)

// The limits of GetMetricData and ListMetrics ("CloudWatch service quotas" in the user guide).
const (
	maxQueries = 500
	maxListed  = 500
)

const (
	lambdaNamespace = "AWS/Lambda"
	functionName    = "FunctionName"
)

type dimension struct{ Name, Value string }

type metric struct {
	Namespace, MetricName string
	Dimensions            []dimension
}

// function is the function that a metric is of; not one of Lambda's has more dimensions here.
func (m metric) function() string {
	if m.Namespace != lambdaNamespace || len(m.Dimensions) != 1 || m.Dimensions[0].Name != functionName {
		return ""
	}
	return m.Dimensions[0].Value
}

type dataQuery struct {
	ID         string `json:"Id"`
	Label      string
	Expression string
	ReturnData *flag
	MetricStat *struct {
		Metric metric
		Period number // seconds
		Stat   string
		Unit   string
	}
}

type dataInput struct {
	StartTime, EndTime instant
	MetricDataQueries  []dataQuery
	NextToken          string
	ScanBy             string
}

func (s *Service) getMetricData(ctx context.Context, body []byte) (tree, error) {
	var in dataInput
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, serialization(err)
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	first, err := firstOf(in.NextToken, len(in.MetricDataQueries))
	if err != nil {
		return nil, err
	}
	next := min(first+wire.PageSize(ctx, 0, maxQueries), len(in.MetricDataQueries))
	results := []tree{}
	for _, q := range in.MetricDataQueries[first:next] {
		if q.ReturnData == nil || bool(*q.ReturnData) {
			results = append(results, s.result(q, in))
		}
	}
	out := fields{{"MetricDataResults", results}, {"Messages", []tree{}}}
	if next < len(in.MetricDataQueries) {
		out = append(out, field{"NextToken", wire.PageToken(strconv.Itoa(next))})
	}
	return out, nil
}

// firstOf is the index at which a page begins.
func firstOf(token string, most int) (int, error) {
	text, err := wire.PageStart(token, "InvalidNextToken")
	if err != nil || text == "" {
		return 0, err
	}
	first, err := strconv.Atoi(text)
	if err != nil || first < 0 || first > most {
		return 0, wire.Errorf(http.StatusBadRequest, "InvalidNextToken", "The specified token is invalid.")
	}
	return first, nil
}

func (in dataInput) check() error {
	switch {
	case in.StartTime.IsZero() || in.EndTime.IsZero():
		return wire.Errorf(http.StatusBadRequest, "MissingParameter", "The parameters StartTime and EndTime are required.")
	case !in.StartTime.Before(in.EndTime.Time):
		return validation("The parameter StartTime must be less than the parameter EndTime.")
	case len(in.MetricDataQueries) == 0:
		return wire.Errorf(http.StatusBadRequest, "MissingParameter", "The parameter MetricDataQueries is required.")
	case len(in.MetricDataQueries) > maxQueries:
		return validation("The collection MetricDataQueries must not have a size greater than %d.", maxQueries)
	}
	seen := map[string]bool{}
	for _, q := range in.MetricDataQueries {
		if err := q.check(); err != nil {
			return err
		}
		if seen[q.ID] {
			return validation("The values for parameter id in MetricDataQueries are not unique.")
		}
		seen[q.ID] = true
	}
	return nil
}

func (q dataQuery) check() error {
	first := byte(0)
	if q.ID != "" {
		first = q.ID[0]
	}
	switch {
	case first < 'a' || first > 'z':
		return validation("The value %s for parameter MetricDataQueries.member.1.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.", q.ID)
	case q.Expression != "":
		return wire.Unknown("cloudwatch", "GetMetricData with an expression")
	case q.MetricStat == nil:
		return validation("The query %s has neither a MetricStat nor an Expression.", q.ID)
	case q.MetricStat.Period < 60 || int64(q.MetricStat.Period)%60 != 0:
		return validation("The parameter Period must be a multiple of 60 for Lambda's metrics; it is %v.", q.MetricStat.Period)
	case q.MetricStat.Period > 86400:
		return validation("The parameter Period must be 86400 at most; it is %v.", q.MetricStat.Period)
	case stats[q.MetricStat.Stat] == nil:
		return wire.Unknown("cloudwatch", fmt.Sprintf("GetMetricData with the statistic %q", q.MetricStat.Stat))
	}
	return nil
}

func validation(format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, "ValidationError", format, args...)
}

// result is the answer to one query: the newest value first, unless it was asked for otherwise.
func (s *Service) result(q dataQuery, in dataInput) tree {
	points := s.points(q, in)
	if in.ScanBy != "TimestampAscending" {
		slices.Reverse(points)
	}
	timestamps, values := []tree{}, []tree{}
	for _, p := range points {
		timestamps, values = append(timestamps, p.at), append(values, p.value)
	}
	label := q.Label
	if label == "" {
		label = q.MetricStat.Metric.MetricName
	}
	return fields{
		{"Id", q.ID}, {"Label", label}, {"Timestamps", timestamps}, {"Values", values}, {"StatusCode", "Complete"},
	}
}

func (s *Service) points(q dataQuery, in dataInput) []point {
	m := q.MetricStat.Metric
	if unit := q.MetricStat.Unit; unit != "" && unit != units[m.MetricName] {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.functions[m.function()]
	if of == nil {
		return nil
	}
	period := time.Duration(q.MetricStat.Period) * time.Second
	return of.points(m.MetricName, q.MetricStat.Stat, period, in.StartTime.Truncate(time.Minute), in.EndTime.Time)
}

type listInput struct {
	Namespace, MetricName string
	NextToken             string
	Dimensions            []dimension // with an empty value: any
}

func (in listInput) wants(m metric) bool {
	if in.Namespace != "" && in.Namespace != m.Namespace || in.MetricName != "" && in.MetricName != m.MetricName {
		return false
	}
	return !slices.ContainsFunc(in.Dimensions, func(d dimension) bool {
		return d.Name != functionName || d.Value != "" && d.Value != m.function()
	})
}

func (s *Service) listMetrics(ctx context.Context, body []byte) (tree, error) {
	var in listInput
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, serialization(err)
	}
	all := slices.DeleteFunc(s.metrics(), func(m metric) bool { return !in.wants(m) })
	first, err := firstOf(in.NextToken, len(all))
	if err != nil {
		return nil, err
	}
	next := min(first+wire.PageSize(ctx, 0, maxListed), len(all))
	list := []tree{}
	for _, m := range all[first:next] {
		list = append(list, fields{
			{"Namespace", m.Namespace}, {"MetricName", m.MetricName},
			{"Dimensions", []tree{fields{{"Name", functionName}, {"Value", m.function()}}}},
		})
	}
	out := fields{{"Metrics", list}}
	if next < len(all) {
		out = append(out, field{"NextToken", wire.PageToken(strconv.Itoa(next))})
	}
	return out, nil
}

func (s *Service) metrics() []metric {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []metric
	for _, function := range slices.Sorted(maps.Keys(s.functions)) {
		for _, name := range slices.Sorted(maps.Keys(units)) {
			if s.functions[function].has(name) {
				out = append(out, metric{lambdaNamespace, name, []dimension{{functionName, function}}})
			}
		}
	}
	return out
}
