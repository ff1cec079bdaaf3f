package supervisor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/scar-go/scar/runtime/job"
)

// The files that a script may leave in RESPONSE_DIR.
const (
	fileStatus  = "status"  // a number from 200 to 599
	fileHeaders = "headers" // lines of Name: value
	fileBody    = "body"    // takes the place of the output
)

const (
	maxStatusFile  = 64      // bytes
	maxHeadersFile = 8 << 10 // bytes: API Gateway takes 10,240 in all, see https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
)

// reply is what a run answers.
type reply struct {
	status  int
	headers []header
	body    []byte
}

// header is one line of a reply's headers.
type header struct{ name, value string }

func newReply() *reply { return &reply{status: http.StatusOK} }

// respond makes the reply of a script that succeeded from what it left in RESPONSE_DIR and from its output. It comes before outputs are
// stored, because a run whose answer cannot be given has failed.
func (t *task) respond() *job.Error {
	r, err := readReply(t.work.response, func(format string, args ...any) { t.print(Warning, format, args...) })
	if err != nil {
		return asError(err, job.ErrBadResponse)
	}
	limit := t.bodyLimit()
	switch {
	case r.body == nil && t.answersOutput() && t.out.total > int64(limit):
		return &job.Error{Type: job.ErrResponseTooBig, Message: fmt.Sprintf(
			"the script wrote %d bytes, an answer holds %d at most: write large results to $TMP_OUTPUT_DIR", t.out.total, limit)}
	case r.body == nil:
		r.body = t.out.tail(t.out.keep)
	}
	t.reply = r
	if len(t.event.Items) > 1 {
		return nil // only the end of all replies is answered
	}
	_, failed := t.answer(r)
	return failed
}

// readReply reads the folder, of which nothing is followed that is no regular file. Nobody changes it any more: the
// script and all that it started have ended. Without a file for it the body is nil.
func readReply(folder string, warn func(format string, args ...any)) (*reply, error) {
	r := newReply()
	info, err := os.Lstat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("RESPONSE_DIR: %w", reason(err))
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("RESPONSE_DIR: the script replaced it by a %s", kind(info.Mode()))
	}
	if err := permit(folder, fs.FileInfoToDirEntry(info), 0o500); err != nil {
		return nil, fmt.Errorf("RESPONSE_DIR: %w", reason(err))
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("RESPONSE_DIR: %w", reason(err))
	}
	for _, entry := range entries {
		name := entry.Name()
		switch name {
		case fileStatus:
			err = readPart(folder, entry, maxStatusFile, func(content []byte) (err error) { r.status, err = parseStatus(content); return err })
		case fileHeaders:
			err = readPart(folder, entry, maxHeadersFile, func(content []byte) (err error) { r.headers, err = parseHeaders(content); return err })
		case fileBody:
			err = readPart(folder, entry, directBody, func(content []byte) error { r.body = content; return nil })
		default:
			warn("%q in RESPONSE_DIR is ignored: it takes %s, %s and %s", name, fileStatus, fileHeaders, fileBody)
		}
		if err != nil {
			return nil, fmt.Errorf("%s in RESPONSE_DIR: %w", name, err)
		}
	}
	return r, nil
}

// readPart hands over the content of one file of the folder.
func readPart(folder string, entry fs.DirEntry, limit int64, use func(content []byte) error) error {
	if !entry.Type().IsRegular() {
		return fmt.Errorf("it is a %s, not a file", kind(entry.Type()))
	}
	path := filepath.Join(folder, entry.Name())
	if err := permit(path, entry, 0o400); err != nil {
		return reason(err)
	}
	file, err := os.Open(path)
	if err != nil {
		return reason(err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return reason(err)
	}
	switch {
	case int64(len(content)) <= limit:
		return use(content)
	case entry.Name() != fileBody:
		return fmt.Errorf("it has more than %d bytes", limit)
	}
	return &job.Error{Type: job.ErrResponseTooBig, Message: fmt.Sprintf(
		"%s in RESPONSE_DIR has more than the %d bytes that an answer holds: write large results to $TMP_OUTPUT_DIR", fileBody, limit)}
}

func parseStatus(content []byte) (int, error) {
	text := string(bytes.TrimSpace(content))
	status, err := strconv.Atoi(text)
	if err != nil || len(text) != 3 || status < 200 || status > 599 {
		return 0, fmt.Errorf("%.20q is no status of HTTP: write a number from 200 to 599", text)
	}
	return status, nil
}

// parseHeaders reads lines of "Name: value", in their order; a name may be repeated.
func parseHeaders(content []byte) ([]header, error) {
	var headers []header
	for i, line := range strings.Split(string(content), "\n") {
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("line %d: %.40q is not of the form Name: value", i+1, line)
		}
		h := header{name, strings.Trim(value, " \t")}
		if err := h.check(); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		headers = append(headers, h)
	}
	return headers, nil
}

// check refuses what is no header, see RFC 9110, sections 5.1 and 5.5, and what is not the script's to set.
func (h header) check() error {
	if h.name == "" || strings.ContainsFunc(h.name, func(r rune) bool { return !tokenChar(r) }) {
		return fmt.Errorf("%.40q is no name of a header", h.name)
	}
	if strings.ContainsFunc(h.value, func(r rune) bool { return r != '\t' && (r < ' ' || r > '~') }) {
		return fmt.Errorf("the value of %s has characters other than printable ASCII", h.name)
	}
	lower := strings.ToLower(h.name)
	switch lower {
	case "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
		"content-length":
		return fmt.Errorf("%s is set by the server that hands the answer on", h.name)
	}
	if strings.HasPrefix(lower, "amz-lambda-") || strings.HasPrefix(lower, "amz-log-") {
		return fmt.Errorf("%s is set by scar", h.name)
	}
	return nil
}

// tokenChar reports whether a character may be part of a header's name.
func tokenChar(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// has reports whether a header is among those of the reply.
func (r *reply) has(name string) bool {
	for _, h := range r.headers {
		if strings.EqualFold(h.name, name) {
			return true
		}
	}
	return false
}

// answer is the payload that hands a reply on.
func (v *invocation) answer(r *reply) ([]byte, *job.Error) {
	response, err := v.shape(r)
	if err != nil {
		return nil, &job.Error{Type: job.ErrBadResponse, Message: err.Error()}
	}
	payload, err := json.Marshal(response)
	if err != nil {
		return nil, &job.Error{Type: job.ErrInternal, Message: err.Error()}
	}
	if limit := v.answerLimit(); len(payload) > limit {
		return nil, &job.Error{Type: job.ErrResponseTooBig, Message: fmt.Sprintf(
			"the answer has %d bytes with its headers and its body in base64, the limit is %d: write large results to $TMP_OUTPUT_DIR", len(payload), limit)}
	}
	return payload, nil
}
