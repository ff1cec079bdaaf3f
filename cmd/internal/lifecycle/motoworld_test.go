package lifecycle

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/scar-go/scar/internal/moto"
	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/planner"
)

const (
	motoAccount = "123456789012"
	motoRegion  = "eu-west-1"
)

// newMotoWorld opens an account in moto, which is not of our making. Its ECR has no registry protocol, so blobs go to a
// registry beside it.
func newMotoWorld(t testing.TB) *world {
	t.Helper()
	endpoint := moto.Serve(t)
	blobs := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(blobs.Close)
	config := sdk.Config{Region: motoRegion, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), BaseEndpoint: &endpoint}
	return &world{
		t: t, base: baseImage(t, "amd64"), gaps: motoGaps, config: config, caller: config, digests: &planner.Digests{},
		naming: planner.Naming{Partition: "aws", Account: motoAccount, Region: motoRegion, Registry: strings.TrimPrefix(blobs.URL, "http://")},
	}
}

// inRegion says where a bucket is made; us-east-1 must not be said (S3 API reference, CreateBucket).
func (w *world) inRegion(in *s3.CreateBucketInput) {
	if w.naming.Region != local.DefaultRegion {
		in.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(w.naming.Region)}
	}
}

// TestEveryFieldOnMoto does as TestEveryFieldOfEveryValue, with moto as a second opinion, where it keeps the field.
func TestEveryFieldOnMoto(t *testing.T) {
	t.Parallel()
	w := newMotoWorld(t)
	changed := w.everyField(w.surroundings())
	proof.Count(t, "fields changed by hand and repaired on moto", float64(changed), "")
}
