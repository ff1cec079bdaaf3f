package ecr

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/scar-go/scar/local/wire"
)

// registryUser is the name that registry clients log in with; the password says who they are.
const registryUser = "AWS"

// Registry is the handler of the OCI distribution protocol, for paths under /v2/.
func (s *Service) Registry() http.Handler { return http.HandlerFunc(s.serveRegistry) }

// registryError is an error as of the OCI distribution specification.
type registryError struct {
	status  int
	code    string
	message string
}

func (e *registryError) Error() string { return e.code + ": " + e.message }

func refuse(status int, code, format string, args ...any) error {
	return &registryError{status, code, fmt.Sprintf(format, args...)}
}

// target is what a path under /v2/ names.
type target struct {
	repo string
	kind string // blobs, uploads, manifests, tags; empty: the registry itself
	id   string // digest, upload or reference; empty where a new upload is asked for
}

func parseTarget(path string) (target, error) {
	rest := strings.Trim(strings.TrimPrefix(path, "/v2"), "/")
	if rest == "" {
		return target{}, nil
	}
	parts := strings.Split(rest, "/")
	n := len(parts)
	t := target{}
	switch {
	case n >= 3 && parts[n-2] == "blobs" && parts[n-1] == "uploads":
		t = target{strings.Join(parts[:n-2], "/"), "uploads", ""}
	case n >= 4 && parts[n-3] == "blobs" && parts[n-2] == "uploads":
		t = target{strings.Join(parts[:n-3], "/"), "uploads", parts[n-1]}
	case n >= 3 && (parts[n-2] == "blobs" || parts[n-2] == "manifests" || parts[n-2] == "tags"):
		t = target{strings.Join(parts[:n-2], "/"), parts[n-2], parts[n-1]}
	default:
		return t, refuse(http.StatusNotFound, "UNSUPPORTED", "the local registry does not serve %s", path)
	}
	if !repositoryPattern().MatchString(t.repo) {
		return t, refuse(http.StatusBadRequest, "NAME_INVALID", "invalid repository name %q", t.repo)
	}
	return t, nil
}

func (s *Service) serveRegistry(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	if err := s.dispatch(w, r); err != nil {
		WriteRegistryError(w, r, err)
	}
}

func (s *Service) dispatch(w http.ResponseWriter, r *http.Request) error {
	id, err := s.login(r)
	if err != nil {
		return err
	}
	t, err := parseTarget(r.URL.Path)
	if err != nil {
		return err
	}
	if t.kind == "" {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	if err := s.authorize(r, id, t); err != nil {
		return err
	}
	if err := s.view(t.repo, func(*bbolt.Bucket) error { return nil }); err != nil {
		return err
	}
	switch t.kind {
	case "blobs":
		return s.serveBlob(w, r, t)
	case "uploads":
		return s.serveUpload(w, r, t)
	case "manifests":
		return s.serveManifest(w, r, t)
	default:
		return s.serveTags(w, r, t)
	}
}

// login knows the caller by the password that GetAuthorizationToken made.
func (s *Service) login(r *http.Request) (wire.Identity, error) {
	user, password, given := r.BasicAuth()
	if !given || user != registryUser {
		return wire.Identity{}, refuse(http.StatusUnauthorized, "UNAUTHORIZED", "Not Authorized")
	}
	id, err := s.cfg.Passwords.RegistryIdentity(password)
	if err != nil {
		return wire.Identity{}, refuse(http.StatusUnauthorized, "UNAUTHORIZED", "Your authorization token is not valid: %v. Reauthenticate and try again.", err)
	}
	return id, nil
}

// actions are the rights that the registry's calls need, by kind of target and method, as of "Amazon
// ECR: actions" in the service authorization reference.
var actions = map[string]string{
	"blobs GET": "GetDownloadUrlForLayer", "blobs HEAD": "BatchCheckLayerAvailability",
	"uploads POST": "InitiateLayerUpload", "uploads PATCH": "UploadLayerPart", "uploads PUT": "CompleteLayerUpload",
	"uploads GET": "UploadLayerPart", "uploads DELETE": "UploadLayerPart",
	"manifests GET": "BatchGetImage", "manifests HEAD": "BatchGetImage", "manifests PUT": "PutImage",
	"manifests DELETE": "BatchDeleteImage", "tags GET": "ListImages",
}

func (s *Service) authorize(r *http.Request, id wire.Identity, t target) error {
	name, found := actions[t.kind+" "+r.Method]
	if !found {
		return refuse(http.StatusMethodNotAllowed, "UNSUPPORTED", "the local registry does not serve %s of %s", r.Method, t.kind)
	}
	action := "ecr:" + name
	allowed, err := s.cfg.Authorizer.Allowed(r.Context(), id, action, s.arn(t.repo), nil)
	if err != nil {
		return fmt.Errorf("authorize %s: %w", action, err)
	}
	if !allowed {
		return refuse(http.StatusForbidden, "DENIED", "User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action",
			id.ARN, action, s.arn(t.repo), action)
	}
	return nil
}

// WriteRegistryError answers a registry's call with an error.
func WriteRegistryError(w http.ResponseWriter, r *http.Request, err error) {
	e := asRegistryError(err)
	if e.status == http.StatusUnauthorized {
		w.Header().Set("Www-Authenticate", fmt.Sprintf(`Basic realm="http://%s/",service="ecr.amazonaws.com"`, r.Host))
	}
	type item struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	body, err := json.Marshal(struct {
		Errors []item `json:"errors"`
	}{[]item{{e.code, e.message}}})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(e.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that has gone away is told nothing
	}
}

func asRegistryError(err error) *registryError {
	var known *registryError
	if errors.As(err, &known) {
		return known
	}
	var aws *wire.Error
	switch {
	case errors.As(err, &aws) && aws.Code == "RepositoryNotFoundException":
		return &registryError{http.StatusNotFound, "NAME_UNKNOWN", aws.Message}
	case errors.As(err, &aws) && aws.Code == "ImageTagAlreadyExistsException":
		return &registryError{http.StatusBadRequest, "TAG_INVALID", aws.Message}
	case errors.As(err, &aws):
		return &registryError{aws.Status, aws.Code, aws.Message}
	default:
		return &registryError{http.StatusInternalServerError, "UNKNOWN", err.Error()}
	}
}

func (s *Service) serveManifest(w http.ResponseWriter, r *http.Request, t target) error {
	isDigest := strings.Contains(t.id, ":")
	if !isDigest && !tagPattern().MatchString(t.id) {
		return refuse(http.StatusBadRequest, "TAG_INVALID", "invalid tag %q", t.id)
	}
	switch r.Method {
	case http.MethodPut:
		return s.pushManifest(w, r, t, isDigest)
	case http.MethodDelete:
		return s.deleteManifest(w, r, t, isDigest)
	default:
		return s.pullManifest(w, t)
	}
}

func (s *Service) pullManifest(w http.ResponseWriter, t target) error {
	var digest string
	var i image
	err := s.view(t.repo, func(b *bbolt.Bucket) (err error) {
		var found bool
		digest, i, found, err = find(b, t.id)
		if err == nil && !found {
			return refuse(http.StatusNotFound, "MANIFEST_UNKNOWN", "Requested image not found")
		}
		return err
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", i.MediaType)
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Content-Length", strconv.Itoa(len(i.Manifest)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(i.Manifest) // net/http drops it for HEAD; a client that has gone away is told nothing
	return nil
}

func (s *Service) pushManifest(w http.ResponseWriter, r *http.Request, t target, isDigest bool) error {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxManifest+1))
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	m, err := parseManifest(raw, r.Header.Get("Content-Type"))
	if err != nil {
		return refuse(http.StatusBadRequest, "MANIFEST_INVALID", "%v", err)
	}
	tag := t.id
	if isDigest {
		tag = ""
		if t.id != m.digest {
			return refuse(http.StatusBadRequest, "DIGEST_INVALID", "the manifest is %s, not %s", m.digest, t.id)
		}
	}
	_, err = s.put(t.repo, m, tag)
	if missing := (*missingError)(nil); errors.As(err, &missing) {
		return refuse(http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN", "%v", missing)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v2/"+t.repo+"/manifests/"+m.digest)
	w.Header().Set("Docker-Content-Digest", m.digest)
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (s *Service) deleteManifest(w http.ResponseWriter, r *http.Request, t target, isDigest bool) error {
	id := imageID{ImageTag: t.id}
	if isDigest {
		id = imageID{ImageDigest: t.id}
	}
	var orphans []string
	err := s.update(t.repo, func(b *bbolt.Bucket, _ *repository) error {
		digest, _, failed, err := locate(b, id)
		if err != nil {
			return err
		}
		if failed != nil {
			return refuse(http.StatusNotFound, "MANIFEST_UNKNOWN", "%s", failed.FailureReason)
		}
		if _, err := remove(b, digest, id.ImageTag); err != nil {
			return err
		}
		orphans, err = s.dropLayers(b)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.sweep(orphans); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func (s *Service) serveTags(w http.ResponseWriter, r *http.Request, t target) error {
	if t.id != "list" {
		return refuse(http.StatusNotFound, "UNSUPPORTED", "the local registry does not serve %s", r.URL.Path)
	}
	var tags []string
	err := s.view(t.repo, func(b *bbolt.Bucket) error {
		tags = keys(b.Bucket(tagsBucket))
		return nil
	})
	if err != nil {
		return err
	}
	if last := r.URL.Query().Get("last"); last != "" {
		for len(tags) > 0 && tags[0] <= last {
			tags = tags[1:]
		}
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("n")); err == nil && n >= 0 && n < len(tags) {
		tags = tags[:n]
		if n > 0 {
			w.Header().Set("Link", fmt.Sprintf(`</v2/%s/tags/list?n=%d&last=%s>; rel="next"`, t.repo, n, tags[n-1]))
		}
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{t.repo, append([]string{}, tags...)})
}
