// Function is the program of the images that the tests run as Lambda functions: its event says what
// it does.
package main

import (
	"context"
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
	lambda.Start(func(ctx context.Context, e event) (answer, error) {
		count++
		text, err := do(ctx, e)
		return answer{count, text}, err
	})
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
	case "deadline":
		deadline, _ := ctx.Deadline()
		return time.Until(deadline).Round(time.Second).String(), nil
	}
	return "", nil
}
