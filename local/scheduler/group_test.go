package scheduler

import (
	"net/http/httptest"
	"testing"
)

func TestGroupsOfCalls(t *testing.T) {
	for _, c := range []struct{ method, query, body, want string }{
		{"POST", "", `{"GroupName":"a"}`, "a"},
		{"POST", "?groupName=b", `{"GroupName":"a"}`, "a"},
		{"PUT", "?groupName=b", `{}`, "b"},
		{"GET", "?groupName=b", `{"GroupName":"a"}`, "b"}, // whose body nobody reads
		{"DELETE", "?groupName=b", `{"GroupName":"a"}`, "b"},
		{"DELETE", "", `{"GroupName":"a"}`, "default"},
	} {
		r := httptest.NewRequest(c.method, "/schedules/s"+c.query, nil)
		if got := groupOf(r, []byte(c.body)); got != c.want {
			t.Errorf("%s %s %s: %s, want %s", c.method, c.query, c.body, got, c.want)
		}
	}
}
