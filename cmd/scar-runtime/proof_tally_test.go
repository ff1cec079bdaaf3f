package main

import (
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// tally stands before a storage and takes uploads in parts in its place, but keeps of each part what tells it from any
// other: hundreds of large results would need more memory and time than a test may. An upload that is complete is stored as the
// list of its parts.
type tally struct {
	storage http.Handler
	keep    func(key, content string)

	mu    sync.Mutex
	begun int
	open  map[string]map[int]part // by id of the upload and number of the part
}

// part is one part of an upload.
type part struct {
	Size int64
	Sum  [sha256.Size]byte
}

func (p part) etag() string { return fmt.Sprintf(`"%x-part"`, p.Sum[:8]) }

// byParts has a function's results in parts tallied.
func byParts(f *function) {
	f.s3.Handler = &tally{storage: f.s3.Handler, keep: f.store, open: map[string]map[int]part{}}
}

// sameAs reports whether an object has a content, be it stored whole or as the list of its parts.
func sameAs(stored, content string) bool {
	var list []part
	if json.Unmarshal([]byte(stored), &list) != nil {
		return stored == content
	}
	for _, p := range list {
		if int64(len(content)) < p.Size || sha256.Sum256([]byte(content[:p.Size])) != p.Sum {
			return false
		}
		content = content[p.Size:]
	}
	return content == ""
}

func (t *tally) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	id := query.Get("uploadId")
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case query.Has("uploads") && r.Method == http.MethodPost:
		t.begin(w)
	case query.Has("uploads"):
		t.list(w)
	case id == "":
		t.storage.ServeHTTP(w, r)
	case r.Method == http.MethodPut:
		t.take(w, r, id)
	case r.Method == http.MethodPost:
		t.complete(w, r, id, key)
	default:
		t.abort(w, r, id)
	}
}

func (t *tally) begin(w http.ResponseWriter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun++
	id := strconv.Itoa(t.begun)
	t.open[id] = map[int]part{}
	_, _ = fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
}

func (t *tally) list(w http.ResponseWriter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id := range t.open {
		_, _ = fmt.Fprintf(w, "<UploadId>%s</UploadId>", id)
	}
}

func (t *tally) take(w http.ResponseWriter, r *http.Request, id string) {
	hash := sha256.New()
	size, err := io.Copy(hash, r.Body)
	if err != nil || r.Header.Get("Content-Encoding") == "aws-chunked" {
		refuse(http.StatusBadRequest, "IncompleteBody")(w, r, nil)
		return
	}
	p := part{Size: size, Sum: [sha256.Size]byte(hash.Sum(nil))}
	number, _ := strconv.Atoi(r.URL.Query().Get("partNumber"))
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[id] == nil {
		refuse(http.StatusNotFound, "NoSuchUpload")(w, r, nil)
		return
	}
	t.open[id][number] = p
	w.Header().Set("ETag", p.etag())
}

func (t *tally) complete(w http.ResponseWriter, r *http.Request, id, key string) {
	var asked struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	err := xml.NewDecoder(r.Body).Decode(&asked)
	t.mu.Lock()
	defer t.mu.Unlock()
	parts := t.open[id]
	if parts == nil {
		refuse(http.StatusNotFound, "NoSuchUpload")(w, r, nil)
		return
	}
	var list []part
	for _, a := range asked.Part {
		p, ok := parts[a.PartNumber]
		if !ok || p.etag() != a.ETag {
			refuse(http.StatusBadRequest, "InvalidPart")(w, r, nil)
			return
		}
		list = append(list, p)
	}
	content, encoding := json.Marshal(list)
	if err != nil || encoding != nil || len(list) == 0 {
		refuse(http.StatusBadRequest, "MalformedXML")(w, r, nil)
		return
	}
	t.keep(key, string(content))
	delete(t.open, id)
	_, _ = io.WriteString(w, `<CompleteMultipartUploadResult><ETag>"whole-3"</ETag></CompleteMultipartUploadResult>`)
}

func (t *tally) abort(w http.ResponseWriter, r *http.Request, id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[id] == nil {
		refuse(http.StatusNotFound, "NoSuchUpload")(w, r, nil)
		return
	}
	delete(t.open, id)
	w.WriteHeader(http.StatusNoContent)
}
