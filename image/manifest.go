package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	// maxMetadata bounds manifests and configurations in bytes. It is the size that registries accept
	// at least, by the OCI distribution specification.
	maxMetadata = 4 << 20

	// maxUncompressed is Lambda's limit for an image, in bytes.
	maxUncompressed = 10 << 30

	// dockerZstd is what BuildKit calls zstd layers of images in Docker's format.
	dockerZstd types.MediaType = "application/vnd.docker.image.rootfs.diff.tar.zstd"
)

// family is one of the two sets of media types in which the parts of an image come.
type family struct{ manifest, config, layer types.MediaType }

var (
	dockerFamily = family{types.DockerManifestSchema2, types.DockerConfigJSON, types.DockerLayer}
	ociFamily    = family{types.OCIManifestSchema1, types.OCIConfigJSON, types.OCILayer}
)

// kind is what a manifest describes.
type kind int

const (
	kindImage kind = iota
	kindIndex
)

// kindOf tells an image's manifest from an index, by its media type, or where none is given by what is
// in it. Anything else is an error.
func kindOf(manifest []byte, mediaType types.MediaType) (kind, error) {
	var peek struct {
		SchemaVersion int             `json:"schemaVersion"`
		MediaType     types.MediaType `json:"mediaType"`
		Manifests     json.RawMessage `json:"manifests"`
		Layers        json.RawMessage `json:"layers"`
	}
	if err := json.Unmarshal(manifest, &peek); err != nil {
		return 0, fmt.Errorf("read its manifest: %w", err)
	}
	if peek.MediaType != "" {
		mediaType = peek.MediaType
	}
	switch {
	case mediaType.IsSchema1() || peek.SchemaVersion == 1:
		return 0, errors.New("it is in Docker's old format (schema 1), which Lambda refuses: push it again with a current version of Docker")
	case mediaType.IsIndex():
		return kindIndex, nil
	case mediaType.IsImage():
		return kindImage, nil
	case peek.MediaType != "":
		return 0, fmt.Errorf("it is no container image, but %q", peek.MediaType)
	case peek.Manifests != nil:
		return kindIndex, nil
	case peek.Layers != nil:
		return kindImage, nil
	}
	return 0, errors.New("its manifest is neither an image's nor an index")
}

// parseImage reads an image's manifest and refuses what cannot be a base.
func parseImage(manifest []byte) (*v1.Manifest, family, error) {
	m, err := v1.ParseManifest(bytes.NewReader(manifest))
	if err != nil {
		return nil, family{}, fmt.Errorf("read its manifest: %w", err)
	}
	fam := ociFamily
	switch m.Config.MediaType {
	case types.DockerConfigJSON:
		fam = dockerFamily
	case types.OCIConfigJSON:
	default:
		return nil, family{}, fmt.Errorf("it is no container image: its configuration is %q", m.Config.MediaType)
	}
	if m.MediaType == types.DockerManifestSchema2 {
		fam = dockerFamily
	}
	if m.Config.Size < 0 || m.Config.Size > maxMetadata {
		return nil, family{}, fmt.Errorf("its configuration is %d bytes long, and at most %d MB are read", m.Config.Size, maxMetadata>>20)
	}
	for i, layer := range m.Layers {
		if err := checkLayer(layer); err != nil {
			return nil, family{}, fmt.Errorf("its layer %d: %w", i+1, err)
		}
	}
	return m, fam, nil
}

func checkLayer(d v1.Descriptor) error {
	if !d.MediaType.IsDistributable() || len(d.URLs) > 0 {
		return fmt.Errorf("it must not be copied to another registry (%s), which Lambda needs", d.MediaType)
	}
	if d.Size < 0 || d.Size > maxUncompressed {
		return fmt.Errorf("a size of %d bytes; Lambda's images have at most 10 GB", d.Size)
	}
	if d.Digest.Algorithm != "sha256" {
		return fmt.Errorf("digest %q is no SHA-256", d.Digest)
	}
	if !isGzip(d.MediaType) && !convertible(d.MediaType) {
		return fmt.Errorf("layers of type %q are not supported", d.MediaType)
	}
	return nil
}

func isGzip(m types.MediaType) bool { return m == types.DockerLayer || m == types.OCILayer }

func convertible(m types.MediaType) bool {
	return slices.Contains([]types.MediaType{
		types.OCILayerZStd, types.OCIUncompressedLayer, types.DockerUncompressedLayer, dockerZstd,
	}, m)
}

// checkConfig checks that an image runs on Lambda, on the wanted architecture, and that its
// configuration and manifest speak of the same layers.
func checkConfig(config *v1.ConfigFile, layers int, wanted []string) error {
	if config.OS != "linux" || !slices.Contains(architectures, config.Architecture) {
		return fmt.Errorf("it is for %s, and Lambda runs linux/amd64 (x86_64) and linux/arm64", platform(config.OS, config.Architecture))
	}
	if !slices.Contains(wanted, config.Architecture) {
		return fmt.Errorf("it is for %s, and %s was asked for", lambdaArch(config.Architecture), lambdaArch(wanted[0]))
	}
	if len(config.RootFS.DiffIDs) != layers {
		return fmt.Errorf("it is damaged: its configuration lists %d layers, its manifest %d", len(config.RootFS.DiffIDs), layers)
	}
	return nil
}

func platform(os, arch string) string {
	if os == "" && arch == "" {
		return "an unknown platform"
	}
	return os + "/" + arch
}

// architectures are Lambda's, in Go's and OCI's names, in the order in which they are preferred.
var architectures = []string{"amd64", "arm64"}

// lambdaArch is Lambda's name of an architecture.
func lambdaArch(oci string) string {
	if oci == "amd64" {
		return "x86_64"
	}
	return oci
}

// wantedArchs turns what a function asks for into architectures by preference.
func wantedArchs(arch string, host string) ([]string, error) {
	switch arch {
	case "x86_64":
		return []string{"amd64"}, nil
	case "arm64":
		return []string{"arm64"}, nil
	case "":
		if host == "arm64" {
			return []string{"arm64", "amd64"}, nil
		}
		return architectures, nil
	}
	return nil, fmt.Errorf("architecture %q: it is x86_64 or arm64", arch)
}
