package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/textproto"
	"net/url"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/net/http/httpguts"
	"golang.org/x/term"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
)

// invokeCommand sends a request to the address of a function.
type invokeCommand struct {
	*app
	files   fileFlags
	account accountFlags

	data, json string
	query      []string
	method     string
	path       string
	header     []string
	output     string
	async      bool
	include    bool
}

func (c *invokeCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "invoke [NAME]",
		Short: "Send a request to a function's address and print the answer",
		Long: `Send an HTTP request to the address of a function, its URL or its HTTP API, and print the body of the answer, byte for byte.
NAME is the function's, or of the only function of the file. Requests are signed with the caller's credentials where the address
wants that (auth: iam). An answer whose status is not 2xx ends the command with exit code 1.

The body is a text or, after @, a file, - for standard input: --data sends it as what its name or content shows it to be, unless -H
'Content-Type: …' says otherwise, and --json as JSON, which is checked. (There is no --json for output here: what a function
answers is printed as it is.) Without a body the request is GET, with one POST.

A function URL takes 6 MB, an HTTP API 10 MB, of which Lambda takes 6 and less where it is not text; larger things are put into
the function's input. An HTTP API waits for 30 seconds. --async waits for nothing: the event of the request goes to the function, 1 MB at
most, which needs no address for it, and the id of the request is printed.`,
		Example: `  scar invoke grayify -d @cat.png -o gray.png
  scar invoke grayify --json '{"level": 3}' -q size=large -q size=small
  echo hello | scar invoke upper -d @- -i
  scar invoke report --async`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.completeFunction(&c.files),
		RunE:              c.run,
	}
	c.files.register(cmd)
	c.account.register(cmd)
	cmd.Flags().StringVarP(&c.data, "data", "d", "", "send this body: `TEXT`, @FILE or @-")
	cmd.Flags().StringVar(&c.json, "json", "", "send this body, which is JSON: `TEXT`, @FILE or @-")
	cmd.Flags().StringArrayVarP(&c.query, "query", "q", nil, "add `NAME=VALUE` to the query; repeatable")
	cmd.Flags().StringVarP(&c.method, "method", "X", "", "send this `METHOD` (default GET, or POST with a body)")
	cmd.Flags().StringVar(&c.path, "path", "", "add this path to the address")
	cmd.Flags().StringArrayVarP(&c.header, "header", "H", nil, "send the header `'NAME: VALUE'`; repeatable")
	cmd.Flags().StringVarP(&c.output, "output", "o", "", "write the body of a good answer to `FILE`, which is complete or is not changed")
	cmd.Flags().BoolVarP(&c.include, "include", "i", false, "print status and headers of the answer to standard error")
	cmd.Flags().BoolVar(&c.async, "async", false, "do not wait for the end")
	cmd.MarkFlagsMutuallyExclusive("data", "json")
	cmd.MarkFlagsMutuallyExclusive("async", "output")
	cmd.MarkFlagsMutuallyExclusive("async", "include")
	_ = cmd.MarkFlagFilename("output") // it fails only for flags that do not exist
	return cmd
}

func (c *invokeCommand) run(cmd *cobra.Command, args []string) error {
	if err := errors.Join(notEmpty(cmd, "method", "output"), canWrite(c.output)); err != nil {
		return err
	}
	request, err := c.request(cmd)
	if err != nil {
		return err
	}
	name, file, err := c.files.function(cmd, c.app, args)
	if err != nil {
		return err
	}
	status := view.NewStatus(c.streams(), view.Human)
	connected, err := c.account.connect(cmd, c.app, file.Region, file.Profile, status)
	if err != nil {
		return err
	}
	function, err := connected.Function(cmd.Context(), name)
	if err != nil {
		return err
	}
	if c.async {
		return c.start(cmd, connected, function, request)
	}
	endpoint, err := connected.HTTPEndpoint(cmd.Context(), function)
	if err != nil {
		return err
	}
	if err := endpoint.CheckBody(request.Body); err != nil {
		return err
	}
	c.following.Store(true) // an interrupt ends the wait alone, which the error says
	status.Say("Waiting for " + function.Name + "…")
	answer, err := connected.Request(cmd.Context(), function, endpoint, request)
	status.Clear()
	if err != nil {
		return err
	}
	return c.show(function.Name, endpoint, answer)
}

// start hands the event of a request over and does not wait.
func (c *invokeCommand) start(cmd *cobra.Command, connected *flow.Account, function *flow.Deployed, request flow.HTTPRequest) error {
	payload, err := request.EventPayload(cmd.Context(), function, time.Now())
	if err != nil {
		return err
	}
	if err := flow.CheckPayload(payload, true, "the body", bodyInstead); err != nil {
		return err
	}
	waiting := func(why string) { view.Note(c.streams(), why) }
	id, err := connected.InvokeAsync(cmd.Context(), function, payload, waiting)
	if err != nil {
		return err
	}
	return view.Started(c.streams(), view.Human, function.Name, id)
}

// request is what the flags ask for.
func (c *invokeCommand) request(cmd *cobra.Command) (r flow.HTTPRequest, err error) {
	r = flow.HTTPRequest{Path: c.path, Method: http.MethodGet}
	if r.Query, err = query(c.query); err != nil {
		return r, err
	}
	if r.Header, err = headers(c.header); err != nil {
		return r, err
	}
	kind := ""
	switch {
	case cmd.Flags().Changed("data"):
		r.Body, kind, err = c.body(c.data)
	case cmd.Flags().Changed("json"):
		kind = "application/json"
		if r.Body, _, err = c.body(c.json); err == nil && !json.Valid(r.Body) {
			var value any
			err = fmt.Errorf("--json is no JSON: %w", json.Unmarshal(r.Body, &value))
		}
	}
	if err != nil {
		return r, err
	}
	if kind != "" {
		r.Method = http.MethodPost
		if r.Header.Get("Content-Type") == "" {
			r.Header.Set("Content-Type", kind)
		}
	}
	r.Method = strings.ToUpper(either(c.method, r.Method))
	return r, nil
}

// bodyInstead is the way of what is too large for a request.
const bodyInstead = "put it into the function's input instead (scar put)"

// body reads a text, or a file after @, and finds out what it is.
func (c *invokeCommand) body(text string) (content []byte, kind string, err error) {
	path, isFile := strings.CutPrefix(text, "@")
	if !isFile {
		return []byte(text), "text/plain; charset=utf-8", nil
	}
	if path == "-" && c.files.takesStdin() {
		return nil, "", errors.New("standard input can be one thing: the file or the body")
	}
	if content, err = c.read(path, flow.MaxAPIBody, bodyInstead); err != nil {
		return nil, "", fmt.Errorf("read the body: %w", err)
	}
	kind = mime.TypeByExtension(filepath.Ext(path))
	if kind == "" {
		kind = http.DetectContentType(content)
	}
	if strings.HasPrefix(kind, "text/") && !utf8.Valid(content) {
		kind = "application/octet-stream"
	}
	return content, kind, nil
}

// query encodes NAME=VALUE, in their order. A space is %20: signatures know no other.
func query(pairs []string) (string, error) {
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	encoded := make([]string, len(pairs))
	for i, pair := range pairs {
		name, value, hasValue := strings.Cut(pair, "=")
		if name == "" {
			return "", fmt.Errorf("--query %q: want NAME=VALUE", pair)
		}
		encoded[i] = escape(name)
		if hasValue {
			encoded[i] += "=" + escape(value)
		}
	}
	return strings.Join(encoded, "&"), nil
}

// headers reads lines of the form NAME: VALUE.
func headers(lines []string) (http.Header, error) {
	h := http.Header{}
	for _, line := range lines {
		name, value, found := strings.Cut(line, ":")
		if !found || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("--header %q: want NAME: VALUE", line)
		}
		h.Add(textproto.CanonicalMIMEHeaderKey(name), strings.TrimSpace(value))
	}
	return h, nil
}

// show prints what came back.
func (c *invokeCommand) show(function string, endpoint *flow.HTTPEndpoint, answer *flow.HTTPAnswer) error {
	shown := view.HTTPAnswer{
		Function: function, Signed: endpoint.Signed, API: endpoint.API != "",
		Proto: answer.Proto, Status: answer.Status, Header: answer.Header,
	}
	body, good := answer.Body, answer.Status >= 200 && answer.Status < 300
	if c.include {
		shown.Head(c.streams())
	}
	if good && c.output != "" && c.output != "-" {
		if err := c.writeOutput(c.output, body); err != nil {
			return err
		}
		body = nil
	}
	if err := shown.Print(c.streams(), body, term.IsTerminal(int(c.stdout.Fd()))); err != nil {
		return err
	}
	if !good {
		return exitCode(exitError)
	}
	return nil
}
