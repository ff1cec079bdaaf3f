package lambda

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// Functions of package type Zip are kept and shown, so that what other tools made can be looked at, replaced and deleted. They
// are not run: an invocation of one ends in an error that says so.

// packageZip is the package type of functions whose code is an archive. It is Lambda's default.
const packageZip = "Zip"

// zipCode is the code of a function of package type Zip.
type zipCode struct {
	Runtime string
	Handler string
	Layers  []string // ARNs
	Size    int64    // bytes
	SHA256  string   // base64, as Lambda shows it
}

// layer is a layer as the API shows it.
type layer struct {
	ARN      string `json:"Arn"`
	CodeSize int
}

// errNotServed is why a function of package type Zip does not run.
var errNotServed = errors.New("its package type is Zip, and only functions of package type Image run here")

// zipped is the code of a function to be made whose code is an archive.
func (in *createInput) zipped() (*zipCode, error) {
	inline, inBucket := len(in.Code.ZipFile) > 0, in.Code.S3Bucket != "" && in.Code.S3Key != ""
	switch {
	case in.Code.ImageURI != "" || inline == inBucket:
		return nil, invalid("Please provide a source for function code.")
	case in.Runtime == "" || in.Handler == "":
		return nil, invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	case in.ImageConfig != nil:
		return nil, invalid("ImageConfig is not supported for functions of package type Zip.")
	}
	code := &zipCode{Runtime: in.Runtime, Handler: in.Handler, Layers: in.Layers, Size: int64(len(in.Code.ZipFile))}
	content := in.Code.ZipFile
	if inBucket { // what the object holds does not matter, since it is not run
		content = fmt.Appendf(nil, "s3://%s/%s", in.Code.S3Bucket, in.Code.S3Key)
	}
	sum := sha256.Sum256(content)
	code.SHA256 = base64.StdEncoding.EncodeToString(sum[:])
	return code, nil
}

// codeOf resolves the code of a function to be made, and says what is wrong with it.
func (s *Service) codeOf(ctx context.Context, in *createInput, set *settings) (err error) {
	switch cmp.Or(in.PackageType, packageZip) {
	case packageZip:
		set.Zip, err = in.zipped()
		return err
	case packageImage:
		if in.Code.ImageURI == "" || len(in.Code.ZipFile) > 0 || in.Code.S3Bucket != "" || in.Code.S3Key != "" {
			return invalid("Please provide ImageUri when updating a function with packageType Image.")
		}
		if err := in.unservedForImages(); err != nil {
			return err
		}
		return s.resolve(ctx, set, in.Code.ImageURI)
	default:
		return invalid("the local backend knows the package types Zip and Image only")
	}
}

// showCode puts into a configuration what depends on the package type.
func (c *configuration) showCode(set *settings) {
	if set.Zip == nil {
		c.PackageType, c.CodeSha256 = packageImage, set.Digest
		return
	}
	c.PackageType, c.CodeSha256, c.CodeSize = packageZip, set.Zip.SHA256, set.Zip.Size
	c.Runtime, c.Handler = set.Zip.Runtime, set.Zip.Handler
	for _, arn := range set.Zip.Layers {
		c.Layers = append(c.Layers, layer{ARN: arn})
	}
}
