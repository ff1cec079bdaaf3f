//go:build linux

package storage

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
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
		f.tell(w, path, content, r.URL.RawQuery)
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
func (f *onedataFake) tell(w http.ResponseWriter, path string, content []byte, query string) {
	all := map[string]any{"objectType": cdmiObject, "completionStatus": "Complete", "mimetype": "application/octet-stream"}
	if content == nil {
		all["objectType"] = cdmiContainer
	}
	answer := map[string]any{}
	for name := range strings.SplitSeq(query, ";") {
		key, of, _ := strings.Cut(name, ":")
		switch key {
		case "metadata": // what begins with what follows
			found := map[string]string{}
			for name, value := range map[string]string{"cdmi_size": fmt.Sprint(len(content)), "cdmi_mtime": "2026-01-31T08:00:00Z"} {
				if strings.HasPrefix(name, of) {
					found[name] = value
				}
			}
			answer[key] = found
		case "children", "childrenrange":
			children := f.children(path)
			from, to := 0, len(children)-1
			if of != "" {
				if _, err := fmt.Sscanf(of, "%d-%d", &from, &to); err != nil || to >= len(children) {
					posix(w, http.StatusBadRequest, "range")
					return
				}
			}
			if len(children) > 0 {
				answer["childrenrange"] = fmt.Sprintf("%d-%d", from, to)
			} else {
				answer["childrenrange"] = ""
			}
			if key == "children" {
				answer[key] = children[from : to+1]
			}
		default:
			answer[key] = all[key]
		}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// children are the names in a folder, those of folders with a slash.
func (f *onedataFake) children(folder string) []string {
	var names []string
	for path, content := range f.files {
		if parent(path) != folder {
			continue
		}
		name := path[len(folder)+1:]
		if content == nil {
			name += "/"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func posix(w http.ResponseWriter, status int, what string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"id": "posix", "description": "Operation failed: " + what}})
}
