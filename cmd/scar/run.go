package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
	"github.com/scar-go/scar/spec"
)

// runCommand starts a function and shows what it answers.
type runCommand struct {
	*app
	files   fileFlags
	account accountFlags
	format  formatFlags
	sweep   sweepFlags

	script  string
	payload string
	input   string
	output  string
	async   bool
	tail    bool
}

func (c *runCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run [NAME] [flags] [-- ARGUMENT...]",
		Short: "Start a function and print what it answers",
		Long: `Start a function that has been applied, wait for its end, and print what its script wrote, byte for byte. The id of the
request and the log stream go to standard error. NAME is the function's, or of the only function of the file. A function
that fails ends the command with its error, the end of its log, and exit code 1.

Without more, the function's own script runs without an input. With -s another script runs in its place, in the same image and
with the same rights; what follows -- are arguments to the image's entrypoint, as with docker run. --input sends the event of
one object that is in a bucket already, which is processed whatever became of it before; --payload sends any event.

` + sweepHelp + `

Lambda takes 6 MB with a request, and 1 MB with --async, where nobody waits and the id of the request is all that is printed;
a script may have three quarters of that. What is larger goes into the image, with files: in the file, or into a bucket.

--tail prints the log of the request to standard error while it runs. Lambda tells which request it is with the answer, so that
lines of others that begin meanwhile may be among them until then, marked as such.

Ctrl-C ends the wait, and not the function. A request that was sent is never sent again by itself.`,
		Example: `  scar run grayify
  scar run grayify -s check.sh > result.bin
  scar run -f func.yaml -o report.pdf
  scar run grayify -- identify -version
  scar run grayify --input s3://photos/in/cat.png
  scar run grayify --payload '{"level": 3}' --async
  scar run grayify --all --concurrency 50`,
		ValidArgsFunction: c.completeFunction(&c.files),
		RunE:              c.run,
	}
	c.files.register(cmd)
	c.files.registerProject(cmd)
	c.account.register(cmd)
	c.format.register(cmd)
	cmd.Flags().StringVarP(&c.script, "script", "s", "", "run this `FILE` instead of the function's script, - for standard input")
	cmd.Flags().StringVar(&c.payload, "payload", "", "send this event: JSON, or a `FILE` that holds it, - for standard input")
	cmd.Flags().StringVar(&c.input, "input", "", "send the event of this object, s3://BUCKET/KEY")
	cmd.Flags().StringVarP(&c.output, "output", "o", "", "write what the script wrote to `FILE`, which is complete or is not changed")
	cmd.Flags().BoolVar(&c.async, "async", false, "do not wait for the end")
	cmd.Flags().BoolVar(&c.tail, "tail", false, "print the log meanwhile")
	c.sweep.register(cmd)
	cmd.MarkFlagsMutuallyExclusive("script", "payload", "input", "all")
	for _, name := range []string{"output", "async", "tail"} {
		cmd.MarkFlagsMutuallyExclusive("all", name)
	}
	cmd.MarkFlagsMutuallyExclusive("async", "output")
	_ = cmd.MarkFlagFilename("script") // they fail only for flags that do not exist
	_ = cmd.MarkFlagFilename("payload")
	_ = cmd.MarkFlagFilename("output")
	return cmd
}

// what is to be run, and by which function.
type runRequest struct {
	function  string
	arguments []string // nil: none
	script    []byte   // nil: the function's own
	async     bool
	file      *spec.File // project, region and profile
}

func (c *runCommand) run(cmd *cobra.Command, args []string) error {
	if err := errors.Join(notEmpty(cmd, "script", "payload", "input", "output"), c.sweep.check(cmd)); err != nil {
		return err
	}
	if c.sweep.active() {
		if cmd.ArgsLenAtDash() >= 0 || len(args) > 1 {
			return errors.New("--all takes one function, and sends it events: arguments are for a single run")
		}
		return c.sweep.run(cmd, c.app, &c.files, &c.account, &c.format, args)
	}
	request, err := c.request(cmd, args)
	if err != nil {
		return err
	}
	if err := canWrite(c.output); err != nil {
		return err
	}
	status := view.NewStatus(c.streams(), c.format.format())
	connected, err := c.account.connect(cmd, c.app, request.file.Region, request.file.Profile, status)
	if err != nil {
		return err
	}
	payload, err := c.event(cmd, connected, request)
	if err != nil {
		return err
	}
	function, err := connected.Function(cmd.Context(), request.function)
	if err != nil {
		return err
	}
	c.following.Store(true) // an interrupt ends the wait alone, which the error says
	if request.async {
		return c.start(cmd.Context(), connected, function, payload)
	}
	if !c.tail {
		status.Say("Running " + function.Name + "…")
	}
	tail := c.follow(cmd.Context(), connected, function, true)
	answer, err := connected.Invoke(cmd.Context(), function, payload, c.waiting)
	status.Clear()
	if err != nil {
		tail("")
		return err
	}
	tail(answer.RequestID)
	return c.show(function.Name, answer)
}

// start hands the event over and does not wait.
func (c *runCommand) start(ctx context.Context, connected *flow.Account, function *flow.Deployed, payload []byte) error {
	tail := c.follow(ctx, connected, function, false)
	id, err := connected.InvokeAsync(ctx, function, payload, c.waiting)
	if err != nil {
		tail("")
		return err
	}
	err = view.Started(c.streams(), c.format.format(), function.Name, id)
	tail(id)
	return err
}

func (c *runCommand) waiting(why string) { view.Note(c.streams(), why) }

// follow prints the log of what is sent after it, if that is wanted. What it returns is told the id of the request, empty if there
// is none, and returns when its log is at its end. Bound is that the answer is the end of the request.
func (c *runCommand) follow(ctx context.Context, connected *flow.Account, function *flow.Deployed, bound bool) func(id string) {
	if !c.tail {
		return func(string) {}
	}
	unread := func(err error) { view.Note(c.streams(), "note: the log cannot be followed: "+err.Error()) }
	tail, err := connected.TailRun(ctx, function)
	if err != nil {
		unread(err)
		return func(string) {}
	}
	request, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		emit := view.Tail(c.streams())
		err := tail.Follow(ctx, request, bound, func(id string, e flow.LogEvent) error { return emit(id, view.LogLine(e)) })
		if err != nil && ctx.Err() == nil {
			unread(err)
		}
	}()
	return func(id string) {
		request <- id
		<-ended
	}
}

// request reads the command line, and the function's defaults of the file.
func (c *runCommand) request(cmd *cobra.Command, args []string) (*runRequest, error) {
	r := &runRequest{async: c.async}
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		args, r.arguments = args[:dash], args[dash:]
	}
	if len(args) > 1 {
		return nil, fmt.Errorf("one function at a time: to give the image arguments, put -- before them: scar run %s -- %s", args[0], strings.Join(args[1:], " "))
	}
	if len(r.arguments) > 0 && (c.script != "" || c.payload != "" || c.input != "") {
		return nil, errors.New("arguments after -- are run in place of a script or an event: give one of them")
	}
	if c.files.takesStdin() && (c.script == "-" || c.payload == "-") {
		return nil, errors.New("standard input can be one thing: the file, the script or the event")
	}
	var err error
	if r.function, r.file, err = c.files.function(cmd, c.app, args); err != nil {
		return nil, err
	}
	if c.script != "" {
		if r.script, err = c.read(c.script, flow.MaxPayload, scriptInstead); err != nil {
			return nil, fmt.Errorf("read the script: %w", err)
		}
	}
	return r, c.defaults(cmd, r)
}

// defaults are what a classic file says of runs.
func (c *runCommand) defaults(cmd *cobra.Command, r *runRequest) error {
	if r.file.Path == "" || c.files.takesStdin() {
		return nil
	}
	outline, err := c.files.outline(cmd, c.app)
	if err != nil || !outline.Classic {
		return nil // it is of no use here
	}
	if fn := functionOf(outline, r.function); fn != nil && !cmd.Flags().Changed("async") {
		r.async = fn.Asynchronous
	}
	if len(r.arguments) > 0 || c.script != "" || c.payload != "" || c.input != "" {
		return nil
	}
	file, err := c.files.load(cmd, c.app) // which opens scripts
	if err != nil {
		return err
	}
	if fn := functionOf(file, r.function); fn != nil && fn.RunScript != nil {
		r.script = fn.RunScript.Content
	}
	return nil
}

// functionOf is the function of a file with a name; nil: there is none.
func functionOf(file *spec.File, name string) *spec.Function {
	for i := range file.Functions {
		if file.Functions[i].Name == name {
			return &file.Functions[i]
		}
	}
	return nil
}

// The ways of what is too large for a request.
const (
	eventInstead  = "put it into a bucket (scar put) and let the script fetch it"
	scriptInstead = "ship it in the image, with files: in the file, or " + eventInstead
)

// event is what is sent to the function.
func (c *runCommand) event(cmd *cobra.Command, connected *flow.Account, r *runRequest) (payload []byte, err error) {
	what, instead := "the event", eventInstead
	switch {
	case len(r.arguments) > 0:
		what = "the list of arguments"
		payload, err = flow.CommandPayload(r.arguments)
	case r.script != nil:
		what, instead = "the script", scriptInstead
		payload, err = flow.ScriptPayload(r.script)
	case c.input != "":
		payload, err = connected.ObjectPayload(cmd.Context(), c.input)
	case c.payload != "":
		payload, err = c.given()
	}
	if err != nil {
		return nil, err
	}
	return payload, flow.CheckPayload(payload, r.async, what, instead)
}

// given is the event of --payload. JSON on the command line begins with a brace, a bracket or a quotation mark.
func (c *runCommand) given() ([]byte, error) {
	payload := []byte(c.payload)
	if text := strings.TrimSpace(c.payload); text != "" && !strings.Contains(`{["`, text[:1]) {
		var err error
		if payload, err = c.read(c.payload, flow.MaxPayload, eventInstead); err != nil {
			return nil, fmt.Errorf("read the event: %w", err)
		}
	}
	if !json.Valid(payload) {
		var value any
		return nil, fmt.Errorf("--payload is no JSON: %w", json.Unmarshal(payload, &value))
	}
	return payload, nil
}

// read reads a file, - for standard input. More bytes than the limit are an error, which names the other way.
func (a *app) read(path string, limit int, instead string) ([]byte, error) {
	file, name := a.stdin, "standard input"
	if path != "-" {
		var err error
		if file, err = os.Open(path); err != nil {
			return nil, err
		}
		defer file.Close()
		name = path
	}
	content, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	if err == nil && len(content) > limit {
		err = fmt.Errorf("%s has more than %d MB, which is the most that is taken: %s", name, limit>>20, instead)
	}
	return content, err
}

// show prints what the function answered.
func (c *runCommand) show(function string, answer *flow.Answer) error {
	shown := view.Invoked{
		Function: function, RequestID: answer.RequestID, LogGroup: answer.LogGroup, LogStream: answer.LogStream,
		Status: answer.Status, Failure: answer.Failure, LogTail: answer.LogTail, Tailed: c.tail,
	}
	if answer.Failure != nil {
		if err := shown.Failed(c.streams(), c.format.format()); err != nil {
			return err
		}
		return exitCode(exitError)
	}
	output := answer.Output
	if c.output != "" && c.output != "-" {
		if err := c.writeOutput(c.output, output); err != nil {
			return err
		}
		shown.File, output = c.output, nil
	}
	return shown.Done(c.streams(), c.format.format(), output, term.IsTerminal(int(c.stdout.Fd())))
}
