package tagging

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/scar-go/scar/local/wire"
)

type source []wire.Resource

func (s source) Tagged(context.Context) ([]wire.Resource, error) { return s, nil }

type brokenSource struct{}

func (brokenSource) Tagged(context.Context) ([]wire.Resource, error) {
	return nil, errors.New("broken")
}

func resource(arn string, tags ...string) wire.Resource {
	r := wire.Resource{ARN: arn, Tags: map[string]string{}}
	for i := 0; i < len(tags); i += 2 {
		r.Tags[tags[i]] = tags[i+1]
	}
	return r
}

func TestFilters(t *testing.T) {
	s := New(source{
		resource("arn:aws:lambda:us-east-1:0:function:f", "p", "1", "q", "x"),
		resource("arn:aws:s3:::bucket", "p", "1"),
	}, source{
		resource("arn:aws:ecr:us-east-1:0:repository/r", "p", "2"),
		resource("arn:aws:logs:us-east-1:0:log-group:/g"),
	}, source{
		resource("arn:aws:sqs:us-east-1:0:q", "r", "1"),
		resource("arn:aws:apigateway:us-east-1::/apis/a", "r", "1"),
		resource("arn:aws:scheduler:us-east-1:0:schedule-group/g", "r", "1"),
	})
	for name, c := range map[string]struct {
		in   getResourcesInput
		want int
	}{
		"untagged do not show": {getResourcesInput{}, 6},
		"queue":                {getResourcesInput{ResourceTypeFilters: []string{"sqs:queue"}}, 1},
		"no queue":             {getResourcesInput{ResourceTypeFilters: []string{"sqs:topic"}}, 0},
		"API and group":        {getResourcesInput{ResourceTypeFilters: []string{"apigateway:apis", "scheduler:schedule-group"}}, 2},
		"key":                  {getResourcesInput{TagFilters: []tagFilter{{Key: "p"}}}, 3},
		"value":                {getResourcesInput{TagFilters: []tagFilter{{Key: "p", Values: []string{"1"}}}}, 2},
		"one of the values":    {getResourcesInput{TagFilters: []tagFilter{{Key: "p", Values: []string{"1", "2"}}}}, 3},
		"both keys":            {getResourcesInput{TagFilters: []tagFilter{{Key: "p"}, {Key: "q"}}}, 1},
		"service":              {getResourcesInput{ResourceTypeFilters: []string{"s3"}}, 1},
		"bucket":               {getResourcesInput{ResourceTypeFilters: []string{"s3:bucket"}}, 1},
		"type":                 {getResourcesInput{ResourceTypeFilters: []string{"lambda:function", "ecr:repository"}}, 2},
		"other type":           {getResourcesInput{ResourceTypeFilters: []string{"lambda:layer"}}, 0},
		"by ARN":               {getResourcesInput{ResourceARNList: []string{"arn:aws:s3:::bucket"}}, 1},
	} {
		out, err := s.getResources(context.Background(), c.in)
		if err != nil || len(out.ResourceTagMappingList) != c.want {
			t.Errorf("%s: %v %v, want %d", name, out.ResourceTagMappingList, err, c.want)
		}
	}
	zero := 0
	for name, in := range map[string]getResourcesInput{
		"empty key":        {TagFilters: []tagFilter{{}}},
		"page of none":     {ResourcesPerPage: &zero},
		"ARNs and filters": {ResourceARNList: []string{"x"}, ResourceTypeFilters: []string{"s3"}},
		"token":            {PaginationToken: "%"},
	} {
		if _, err := s.getResources(context.Background(), in); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestPagesHoldEverythingOnce(t *testing.T) {
	var all source
	for i := range 25 {
		all = append(all, resource(fmt.Sprintf("arn:aws:logs:us-east-1:0:log-group:%02d", i), "k", "v"))
	}
	s, size := New(all), 10
	seen := map[string]int{}
	in := getResourcesInput{ResourcesPerPage: &size}
	pages := 0
	for {
		out, err := s.getResources(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, m := range out.ResourceTagMappingList {
			seen[m.ResourceARN]++
		}
		if in.PaginationToken = out.PaginationToken; in.PaginationToken == "" {
			break
		}
	}
	if pages != 3 || len(seen) != 25 {
		t.Errorf("%d pages with %d resources", pages, len(seen))
	}
}

func TestAListingThatFailsIsAnError(t *testing.T) {
	if _, err := New(source{}, brokenSource{}).getResources(context.Background(), getResourcesInput{}); err == nil {
		t.Error("an incomplete answer was given")
	}
}
