// Package runtime holds the bytes of scar's runtime, the program that every function's image starts
// with, as ready-made image layers. Its name shadows the standard library's: import it as another.
package runtime

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

//go:generate go run ./generate

//go:embed embedded
var embedded embed.FS

// ErrNotBuilt says that scar was built without its runtime.
var ErrNotBuilt = errors.New("this scar was built without its runtime: run make, which builds the runtime first")

// description stands beside each layer, in a file of the same name.
type description struct {
	Digest string `json:"digest"`
	DiffID string `json:"diff_id"`
	Size   int64  `json:"size"`
}

// Layer returns the image layer that holds /scar/runtime for an architecture as Go names it, amd64 or arm64: the
// archive, compressed by gzip, and the digests ("sha256:…") of its compressed and its uncompressed form. The error
// wraps ErrNotBuilt where `go generate ./runtime` did not run before scar was built.
func Layer(arch string) (blob []byte, digest, diffID string, err error) {
	return read(embedded, arch)
}

func read(files fs.FS, arch string) (blob []byte, digest, diffID string, err error) {
	if arch != "amd64" && arch != "arm64" {
		return nil, "", "", fmt.Errorf("runtime for %q: Lambda has amd64 and arm64", arch)
	}
	name := "embedded/linux_" + arch
	blob, blobErr := fs.ReadFile(files, name+".tar.gz")
	about, err := fs.ReadFile(files, name+".json")
	if err = errors.Join(blobErr, err); errors.Is(err, fs.ErrNotExist) {
		return nil, "", "", fmt.Errorf("runtime for %s: %w", arch, ErrNotBuilt)
	}
	if err != nil {
		return nil, "", "", fmt.Errorf("runtime for %s: %w", arch, err)
	}
	var d description
	if err := json.Unmarshal(about, &d); err != nil {
		return nil, "", "", fmt.Errorf("runtime for %s: %w", arch, err)
	}
	if int64(len(blob)) != d.Size {
		return nil, "", "", fmt.Errorf("runtime for %s: the layer has %d bytes, its description says %d: run make", arch, len(blob), d.Size)
	}
	return blob, d.Digest, d.DiffID, nil
}
