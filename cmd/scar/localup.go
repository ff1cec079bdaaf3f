package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/cmd/internal/view"
)

// localUpCommand serves the local backend until it is interrupted.
type localUpCommand struct {
	*app
	format formatFlags
	port   int
	state  string
	region string
}

func (c *localUpCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Serve the local backend until Ctrl-C",
		Long: `Serve, on this machine only, the AWS calls that scar makes, and run functions when their events come: files
in buckets, messages in queues, schedules, and requests to addresses, which are printed to standard error when scar apply --local
makes them, and at the start those that are there.

Other commands of scar find it with --local; other programs with the variables that are printed. The AWS CLI before
2.13, version 1 among them, does not look at AWS_ENDPOINT_URL, or not for every service, and calls AWS instead: give
it --endpoint-url.

Secrets that functions name are put there as into AWS: aws ssm put-parameter --type SecureString, or
aws secretsmanager create-secret. They are not encrypted in the state.`,
		Example: `  scar local up
  scar local up --port 5000 --state ./state
  scar plan --local && scar apply --local --auto-approve
  aws --endpoint-url "$AWS_ENDPOINT_URL" s3 cp cat.png s3://photos/in/`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.format.register(cmd)
	cmd.Flags().IntVar(&c.port, "port", flow.DefaultPort, "port to listen at, 0 for any")
	cmd.Flags().StringVar(&c.state, "state", "", "folder for the state (default $SCAR_STATE_DIR, or scar/local in the folder for state of programs)")
	cmd.Flags().StringVar(&c.region, "region", "us-east-1", "region that the backend says it is")
	return cmd
}

func (c *localUpCommand) run(cmd *cobra.Command) error {
	if c.port < 0 || c.port > 65535 {
		return fmt.Errorf("--port %d: ports are 0 to 65535", c.port)
	}
	state, err := filepath.Abs(either(c.state, c.stateDir()))
	if err != nil {
		return err
	}
	streams, format := c.streams(), c.format.format()
	var printing sync.Mutex
	printing.Lock() // until it is said where all of it is
	backend, err := flow.StartLocal(cmd.Context(), flow.LocalOptions{
		Port: c.port, StateDir: state, Images: c.imageCache(), Region: c.region, Announce: true, Log: c.stderr,
		OnAddress: func(a flow.Address) {
			printing.Lock()
			defer printing.Unlock()
			view.AddressTold(streams, format, view.Address(a))
		},
	})
	if err != nil {
		return err
	}
	err = c.introduce(backend, state)
	printing.Unlock()
	if err != nil {
		return errors.Join(err, backend.Close())
	}
	return backend.Wait(cmd.Context())
}

// introduce prints where the backend is, and what is there already.
func (c *localUpCommand) introduce(backend *flow.Local, state string) error {
	environment := backend.Endpoint().Environment()
	if c.state != "" { // or --local would look elsewhere
		environment = append(environment, [2]string{"SCAR_STATE_DIR", state})
	}
	there, err := backend.Addresses()
	if err != nil {
		return err
	}
	if err := view.Up(c.streams(), c.format.format(), backend.Endpoint().URL, state, environment); err != nil {
		return err
	}
	for _, a := range there {
		view.AddressTold(c.streams(), c.format.format(), view.Address(a))
	}
	return nil
}
