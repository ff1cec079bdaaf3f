package supervisor

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// workspace is the folders of one run, all fresh.
type workspace struct {
	in, out, response, home, temp, work string

	script string // path for a script that the event brings
}

func newWorkspace(parent string) (workspace, error) {
	root, err := os.MkdirTemp(parent, "scar-")
	if err != nil {
		return workspace{}, err
	}
	w := workspace{
		in:       filepath.Join(root, "in"),
		out:      filepath.Join(root, "out"),
		response: filepath.Join(root, "response"),
		home:     filepath.Join(root, "home"),
		temp:     filepath.Join(root, "tmp"),
		work:     filepath.Join(root, "work"),
		script:   filepath.Join(root, "script"),
	}
	for _, folder := range []string{w.in, w.out, w.response, w.home, w.temp, w.work} {
		err = errors.Join(err, os.Mkdir(folder, 0o755))
	}
	return w, err
}

// The limits of names on Linux's file systems, in bytes.
const (
	maxName = 255
	maxExt  = 32 // of an ending that is kept when a name is cut; a longer one is hardly an ending
)

// fileName is the name that an object's file has: the last part of its key, byte for byte where that can be
// the name of a file.
func fileName(key string) string {
	name := path.Base("/" + strings.TrimRight(key, "/"))
	name = strings.ReplaceAll(name, "\x00", "_")
	switch name {
	case "/", ".", "..":
		return "object"
	}
	if len(name) <= maxName {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > maxExt {
		ext = ""
	}
	return name[:runeStart([]byte(name), maxName-len(ext))] + ext
}
