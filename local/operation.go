package local

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/scar-go/scar/local/cloudwatch"
	"github.com/scar-go/scar/local/sqs"
	"github.com/scar-go/scar/local/wire"
)

// operationOf is AWS's name of the operation that a request asks a service for. Where the request follows no
// known pattern it is the method and the path.
func operationOf(service string, r *http.Request, body []byte) string {
	switch service {
	case "logs", "ecr", "tagging", "ssm", "secretsmanager", "events", "kms":
		return wire.JSONTarget(r)
	case "iam", "sts", "sns", "ec2":
		form, err := wire.QueryForm(r, body)
		if err != nil {
			return ""
		}
		return form.Get("Action")
	case "sqs":
		return sqs.Operation(r, body)
	case "monitoring":
		return cloudwatch.Operation(r, body)
	case "lambda":
		return lambdaOperation(r)
	case "s3":
		return s3Operation(r)
	case registryService:
		return registryOperation(r)
	default:
		return r.Method + " " + r.URL.Path
	}
}

// operation is operationOf for a service that may know its operations itself.
func (s service) operation(name string, r *http.Request, body []byte) string {
	if knows, found := s.handler.(interface{ Operation(*http.Request) string }); found {
		return knows.Operation(r)
	}
	return operationOf(name, r, body)
}

// s3BucketQueries and s3ObjectQueries name what a query parameter makes of a call, behind Get, Put or
// Delete.
var (
	s3BucketQueries = map[string]string{
		"notification": "BucketNotificationConfiguration", "tagging": "BucketTagging", "location": "BucketLocation",
		"versioning": "BucketVersioning", "policy": "BucketPolicy", "acl": "BucketAcl", "encryption": "BucketEncryption",
		"lifecycle": "BucketLifecycleConfiguration", "cors": "BucketCors", "uploads": "MultipartUploads",
	}
	s3ObjectQueries = map[string]string{"tagging": "ObjectTagging", "acl": "ObjectAcl", "attributes": "ObjectAttributes"}
	s3Verbs         = map[string]string{"GET": "Get", "PUT": "Put", "DELETE": "Delete", "HEAD": "Head", "POST": "Post"}
)

func s3Operation(r *http.Request) string {
	bucket, key := s3Resource(r)
	query, verb := r.URL.Query(), s3Verbs[r.Method]
	switch {
	case bucket == "":
		return "ListBuckets"
	case key == "":
		return s3BucketOperation(query, verb)
	default:
		return s3ObjectOperation(r, query, verb)
	}
}

func s3BucketOperation(query url.Values, verb string) string {
	if verb == "Get" && query.Has("uploads") {
		return "ListMultipartUploads"
	}
	if verb == "Post" && query.Has("delete") {
		return "DeleteObjects"
	}
	for name, noun := range s3BucketQueries {
		if query.Has(name) {
			return verb + noun
		}
	}
	switch {
	case verb == "Put":
		return "CreateBucket"
	case verb != "Get":
		return verb + "Bucket"
	case query.Get("list-type") == "2":
		return "ListObjectsV2"
	default:
		return "ListObjects"
	}
}

func s3ObjectOperation(r *http.Request, query url.Values, verb string) string {
	copies := r.Header.Get("X-Amz-Copy-Source") != ""
	switch {
	case query.Has("uploads"):
		return "CreateMultipartUpload"
	case query.Has("uploadId"):
		switch verb {
		case "Put":
			if copies {
				return "UploadPartCopy"
			}
			return "UploadPart"
		case "Post":
			return "CompleteMultipartUpload"
		case "Delete":
			return "AbortMultipartUpload"
		}
		return "ListParts"
	case verb == "Put" && copies:
		return "CopyObject"
	}
	for name, noun := range s3ObjectQueries {
		if query.Has(name) {
			return verb + noun
		}
	}
	return verb + "Object"
}

// s3Resource is the bucket and key of a request, whether the bucket is in the path or in the host.
func s3Resource(r *http.Request) (bucket, key string) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	host, _, _ := strings.Cut(r.Host, ":")
	for _, suffix := range []string{".localhost", ".s3.amazonaws.com"} {
		if name, found := strings.CutSuffix(host, suffix); found && name != "s3" {
			return strings.TrimSuffix(name, ".s3"), path
		}
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

func registryOperation(r *http.Request) string {
	noun := "Version"
	switch path := r.URL.Path; {
	case strings.Contains(path, "/blobs/uploads/"):
		noun = "Upload"
	case strings.Contains(path, "/blobs/"):
		noun = "Blob"
	case strings.Contains(path, "/manifests/"):
		noun = "Manifest"
	case strings.Contains(path, "/tags/"):
		noun = "Tags"
	}
	method := r.Method
	return method[:1] + strings.ToLower(method[1:]) + noun
}

// reads says whether an operation changes nothing, by its name.
func reads(operation string) bool {
	for _, verb := range []string{"Get", "List", "Describe", "Head", "BatchGet", "BatchCheck", "Filter"} {
		if strings.HasPrefix(operation, verb) {
			return true
		}
	}
	return false
}
