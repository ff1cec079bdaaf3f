package aws

import "testing"

func TestLocalFunctionParts(t *testing.T) {
	t.Parallel()
	testFunctionParts(t, startLocal(t, nil))
}
