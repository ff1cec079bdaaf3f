package s3

import (
	"net/http"

	"github.com/scar-go/scar/local/wire"
)

// operation is one call of the S3 API.
type operation struct {
	name        string
	serve       func(*Service, *request) error
	anyRegion   bool // answers whatever region the request was signed for
	tellsRegion bool // its answer carries X-Amz-Bucket-Region
}

// serviceOperations are the calls without a bucket, by method.
var serviceOperations = map[string]operation{
	http.MethodGet: {name: "ListBuckets", serve: (*Service).listBuckets},
}

// bucketOperations are the calls on a bucket, by the query parameter that selects them, then by method.
var bucketOperations = map[string]map[string]operation{
	"": {
		http.MethodGet:    {name: "ListObjects", serve: (*Service).listObjects, tellsRegion: true},
		http.MethodHead:   {name: "HeadBucket", serve: (*Service).headBucket, tellsRegion: true},
		http.MethodPut:    {name: "CreateBucket", serve: (*Service).createBucket, anyRegion: true},
		http.MethodDelete: {name: "DeleteBucket", serve: (*Service).deleteBucket},
	},
	"location":     {http.MethodGet: {name: "GetBucketLocation", serve: (*Service).bucketLocation, anyRegion: true}},
	"delete":       {http.MethodPost: {name: "DeleteObjects", serve: (*Service).deleteObjects}},
	"uploads":      {http.MethodGet: {name: "ListMultipartUploads", serve: (*Service).listUploads}},
	"notification": notificationOperations,
	"encryption": {
		http.MethodGet:    {name: "GetBucketEncryption", serve: (*Service).getEncryption},
		http.MethodPut:    {name: "PutBucketEncryption", serve: (*Service).putEncryption},
		http.MethodDelete: {name: "DeleteBucketEncryption", serve: (*Service).deleteEncryption},
	},
	"tagging": {
		http.MethodGet:    {name: "GetBucketTagging", serve: (*Service).getBucketTagging},
		http.MethodPut:    {name: "PutBucketTagging", serve: (*Service).putBucketTagging},
		http.MethodDelete: {name: "DeleteBucketTagging", serve: (*Service).deleteBucketTagging},
	},
}

var notificationOperations = map[string]operation{
	http.MethodGet: {name: "GetBucketNotificationConfiguration", serve: (*Service).getNotification},
	http.MethodPut: {name: "PutBucketNotificationConfiguration", serve: (*Service).putNotification},
}

// objectOperations are the calls on an object, selected as those on a bucket.
var objectOperations = map[string]map[string]operation{
	"": {
		http.MethodGet:    {name: "GetObject", serve: (*Service).getObject},
		http.MethodHead:   {name: "HeadObject", serve: (*Service).getObject},
		http.MethodPut:    {name: "PutObject", serve: (*Service).putOrCopyObject},
		http.MethodDelete: {name: "DeleteObject", serve: (*Service).deleteObject},
	},
	"uploads": {http.MethodPost: {name: "CreateMultipartUpload", serve: (*Service).createUpload}},
	"uploadId": {
		http.MethodGet:    {name: "ListParts", serve: (*Service).listParts},
		http.MethodPut:    {name: "UploadPart", serve: (*Service).uploadPart},
		http.MethodPost:   {name: "CompleteMultipartUpload", serve: (*Service).completeUpload},
		http.MethodDelete: {name: "AbortMultipartUpload", serve: (*Service).abortUpload},
	},
	"tagging": {
		http.MethodGet:    {name: "GetObjectTagging", serve: (*Service).getObjectTagging},
		http.MethodPut:    {name: "PutObjectTagging", serve: (*Service).putObjectTagging},
		http.MethodDelete: {name: "DeleteObjectTagging", serve: (*Service).deleteObjectTagging},
	},
}

// unserved are the query parameters of settings that S3 has and this backend has not, with the part
// of the call's name that follows Get, Put or Delete.
var unserved = map[string]string{
	"accelerate": "BucketAccelerateConfiguration", "acl": "Acl", "analytics": "BucketAnalyticsConfiguration",
	"cors":                "BucketCors",
	"intelligent-tiering": "BucketIntelligentTieringConfiguration", "inventory": "BucketInventoryConfiguration",
	"legal-hold": "ObjectLegalHold", "lifecycle": "BucketLifecycleConfiguration", "logging": "BucketLogging",
	"metadataConfiguration": "BucketMetadataConfiguration", "metadataTable": "BucketMetadataTableConfiguration",
	"metrics": "BucketMetricsConfiguration", "object-lock": "ObjectLockConfiguration",
	"ownershipControls": "BucketOwnershipControls", "policy": "BucketPolicy", "policyStatus": "BucketPolicyStatus",
	"publicAccessBlock": "PublicAccessBlock", "replication": "BucketReplication",
	"requestPayment": "BucketRequestPayment", "retention": "ObjectRetention",
	"torrent": "ObjectTorrent", "versioning": "BucketVersioning", "website": "BucketWebsite",
}

// unservedCalls are the query parameters of single calls that this backend has not.
var unservedCalls = map[string]string{
	"attributes": "GetObjectAttributes", "renameObject": "RenameObject", "restore": "RestoreObject",
	"select": "SelectObjectContent", "session": "CreateSession", "versions": "ListObjectVersions",
}

// operation finds the call that the request makes.
func (r *request) operation() (operation, error) {
	if name := r.unserved(); name != "" {
		return operation{}, wire.Unknown("s3", name)
	}
	if v := r.query.Get("versionId"); v != "" && v != "null" {
		return operation{}, errInvalidArgument("versionId", v, "Invalid version id specified")
	}
	methods := serviceOperations
	switch {
	case r.key != "":
		if err := checkKey(r.key); err != nil {
			return operation{}, err
		}
		methods = selected(objectOperations, r, "uploadId", "uploads", "tagging")
	case r.bucket != "":
		methods = selected(bucketOperations, r, "location", "delete", "uploads", "notification", "tagging", "encryption")
	}
	op, ok := methods[r.Method]
	switch {
	case ok:
		return op, nil
	case r.key == "" && r.bucket != "" && r.Method == http.MethodPost:
		return operation{}, wire.Unknown("s3", "PostObject")
	case r.Method == http.MethodOptions:
		return operation{}, wire.Unknown("s3", "OPTIONS (cross-origin requests)")
	}
	return operation{}, detailed(wire.Errorf(http.StatusMethodNotAllowed, "MethodNotAllowed",
		"The specified method is not allowed against this resource."), "Method", r.Method)
}

// unserved returns the name of the call if it is one that the backend does not serve, or "".
func (r *request) unserved() string {
	for parameter := range r.query {
		if name, ok := unservedCalls[parameter]; ok {
			return name
		}
		name, ok := unserved[parameter]
		if !ok {
			continue
		}
		if name == "Acl" && r.key != "" {
			name = "ObjectAcl"
		} else if name == "Acl" {
			name = "BucketAcl"
		}
		return verb(r.Method) + name
	}
	return ""
}

func selected(table map[string]map[string]operation, r *request, parameters ...string) map[string]operation {
	for _, p := range parameters {
		if methods, ok := table[p]; ok && r.flag(p) {
			return methods
		}
	}
	return table[""]
}

func verb(method string) string {
	switch method {
	case http.MethodPut, http.MethodPost:
		return "Put"
	case http.MethodDelete:
		return "Delete"
	}
	return "Get"
}
