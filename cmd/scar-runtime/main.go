// Command scar-runtime is the entrypoint of every function's image. It asks Lambda's Runtime API for
// events and hands each to the supervisor.
//
// In an image it is /scar/runtime and takes everything from there: the job and the script below /scar, and /tmp, which
// is the function's alone. Anywhere else it needs the path of a folder that stands for the root of such an image,
// with a folder scar and a folder tmp in it, and touches nothing outside of that.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/aws/aws-lambda-go/lambda"
	_ "golang.org/x/crypto/x509roots/fallback" // many images have no certificates, and TLS must work from them all

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/runtime/secret"
	"github.com/scar-go/scar/runtime/supervisor"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "scar-runtime:", err)
		os.Exit(1)
	}
}

// run serves events and does not return, but for an error before the first one.
func run(ctx context.Context, args []string) error {
	api := os.Getenv(runtimeAPI)
	if api == "" {
		return errors.New(runtimeAPI + " is not set: this program is started by AWS Lambda or scar local, see https://github.com/scar-go/scar")
	}
	root, err := imageRoot(args)
	if err != nil {
		return err
	}
	handler, err := supervise(root)
	if err != nil {
		return errors.Join(err, reportInit(ctx, api, initError(err)))
	}
	lambda.StartWithOptions(handler, lambda.WithContext(ctx))
	return nil
}

// errBadJob marks what is wrong with the job description, to tell it from what is wrong with the surroundings.
var errBadJob = errors.New("bad job")

func initError(err error) *job.Error {
	var known *job.Error
	if errors.As(err, &known) {
		return known
	}
	kind := job.ErrInternal
	if errors.Is(err, errBadJob) {
		kind = job.ErrBadJob
	}
	return &job.Error{Type: kind, Message: err.Error()}
}

// imageRoot is "/" in an image, whatever the arguments are. Elsewhere it is the argument, since nobody's
// /tmp may be emptied by mistake.
func imageRoot(args []string) (string, error) {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return "", fmt.Errorf("find out where this program is: %w", err)
	}
	if exe == job.RuntimePath {
		return "/", nil
	}
	if len(args) != 1 {
		return "", fmt.Errorf("outside of an image, where it is %s, this program needs a folder that stands for one", job.RuntimePath)
	}
	return filepath.Abs(args[0])
}

func supervise(root string) (*supervisor.Supervisor, error) {
	description, err := os.ReadFile(filepath.Join(root, job.DescriptionPath))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadJob, err)
	}
	j, err := job.Parse(description)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadJob, err)
	}
	lines := supervisor.NewLog(os.Stdout, supervisor.ParseLevel(j.LogLevel), supervisor.ParseFormat(j.LogFormat))
	log.SetFlags(0)
	log.SetOutput(libraryLog{lines})
	return supervisor.New(supervisor.Options{
		Job:    j,
		Log:    lines,
		Getenv: os.Getenv,
		Secrets: secret.New(secret.Options{Getenv: os.Getenv, Warn: func(message string) {
			lines.Print(supervisor.Warning, "", "%s", message)
		}}),
		Script: filepath.Join(root, job.ScriptPath),
		Files:  filepath.Join(root, job.FilesPath),
		Temp:   filepath.Join(root, "tmp"),
	})
}
