package storage

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const someMD5 = "900150983cd24fb0d6963f7d28e17f72"

func TestWhenAnETagIsCompared(t *testing.T) {
	for name, c := range map[string]struct {
		out  s3.GetObjectOutput
		want bool
	}{
		"plain":             {s3.GetObjectOutput{ETag: aws.String(`"` + someMD5 + `"`)}, true},
		"S3's key":          {s3.GetObjectOutput{ETag: aws.String(someMD5), ServerSideEncryption: types.ServerSideEncryptionAes256}, true},
		"KMS":               {s3.GetObjectOutput{ETag: aws.String(someMD5), ServerSideEncryption: types.ServerSideEncryptionAwsKms}, false},
		"KMS twice":         {s3.GetObjectOutput{ETag: aws.String(someMD5), ServerSideEncryption: types.ServerSideEncryptionAwsKmsDsse}, false},
		"customer's key":    {s3.GetObjectOutput{ETag: aws.String(someMD5), SSECustomerAlgorithm: aws.String("AES256")}, false},
		"in parts":          {s3.GetObjectOutput{ETag: aws.String(someMD5 + "-3")}, false},
		"checksum":          {s3.GetObjectOutput{ETag: aws.String(someMD5), ChecksumCRC64NVME: aws.String("AAAAAAAAAAA=")}, false},
		"checksum of parts": {s3.GetObjectOutput{ETag: aws.String(someMD5), ChecksumCRC32: aws.String("AAAAAA==-2")}, true},
		"none":              {s3.GetObjectOutput{}, false},
	} {
		if got := expected(&c.out); (got != nil) != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestWhatIsStoredIsWhatWasSent(t *testing.T) {
	for _, c := range []struct {
		sent       sent
		etag       string
		encryption types.ServerSideEncryption
		good       bool
	}{
		{someMD5, `"` + someMD5 + `"`, "", true},
		{someMD5, `"000150983cd24fb0d6963f7d28e17f72"`, "", false},
		{someMD5, `"000150983cd24fb0d6963f7d28e17f72"`, types.ServerSideEncryptionAwsKms, true},
		{someMD5, `"some-tag"`, "", true},
		{someMD5, "", "", true},
		{"", `"000150983cd24fb0d6963f7d28e17f72"`, "", true},
	} {
		if err := c.sent.stored(&c.etag, c.encryption, nil); (err == nil) != c.good {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
