package view

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/scar-go/scar/runtime/job"
)

// Invoked is what became of an invocation that was waited for.
type Invoked struct {
	Function            string
	RequestID           string
	LogGroup, LogStream string // empty where nobody tells
	Status              int    // of HTTP, that the script has set; 0: none
	File                string // that the output was written to; empty: it is shown
	Failure             *job.Error
	LogTail             string
	Tailed              bool // the log has been shown while it ran
}

// Started prints the id of a request that nobody waits for.
func Started(s *Streams, f Format, function, requestID string) error {
	p := s.out()
	if f == JSON {
		p.json(map[string]string{"function": function, "request_id": requestID}, "  ")
		return p.result()
	}
	p.printf("%s\n", clean(requestID))
	s.err().printf("Lambda has the event; scar logs %s --request-id %s shows what becomes of it.\n", clean(function), clean(requestID))
	return p.result()
}

// Done prints the output as it is, and beside it what it came from. A terminal is spared what is no text.
func (i Invoked) Done(s *Streams, f Format, output []byte, terminal bool) error {
	p := s.out()
	if f == JSON {
		i.json(p, output)
		return p.result()
	}
	if err := s.raw(output, terminal); err != nil {
		return err
	}
	e := s.err()
	if i.Status != 0 && i.Status != http.StatusOK {
		e.printf("status: %d %s\n", i.Status, http.StatusText(i.Status))
	}
	i.origin(e)
	return p.result()
}

// raw prints bytes as they are. A terminal is spared what is no text, and gets the end of a last line.
func (s *Streams) raw(output []byte, terminal bool) error {
	if terminal && bytes.IndexByte(output, 0) >= 0 {
		s.err().printf("The output, %s, is no text and is not shown on a terminal: write it to a file with -o FILE, or redirect it.\n", size(int64(len(output))))
		return nil
	}
	if _, err := s.Out.Write(output); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	if terminal && s.Live && len(output) > 0 && output[len(output)-1] != '\n' {
		s.err().printf("\n")
	}
	return nil
}

// Failed prints why the function failed and the end of its log.
func (i Invoked) Failed(s *Streams, f Format) error {
	p := s.out()
	if f == JSON {
		i.json(p, nil)
		return p.result()
	}
	e := s.err()
	log := ownLines(i.LogTail)
	first, rest := splitError(cleanLines(i.Failure.Error()), log)
	log = slices.DeleteFunc(log, func(l string) bool { return strings.HasPrefix(l, "scar ERROR ") && strings.HasSuffix(l, ": "+first) })
	e.printf("%s function %s failed: %s\n", e.paint(red, "error:"), clean(i.Function), first)
	if i.Tailed {
		log = nil
	}
	for _, l := range rest {
		e.printf("  %s\n", l)
	}
	if len(log) > 0 {
		e.printf("  the end of its log:\n")
	}
	for _, l := range log {
		e.printf("  | %s\n", l)
	}
	i.origin(e)
	return nil
}

// origin prints where to read on.
func (i Invoked) origin(e *printer) {
	if i.RequestID != "" {
		e.printf("%s %s\n", e.paint(dim, "request id:"), clean(i.RequestID))
	}
	if i.LogStream != "" {
		e.printf("%s %s\n", e.paint(dim, "log stream:"), clean(i.LogStream))
	}
}

func (i Invoked) json(p *printer, output []byte) {
	out := struct {
		Function  string     `json:"function"`
		RequestID string     `json:"request_id,omitempty"`
		LogGroup  string     `json:"log_group,omitempty"`
		LogStream string     `json:"log_stream,omitempty"`
		Status    int        `json:"status_code,omitempty"`
		Output    *string    `json:"output_base64,omitempty"`
		File      string     `json:"output_file,omitempty"`
		Error     *job.Error `json:"error,omitempty"`
		LogTail   string     `json:"log_tail,omitempty"`
	}{i.Function, i.RequestID, i.LogGroup, i.LogStream, i.Status, nil, i.File, i.Failure, i.LogTail}
	if i.Failure == nil && i.File == "" {
		text := base64.StdEncoding.EncodeToString(output)
		out.Output = &text
	}
	p.json(out, "  ")
}

// HTTPAnswer is what a function's address answered.
type HTTPAnswer struct {
	Function string
	Signed   bool // the request was
	API      bool // it is an HTTP API's
	Proto    string
	Status   int
	Header   http.Header
}

// Head prints status and headers, as they come by HTTP.
func (a HTTPAnswer) Head(s *Streams) {
	e := s.err()
	e.printf("%s\n", e.paint(bold, clean(strings.TrimSpace(fmt.Sprintf("%s %d %s", a.Proto, a.Status, http.StatusText(a.Status))))))
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		for _, value := range a.Header[name] {
			e.printf("%s: %s\n", e.paint(dim, clean(strings.ToLower(name))), clean(value))
		}
	}
	e.printf("\n")
}

// Print prints the body as it is and, beside it, what is wrong with an answer that is no good one.
func (a HTTPAnswer) Print(s *Streams, body []byte, terminal bool) error {
	if err := s.raw(body, terminal); err != nil {
		return err
	}
	e := s.err()
	id := a.Header.Get(job.HeaderRequestID)
	if a.Status < 200 || a.Status >= 300 {
		e.printf("%s function %s answers %d %s%s\n", e.paint(red, "error:"), clean(a.Function), a.Status, http.StatusText(a.Status), a.hint(id))
	}
	Invoked{RequestID: id, LogStream: a.Header.Get(job.HeaderLogStream)}.origin(e)
	return nil
}

// hint says what to do about an answer.
func (a HTTPAnswer) hint(requestID string) string {
	switch {
	case a.Status == http.StatusForbidden && requestID == "" && a.Signed && a.API:
		return ": who calls needs the right execute-api:Invoke"
	case a.Status == http.StatusForbidden && requestID == "" && a.Signed:
		return ": who calls needs the rights lambda:InvokeFunctionUrl and lambda:InvokeFunction on the function"
	case a.Status == http.StatusRequestEntityTooLarge:
		return ": put what is so large into the function's input instead (scar put)"
	case a.Status == http.StatusTooManyRequests:
		return ": there is no place for another invocation now"
	case a.Status == http.StatusServiceUnavailable && a.API:
		return ": an HTTP API waits for 30 seconds; scar run " + clean(a.Function) + " waits as long as the function may take"
	case a.Status >= 300 && a.Status < 400 && a.Header.Get("Location") != "":
		return ", to " + clean(a.Header.Get("Location"))
	case a.Status >= 500 && requestID != "":
		return fmt.Sprintf(": scar logs %s --request-id %s shows why", clean(a.Function), clean(requestID))
	case a.Status >= 500:
		return ": scar logs " + clean(a.Function) + " shows why"
	}
	return ""
}
