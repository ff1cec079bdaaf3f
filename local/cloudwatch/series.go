package cloudwatch

import (
	"maps"
	"slices"
	"time"
)

// kept is how long minutes are kept: as long as CloudWatch keeps them ("Metrics retention" in its user guide).
const kept = 15 * 24 * time.Hour

// series are the metrics of one function.
type series struct {
	minutes map[int64]map[string]*statistics // by minute since 1970, and by name of the metric
	pruned  int64                            // minute
}

// statistics are what is known of a metric in a minute.
type statistics struct{ count, sum, least, most float64 }

func (s *statistics) add(value float64) {
	if s.count == 0 || value < s.least {
		s.least = value
	}
	if s.count == 0 || value > s.most {
		s.most = value
	}
	s.count++
	s.sum += value
}

func (s *statistics) merge(other *statistics) {
	if s.count == 0 {
		*s = *other
		return
	}
	s.count, s.sum = s.count+other.count, s.sum+other.sum
	s.least, s.most = min(s.least, other.least), max(s.most, other.most)
}

// stats are the statistics that are served, by CloudWatch's names.
var stats = map[string]func(*statistics) float64{
	"SampleCount": func(s *statistics) float64 { return s.count },
	"Sum":         func(s *statistics) float64 { return s.sum },
	"Average":     func(s *statistics) float64 { return s.sum / s.count },
	"Minimum":     func(s *statistics) float64 { return s.least },
	"Maximum":     func(s *statistics) float64 { return s.most },
}

// units are those of Lambda's metrics, which are all that there are.
var units = map[string]string{"Invocations": "Count", "Errors": "Count", "Throttles": "Count", "Duration": "Milliseconds"}

func (s *series) add(at time.Time, values map[string]float64) {
	minute := at.Unix() / 60
	s.prune(minute)
	metrics := s.minutes[minute]
	if metrics == nil {
		metrics = map[string]*statistics{}
		s.minutes[minute] = metrics
	}
	for name, value := range values {
		if metrics[name] == nil {
			metrics[name] = &statistics{}
		}
		metrics[name].add(value)
	}
}

// prune forgets what is too old, once in an hour.
func (s *series) prune(now int64) {
	if now-s.pruned < 60 {
		return
	}
	s.pruned = now
	maps.DeleteFunc(s.minutes, func(minute int64, _ map[string]*statistics) bool {
		return minute < now-int64(kept/time.Minute)
	})
}

// point is the value of a metric in a period.
type point struct {
	at    time.Time // when the period begins
	value float64
}

// points are the values of a metric from start until before end, the oldest first. Periods begin at whole multiples of
// themselves.
func (s *series) points(metric, stat string, period time.Duration, start, end time.Time) []point {
	length := int64(period / time.Minute)
	periods := map[int64]*statistics{}
	for minute, metrics := range s.minutes {
		first := minute - minute%length
		if found := metrics[metric]; found != nil && minute*60 >= start.Unix() && minute*60 < end.Unix() {
			if periods[first] == nil {
				periods[first] = &statistics{}
			}
			periods[first].merge(found)
		}
	}
	var out []point
	for _, first := range slices.Sorted(maps.Keys(periods)) {
		out = append(out, point{time.Unix(first*60, 0).UTC(), stats[stat](periods[first])})
	}
	return out
}

// has says whether a metric was ever reported.
func (s *series) has(metric string) bool {
	for _, metrics := range s.minutes {
		if metrics[metric] != nil {
			return true
		}
	}
	return false
}
