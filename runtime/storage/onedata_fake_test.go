//go:build linux

package storage

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// onedataFake speaks what a Oneprovider speaks at /cdmi, as its documentation and its source say. Nothing here was compared
// with a real one.
type onedataFake struct {
	mu    sync.Mutex
	files map[string][]byte // by path; nil is a folder
}

func startOnedata(testing.TB) (http.Handler, string) {
	return &onedataFake{files: map[string][]byte{"/lab 1": nil}}, ""
}

func (f *onedataFake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/cdmi")
	switch {
	case !ok:
		http.NotFound(w, r)
		return
	case r.Header.Get(tokenHeader) != secret:
		_, _ = io.Copy(io.Discard, r.Body)
		posix(w, http.StatusUnauthorized, "bad token "+r.Header.Get(tokenHeader))
		return
	}
	path, folder := strings.CutSuffix(path, "/")
	body, err := io.ReadAll(r.Body) // nothing is created from a body that breaks off; a real one keeps what came
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	content, exists := f.files[path]
	if exists && (content == nil) != folder {
		target := r.URL.EscapedPath() + "/"
		if folder {
			target = strings.TrimSuffix(r.URL.EscapedPath(), "/")
		}
		http.Redirect(w, r, target, http.StatusFound)
		return
	}
	cdmi := r.Header.Get("X-CDMI-Specification-Version") != ""
	switch kind := r.Header.Get("Content-Type"); {
	case r.Method == http.MethodPut && folder && cdmi && kind == cdmiContainer:
		f.makeFolder(w, path, exists)
	case r.Method == http.MethodPut && !folder && cdmi && kind == cdmiObject:
		f.move(w, path, exists, body)
	case r.Method == http.MethodPut && !folder:
		f.put(w, path, exists, body)
	case !exists:
		posix(w, http.StatusNotFound, "enoent")
	case r.Method == http.MethodGet && cdmi:
		f.tell(w, content, r.URL.RawQuery)
	case r.Method == http.MethodGet && !folder:
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content)
	case r.Method == http.MethodDelete:
		delete(f.files, path)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (f *onedataFake) makeFolder(w http.ResponseWriter, path string, exists bool) {
	switch {
	case exists:
		w.WriteHeader(http.StatusNoContent)
	case !f.isFolder(parent(path)):
		posix(w, http.StatusBadRequest, "enoent")
	default:
		f.files[path] = nil
		w.WriteHeader(http.StatusCreated)
	}
}

// move overwrites nothing: a Oneprovider has no case for that, and answers that it broke.
func (f *onedataFake) move(w http.ResponseWriter, path string, exists bool, body []byte) {
	var what struct {
		Move string `json:"move"`
	}
	if err := json.Unmarshal(body, &what); err != nil || what.Move == "" {
		posix(w, http.StatusBadRequest, "einval")
		return
	}
	content, ok := f.files[what.Move]
	switch {
	case exists:
		w.WriteHeader(http.StatusInternalServerError)
	case !ok:
		posix(w, http.StatusBadRequest, "enoent")
	default:
		delete(f.files, what.Move)
		f.files[path] = content
		w.WriteHeader(http.StatusCreated)
	}
}

func (f *onedataFake) put(w http.ResponseWriter, path string, exists bool, body []byte) {
	if !f.isFolder(parent(path)) {
		posix(w, http.StatusBadRequest, "enoent")
		return
	}
	if body == nil {
		body = []byte{}
	}
	f.files[path] = body
	if exists {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func (f *onedataFake) isFolder(path string) bool {
	content, ok := f.files[path]
	return ok && content == nil
}

// tell answers what was asked for, and nothing else.
func (f *onedataFake) tell(w http.ResponseWriter, content []byte, query string) {
	all := map[string]any{"objectType": cdmiObject, "completionStatus": "Complete", "mimetype": "application/octet-stream"}
	if content == nil {
		all["objectType"] = cdmiContainer
	}
	all["metadata:cdmi_size"] = map[string]string{"cdmi_size": fmt.Sprint(len(content))}
	answer := map[string]any{}
	for name := range strings.SplitSeq(query, ";") {
		key, _, _ := strings.Cut(name, ":")
		answer[key] = all[name]
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func posix(w http.ResponseWriter, status int, what string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"id": "posix", "description": "Operation failed: " + what}})
}
