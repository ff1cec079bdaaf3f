package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const (
	// expectFrom is the size in bytes from which on a body waits for the server to say that it will take it.
	expectFrom = 1 << 20

	// answerLimit is how much is read of an answer that is no file, in bytes.
	answerLimit = 1 << 20
)

// web is a server that is spoken to in plain HTTP, such as WebDAV's.
//
// It is net/http and no more: the known library for WebDAV knows no context, so that a call could not be given up, loses what
// servers say beside a status, escapes an endpoint's path twice, signs Digest for another path than it asks for, and overwrites
// folders by files.
type web struct {
	name    string   // of the provider
	root    *url.URL // of everything that is stored; its path ends without a slash
	client  *http.Client
	login   login
	retries retries
}

// login adds credentials to calls.
type login interface {
	authorize(r *http.Request) error
	// challenged reads why a call was refused, and reports whether the same call with other credentials makes sense.
	challenged(refused *http.Response) bool
}

// call is one request, which can be sent several times.
type call struct {
	method string
	path   string // escaped, below the root
	query  string // encoded
	header map[string]string
	body   *io.SectionReader // nil for none
}

// answer is what a server said, but a file's content.
type answer struct {
	status int
	header http.Header
	body   []byte // at most answerLimit
	tries  int    // how often the call was sent
}

// send sends a call until it is answered, and reads the answer.
func (w *web) send(ctx context.Context, c call) (*answer, error) {
	response, tries, err := w.do(ctx, c)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return nil, fmt.Errorf("read the answer %s: %w", response.Status, plain(err))
	}
	return &answer{response.StatusCode, response.Header, body, tries}, nil
}

// do sends a call until it is answered, with an error too, and returns the answer with its body to be closed. It is sent again
// by the policy of retries.
func (w *web) do(ctx context.Context, c call) (*http.Response, int, error) {
	for attempt := 1; ; attempt++ {
		response, err := w.try(ctx, c)
		if err != nil {
			if !temporary(err) || !w.retries.wait(ctx, attempt, 0) {
				return nil, attempt, plain(err)
			}
			continue
		}
		if !busy(response.StatusCode) || !w.retries.wait(ctx, attempt, askedPause(response.Header)) {
			return response, attempt, nil
		}
		response.Body.Close()
	}
}

// maxChallenges is how often one call is sent again because the server asks for credentials in another form: as Basic, as
// Digest, and as Digest with a newer nonce.
const maxChallenges = 3

// try sends a call once, and at once again where the server asks for other credentials.
func (w *web) try(ctx context.Context, c call) (*http.Response, error) {
	for challenges := 0; ; challenges++ {
		request, err := w.request(ctx, c)
		if err != nil {
			return nil, err
		}
		if err := w.login.authorize(request); err != nil {
			return nil, err
		}
		response, err := w.client.Do(request)
		if err != nil {
			return nil, err
		}
		if response.StatusCode != http.StatusUnauthorized || challenges == maxChallenges || !sameServer(response.Request.URL, request.URL) || !w.login.challenged(response) {
			return response, nil
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, answerLimit)) // so that the connection is used again
		response.Body.Close()
	}
}

// section is content in memory as the body of a call.
func section(content []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(content), 0, int64(len(content)))
}

func (w *web) request(ctx context.Context, c call) (*http.Request, error) {
	address := w.url(c.path)
	if c.query != "" {
		address += "?" + c.query
	}
	request, err := http.NewRequestWithContext(ctx, c.method, address, nil)
	if err != nil {
		return nil, err
	}
	for name, value := range c.header {
		request.Header.Set(name, value)
	}
	if c.body != nil && c.body.Size() > 0 {
		content := io.NewSectionReader(c.body, 0, c.body.Size())
		request.Body, request.ContentLength = io.NopCloser(content), content.Size()
		request.GetBody = func() (io.ReadCloser, error) {
			return io.NopCloser(io.NewSectionReader(c.body, 0, c.body.Size())), nil
		}
		if content.Size() >= expectFrom {
			request.Header.Set("Expect", "100-continue")
		}
	}
	return request, nil
}

// url is the address of an escaped path below the root.
func (w *web) url(path string) string {
	return w.root.Scheme + "://" + w.root.Host + w.root.EscapedPath() + "/" + path
}

// get asks for a file's content.
func (w *web) get(ctx context.Context, c call) (*http.Response, error) {
	response, _, err := w.do(ctx, c)
	if err != nil {
		return nil, err
	}
	switch response.StatusCode {
	case http.StatusOK:
		return response, nil
	case http.StatusNotFound, http.StatusGone:
		err = ErrNotExist
	default:
		err = refusal(response.StatusCode, response.Header)
	}
	return nil, errors.Join(err, response.Body.Close())
}

// wrap says what was attempted.
func (w *web) wrap(attempted, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s/%s: %w", attempted, w.name, shown(key), err)
}

// refusal is an answer that is not what was asked for. What the server wrote beside the status may repeat credentials.
func refusal(status int, header http.Header) error {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
	switch {
	case status == http.StatusUnauthorized:
		return fmt.Errorf("the server does not accept the credentials (%s)", text)
	case status == http.StatusForbidden:
		return fmt.Errorf("the server forbids it to these credentials (%s)", text)
	case status == http.StatusInsufficientStorage:
		return fmt.Errorf("the server has no room left (%s)", text)
	case toFolder(status, header):
		return errors.New("the server has a folder of that name")
	case status >= 300 && status < 400:
		return fmt.Errorf("the server says that it lies elsewhere (%s)%s", text, redirectTarget(header))
	}
	return fmt.Errorf("the server answers %s", text)
}

// toFolder reports whether a redirect only adds a slash: what lies there is a folder.
func toFolder(status int, header http.Header) bool {
	if status < 300 || status >= 400 {
		return false
	}
	target, err := url.Parse(header.Get("Location"))
	return err == nil && strings.HasSuffix(target.Path, "/")
}

func redirectTarget(header http.Header) string {
	target, err := url.Parse(header.Get("Location"))
	if err != nil || target.Host == "" {
		return ""
	}
	return fmt.Sprintf(", at %s://%s: check the endpoint", target.Scheme, target.Host)
}

// plain leaves the URL out of an error: where a server redirected to, it may hold a token.
func plain(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
