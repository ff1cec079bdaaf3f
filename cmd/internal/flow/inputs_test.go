package flow

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/spec"
)

func TestFindInputs(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a b.png", "sub/a b.png", "notes.txt", "sub/deep/ü.jpg"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	created := []string{"s3:ObjectCreated:*"}
	fn := &spec.Function{Name: "f", Inputs: []spec.Input{
		{Bucket: "gone", Suffix: []string{""}, Events: []string{"s3:ObjectRemoved:*"}},
		{Bucket: "photos", Prefix: "in/", Suffix: []string{".png"}, Events: created},
		{Bucket: "others", Suffix: []string{".jpg"}, Events: created},
	}}
	inputs, err := FindInputs(dir, fn)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, in := range inputs {
		got[in.Name] = strings.Trim(in.Bucket+"/"+in.Key, "/")
		if in.Taken != (in.Bucket != "") {
			t.Errorf("%+v", in)
		}
	}
	want := map[string]string{
		"a b.png": "photos/in/a b.png", "sub/a b.png": "photos/in/sub/a b.png", "notes.txt": "", "sub/deep/ü.jpg": "others/sub/deep/ü.jpg",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := FindInputs(t.TempDir(), fn); err == nil {
		t.Error("an empty folder is no error")
	}
	if _, err := FindInputs(filepath.Join(dir, "absent"), fn); err == nil {
		t.Error("an absent folder is no error")
	}
}

func TestPlacement(t *testing.T) {
	one := &spec.File{Functions: []spec.Function{{Outputs: []spec.Output{{Bucket: "b", Prefix: "out/"}}}}}
	two := &spec.File{Functions: []spec.Function{{Outputs: []spec.Output{{Bucket: "b", Prefix: "out/"}, {Bucket: "c"}}}}}
	for _, c := range []struct {
		file             *spec.File
		bucket, key, out string
	}{
		{one, "b", "out/x/y.png", "x/y.png"},
		{one, "other", "out/x", "other/out/x"},
		{two, "b", "out/x", "b/out/x"},
		{two, "c", "x", "c/x"},
		{one, "b", "out/../../etc/passwd", ""},
		{one, "b", "out//etc/passwd", ""},
		{one, "b", "out/", ""},
	} {
		got, err := newPlacement(c.file).path(c.bucket, c.key)
		if filepath.ToSlash(got) != c.out || (err == nil) != (c.out != "") {
			t.Errorf("%s %s: %q, %v; want %q", c.bucket, c.key, got, err, c.out)
		}
	}
}

// FuzzPlacement looks for a key that leads out of the folder of results.
func FuzzPlacement(f *testing.F) {
	for _, seed := range []string{"out/a", "out/../a", "/", "", "..", "out/a/../../../b", "out/\x00", `out/..\..\a`, "out/C:/a", "out/a//b"} {
		f.Add("b", seed)
	}
	l := newPlacement(&spec.File{Functions: []spec.Function{{Outputs: []spec.Output{{Bucket: "b", Prefix: "out/"}}}}})
	f.Fuzz(func(t *testing.T, bucket, key string) {
		if path, err := l.path(bucket, key); err == nil && !filepath.IsLocal(path) {
			t.Errorf("%q in %q leads to %q", key, bucket, path)
		}
	})
}

// FuzzObjects feeds events of any form to the reader of keys.
func FuzzObjects(f *testing.F) {
	f.Add([]byte(`{"Records":[{"s3":{"bucket":{"name":"b"},"object":{"key":"a+b%2Fc"}}}]}`))
	f.Add([]byte(`{"Event":"s3:TestEvent"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, o := range objectsOf(payload) {
			if o.bucket == "" {
				t.Errorf("an object without a bucket: %+v", o)
			}
		}
	})
}

func TestObjectsOf(t *testing.T) {
	got := objectsOf([]byte(`{"Records":[{"s3":{"bucket":{"name":"b"},"object":{"key":"a+b%2Bc/%C3%BC"}}}]}`))
	want := object{"b", "a b+c/ü"}
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
