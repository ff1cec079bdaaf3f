package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"
)

// motoStart bounds how long moto may take to answer, on a busy machine.
const motoStart = time.Minute

// moto starts moto's server as a second opinion on what AWS is, and a registry beside it, because moto's
// ECR has no registry protocol.
func moto(ts *testscript.TestScript, _ bool, _ []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	address := listener.Addr().String()
	_, port, err := net.SplitHostPort(address)
	ts.Check(err)
	ts.Check(listener.Close())

	server := exec.Command("moto_server", "-H", "127.0.0.1", "-p", port)
	ts.Check(server.Start())
	ts.Defer(func() {
		if err := server.Process.Kill(); err != nil {
			ts.Logf("stop moto: %v", err)
		}
		_ = server.Wait() // it was killed
	})
	blobs := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	ts.Defer(blobs.Close)
	awaitHTTP(ts, "http://"+address+"/moto-api/")

	ts.Setenv("AWS_ENDPOINT_URL", "http://"+address)
	ts.Setenv("AWS_ACCESS_KEY_ID", "test")
	ts.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	ts.Setenv("AWS_REGION", "eu-west-1")
	ts.Setenv("SCAR_ECR_REGISTRY", blobs.Listener.Addr().String())
}

func awaitHTTP(ts *testscript.TestScript, url string) {
	deadline := time.Now().Add(motoStart)
	for {
		response, err := http.Get(url)
		if err == nil {
			ts.Check(response.Body.Close())
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s does not answer: %v", url, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
