package main

import (
	"context"
	"io"
	"log"
	"net/http/httptest"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scar-go/scar/internal/moto"
)

// startMoto starts moto's server as a second opinion on what AWS is, and a registry beside it, because moto's
// ECR has no registry protocol.
func startMoto(ts *testscript.TestScript, _ bool, _ []string) {
	server, err := moto.Start(context.Background())
	ts.Check(err)
	ts.Defer(func() {
		if err := server.Stop(); err != nil {
			ts.Logf("stop moto: %v", err)
		}
	})
	blobs := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	ts.Defer(blobs.Close)

	ts.Setenv("AWS_ENDPOINT_URL", server.URL)
	ts.Setenv("AWS_ACCESS_KEY_ID", "test")
	ts.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	ts.Setenv("AWS_REGION", "eu-west-1")
	ts.Setenv("SCAR_ECR_REGISTRY", blobs.Listener.Addr().String())
}
