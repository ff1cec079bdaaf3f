package runtime

import (
	"errors"
	"testing"
	"testing/fstest"
)

func TestRead(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	built := fstest.MapFS{
		"embedded/linux_arm64.tar.gz": file("blob"),
		"embedded/linux_arm64.json":   file(`{"digest": "sha256:1", "diff_id": "sha256:2", "size": 4}`),
		"embedded/linux_amd64.tar.gz": file("cut"),
		"embedded/linux_amd64.json":   file(`{"size": 4}`),
	}
	blob, digest, diffID, err := read(built, "arm64")
	if err != nil || string(blob) != "blob" || digest != "sha256:1" || diffID != "sha256:2" {
		t.Errorf("read %q, %q, %q, %v", blob, digest, diffID, err)
	}
	if _, _, _, err := read(built, "amd64"); err == nil || errors.Is(err, ErrNotBuilt) {
		t.Errorf("a layer of another size: %v", err)
	}
	if _, _, _, err := read(built, "riscv64"); err == nil {
		t.Error("an architecture that Lambda lacks was found")
	}
	for _, missing := range []string{"embedded/linux_arm64.tar.gz", "embedded/linux_arm64.json"} {
		half := fstest.MapFS{}
		for name, f := range built {
			if name != missing {
				half[name] = f
			}
		}
		if _, _, _, err := read(half, "arm64"); !errors.Is(err, ErrNotBuilt) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
}

// A fresh clone has no layers, and one where make ran has them: nothing in between is right.
func TestLayerIsThereOrSaysWhyNot(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		blob, digest, diffID, err := Layer(arch)
		if err != nil {
			if !errors.Is(err, ErrNotBuilt) {
				t.Error(err)
			}
			continue
		}
		if len(blob) == 0 || digest == "" || diffID == "" {
			t.Errorf("%s: %d bytes, digests %q and %q", arch, len(blob), digest, diffID)
		}
	}
}
