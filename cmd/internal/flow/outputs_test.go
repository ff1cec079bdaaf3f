package flow

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/planner"
)

func TestOutputsByFunction(t *testing.T) {
	resources := planner.Outputs{
		{Kind: planner.KindFunction, Name: "page"}:    {"arn": "arn:page"},
		{Kind: planner.KindFunction, Name: "behind"}:  {"arn": "arn:behind"},
		{Kind: planner.KindFunctionURL, Name: "page"}: {"url": "https://page"},
		{Kind: planner.KindHTTPAPI, Name: "page"}:     {"url": "https://api"},
		{Kind: planner.KindHTTPAPI, Name: "moved"}:    {"url": "https://moved"},
		{Kind: planner.KindHTTPAPI, Name: "broken"}:   {"url": "https://broken"},
	}
	behind := map[planner.Address]string{
		{Kind: planner.KindHTTPAPI, Name: "page"}:  "behind",
		{Kind: planner.KindHTTPAPI, Name: "moved"}: "page", // which has an address of its own
	}
	got := newOutputs(resources, behind)
	want := Outputs{Resources: resources, Functions: map[string]map[string]string{
		"page":            {"arn": "arn:page", "url": "https://page"},
		"behind":          {"arn": "arn:behind", "url": "https://api"},
		"http_api/moved":  {"url": "https://moved"},
		"http_api/broken": {"url": "https://broken"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
