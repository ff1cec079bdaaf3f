package aws

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/scar-go/scar/planner"
)

// TestMoto applies and destroys against moto, a second opinion beside the embedded backend on what AWS
// does. Its ECR has no registry, so the blobs go to one beside it.
func TestMoto(t *testing.T) {
	t.Parallel()
	host, base := newRegistry(t)
	endpoint := startMoto(t)
	testLifecycle(t, account{
		cfg:    configFor(endpoint, "eu-west-1"),
		naming: planner.Naming{Partition: "aws", Account: "123456789012", Region: "eu-west-1", Registry: host},
		pace:   10 * time.Millisecond,
		base:   base,
		gaps:   gaps{staleUpdates: true},
	})
}

// startMoto starts a moto server of this test's own.
func startMoto(t *testing.T) (endpoint string) {
	t.Helper()
	program, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("moto_server is not installed")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	cmd := exec.CommandContext(t.Context(), program, "-H", "127.0.0.1", "-p", fmt.Sprint(port))
	cmd.Env = append(os.Environ(), "MOTO_IAM_LOAD_MANAGED_POLICIES=true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the test's context has ended, which kills the server
		_ = cmd.Wait()
	})
	endpoint = fmt.Sprintf("http://127.0.0.1:%d", port)
	deadline := time.Now().Add(time.Minute)
	for {
		response, err := http.Get(endpoint + "/moto-api/")
		if err == nil {
			response.Body.Close()
			return endpoint
		}
		if time.Now().After(deadline) {
			t.Fatalf("moto does not answer: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
