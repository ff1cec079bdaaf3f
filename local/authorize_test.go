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
		{"a repository", ecrResource("DeleteRepository", regional, []byte(`{"repositoryName":"a/b"}`)), "ecr:repository/a/b"},
		{"one repository of a list", ecrResource("DescribeRepositories", regional, []byte(`{"repositoryNames":["a/b"]}`)), "ecr:repository/a/b"},
		{"several repositories", ecrResource("DescribeRepositories", regional, []byte(`{"repositoryNames":["a","b"]}`)), "*"},
		{"a list, with a name that is not read", ecrResource("DescribeRepositories", regional, []byte(`{"repositoryName":"a","repositoryNames":["b"]}`)), "ecr:repository/b"},
		{"a tagged repository", ecrResource("TagResource", regional, []byte(`{"resourceArn":"arn:x"}`)), "arn:x"},
		{"a tagged repository, with a name that is not read", ecrResource("TagResource", regional, []byte(`{"resourceArn":"arn:x","repositoryName":"a"}`)), "arn:x"},
		{"a repository, with an ARN that is not read", ecrResource("DeleteRepository", regional, []byte(`{"resourceArn":"arn:x","repositoryName":"a"}`)), "ecr:repository/a"},
		{"no JSON", ecrResource("DeleteRepository", regional, []byte(`{`)), "*"},
		{"a group", logsResource("PutLogEvents", regional, []byte(`{"logGroupName":"g","logStreamName":"s"}`)), "logs:log-group:g:log-stream:s"},
		{"a group, with an ARN that is not read", logsResource("PutLogEvents", regional, []byte(`{"logGroupName":"g","resourceArn":"arn:x"}`)), "logs:log-group:g:log-stream:"},
		{"a tagged group, with a name that is not read", logsResource("TagResource", regional, []byte(`{"logGroupName":"g","resourceArn":"arn:x"}`)), "arn:x"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
}
