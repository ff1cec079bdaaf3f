package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/runtime/supervisor"
)

// runtimeAPI names the variable with host and port of the Runtime API.
const runtimeAPI = "AWS_LAMBDA_RUNTIME_API"

// reportInit tells Lambda that the function cannot start, which is what its callers get to see. aws-lambda-go has no call for it.
// See https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror
func reportInit(ctx context.Context, api string, failed *job.Error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	body, err := json.Marshal(failed)
	if err != nil {
		return fmt.Errorf("report the failed start: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+api+"/2018-06-01/runtime/init/error", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("report the failed start: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Lambda-Runtime-Function-Error-Type", failed.Type)
	client := http.Client{Transport: &http.Transport{Proxy: nil}} // the API is on this machine, whatever proxy the function uses
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("report the failed start: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		return fmt.Errorf("report the failed start: the Runtime API answered %s", response.Status)
	}
	return nil
}

// libraryLog takes what aws-lambda-go logs: each failed invocation as one line of JSON, which the supervisor has logged
// already, and what ends the process.
type libraryLog struct{ to *supervisor.Log }

func (l libraryLog) Write(p []byte) (int, error) {
	line := strings.TrimSpace(string(p))
	if strings.HasPrefix(line, "{") {
		l.to.Print(supervisor.Debug, "", "%s", line)
		return len(p), nil
	}
	l.to.Print(supervisor.Error, "", "%s", line)
	l.to.Flush(time.Second) // the process is about to end
	return len(p), nil
}
