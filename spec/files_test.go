package spec

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// problemsOnDisk loads func.yaml of a folder and returns its problems without the folder's own path.
func problemsOnDisk(t *testing.T, folder, text string) []string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, "func.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := load(t, folder, "func.yaml")
	if err == nil {
		return nil
	}
	return strings.Split(strings.ReplaceAll(err.Error(), folder+string(filepath.Separator), ""), "\n")
}

func TestScriptsOnDisk(t *testing.T) {
	folder := writeFiles(t, map[string]string{
		"good.sh": "#!/bin/sh\r", "plain": "ls\r\n", "bom-plain": "\ufeffls\n", "exact": "#" + strings.Repeat("x", 6<<20-1),
		"empty": "", "blank": " \n\n", "crlf": "#!/bin/sh\r\nls\r\n", "bom": "\ufeff#!/bin/sh\n", "nothing": "#! \nls\n",
		"large": strings.Repeat("x", 6<<20+1), "folder/x": "",
	})
	if err := os.Symlink("plain", filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	for script, want := range map[string]string{
		"plain": "", "bom-plain": "", "exact": "", "link": "",
		"good.sh":      "good.sh has Windows line ends (CRLF), so the program of its #! line is not found; save it with Unix line ends, for instance: sed -i 's/\\r$//' FILE",
		"crlf":         "crlf has Windows line ends (CRLF), so the program of its #! line is not found; save it with Unix line ends, for instance: sed -i 's/\\r$//' FILE",
		"empty":        "empty is empty",
		"blank":        "blank is empty",
		"bom":          "bom begins with a byte order mark before its #! line, which hides it; save it as UTF-8 without BOM",
		"nothing":      "nothing has a #! line that names no program",
		"large":        "large is larger than 6 MB; ship programs and data as files",
		"folder":       "folder is a folder; the script is a file",
		"gone.sh":      "gone.sh does not exist (gone.sh)",
		"/dev/null":    "/dev/null is no regular file",
		"$$HOME/a$b":   "$HOME/a$b does not exist ($HOME/a$b)",
		"plain/inside": "plain/inside cannot be read: not a directory (plain/inside)",
	} {
		var wants []string
		if want != "" {
			wants = []string{"func.yaml:5:5: script: " + want}
		}
		if diff := cmp.Diff(wants, problemsOnDisk(t, folder, in("script: "+script))); diff != "" {
			t.Errorf("%s: %s", script, diff)
		}
	}
}

func TestImagesOnDisk(t *testing.T) {
	folder := writeFiles(t, map[string]string{"image.tar": "x", "layout/oci-layout": "{}", "folder/x": "", "empty.tar": ""})
	for image, want := range map[string]string{
		"image.tar": "", "./image.tar": "", "./layout": "", filepath.Join(folder, "image.tar"): "",
		"gone.tar":  "gone.tar does not exist (gone.tar)",
		"./folder":  "./folder is a folder, but no OCI image layout: it has no file oci-layout",
		"empty.tar": "empty.tar is empty",
		"/dev/null": "/dev/null is neither a file nor a folder",
	} {
		var wants []string
		if want != "" {
			wants = []string{"func.yaml:4:5: image: " + want}
		}
		if diff := cmp.Diff(wants, problemsOnDisk(t, folder, imageless("image: "+image))); diff != "" {
			t.Errorf("%s: %s", image, diff)
		}
	}
	f, err := load(t, folder, "func.yaml")
	if err == nil && (f.Functions[0].Image.Reference != "" || !filepath.IsAbs(f.Functions[0].Image.Path)) {
		t.Errorf("image %+v", f.Functions[0].Image)
	}
}

func TestImageInTheHomeFolder(t *testing.T) {
	home := writeFiles(t, map[string]string{"image.tar": "x"})
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	folder := writeFiles(t, map[string]string{"func.yaml": imageless("image: ~/image.tar")})
	f, err := load(t, folder, "func.yaml")
	if err != nil || f.Functions[0].Image.Path != filepath.Join(home, "image.tar") {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestFilesOnDisk(t *testing.T) {
	folder := writeFiles(t, map[string]string{
		"a/model/x": "1", "b/model/y": "2", "a/labels.txt": "", "b/labels.txt": "", "hollow/x": "1", "outside": "1",
		"links/target": "1", "links/sub/x": "1", "bad/x": "1", "special/x": "1",
	})
	for _, name := range []string{"void", "hollow/inner"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"links/to-target": "target", "links/sub/up": "../target", "links/round": "../links/target", "links/here": ".",
		"bad/absolute": "/etc/hostname", "bad/out": "../outside", "bad/broken": "nothing", "bad/away-and-back": "../../" + filepath.Base(folder) + "/bad/x",
		"bad/loop": "loop", "linked": "links",
	} {
		if err := os.Symlink(target, filepath.Join(folder, filepath.FromSlash(link))); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ files, want string }{
		{"links/", ""}, {"[a/model/, a/labels.txt]", ""}, {"[]", ""},
		{"gone/", "files: gone/ does not exist (gone)"},
		{"outside/", "files: outside/ cannot be read: not a directory (outside)"},
		{".", "files: . has no name of its own to ship it under; name the files and folders in it"},
		{"../", "files: ../ has no name of its own to ship it under; name the files and folders in it"},
		{"void", "files: void/ is an empty folder, which cannot be shipped; remove it, or put a file into it"},
		{"hollow", "files: hollow/inner/ is an empty folder, which cannot be shipped; remove it, or put a file into it"},
		{"/dev/null", "files: /dev/null is a device, which cannot be shipped"},
		{"bad", "files: bad/absolute is a symbolic link to an absolute path, /etc/hostname, which leads elsewhere in the image; make it relative\n" +
			"files: bad/away-and-back is a symbolic link to ../../" + filepath.Base(folder) + "/bad/x, outside bad/, which is all that is shipped\n" +
			"files: bad/broken is a symbolic link to nothing, which does not exist\n" +
			"files: bad/loop is a symbolic link that leads in a circle\n" +
			"files: bad/out is a symbolic link to ../outside, outside bad/, which is all that is shipped"},
	} {
		var got []string
		for _, line := range problemsOnDisk(t, folder, in("files: "+c.files)) {
			got = append(got, strings.TrimPrefix(line, "func.yaml:5:5: "))
		}
		if strings.Contains(c.files, "outside/") && len(got) == 1 && strings.Contains(got[0], "is a file, no folder") {
			continue // systems differ in whether they find it
		}
		if c.want != strings.Join(got, "\n") {
			t.Errorf("%s:\n got %s\nwant %s", c.files, strings.Join(got, "\n"), c.want)
		}
	}
	want := []string{
		"func.yaml:5:23: files: b/model would be shipped as model, and so would the one in line 5; rename one",
		"func.yaml:5:46: files: b/labels.txt would be shipped as labels.txt, and so would the one in line 5; rename one",
	}
	if diff := cmp.Diff(want, problemsOnDisk(t, folder, in("files: [a/model/, b/model, a/labels.txt, b/labels.txt]"))); diff != "" {
		t.Error(diff)
	}
}

func TestFilesAreListedInOrderWithModesAndLinks(t *testing.T) {
	folder := writeFiles(t, map[string]string{
		"m/b": "22", "m/a/x": "#!", "m/a.txt": "#", "m/a-b": "", "m/prog": "elf", "func.yaml": in("files: m"),
	})
	if err := os.Chmod(filepath.Join(folder, "m", "prog"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a/x", filepath.Join(folder, "m", "link")); err != nil {
		t.Fatal(err)
	}
	f, err := load(t, folder, "func.yaml")
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(folder, filepath.FromSlash(name)) }
	want := []Entry{
		{Name: "m/a-b", Path: at("m/a-b")},
		{Name: "m/a.txt", Path: at("m/a.txt"), Size: 1},
		{Name: "m/a/x", Path: at("m/a/x"), Size: 2, Exec: true},
		{Name: "m/b", Path: at("m/b"), Size: 2},
		{Name: "m/link", Target: "a/x"},
		{Name: "m/prog", Path: at("m/prog"), Size: 3, Exec: runtime.GOOS != "windows"},
	}
	if diff := cmp.Diff(want, f.Functions[0].Files); diff != "" {
		t.Error(diff)
	}
}

func TestSocketIsNotShipped(t *testing.T) {
	folder := writeFiles(t, map[string]string{"s/x": "1"})
	t.Chdir(folder) // a socket's path is short
	listener, err := net.Listen("unix", "s/socket")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	want := []string{"func.yaml:5:5: files: s/socket is a socket, which cannot be shipped"}
	if diff := cmp.Diff(want, problemsOnDisk(t, folder, in("files: s"))); diff != "" {
		t.Error(diff)
	}
}
