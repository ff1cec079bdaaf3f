package spec

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hundred is a file of a hundred functions as people write them.
func hundred() string {
	var b strings.Builder
	b.WriteString("project: imaging\ntags: {team: imaging}\ndefaults: {timeout: 5m, env: {LANG: C.UTF-8}}\nfunctions:\n")
	for i := range 100 {
		fmt.Fprintf(&b, `  f%03[1]d:
    description: The function number %[1]d
    image: registry.example.org/team/imagemagick:7.1
    script: grayify.sh
    files: [model]
    memory: 2GB
    ephemeral_storage: 2048
    env: {QUALITY: 80, MODE: "fast"}
    input:
    - {from: s3://photos-%03[1]d/in, suffix: [.png, .jpg]}
    output:
    - s3://photos-out/%03[1]d/
    - {to: s3://plots-out/%03[1]d, match: ["*.svg", "plots/**"]}
    permissions:
    - {actions: [dynamodb:PutItem], resources: ["arn:aws:dynamodb:*:*:table/jobs"]}
    logs: {retention_days: 7, level: debug}
    tags: {stage: test}
`, i)
	}
	return b.String()
}

// writeFiles writes files below a fresh folder: func.yaml and those that are given by name and content.
func writeFiles(tb testing.TB, files map[string]string) string {
	tb.Helper()
	folder := tb.TempDir()
	for name, content := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return folder
}

func BenchmarkLoad100(b *testing.B) {
	folder := writeFiles(b, map[string]string{
		"func.yaml": hundred(), "grayify.sh": "#!/bin/sh\ncp \"$INPUT_FILE_PATH\" \"$TMP_OUTPUT_DIR\"\n",
		"model/weights.bin": "weights", "model/labels.txt": "labels",
	})
	path := filepath.Join(folder, "func.yaml")
	b.ReportAllocs()
	for b.Loop() {
		f, err := Load(b.Context(), []string{path}, Options{})
		if err != nil || len(f.Functions) != 100 {
			b.Fatal(err)
		}
	}
}

func BenchmarkGrammar(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newGrammar(); err != nil {
			b.Fatal(err)
		}
	}
}
