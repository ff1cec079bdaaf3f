package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMountsOutliveTheSandbox(t *testing.T) {
	for _, overlay := range []bool{true, false} {
		t.Run(fmt.Sprint("overlay=", overlay), func(t *testing.T) {
			c := newCache(t)
			c.noOverlay.Store(!overlay)
			root := unpack(t, c, insideLayer(t))
			folder := t.TempDir()
			spec := Spec{Root: root, Mounts: []Mount{{folder, "/mnt/data"}}}
			if out, exit := run(t, spec, "write", "/mnt/data/x", "1"); exit.Code != 0 {
				t.Fatalf("write: %q, %+v", out, exit)
			}
			if info, err := os.Stat(filepath.Join(folder, "x")); err != nil || info.Size() != 1<<20 {
				t.Errorf("on the host: %v, %v", info, err)
			}
			if out, exit := run(t, spec, "ls", "/mnt/data"); exit.Code != 0 || !strings.Contains(out, "x") {
				t.Errorf("in another sandbox: %q, %+v", out, exit)
			}
			if out, exit := run(t, spec, "write", "/mnt/x", "1"); exit.Code != 3 {
				t.Errorf("beside the mount: %q, %+v", out, exit)
			}
			if out, exit := run(t, Spec{Root: root}, "ls", "/mnt/data"); exit.Code == 0 {
				t.Errorf("without the mount: %q, %+v", out, exit)
			}
		})
	}
}

func TestMountsLieBelowMnt(t *testing.T) {
	root := unpack(t, newCache(t), insideLayer(t))
	folder := t.TempDir()
	link := filepath.Join(folder, "link")
	if err := os.Symlink("/etc", link); err != nil {
		t.Fatal(err)
	}
	for _, m := range []Mount{
		{folder, "/etc"}, {folder, "/mnt"}, {folder, "/mnt/"}, {folder, "/mnt/.."}, {folder, "/mnt/."}, {folder, "/mnt/a/b"}, {folder, "/mnt/../etc"},
		{folder, "mnt/a"}, {link, "/mnt/a"}, {filepath.Join(folder, "absent"), "/mnt/a"}, {".", "/mnt/a"},
	} {
		p, err := startInside(t.Context(), Spec{Root: root, Mounts: []Mount{m}}, &buffer{}, "pwd")
		if err == nil {
			p.Kill()
			p.Wait()
			t.Errorf("%+v was mounted", m)
		}
	}
}
