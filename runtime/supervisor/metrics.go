package supervisor

import "time"

// metricsNamespace is where CloudWatch keeps the metrics of all functions.
const metricsNamespace = "scar"

// embeddedMetrics is a line of the log that CloudWatch makes metrics from, see
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type embeddedMetrics struct {
	AWS struct {
		Timestamp         int64 // milliseconds since 1970
		CloudWatchMetrics []metricDirective
	} `json:"_aws"`

	// The dimension, and what is no metric but can be searched for.
	Function  string `json:"function"`
	RequestID string `json:"requestId"`
	Input     string `json:"input"`
	Status    string `json:"status"`

	// The metrics.
	StageIn, Run, StageOut int64 // milliseconds
	BytesIn, BytesOut      int64
	Outputs                int
	Failed                 int // 1 or 0, so that its average is the rate of failures
}

type metricDirective struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metric
}

type metric struct{ Name, Unit string }

// metrics is the line of one run. The function is the only dimension: each value of one more would be metrics
// of its own, which CloudWatch charges for one by one.
func (t *task) metrics(s *summary, failed bool) *embeddedMetrics {
	m := &embeddedMetrics{
		Function: t.Job.Function, RequestID: t.id, Input: s.Input, Status: s.Status,
		StageIn: s.StageIn, Run: s.Run, StageOut: s.StageOut, BytesIn: s.BytesIn, BytesOut: s.BytesOut, Outputs: s.Outputs,
	}
	if failed {
		m.Failed = 1
	}
	m.AWS.Timestamp = time.Now().UnixMilli()
	m.AWS.CloudWatchMetrics = []metricDirective{{
		Namespace:  metricsNamespace,
		Dimensions: [][]string{{"function"}},
		Metrics: []metric{
			{"StageIn", "Milliseconds"}, {"Run", "Milliseconds"}, {"StageOut", "Milliseconds"},
			{"BytesIn", "Bytes"}, {"BytesOut", "Bytes"}, {"Outputs", "Count"}, {"Failed", "Count"},
		},
	}}
	return m
}
