package ecr

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// serveBlob answers the bytes of a blob, or a range of them.
func (s *Service) serveBlob(w http.ResponseWriter, r *http.Request, t target) error {
	h, err := parseDigest(t.id)
	if err != nil {
		return refuse(http.StatusBadRequest, "DIGEST_INVALID", "%v", err)
	}
	_, found, err := s.layer(t.repo, t.id)
	if err != nil {
		return err
	}
	if !found {
		return refuse(http.StatusNotFound, "BLOB_UNKNOWN", "Requested layer not found")
	}
	f, err := s.blobs.open(h)
	if err != nil {
		return fmt.Errorf("read blob %s: %w", h, err)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Docker-Content-Digest", h.String())
	w.Header().Set("Etag", `"`+h.String()+`"`)
	http.ServeContent(w, r, "", time.Time{}, f)
	return f.Close()
}

// serveUpload takes the bytes of a blob: at once, in one stream, or in chunks one after the other.
func (s *Service) serveUpload(w http.ResponseWriter, r *http.Request, t target) error {
	if r.Method == http.MethodPost {
		return s.startUpload(w, r, t)
	}
	u, err := s.blobs.find(t.repo, t.id)
	if err != nil {
		return refuse(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "%v", err)
	}
	switch r.Method {
	case http.MethodPatch:
		offset, err := offsetOf(r)
		if err != nil {
			return err
		}
		size, err := u.append(r.Body, offset)
		if err != nil && !errors.Is(err, errOffset) {
			s.blobs.cancel(u) // the client cannot know how much of it has arrived
		}
		if err != nil {
			return uploadError(err)
		}
		return s.accepted(w, t, u, size, http.StatusAccepted)
	case http.MethodPut:
		offset, err := offsetOf(r)
		if err != nil {
			return err
		}
		return s.finishUpload(w, r, t, u, offset)
	case http.MethodDelete:
		s.blobs.cancel(u)
		w.WriteHeader(http.StatusNoContent)
		return nil
	default:
		size, err := u.append(http.NoBody, -1)
		if err != nil {
			return uploadError(err)
		}
		return s.accepted(w, t, u, size, http.StatusNoContent)
	}
}

// startUpload begins an upload, or takes all of it when the digest is there already. Mounting a blob
// of another repository is not offered, as ECR does not unless told to: the answer is a new upload.
func (s *Service) startUpload(w http.ResponseWriter, r *http.Request, t target) error {
	if t.id != "" {
		return refuse(http.StatusMethodNotAllowed, "UNSUPPORTED", "an upload is not begun twice")
	}
	u, err := s.blobs.start(t.repo)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("digest") != "" {
		defer s.blobs.cancel(u)
		return s.finishUpload(w, r, t, u, -1)
	}
	return s.accepted(w, t, u, 0, http.StatusAccepted)
}

func (s *Service) accepted(w http.ResponseWriter, t target, u *upload, size int64, status int) error {
	w.Header().Set("Location", "/v2/"+t.repo+"/blobs/uploads/"+u.id)
	w.Header().Set("Docker-Upload-Uuid", u.id)
	w.Header().Set("Range", fmt.Sprintf("0-%d", max(0, size-1)))
	w.WriteHeader(status)
	return nil
}

func (s *Service) finishUpload(w http.ResponseWriter, r *http.Request, t target, u *upload, offset int64) error {
	h, err := parseDigest(r.URL.Query().Get("digest"))
	if err != nil {
		return refuse(http.StatusBadRequest, "DIGEST_INVALID", "%v", err)
	}
	if _, err := u.append(r.Body, offset); err != nil {
		return uploadError(err)
	}
	err = s.blobs.finish(u, h, func(size int64) error { return s.link(t.repo, h.String(), size) })
	if err != nil {
		return uploadError(err)
	}
	w.Header().Set("Location", "/v2/"+t.repo+"/blobs/"+h.String())
	w.Header().Set("Docker-Content-Digest", h.String())
	w.WriteHeader(http.StatusCreated)
	return nil
}

func uploadError(err error) error {
	switch {
	case errors.Is(err, errDigest):
		return refuse(http.StatusBadRequest, "DIGEST_INVALID", "%v", err)
	case errors.Is(err, errOffset):
		return refuse(http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", "%v", err)
	default:
		return err
	}
}

// offsetOf is where a chunk begins, or -1 where the request does not say.
func offsetOf(r *http.Request) (int64, error) {
	text := r.Header.Get("Content-Range")
	if text == "" {
		return -1, nil
	}
	var from, to int64
	if _, err := fmt.Sscanf(text, "%d-%d", &from, &to); err != nil || from < 0 || to < from {
		return 0, refuse(http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", "invalid Content-Range %q", text)
	}
	return from, nil
}
