package local

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOperationOf(t *testing.T) {
	for request, want := range map[string]string{
		"lambda POST /2015-03-31/functions":                           "CreateFunction",
		"lambda GET /2015-03-31/functions/":                           "ListFunctions",
		"lambda GET /2015-03-31/functions/f":                          "GetFunction",
		"lambda DELETE /2015-03-31/functions/f":                       "DeleteFunction",
		"lambda GET /2015-03-31/functions/f/configuration":            "GetFunctionConfiguration",
		"lambda PUT /2015-03-31/functions/f/code":                     "UpdateFunctionCode",
		"lambda POST /2015-03-31/functions/f/invocations":             "Invoke",
		"lambda DELETE /2015-03-31/functions/f/policy/s":              "RemovePermission",
		"lambda GET /2017-03-31/tags/arn:aws:lambda:::f":              "ListTags",
		"lambda GET /2021-10-31/functions/f/url":                      "GetFunctionUrlConfig",
		"lambda GET /2019-09-25/functions/f/event-invoke-config/list": "ListFunctionEventInvokeConfigs",
		"lambda POST /2015-03-31/event-source-mappings":               "CreateEventSourceMapping",
		"lambda PUT /2015-03-31/event-source-mappings/0-1":            "UpdateEventSourceMapping",
		"lambda GET /2016-08-19/account-settings/":                    "GetAccountSettings",
		"sqs POST /|Action=SendMessage":                               "SendMessage",
		"events POST /":                                               "",
		"lambda GET /2015-03-31/layers":                               "GET /2015-03-31/layers",
		"s3 GET /":                                                    "ListBuckets",
		"s3 PUT /bucket":                                              "CreateBucket",
		"s3 HEAD /bucket":                                             "HeadBucket",
		"s3 GET /bucket?list-type=2&prefix=a":                         "ListObjectsV2",
		"s3 GET /bucket?notification":                                 "GetBucketNotificationConfiguration",
		"s3 PUT /bucket?tagging":                                      "PutBucketTagging",
		"s3 POST /bucket?delete":                                      "DeleteObjects",
		"s3 PUT /bucket/a/b?x-id=PutObject":                           "PutObject",
		"s3 POST /bucket/k?uploads":                                   "CreateMultipartUpload",
		"s3 PUT /bucket/k?partNumber=1&uploadId=u":                    "UploadPart",
		"s3 POST /bucket/k?uploadId=u":                                "CompleteMultipartUpload",
		"s3 DELETE /bucket/k?uploadId=u":                              "AbortMultipartUpload",
		"registry PUT /v2/a/b/manifests/t":                            "PutManifest",
		"registry POST /v2/a/blobs/uploads/":                          "PostUpload",
		"registry GET /v2/":                                           "GetVersion",
		"iam POST /|Action=GetRole&RoleName=r":                        "GetRole",
		"iam GET /?Action=ListRoles":                                  "ListRoles",
		"sts POST /?Action=AssumeRole|Action=GetCallerIdentity":       "GetCallerIdentity",
	} {
		head, body, _ := strings.Cut(request, "|")
		parts := strings.SplitN(head, " ", 3)
		r := httptest.NewRequest(parts[1], parts[2], nil)
		if got := operationOf(parts[0], r, []byte(body)); got != want {
			t.Errorf("%s: %q, want %q", request, got, want)
		}
	}
}
