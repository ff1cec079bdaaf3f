package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Entry is what is known of an object, or of a folder, without fetching it.
type Entry struct {
	Object
	Key      string    // a folder's ends in a slash
	Folder   bool      // nothing but its key is known
	Modified time.Time // zero where the store doesn't say
}

// Catalogue is a store whose content can be looked at without fetching it, and removed. The runtime of functions does none of
// that: what does is in types that it does not make, so that the linker leaves it out there.
type Catalogue interface {
	Store

	// List tells emit of what is below a folder, whose name is empty or ends in a slash, until emit returns an error, which is
	// returned. If it is deep, that is every file; else what is in the folder itself, of folders the names only. A
	// store that has real folders tells of each, too, after what is in it, so that they can be removed in that order. A folder that
	// does not exist is empty.
	List(ctx context.Context, bucket, folder string, deep bool, emit func(Entry) error) error

	// Stat looks at a file. What does not exist, and a folder, is ErrNotExist.
	Stat(ctx context.Context, bucket, key string) (Entry, error)

	// Stream writes the content of a file as it arrives. What breaks off cannot be begun again, so that it is an error, after a
	// part was written; so is a wrong checksum, after everything was.
	Stream(ctx context.Context, bucket, key string, to io.Writer) error

	// Remove removes files, and folders, whose keys end in a slash, if nothing is in them. What does not exist is no error. failed is
	// told of each that is still there. The error is that the rest was not tried.
	Remove(ctx context.Context, bucket string, keys []string, failed func(key string, err error)) error
}

// S3Catalogue is the Catalogue of a store of S3.
type S3Catalogue struct{ *S3 }

type (
	webDAVCatalogue  struct{ *webDAV }
	onedataCatalogue struct{ *onedata }
)

// OpenCatalogue opens a provider as Stores.Open does. As a method it would be in the runtime of functions too, where methods are kept.
func OpenCatalogue(ctx context.Context, s *Stores, provider string) (Catalogue, error) {
	store, err := s.Open(ctx, provider)
	if err != nil {
		return nil, err
	}
	switch store := store.(type) {
	case *S3:
		return S3Catalogue{store}, nil
	case *webDAV:
		return webDAVCatalogue{store}, nil
	case *onedata:
		return onedataCatalogue{store}, nil
	}
	return nil, fmt.Errorf("storage provider %q cannot be listed", provider)
}

// AccountS3 is the S3 of an account whose client was made elsewhere, from the SDK's own configuration.
func AccountS3(client *s3.Client) S3Catalogue {
	return S3Catalogue{&S3{client: client, scheme: "s3://", crc: true, retries: retries{first: firstPause}}}
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

var errTooDeep = errors.New("folders lie in each other without end")

// ours reports whether a file is one that is on its way, and has another name later.
func ours(key string) bool {
	return strings.HasPrefix(key[strings.LastIndexByte(key, '/')+1:], tempPrefix)
}
