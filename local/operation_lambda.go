package local

import (
	"encoding/json"
	"net/http"
	"strings"
)

// lambdaOperations are Lambda's operations by method and path below /functions/NAME.
var lambdaOperations = map[string]string{
	"GET":                          "GetFunction",
	"DELETE":                       "DeleteFunction",
	"GET configuration":            "GetFunctionConfiguration",
	"PUT configuration":            "UpdateFunctionConfiguration",
	"PUT code":                     "UpdateFunctionCode",
	"POST invocations":             "Invoke",
	"GET policy":                   "GetPolicy",
	"POST policy":                  "AddPermission",
	"DELETE policy":                "RemovePermission",
	"GET concurrency":              "GetFunctionConcurrency",
	"PUT concurrency":              "PutFunctionConcurrency",
	"DELETE concurrency":           "DeleteFunctionConcurrency",
	"GET code-signing-config":      "GetFunctionCodeSigningConfig",
	"GET event-invoke-config":      "GetFunctionEventInvokeConfig",
	"PUT event-invoke-config":      "PutFunctionEventInvokeConfig",
	"POST event-invoke-config":     "UpdateFunctionEventInvokeConfig",
	"DELETE event-invoke-config":   "DeleteFunctionEventInvokeConfig",
	"GET event-invoke-config list": "ListFunctionEventInvokeConfigs",
	"GET url":                      "GetFunctionUrlConfig",
	"POST url":                     "CreateFunctionUrlConfig",
	"PUT url":                      "UpdateFunctionUrlConfig",
	"DELETE url":                   "DeleteFunctionUrlConfig",
	"GET urls":                     "ListFunctionUrlConfigs",
	"GET versions":                 "ListVersionsByFunction",
	"POST versions":                "PublishVersion",
}

// lambdaCollections are the operations on what is no function, by method and whether one is named.
var lambdaCollections = map[string]map[string]string{
	"tags": {"GET one": "ListTags", "POST one": "TagResource", "DELETE one": "UntagResource"},
	"event-source-mappings": {
		"GET": "ListEventSourceMappings", "POST": "CreateEventSourceMapping",
		"GET one": "GetEventSourceMapping", "PUT one": "UpdateEventSourceMapping", "DELETE one": "DeleteEventSourceMapping",
	},
	"account-settings": {"GET": "GetAccountSettings"},
}

// lambdaPath are the parts of a path behind the version of the API.
func lambdaPath(path string) []string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	return parts[1:]
}

func lambdaOperation(r *http.Request) string {
	parts := lambdaPath(r.URL.Path)
	unknown := r.Method + " " + r.URL.Path
	if len(parts) == 0 {
		return unknown
	}
	if parts[0] == "functions" {
		return functionsOperation(r.Method, parts[1:], unknown)
	}
	key := r.Method
	if len(parts) > 1 {
		key += " one"
	}
	if name, found := lambdaCollections[parts[0]][key]; found {
		return name
	}
	return unknown
}

func functionsOperation(method string, rest []string, unknown string) string {
	if len(rest) == 0 {
		switch method {
		case http.MethodGet:
			return "ListFunctions"
		case http.MethodPost:
			return "CreateFunction"
		}
		return unknown
	}
	key := method
	if len(rest) > 1 {
		key += " " + rest[1]
	}
	if len(rest) > 2 && rest[1] == "event-invoke-config" {
		key += " " + rest[2]
	}
	if name, found := lambdaOperations[key]; found {
		return name
	}
	return unknown
}

// lambdaResource is what a call is about, as it is in an ARN behind the account, or a whole ARN; empty where a policy cannot name it.
func lambdaResource(path string, body []byte) string {
	parts := lambdaPath(path)
	if len(parts) == 0 {
		return ""
	}
	one := ""
	if len(parts) > 1 {
		one = parts[1]
	}
	switch {
	case parts[0] == "functions" && one == "":
		var in struct{ FunctionName string } // of a function that is to be made
		if err := json.Unmarshal(body, &in); err != nil {
			return ""
		}
		one = in.FunctionName
	case parts[0] == "event-source-mappings" && one != "":
		return "event-source-mapping:" + one
	case parts[0] != "functions" && parts[0] != "tags":
		return ""
	}
	if one == "" || strings.HasPrefix(one, "arn:") {
		return one
	}
	return "function:" + one
}
