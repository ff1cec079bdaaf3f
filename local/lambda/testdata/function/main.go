// Function is the program of the images that the tests run as Lambda functions: its event says what
// it does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do   string
	Name string
	Size int

	Records []record // of a queue: the bodies are events
	RawPath string   // of HTTP
	Body    string
}

type record struct {
	MessageID string `json:"messageId"`
	Body      string `json:"body"`
}

type answer struct {
	Count int // of this instance's events
	Text  string
}

func main() {
	switch os.Getenv("INIT") {
	case "exit":
		fmt.Println("cannot go on")
		os.Exit(9)
	case "hang":
		time.Sleep(time.Hour)
	}
	if len(os.Args) > 1 && os.Args[1] == "sleep" {
		time.Sleep(time.Hour)
	}
	count := 0
	lambda.Start(func(ctx context.Context, raw json.RawMessage) (any, error) {
		count++
		var e event
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, err
		}
		switch {
		case e.Records != nil:
			return batch(ctx, e.Records)
		case e.RawPath != "":
			return web(e, raw)
		}
		text, err := do(ctx, e)
		return answer{count, text}, err
	})
}

// batch does what each message says, and reports those that failed.
func batch(ctx context.Context, records []record) (any, error) {
	type item struct {
		ID string `json:"itemIdentifier"`
	}
	failed := []item{}
	for _, r := range records {
		var e event
		if err := json.Unmarshal([]byte(r.Body), &e); err != nil {
			return nil, err
		}
		if e.Do == "failall" {
			return nil, errors.New("it went wrong for all")
		}
		if _, err := do(ctx, e); err != nil {
			failed = append(failed, item{r.MessageID})
		}
	}
	return map[string]any{"batchItemFailures": failed}, nil
}

// web answers a request by its path.
func web(e event, raw json.RawMessage) (any, error) {
	type response struct {
		Status  int               `json:"statusCode"`
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
		Base64  bool              `json:"isBase64Encoded"`
	}
	switch e.RawPath {
	case "/fail":
		return nil, errors.New("it went wrong")
	case "/wrong":
		return map[string]any{"statusCode": "x"}, nil
	case "/binary":
		return response{201, map[string]string{"content-type": "image/png", "access-control-allow-origin": "function"}, "AAEC", true}, nil
	case "/wait":
		time.Sleep(time.Hour)
	}
	return raw, nil
}

func do(ctx context.Context, e event) (string, error) {
	switch e.Do {
	case "env":
		return strings.Join(os.Environ(), "\n"), nil
	case "print":
		for i := range e.Size {
			fmt.Println("line", i)
		}
	case "sleep":
		fmt.Println("going to sleep")
		time.Sleep(time.Hour)
	case "wait":
		time.Sleep(time.Duration(e.Size) * time.Millisecond)
	case "exit":
		fmt.Fprintln(os.Stderr, "last words")
		os.Exit(e.Size)
	case "kill":
		return "", syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "fail":
		return "", errors.New("it went wrong")
	case "alloc":
		b := make([]byte, e.Size<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		time.Sleep(time.Second)
		return fmt.Sprint(len(b)), nil
	case "large":
		return strings.Repeat("x", e.Size), nil
	case "write":
		return "", os.WriteFile(e.Name, make([]byte, e.Size), 0o600)
	case "read":
		b, err := os.ReadFile(e.Name)
		return fmt.Sprint(len(b)), err
	case "daemon":
		cmd := exec.Command("/proc/self/exe", "sleep")
		cmd.Env = append(os.Environ(), "MARKER="+e.Name)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		return "", cmd.Start()
	case "call":
		resp, err := http.Post(e.Name, "application/json", strings.NewReader("{}"))
		if err != nil {
			return "", err
		}
		return resp.Status, resp.Body.Close()
	case "wrongid":
		url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/none/response"
		resp, err := http.Post(url, "application/json", strings.NewReader("{}"))
		if err != nil {
			return "", err
		}
		return resp.Status, resp.Body.Close()
	case "answerexit":
		call, _ := lambdacontext.FromContext(ctx)
		url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/" + call.AwsRequestID + "/response"
		if _, err := http.Post(url, "application/json", strings.NewReader(`"answered"`)); err != nil {
			return "", err
		}
		os.Exit(e.Size)
	case "append":
		f, err := os.OpenFile(e.Name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return "", err
		}
		_, err = f.Write(make([]byte, e.Size))
		return "", errors.Join(err, f.Close())
	case "deadline":
		deadline, _ := ctx.Deadline()
		return time.Until(deadline).Round(time.Second).String(), nil
	}
	return "", nil
}
