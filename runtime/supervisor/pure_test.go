package supervisor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/runtime/event"
	"github.com/scar-go/scar/runtime/job"
)

func TestFileName(t *testing.T) {
	long := strings.Repeat("n", 300)
	for key, want := range map[string]string{
		"in/cat.png":                     "cat.png",
		"cat.png":                        "cat.png",
		"in/..":                          "object",
		"in/.":                           "object",
		"/":                              "object",
		"":                               "object",
		"in/folder/":                     "folder",
		"in//":                           "in",
		"a\x00b":                         "a_b",
		"in/-rf":                         "-rf",
		"new\nline":                      "new\nline",
		"in/" + long + ".png":            strings.Repeat("n", 251) + ".png",
		"in/" + long:                     strings.Repeat("n", 255),
		"x." + long:                      "x." + strings.Repeat("n", 253),
		strings.Repeat("ü", 200):         strings.Repeat("ü", 127),
		strings.Repeat("ü", 200) + ".xy": strings.Repeat("ü", 126) + ".xy",
	} {
		if got := fileName(key); got != want {
			t.Errorf("fileName(%q) = %q, want %q", key, got, want)
		}
	}
}

func FuzzFileName(f *testing.F) {
	for _, seed := range []string{"in/../x", "..", "a/.\x00/", strings.Repeat("日", 100) + ".png", "\xff/\xfe"} {
		f.Add(seed)
	}
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, key string) {
		name := fileName(key)
		if path := filepath.Join(folder, name); filepath.Dir(path) != folder || strings.ContainsAny(name, "/\x00") || len(name) > maxName {
			t.Fatalf("fileName(%q) = %q", key, name)
		}
		if utf8.ValidString(key) && !utf8.ValidString(name) {
			t.Errorf("fileName(%q) = %q is cut within a character", key, name)
		}
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Errorf("fileName(%q) = %q: %v", key, name, err)
		}
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	})
}

func TestInputFolder(t *testing.T) {
	inputs := []job.Input{{Provider: "s3", Bucket: "b", Prefix: "in/"}, {Provider: "s3", Bucket: "b", Prefix: "in/deep/"}, {Provider: "s3", Bucket: "c"},
		{Provider: "s3", Bucket: "d", Prefix: "x/"}, {Provider: "minio.lab", Bucket: "b", Prefix: "in/a/"}}
	for _, c := range []struct{ bucket, key, want string }{
		{"b", "in/k", ""},
		{"b", "in/a/b/k", "a/b/"},
		{"b", "in/deep/k", ""},
		{"b", "in/deep/a/k", "a/"},
		{"b", "in/deep", ""},
		{"b", "in//k", "/"},
		{"b", "in/../k", "../"},
		{"b", "elsewhere/k", "elsewhere/"},
		{"c", "k", ""},
		{"c", "a/k", "a/"},
		{"d", "in/k", "in/"},
	} {
		if got := inputFolder(inputs, &event.Object{Bucket: c.bucket, Key: c.key}); got != c.want {
			t.Errorf("inputFolder(%q, %q) = %q, want %q", c.bucket, c.key, got, c.want)
		}
	}
}

func FuzzInputFolder(f *testing.F) {
	f.Add("in/", "in/a/b")
	f.Add("", "/a//b/")
	f.Fuzz(func(t *testing.T, prefix, key string) {
		if prefix != "" && !strings.HasSuffix(prefix, "/") {
			return
		}
		got := inputFolder([]job.Input{{Provider: "s3", Bucket: "b", Prefix: prefix}}, &event.Object{Bucket: "b", Key: key})
		if got != "" && !strings.HasSuffix(got, "/") {
			t.Errorf("%q is no folder", got)
		}
		if strings.HasPrefix(key, prefix) && !strings.HasPrefix(key, prefix+got) {
			t.Errorf("the input %q is not in %q below %q", key, got, prefix)
		}
	})
}

func TestOutputsOf(t *testing.T) {
	outputs := []job.Output{
		{Bucket: "all"},
		{Bucket: "waves", Match: []string{"*.ogg", "*.wav"}},
		{Bucket: "all", Match: []string{"a*"}},
	}
	names := func(rel string) (buckets []string) {
		got, err := outputsOf(outputs, rel)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range got {
			buckets = append(buckets, o.Bucket)
		}
		return buckets
	}
	if got := names("a.wav"); !slices.Equal(got, []string{"all", "waves"}) {
		t.Errorf("a.wav goes to %q", got)
	}
	if got := names("b"); !slices.Equal(got, []string{"all"}) {
		t.Errorf("b goes to %q", got)
	}
	if _, err := outputsOf([]job.Output{{Match: []string{"[", "*"}}}, "a"); err == nil {
		t.Error("a malformed glob is taken")
	}
}

func TestMarginOf(t *testing.T) {
	for _, c := range []struct{ wanted, total, want time.Duration }{
		{10 * time.Second, 300 * time.Second, 10 * time.Second},
		{10 * time.Second, 15 * time.Second, 10 * time.Second},
		{10 * time.Second, 10 * time.Second, 5 * time.Second},
		{0, 300 * time.Second, time.Second},
		{0, time.Second, 500 * time.Millisecond},
		{10 * time.Second, -time.Second, 0},
	} {
		if got := marginOf(c.wanted, c.total); got != c.want {
			t.Errorf("marginOf(%s, %s) = %s, want %s", c.wanted, c.total, got, c.want)
		}
	}
}

func TestMerge(t *testing.T) {
	got := merge([]string{"A=1", "AWS_LAMBDA_RUNTIME_API=x", "EVENT=stale", "HOME=/root", "EMPTY="}, map[string]string{"HOME": "/h", "KEY": "a\x00b"})
	want := []string{"A=1", "EMPTY=", "HOME=/h", "KEY=ab", "PATH=" + defaultPath}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := merge([]string{"PATH=/bin"}, nil); !slices.Equal(got, []string{"PATH=/bin"}) {
		t.Errorf("merged %q", got)
	}
}

// Keys of a script's own come whole: nothing of the role's is left beside them.
func TestKeysOfAScript(t *testing.T) {
	role := []string{"A=1", "AWS_ACCESS_KEY_ID=role", "AWS_REGION=r", "AWS_SECRET_ACCESS_KEY=role", "AWS_SECURITY_TOKEN=role", "AWS_SESSION_TOKEN=role"}
	for _, c := range []struct {
		name    string
		secrets map[string]string
		want    []string
	}{
		{"none", map[string]string{"TOKEN": "t"}, append(slices.Clone(role), "PATH="+defaultPath, "TOKEN=t")},
		{"a key", map[string]string{"AWS_ACCESS_KEY_ID": "own", "AWS_SECRET_ACCESS_KEY": "own"},
			[]string{"A=1", "AWS_ACCESS_KEY_ID=own", "AWS_REGION=r", "AWS_SECRET_ACCESS_KEY=own", "PATH=" + defaultPath}},
		{"a session", map[string]string{"AWS_ACCESS_KEY_ID": "own", "AWS_SECRET_ACCESS_KEY": "own", "AWS_SESSION_TOKEN": "own", "AWS_REGION": "own"},
			[]string{"A=1", "AWS_ACCESS_KEY_ID=own", "AWS_REGION=own", "AWS_SECRET_ACCESS_KEY=own", "AWS_SESSION_TOKEN=own", "PATH=" + defaultPath}},
		{"half a key", map[string]string{"AWS_SECRET_ACCESS_KEY": "own"}, []string{"A=1", "AWS_REGION=r", "AWS_SECRET_ACCESS_KEY=own", "PATH=" + defaultPath}},
	} {
		if diff := cmp.Diff(c.want, merge(withoutRole(slices.Clone(role), c.secrets), c.secrets)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestFindProgram(t *testing.T) {
	folder := t.TempDir()
	for name, mode := range map[string]os.FileMode{"bin/tool": 0o755, "bin/text": 0o644, "run.sh": 0o755} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	path := "/nonexistent:" + folder + "/bin"
	for _, c := range []struct{ name, path, want, err string }{
		{"tool", path, folder + "/bin/tool", ""},
		{"tool", "bin", folder + "/bin/tool", ""},
		{"./run.sh", path, folder + "/run.sh", ""},
		{"text", path, "", "not in the image"},
		{"none", path, "", "not in the image"},
		{"bin/text", path, "", "permission denied"},
		{"bin/", path, "", "is a directory"},
		{"/nonexistent/x", path, "", "no such file"},
	} {
		got, err := findProgram(c.name, folder, c.path)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("findProgram(%q) = %q, %v; want %q, %q", c.name, got, err, c.want, c.err)
		}
	}
}

func TestOwnFolder(t *testing.T) {
	own := t.TempDir()
	if err := ownFolder(own); err != nil {
		t.Error(err)
	}
	link := filepath.Join(own, "link")
	if err := os.Symlink(os.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, shared := range []string{"/", "/tmp", "/tmp/", "/tmp/../tmp", "/var/tmp", "/dev/shm", os.TempDir(), home, link, "relative", "", "/nonexistent"} {
		if err := ownFolder(shared); err == nil {
			t.Errorf("%q would be emptied", shared)
		}
	}
}

func TestEnumerate(t *testing.T) {
	if got := enumerate(nil); got != "none" {
		t.Errorf("got %q", got)
	}
	many := slices.Repeat([]string{"x"}, maxNamed+3)
	if got := enumerate(many); !strings.HasSuffix(got, "x, and 3 more") || strings.Count(got, "x") != maxNamed {
		t.Errorf("got %q", got)
	}
	if many[maxNamed] != "x" {
		t.Error("the list was changed")
	}
}

// A message has room for some of an event's failures, and more are not kept for it.
func TestFailuresAreBounded(t *testing.T) {
	var f failures
	for range 10_000 {
		f.add("s3://b/k\n", &job.Error{Type: job.ErrScriptFailed, Message: strings.Repeat("x", 2*messageTail)})
	}
	e := f.of(10_001)
	if !strings.HasPrefix(e.Message, "10000 of 10001 records failed:\ns3://b/k\\n: Scar.ScriptFailed: xxx") || len(e.Message) > maxMessage+2*messageTail {
		t.Errorf("%d bytes: %.100q", len(e.Message), e.Message)
	}
}
