package transfer

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Place is where files are that are not on this machine.
type Place struct {
	Provider string // OwnS3, or the name of a provider such as minio.lab
	Bucket   string // empty where the provider has none
	Key      string // of a file; or a folder, which ends in a slash or is empty
}

// OwnS3 is the provider of places on the account's own S3.
const OwnS3 = "s3"

var (
	otherProvider = regexp.MustCompile(`^(s3|minio|webdav|onedata)\.[A-Za-z0-9_-]+$`)
	bucketName    = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	foreignBucket = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$`) // other servers are less strict than AWS
)

// IsPlace says whether a text is meant as a place: s3://photos/in/, minio.lab/photos/in/ or webdav.nas/in/. A file of such a name on
// this machine is written ./minio.lab/photos.
func IsPlace(text string) bool {
	provider, _, _ := strings.Cut(text, "/")
	return strings.Contains(text, "://") || otherProvider.MatchString(provider)
}

// maxKey is S3's limit for a key, in bytes.
const maxKey = 1024

// Parse reads a place.
func Parse(text string) (Place, error) {
	p, err := parse(text)
	if err != nil {
		return Place{}, fmt.Errorf("%q: %w", text, err)
	}
	return p, nil
}

func parse(text string) (Place, error) {
	if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
		return Place{}, errors.New("a place is UTF-8 without zero bytes")
	}
	if rest, own := strings.CutPrefix(text, "s3://"); own {
		bucket, key, _ := strings.Cut(rest, "/")
		if !bucketName.MatchString(bucket) || strings.Contains(bucket, "..") {
			return Place{}, fmt.Errorf("%q is no name of a bucket: it has 3 to 63 of a-z, 0-9, . and -, as in s3://photos/in/", bucket)
		}
		return Place{OwnS3, bucket, key}, checkKey(key)
	}
	provider, rest, _ := strings.Cut(text, "/")
	if !otherProvider.MatchString(provider) {
		return Place{}, errors.New("is no place: want one such as s3://photos/in/, minio.lab/photos/in/ or webdav.nas/in/")
	}
	if kind, _, _ := strings.Cut(provider, "."); kind == "webdav" || kind == "onedata" {
		return Place{provider, "", rest}, checkPath(rest)
	}
	bucket, key, _ := strings.Cut(rest, "/")
	if !foreignBucket.MatchString(bucket) {
		return Place{}, fmt.Errorf("%q is no name of a bucket: want a place such as %s/photos/in/", bucket, provider)
	}
	return Place{provider, bucket, key}, checkKey(key)
}

func checkKey(key string) error {
	if len(key) > maxKey {
		return fmt.Errorf("a key has at most %d bytes, this has %d", maxKey, len(key))
	}
	return nil
}

// checkPath refuses what leads elsewhere at providers that keep files in folders.
func checkPath(key string) error {
	bare := strings.TrimSuffix(key, "/")
	if bare == "" {
		return nil
	}
	if strings.HasPrefix(bare, "/") || path.Clean(bare) != bare || bare == ".." || strings.HasPrefix(bare, "../") {
		return errors.New("a path has no empty part, and neither . nor .. as one")
	}
	return nil
}

// String is the place as users write it.
func (p Place) String() string {
	switch {
	case p.Provider == OwnS3:
		return "s3://" + p.Bucket + "/" + p.Key
	case p.Bucket == "":
		return p.Provider + "/" + p.Key
	}
	return p.Provider + "/" + p.Bucket + "/" + p.Key
}

// IsFolder says whether the place is a folder for sure. Others may be one too.
func (p Place) IsFolder() bool { return p.Key == "" || strings.HasSuffix(p.Key, "/") }

// Folder is the place as a folder.
func (p Place) Folder() Place {
	if !p.IsFolder() {
		p.Key += "/"
	}
	return p
}

// with is the place of another key in the same bucket.
func (p Place) with(key string) Place {
	p.Key = key
	return p
}

// base is the last part of the key.
func (p Place) base() string { return path.Base("/" + strings.TrimSuffix(p.Key, "/")) }
