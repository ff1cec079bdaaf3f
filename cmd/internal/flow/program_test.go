package flow

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// smallBase is an image of one layer: name → mode, or "-> target" for a symbolic link; folders end in a slash.
func smallBase(t *testing.T, config v1.Config, files map[string]any) *image.Base {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for name, what := range files {
		h := &tar.Header{Name: name, Typeflag: tar.TypeReg}
		switch what := what.(type) {
		case int:
			h.Mode = int64(what)
		case string:
			h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, what, 0o777
		}
		if strings.HasSuffix(name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	made, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	made.OS, made.Architecture, made.Config = "linux", "amd64", config
	if img, err = mutate.ConfigFile(img, made); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "small.tar")
	if err := tarball.WriteToFile(path, nil, img); err != nil {
		t.Fatal(err)
	}
	base, err := image.NewResolver(image.ResolverOptions{CacheDir: t.TempDir()}).Resolve(t.Context(), image.Source{Path: path}, "")
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// binaryFor is the beginning of a program: its header, and the loader that it asks for.
func binaryFor(t *testing.T, machine elf.Machine, loader string) []byte {
	t.Helper()
	header := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56,
	}
	copy(header.Ident[:], elf.ELFMAG+"\x02\x01\x01")
	var buf bytes.Buffer
	if loader != "" {
		header.Phnum = 1
	}
	parts := []any{header}
	if loader != "" {
		parts = append(parts, elf.Prog64{Type: uint32(elf.PT_INTERP), Off: 120, Filesz: uint64(len(loader) + 1)}, []byte(loader+"\x00"))
	}
	for _, part := range parts {
		if err := binary.Write(&buf, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return buf.Bytes()
}

func TestCheckProgram(t *testing.T) {
	usual := map[string]any{
		"bin": "usr/bin", "usr/bin/dash": 0o755, "usr/bin/sh": "dash", "usr/bin/env": 0o755, "usr/bin/python3": "python3.11",
		"usr/bin/python3.11": 0o755, "usr/bin/notes": 0o644, "opt/tool/": 0o755, "opt/tool/run": 0o755,
		"root/": 0o700, "root/.local/bin/uv": 0o755, "usr/bin/mine": 0o750, "usr/bin/away": "/scar/files/x", "lib64/ld-linux-x86-64.so.2": 0o755,
	}
	config := v1.Config{Env: []string{"PATH=/usr/bin:/opt/tool"}, Entrypoint: []string{"run"}}
	script := func(s string) *spec.Script { return &spec.Script{Content: []byte(s)} }
	for name, c := range map[string]struct {
		config  v1.Config
		fn      spec.Function
		job     job.Job
		without []string // of the files
		want    string   // empty: it runs, or the runtime finds out
	}{
		"a script without #!":            {fn: spec.Function{Script: script("echo")}},
		"no shell":                       {fn: spec.Function{Script: script("echo")}, without: []string{"usr/bin/sh"}, want: "the script needs /bin/sh, which the image SRC does not have: there is no /usr/bin/sh: begin it with #!"},
		"an interpreter":                 {fn: spec.Function{Script: script("#! /usr/bin/python3 -u\nx")}},
		"an absent interpreter":          {fn: spec.Function{Script: script("#!/usr/bin/perl\n")}, want: "the script's first line asks for /usr/bin/perl, which the image SRC does not have: name a program of the image there, or use an image with this one"},
		"without a newline":              {fn: spec.Function{Script: script("#!/usr/bin/perl")}, want: "asks for /usr/bin/perl, "},
		"a tab before the argument":      {fn: spec.Function{Script: script("#!/usr/bin/perl\t-w\n")}, want: "asks for /usr/bin/perl, "},
		"a folder":                       {fn: spec.Function{Script: script("#!/usr/bin\n")}, want: "asks for /usr/bin, which the image SRC has as a folder"},
		"not executable":                 {fn: spec.Function{Script: script("#!/usr/bin/notes\n")}, want: "has, but not everybody may execute it"},
		"executable by its owner":        {fn: spec.Function{Script: script("#!/usr/bin/mine\n")}, want: "has, but not everybody may execute it"},
		"in a closed folder":             {fn: spec.Function{Script: script("#!/root/.local/bin/uv\n")}, want: "keeps in /root, a folder that not everybody may enter"},
		"shipped":                        {fn: spec.Function{Script: script("#!/scar/files/perl\n")}},
		"shipped, by a link":             {fn: spec.Function{Script: script("#!/usr/bin/away\n")}},
		"relative":                       {fn: spec.Function{Script: script("#!perl\n")}},
		"env":                            {fn: spec.Function{Script: script("#!/usr/bin/env python3\n")}},
		"env without the program":        {fn: spec.Function{Script: script("#!/usr/bin/env perl\n")}, want: "asks /usr/bin/env for perl, which the image SRC has in none of the folders of PATH: /usr/bin:/opt/tool"},
		"env with arguments":             {fn: spec.Function{Script: script("#!/usr/bin/env python3 -u\n")}, want: `asks /usr/bin/env for "python3 -u", which the image SRC has in none of the folders of PATH: /usr/bin:/opt/tool: all that follows /usr/bin/env is one word, unless it begins with -S`},
		"env -S":                         {fn: spec.Function{Script: script("#!/usr/bin/env -S perl -w\n")}},
		"env and the function's PATH":    {fn: spec.Function{Script: script("#!/usr/bin/env python3\n"), Env: map[string]string{"PATH": "/opt/tool"}}, want: "in none of the folders of PATH: /opt/tool"},
		"env and a PATH of the runtime":  {fn: spec.Function{Script: script("#!/usr/bin/env perl\n"), Env: map[string]string{"PATH": "/usr/bin:/tmp"}}},
		"env and a relative PATH":        {fn: spec.Function{Script: script("#!/usr/bin/env perl\n"), Env: map[string]string{"PATH": "/usr/bin::/x"}}},
		"the job's interpreter":          {fn: spec.Function{Script: script("#!/usr/bin/perl\n")}, job: job.Job{Interpreter: "/bin/sh"}},
		"the job's absent interpreter":   {fn: spec.Function{Script: script("#!/bin/sh\n")}, job: job.Job{Interpreter: "/bin/bash"}, want: "the script is run by /bin/bash, which the image SRC does not have"},
		"an entrypoint on PATH":          {},
		"an entrypoint that is not":      {config: v1.Config{Entrypoint: []string{"run"}, Env: []string{"PATH=/usr/bin"}}, want: "the image's entrypoint is run, which the image SRC has in none of the folders of PATH: /usr/bin"},
		"no PATH":                        {config: v1.Config{Entrypoint: []string{"run"}}, want: "in none of the folders of PATH: /usr/local/sbin:"},
		"an absent entrypoint":           {config: v1.Config{Entrypoint: []string{"/opt/tool/ran"}}, want: "the image's entrypoint is /opt/tool/ran, which the image SRC does not have"},
		"a relative entrypoint":          {config: v1.Config{Entrypoint: []string{"tool/run"}, WorkingDir: "/opt"}},
		"an absent relative entrypoint":  {config: v1.Config{Entrypoint: []string{"./ran"}}, want: "the image's entrypoint is ./ran, which the image SRC does not have"},
		"a variable that is too large":   {config: v1.Config{Entrypoint: []string{"/opt/tool/run"}, Env: []string{"BIG=" + strings.Repeat("x", 1<<17)}}, want: "the variable BIG of the image SRC has 131076 bytes, and no program starts with one of more than 131071"},
		"only a command":                 {config: v1.Config{Cmd: []string{"/opt/tool/ran"}}, want: "the command is /opt/tool/ran, "},
		"the function's command":         {config: v1.Config{Cmd: []string{"/opt/tool/ran"}}, job: job.Job{Command: []string{"/opt/tool/run"}}},
		"neither entrypoint nor command": {config: v1.Config{WorkingDir: "/"}, want: "there is nothing to run: the image SRC has neither an entrypoint nor a command: give the function a script or a command"},
		"a static program":               {fn: spec.Function{Script: script(string(binaryFor(t, elf.EM_X86_64, "")))}},
		"a program for another machine":  {fn: spec.Function{Script: script(string(binaryFor(t, elf.EM_AARCH64, "")))}, want: "the script is a program for AARCH64, and the image SRC is for x86_64"},
		"a program and its loader":       {fn: spec.Function{Script: script(string(binaryFor(t, elf.EM_X86_64, "/lib64/ld-linux-x86-64.so.2")))}},
		"a program without its loader":   {fn: spec.Function{Script: script(string(binaryFor(t, elf.EM_X86_64, "/lib/ld-musl-x86_64.so.1")))}, want: "the script is a program that needs the loader /lib/ld-musl-x86_64.so.1, which the image SRC does not have: there is no /lib: link it statically"},
		"a damaged program":              {fn: spec.Function{Script: script("\x7fELF")}, want: "the script is a program that cannot be read"},
		"a working directory":            {config: v1.Config{Entrypoint: []string{"/opt/tool/run"}, WorkingDir: "/opt/tool"}},
		"an absent working directory":    {config: v1.Config{WorkingDir: "/work"}, want: "the working directory of the image SRC, /work, is no folder in it"},
		"a closed working directory":     {config: v1.Config{WorkingDir: "/root"}, want: "the working directory of the image SRC, /root, cannot be entered"},
		"a working directory in /tmp":    {config: v1.Config{Entrypoint: []string{"/opt/tool/run"}, WorkingDir: "/tmp/x"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]any{}
			for name, what := range usual {
				files[name] = what
			}
			for _, name := range c.without {
				delete(files, name)
			}
			if c.config.Entrypoint == nil && c.config.Cmd == nil && c.config.WorkingDir == "" {
				c.config = config
			}
			base := smallBase(t, c.config, files)
			err := checkProgram(t.Context(), base, &c.fn, &c.job)
			want := strings.ReplaceAll(c.want, "SRC", base.Source.String())
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
}

// TestScarsFolderIsKept refuses images that have something else in its place.
func TestScarsFolderIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]any
		ok    bool
	}{
		"a file":                       {map[string]any{"scar": 0o755}, false},
		"a link":                       {map[string]any{"scar": "etc", "etc/passwd": 0o644}, false},
		"a link that leads nowhere":    {map[string]any{"scar": "/nowhere"}, false},
		"a folder, as of scar's image": {map[string]any{"scar/runtime": 0o755}, true},
	} {
		files := map[string]any{"run": 0o755}
		for name, what := range c.files {
			files[name] = what
		}
		base := smallBase(t, v1.Config{Entrypoint: []string{"/run"}}, files)
		if err := checkProgram(t.Context(), base, &spec.Function{}, &job.Job{}); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPlacedNamesThePlace shows the place of what is to be changed in the file, and not that of a layer that cannot be read.
func TestPlacedNamesThePlace(t *testing.T) {
	fn := &spec.Function{Name: "f", File: "func.yaml", Line: 12, Column: 5}
	if got, want := placed(fn, lacking("it lacks")).Error(), "func.yaml:12:5: function f: it lacks"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := placed(fn, os.ErrClosed).Error(), "function f: file already closed"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
