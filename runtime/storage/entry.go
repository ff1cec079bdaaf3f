package storage

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Entry is what is known of an object, or of a folder, without fetching it. The stores that Stores opens are more than Store asks
// for: they list, look at, stream and remove objects, too. The runtime of functions does none of that, so Store does not ask for it.
type Entry struct {
	Object
	Key      string    // a folder's ends in a slash
	Folder   bool      // nothing but its key is known
	Modified time.Time // zero where the store doesn't say
}

// AccountS3 is the S3 of an account whose client was made elsewhere, from the SDK's own configuration.
func AccountS3(client *s3.Client) *S3 {
	return &S3{client: client, scheme: "s3://", crc: true, retries: retries{first: firstPause}}
}

// checkFolder refuses what is no folder of a store that has folders, but no buckets. The uppermost has no name.
func checkFolder(bucket, folder string) error {
	name, ends := strings.CutSuffix(folder, "/")
	switch {
	case bucket != "":
		return fmt.Errorf("bucket %q: this storage has no buckets", bucket)
	case folder == "":
		return nil
	case !ends:
		return errors.New("the name of a folder ends in a slash")
	}
	return checkPath(name)
}

// maxDepth is how deep folders are followed. A server whose folders contain themselves has no end.
const maxDepth = 100

var errTooDeep = fmt.Errorf("its folders are more than %d deep", maxDepth)

// ours reports whether a file is one that is on its way, and has another name later.
func ours(key string) bool {
	return strings.HasPrefix(key[strings.LastIndexByte(key, '/')+1:], tempPrefix)
}
