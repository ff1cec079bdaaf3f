package local

import "testing"

func TestResourcesOfCalls(t *testing.T) {
	regional := func(service, resource string) string { return service + ":" + resource }
	for _, c := range []struct{ name, got, want string }{
		{"a function in the path", lambdaResource("/2015-03-31/functions/gray/policy", nil), "function:gray"},
		{"a function to be made", lambdaResource("/2015-03-31/functions", []byte(`{"FunctionName":"gray"}`)), "function:gray"},
		{"a function to be made, with a slash", lambdaResource("/2015-03-31/functions/", []byte(`{"FunctionName":"gray"}`)), "function:gray"},
		{"a mapping", lambdaResource("/2015-03-31/event-source-mappings/0-1", nil), "event-source-mapping:0-1"},
		{"a mapping to be made", lambdaResource("/2015-03-31/event-source-mappings", []byte(`{"FunctionName":"gray"}`)), ""},
		{"the account", lambdaResource("/2016-08-19/account-settings/", nil), ""},
		{"tags", lambdaResource("/2017-03-31/tags/arn:aws:lambda:us-east-1:0:function:f", nil), "arn:aws:lambda:us-east-1:0:function:f"},
		{"all functions", lambdaResource("/2015-03-31/functions/", nil), ""},
		{"a repository", ecrResource(regional, []byte(`{"repositoryName":"a/b"}`)), "ecr:repository/a/b"},
		{"one repository of a list", ecrResource(regional, []byte(`{"repositoryNames":["a/b"]}`)), "ecr:repository/a/b"},
		{"several repositories", ecrResource(regional, []byte(`{"repositoryNames":["a","b"]}`)), "*"},
		{"a tagged repository", ecrResource(regional, []byte(`{"resourceArn":"arn:x"}`)), "arn:x"},
		{"no JSON", ecrResource(regional, []byte(`{`)), "*"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
}
