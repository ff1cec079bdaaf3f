package s3

import (
	"fmt"
	"strconv"
)

// The actions and the condition keys of each call are those of the Service Authorization Reference,
// "Actions, resources, and condition keys for Amazon S3".

// allow returns AccessDenied unless the caller may do action on resource.
func (s *Service) allow(req *request, action, resource string, condition map[string][]string) error {
	id := req.call.Identity
	if id.Admin() {
		return nil
	}
	if s.Authorizer == nil {
		return errAccessDenied("Access Denied")
	}
	ok, err := s.Authorizer.Allowed(req.Context(), id, action, resource, condition)
	if err != nil {
		return fmt.Errorf("check whether %s may %s: %w", id.ARN, action, err)
	}
	if !ok {
		return errAccessDenied(fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %q "+
			"because no identity-based policy allows the %s action", id.ARN, action, resource, action))
	}
	return nil
}

func (s *Service) allowBucket(req *request, action string) error {
	return s.allow(req, action, s.bucketARN(req.bucket), nil)
}

func (s *Service) allowObject(req *request, action string) error {
	return s.allow(req, action, s.objectARN(req.bucket, req.key), nil)
}

// allowList asks for s3:ListBucket with the keys that policies put conditions on.
func (s *Service) allowList(req *request, prefix, delimiter string, maxKeys int) error {
	return s.allow(req, "s3:ListBucket", s.bucketARN(req.bucket), map[string][]string{
		"s3:prefix": {prefix}, "s3:delimiter": {delimiter}, "s3:max-keys": {strconv.Itoa(maxKeys)},
	})
}

// missing is the answer for a key that is absent: who may not list the bucket does not learn so.
func (s *Service) missing(req *request, bucket, key string) error {
	condition := map[string][]string{"s3:prefix": {key}}
	if err := s.allow(req, "s3:ListBucket", s.bucketARN(bucket), condition); err != nil {
		return err
	}
	return errNoSuchKey(key)
}
