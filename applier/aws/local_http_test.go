package aws

import (
	"testing"

	"github.com/scar-go/scar/local"
)

func TestLocalFunctionParts(t *testing.T) {
	t.Parallel()
	testFunctionParts(t, startLocal(t, nil))
}

// TestLocalFunctionPartsWhoseAnswersAreLost loses the first answer of each call that changes something after it took
// effect. Whatever the SDK makes of it, nothing is there twice and everything reads as it should.
func TestLocalFunctionPartsWhoseAnswersAreLost(t *testing.T) {
	t.Parallel()
	script := local.NewScript()
	a := startLocal(t, script)
	operations := []string{
		"lambda:PutFunctionConcurrency", "lambda:DeleteFunctionConcurrency", "lambda:PutFunctionEventInvokeConfig", "lambda:DeleteFunctionEventInvokeConfig",
		"lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig", "lambda:DeleteFunctionUrlConfig",
		"apigateway:CreateApi", "apigateway:UpdateApi", "apigateway:DeleteCorsConfiguration", "apigateway:CreateIntegration", "apigateway:UpdateIntegration",
		"apigateway:CreateRoute", "apigateway:UpdateRoute", "apigateway:CreateStage", "apigateway:TagResource", "apigateway:UntagResource", "apigateway:DeleteApi",
	}
	for _, operation := range operations {
		script.Inject(operation, 1, local.Fault{Drop: true, After: true})
	}
	testFunctionParts(t, a)
	calls := local.Count(script.Calls())
	for _, operation := range operations {
		if calls[operation] == 0 {
			t.Errorf("%s was never called: is it named so? %v", operation, calls)
		}
	}
	if calls["apigateway:CreateApi"] != 1 {
		t.Errorf("%d APIs were made", calls["apigateway:CreateApi"])
	}
}
func TestLocalAsk(t *testing.T) {
	t.Parallel()
	testAsk(t, startLocal(t, nil))
}
