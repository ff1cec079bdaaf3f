package aws

import (
	"testing"
	"time"

	"github.com/scar-go/scar/internal/moto"
	"github.com/scar-go/scar/planner"
)

// TestMoto applies and destroys against moto, a second opinion beside the embedded backend on what AWS
// does. Its ECR has no registry, so the blobs go to one beside it.
func TestMoto(t *testing.T) {
	t.Parallel()
	testLifecycle(t, startMoto(t))
}

func TestMotoStarts(t *testing.T) {
	t.Parallel()
	testStarts(t, startMoto(t))
}

func startMoto(t *testing.T) account {
	t.Helper()
	host, base := newRegistry(t)
	endpoint := moto.Serve(t, "MOTO_IAM_LOAD_MANAGED_POLICIES=true")
	return account{
		cfg:    configFor(endpoint, "eu-west-1"),
		naming: planner.Naming{Partition: "aws", Account: "123456789012", Region: "eu-west-1", Registry: host},
		pace:   10 * time.Millisecond,
		base:   base,
		gaps:   gaps{staleUpdates: true, noInvokedViaURL: true, noneReserved: true, staleInvoking: true, noLimits: true},
	}
}
