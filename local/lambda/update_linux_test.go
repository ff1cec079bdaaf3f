package lambda

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func TestAnArchitectureChangesInPlace(t *testing.T) {
	b := newBench(t, nil)
	b.create("f", nil)
	update := func(architectures ...types.Architecture) (*lambda.UpdateFunctionCodeOutput, error) {
		return b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{
			FunctionName: aws.String("f"), ImageUri: aws.String(imageURI), Architectures: architectures})
	}
	for _, a := range []types.Architecture{types.ArchitectureArm64, types.ArchitectureX8664} {
		if _, err := update(a); err != nil {
			t.Fatal(err)
		}
		out, err := update() // what is not given stays
		if err != nil || len(out.Architectures) != 1 || out.Architectures[0] != a {
			t.Errorf("%v, %v, want %s", out, err, a)
		}
	}
	_, err := update("mips")
	wantError(t, err, "ValidationException", "architectures")
	_, err = update(types.ArchitectureArm64, types.ArchitectureX8664)
	wantError(t, err, "InvalidParameterValueException", "Exactly one architecture")
}
