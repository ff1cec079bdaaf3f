package aws

import "testing"

// TestMotoFunctionParts makes, changes and deletes what belongs to a function, and an HTTP API, in moto.
func TestMotoFunctionParts(t *testing.T) {
	t.Parallel()
	a := startMoto(t)
	a.gaps.noInvokedViaURL, a.gaps.noneReserved, a.gaps.staleInvoking, a.gaps.corsStays = true, true, true, true
	testFunctionParts(t, a)
}

// TestMotoAsk asks moto about what was made in it.
func TestMotoAsk(t *testing.T) {
	t.Parallel()
	a := startMoto(t)
	a.gaps.noLimits = true
	testAsk(t, a)
}
