package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

func metricQuery(id, function, name, stat string) types.MetricDataQuery {
	return types.MetricDataQuery{Id: aws.String(id), MetricStat: &types.MetricStat{
		Metric: &types.Metric{Namespace: aws.String("AWS/Lambda"), MetricName: &name,
			Dimensions: []types.Dimension{{Name: aws.String("FunctionName"), Value: &function}}},
		Period: aws.Int32(86400), Stat: &stat,
	}}
}

func lastDay(queries ...types.MetricDataQuery) *cloudwatch.GetMetricDataInput {
	now := time.Now()
	return &cloudwatch.GetMetricDataInput{StartTime: aws.Time(now.Add(-24 * time.Hour)), EndTime: aws.Time(now.Add(time.Minute)), MetricDataQueries: queries}
}

// conformMetrics is what holds where no function has run, in the query protocol: moto speaks no other one.
func conformMetrics(t *testing.T, s server) {
	data := func(start, end string) url.Values {
		form := url.Values{"Action": {"GetMetricData"}, "StartTime": {start}, "EndTime": {end}}
		for i, name := range []string{"Invocations", "Errors"} {
			q := fmt.Sprintf("MetricDataQueries.member.%d.", i+1)
			form.Set(q+"Id", "q"+strconv.Itoa(i))
			form.Set(q+"MetricStat.Stat", "Sum")
			form.Set(q+"MetricStat.Period", "3600")
			form.Set(q+"MetricStat.Metric.Namespace", "AWS/Lambda")
			form.Set(q+"MetricStat.Metric.MetricName", name)
			form.Set(q+"MetricStat.Metric.Dimensions.member.1.Name", "FunctionName")
			form.Set(q+"MetricStat.Metric.Dimensions.member.1.Value", "absent")
		}
		return form
	}
	var answer struct {
		Results []struct {
			ID         string   `xml:"Id"`
			Values     []string `xml:"Values>member"`
			StatusCode string
		} `xml:"GetMetricDataResult>MetricDataResults>member"`
	}
	status := askMetrics(t, s, data("2026-01-31T08:00:00Z", "2026-01-31T10:00:00Z"), &answer)
	if r := answer.Results; status != http.StatusOK || len(r) != 2 || r[1].ID != "q1" || r[0].StatusCode != "Complete" {
		t.Errorf("%d: %+v", status, answer)
	}
	status = askMetrics(t, s, data("2026-01-31T10:00:00Z", "2026-01-31T08:00:00Z"), &struct{}{})
	if status != http.StatusBadRequest && !s.differs(t, "a time that runs backwards is taken") {
		t.Errorf("a time that runs backwards: %d", status)
	}
	var list struct {
		Names []string `xml:"ListMetricsResult>Metrics>member>MetricName"`
	}
	if status = askMetrics(t, s, url.Values{"Action": {"ListMetrics"}, "Namespace": {"AWS/Lambda"}}, &list); status != http.StatusOK || len(list.Names) != 0 {
		t.Errorf("%d: metrics %v", status, list.Names)
	}
}

// askMetrics asks in the query protocol.
func askMetrics(t *testing.T, s server, form url.Values, answer any) (status int) {
	t.Helper()
	ctx := context.Background()
	form.Set("Version", "2010-08-01")
	body := form.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, *s.cfg.BaseEndpoint+"/", strings.NewReader(body))
	must(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	keys, err := s.cfg.Credentials.Retrieve(ctx)
	must(t, err)
	sum := sha256.Sum256([]byte(body))
	must(t, v4.NewSigner().SignHTTP(ctx, keys, request, hex.EncodeToString(sum[:]), "monitoring", s.cfg.Region, time.Now()))
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	if response.StatusCode == http.StatusOK {
		must(t, xml.Unmarshal(text, answer))
	}
	return response.StatusCode
}

func TestMetricsOfFunctions(t *testing.T) {
	ctx := context.Background()
	b, _ := open(t, Options{})
	for i := range 5 {
		b.metrics.Invoked("grayify", time.Duration(i+1)*time.Second, i == 0)
	}
	b.metrics.Throttled("grayify")
	b.metrics.Throttled("never")
	c := cloudwatch.NewFromConfig(adminOf(b))
	want := map[string]float64{"Invocations Sum": 5, "Errors Sum": 1, "Throttles Sum": 1, "Duration Average": 3000, "Duration Maximum": 5000,
		"Duration Minimum": 1000, "Duration SampleCount": 5}
	var queries []types.MetricDataQuery
	var names []string
	for name := range want {
		var metric, stat string
		_, err := fmt.Sscan(name, &metric, &stat)
		must(t, err)
		queries = append(queries, metricQuery(fmt.Sprintf("q%d", len(queries)), "grayify", metric, stat))
		names = append(names, name)
	}
	out, err := c.GetMetricData(ctx, lastDay(queries...))
	must(t, err)
	for i, r := range out.MetricDataResults {
		sum := 0.0 // at midnight there are two periods
		for _, v := range r.Values {
			sum += v
		}
		if len(r.Timestamps) != len(r.Values) || sum != want[names[i]] {
			t.Errorf("%s: %v at %v, want %v", names[i], r.Values, r.Timestamps, want[names[i]])
		}
	}
	list, err := c.ListMetrics(ctx, &cloudwatch.ListMetricsInput{MetricName: aws.String("Throttles"), Namespace: aws.String("AWS/Lambda")})
	must(t, err)
	if len(list.Metrics) != 2 || aws.ToString(list.Metrics[1].Dimensions[0].Value) != "never" {
		t.Errorf("metrics %+v", list.Metrics)
	}
	median := metricQuery("m", "grayify", "Duration", "p50")
	_, err = c.GetMetricData(ctx, lastDay(median))
	wantCode(t, err, "NotImplemented")
}

func TestMetricsInPages(t *testing.T) {
	script := NewScript()
	script.PageSize(2)
	b, _ := open(t, Options{Script: script})
	b.metrics.Invoked("f", time.Second, false)
	var queries []types.MetricDataQuery
	for i := range 5 {
		queries = append(queries, metricQuery(fmt.Sprintf("q%d", i), "f", "Invocations", "Sum"))
	}
	pages := cloudwatch.NewGetMetricDataPaginator(cloudwatch.NewFromConfig(adminOf(b)), lastDay(queries...))
	calls, results := 0, 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		must(t, err)
		calls, results = calls+1, results+len(page.MetricDataResults)
	}
	if calls != 3 || results != 5 {
		t.Errorf("%d results in %d pages", results, calls)
	}
}

func TestMetricsInOtherProtocols(t *testing.T) {
	b, _ := open(t, Options{})
	b.metrics.Invoked("f", time.Second, true)
	s := server{cfg: adminOf(b)}
	var answer struct {
		Values []string `xml:"GetMetricDataResult>MetricDataResults>member>Values>member"`
		Times  []string `xml:"GetMetricDataResult>MetricDataResults>member>Timestamps>member"`
	}
	q := "MetricDataQueries.member.1."
	status := askMetrics(t, s, url.Values{
		"Action": {"GetMetricData"}, "StartTime": {"2020-01-01T00:00:00Z"}, "EndTime": {"2120-01-01T00:00:00Z"},
		q + "Id": {"a"}, q + "MetricStat.Stat": {"Sum"}, q + "MetricStat.Period": {"60"},
		q + "MetricStat.Metric.Namespace": {"AWS/Lambda"}, q + "MetricStat.Metric.MetricName": {"Errors"},
		q + "MetricStat.Metric.Dimensions.member.1.Name": {"FunctionName"}, q + "MetricStat.Metric.Dimensions.member.1.Value": {"f"},
	}, &answer)
	if status != http.StatusOK || len(answer.Values) != 1 || answer.Values[0] != "1" || !strings.HasSuffix(answer.Times[0], ":00Z") {
		t.Errorf("%d: %+v", status, answer)
	}
}
