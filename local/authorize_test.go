package local

import "testing"

func TestResourcesOfCalls(t *testing.T) {
	regional := func(service, resource string) string { return service + ":" + resource }
	for _, c := range []struct{ name, got, want string }{
		{"a function in the path", lambdaResource("/2015-03-31/functions/gray/policy", nil), "gray"},
		{"a function to be made", lambdaResource("/2015-03-31/functions", []byte(`{"FunctionName":"gray"}`)), "gray"},
		{"a function to be made, with a slash", lambdaResource("/2015-03-31/functions/", []byte(`{"FunctionName":"gray"}`)), "gray"},
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
