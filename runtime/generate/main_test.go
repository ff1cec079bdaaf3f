package main

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// moved is a copy of the runtime's source in another folder.
func moved(t *testing.T) string {
	t.Helper()
	copied := t.TempDir()
	for _, part := range []string{"cmd/scar-runtime", "runtime"} {
		if err := os.CopyFS(filepath.Join(copied, part), os.DirFS(filepath.Join("..", "..", part))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(copied, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return copied
}

func TestSameSourceGivesSameBytes(t *testing.T) {
	version, err := goVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	one, two := filepath.Join(folder, "one"), filepath.Join(folder, "two")
	if err := build(t.Context(), ".", version, "arm64", one); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"GOFLAGS": "-tags=other", "GOARM64": "v9.0", "CGO_ENABLED": "1", "GOOS": "plan9", "GOEXPERIMENT": "nogreenteagc",
	} {
		t.Setenv(name, value)
	}
	if err := build(t.Context(), moved(t), version, "arm64", two); err != nil {
		t.Fatal(err)
	}
	a, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(two)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("%d bytes became %d others in another folder", len(a), len(b))
	}
	checkBinary(t, one)
	checkLayer(t, one)
}

// checkBinary checks that a binary runs in an image that holds nothing.
func checkBinary(t *testing.T, path string) {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if file.Machine != elf.EM_AARCH64 {
		t.Errorf("the binary is for %s", file.Machine)
	}
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the binary needs a dynamic loader")
		}
	}
}

func checkLayer(t *testing.T, binary string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "linux_arm64")
	if err := pack(t.Context(), binary, path); err != nil {
		t.Fatal(err)
	}
	blob, err := os.ReadFile(path + ".tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	about, err := os.ReadFile(path + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Digest string
		Size   int
	}
	if err := json.Unmarshal(about, &d); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("sha256:%x", sha256.Sum256(blob)); d.Digest != want || d.Size != len(blob) {
		t.Errorf("described as %+v, it is %s of %d bytes", d, want, len(blob))
	}
	if limit := 6_000_000; len(blob) > limit {
		t.Errorf("the layer has %d bytes, the limit is %d", len(blob), limit)
	}
}
