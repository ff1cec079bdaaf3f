package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"
)

// Activity is how often a function ran in the last 24 hours, as its metrics tell, which lag by minutes.
type Activity struct {
	Invocations int
	Errors      int // invocations that failed
	Throttles   int // invocations that there was no place for
}

// activityMetrics are the metrics of Lambda that make an Activity, and where each goes.
var activityMetrics = []struct {
	name string
	of   func(*Activity) *int
}{
	{"Invocations", func(a *Activity) *int { return &a.Invocations }},
	{"Errors", func(a *Activity) *int { return &a.Errors }},
	{"Throttles", func(a *Activity) *int { return &a.Throttles }},
}

const (
	activityTime   = 24 * time.Hour
	activityPeriod = 3600 // seconds of one value: a day does not begin when the last 24 hours do
	maxQueries     = 500  // in one call ("GetMetricData" in the API reference)
)

// addActivity asks how the functions ran, of up to 166 of them in a call.
func (a *Account) addActivity(ctx context.Context, list []Listed) error {
	client := cloudwatch.NewFromConfig(a.config)
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(a.settings.Parallelism)
	end := time.Now().Add(time.Minute).Truncate(time.Minute)
	for some := range slices.Chunk(list, maxQueries/len(activityMetrics)) {
		group.Go(func() error {
			in := &cloudwatch.GetMetricDataInput{StartTime: sdk.Time(end.Add(-activityTime)), EndTime: &end, MetricDataQueries: activityQueries(some)}
			pages := cloudwatch.NewGetMetricDataPaginator(client, in)
			for pages.HasMorePages() {
				page, err := pages.NextPage(inner)
				if err != nil {
					return fmt.Errorf("read how the functions ran: %w", explainCall(err))
				}
				for _, r := range page.MetricDataResults {
					addResult(some, r)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// withoutRight lets pass that metrics may not be read, which nothing else depends on: note, if there is one, is told, and
// forget takes away what was read.
func withoutRight(err error, note func(string), forget func()) error {
	var api smithy.APIError
	if !errors.As(err, &api) || !slices.Contains([]string{"AccessDenied", "AccessDeniedException"}, api.ErrorCode()) {
		return err
	}
	forget()
	if note != nil {
		note("how often functions ran is not shown, for want of the right cloudwatch:GetMetricData: " + err.Error())
	}
	return nil
}

func forgetActivity(list []Listed) {
	for i := range list {
		list[i].Last = nil
	}
}

// averageDuration is how long the runs of a function in the last 24 hours took on average, 0 if there were none.
func (a *Account) averageDuration(ctx context.Context, function string) (time.Duration, error) {
	end := time.Now().Add(time.Minute).Truncate(time.Minute)
	in := &cloudwatch.GetMetricDataInput{StartTime: sdk.Time(end.Add(-activityTime)), EndTime: &end, MetricDataQueries: []types.MetricDataQuery{
		activityQuery("total", function, "Duration", "Sum"), activityQuery("runs", function, "Duration", "SampleCount"),
	}}
	sums := map[string]float64{}
	pages := cloudwatch.NewGetMetricDataPaginator(cloudwatch.NewFromConfig(a.config), in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, fmt.Errorf("read how long the function ran: %w", explainCall(err))
		}
		for _, r := range page.MetricDataResults {
			for _, value := range r.Values {
				sums[sdk.ToString(r.Id)] += value
			}
		}
	}
	if sums["runs"] < 1 {
		return 0, nil
	}
	return time.Duration(sums["total"] / sums["runs"] * float64(time.Millisecond)), nil
}

// activityQueries ask for all metrics of some functions. The id of a query says what its answer is of.
func activityQueries(list []Listed) []types.MetricDataQuery {
	queries := make([]types.MetricDataQuery, 0, len(list)*len(activityMetrics))
	for i := range list {
		list[i].Last = &Activity{}
		for m, metric := range activityMetrics {
			queries = append(queries, activityQuery(fmt.Sprintf("m%d_%d", m, i), list[i].Name, metric.name, "Sum"))
		}
	}
	return queries
}

// activityQuery asks for one statistic of a metric of a function.
func activityQuery(id, function, metric, statistic string) types.MetricDataQuery {
	return types.MetricDataQuery{
		Id: &id,
		MetricStat: &types.MetricStat{
			Metric: &types.Metric{
				Namespace: sdk.String("AWS/Lambda"), MetricName: &metric,
				Dimensions: []types.Dimension{{Name: sdk.String("FunctionName"), Value: &function}},
			},
			Period: sdk.Int32(activityPeriod), Stat: &statistic,
		},
	}
}

// addResult adds the values of one answer. An answer may come in parts, on several pages.
func addResult(list []Listed, r types.MetricDataResult) {
	metric, function, found := strings.Cut(strings.TrimPrefix(sdk.ToString(r.Id), "m"), "_")
	m, err1 := strconv.Atoi(metric)
	i, err2 := strconv.Atoi(function)
	if !found || err1 != nil || err2 != nil || m < 0 || m >= len(activityMetrics) || i < 0 || i >= len(list) {
		return // it was not asked for
	}
	for _, value := range r.Values {
		*activityMetrics[m].of(list[i].Last) += int(value)
	}
}
