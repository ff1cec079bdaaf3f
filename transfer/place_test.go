package transfer

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		want Place
	}{
		{"s3://photos/in/", Place{"s3", "photos", "in/"}},
		{"s3://photos/in", Place{"s3", "photos", "in"}},
		{"s3://photos", Place{"s3", "photos", ""}},
		{"s3://photos/", Place{"s3", "photos", ""}},
		{"s3://photos/a//b/../c ü", Place{"s3", "photos", "a//b/../c ü"}}, // S3 takes every key
		{"s3.other/photos/in/", Place{"s3.other", "photos", "in/"}},
		{"minio.lab/My_Bucket/in", Place{"minio.lab", "My_Bucket", "in"}},
		{"webdav.nas/in/x", Place{"webdav.nas", "", "in/x"}},
		{"webdav.nas", Place{"webdav.nas", "", ""}},
		{"onedata.eosc/lab/", Place{"onedata.eosc", "", "lab/"}},
	} {
		got, err := Parse(c.text)
		if err != nil || got != c.want || !IsPlace(c.text) {
			t.Errorf("%s: %+v, %v", c.text, got, err)
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("%s is written %s, which is %+v, %v", c.text, got, again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"photos/in", "is no place"},
		{"https://example.org/x", "is no place"},
		{"s3:///in", "no name of a bucket"},
		{"s3://Photos/in", "no name of a bucket"},
		{"s3://ab/in", "no name of a bucket"},
		{"s3://a..b/in", "no name of a bucket"},
		{"minio.lab", "no name of a bucket"},
		{"minio.lab//in", "no name of a bucket"},
		{"webdav.nas/../in", "neither . nor .."},
		{"webdav.nas//in", "empty part"},
		{"webdav.nas/./in", "neither . nor .."},
		{"s3://photos/a\x00b", "zero bytes"},
		{"s3://photos/\xff", "UTF-8"},
		{"s3://photos/" + strings.Repeat("x", 1025), "at most 1024 bytes"},
	} {
		if got, err := Parse(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %+v, %v", c.text, got, err)
		}
	}
}

func TestIsPlace(t *testing.T) {
	for text, want := range map[string]bool{
		"s3://x": true, "gs://x": true, "minio.lab/x": true, "webdav.nas": true,
		"./minio.lab/x": false, "photo.jpg": false, "s3": false, "dir/minio.lab/x": false, "": false, "-": false,
	} {
		if got := IsPlace(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"s3://photos/in/", "minio.lab/b/k", "webdav.nas/a/../b", "s3://", "\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(p.String()); err != nil || again != p {
			t.Errorf("%q: %+v is written %q, which is %+v, %v", text, p, p, again, err)
		}
	})
}

func TestFilter(t *testing.T) {
	for _, c := range []struct {
		include, exclude []string
		takes, leaves    string // paths, separated by spaces
	}{
		{nil, nil, "a a/b .x", ""},
		{[]string{"*.jpg"}, nil, "a.jpg d/e/a.jpg", "a.png jpg a.jpg/b"},
		{[]string{"raw/*.jpg"}, nil, "raw/a.jpg", "a.jpg raw/d/a.jpg x/raw/a.jpg"},
		{[]string{"raw/**"}, nil, "raw/a raw/d/e", "rawa x/raw/a"},
		{[]string{"**/in/*"}, nil, "in/a x/in/a x/y/in/a", "in a x/in/y/a"},
		{[]string{"/a?c"}, nil, "abc", "ac x/abc"},
		{nil, []string{"*.tmp", "cache/**"}, "a d/a", "a.tmp d/a.tmp cache/a"},
		{[]string{"*.jpg", "*.png"}, []string{"x*"}, "a.jpg a.png", "x.jpg a.gif"},
	} {
		f, err := NewFilter(c.include, c.exclude)
		if err != nil {
			t.Fatal(err)
		}
		for name := range strings.FieldsSeq(c.takes) {
			if !f.Takes(name) {
				t.Errorf("+%q -%q leaves %q", c.include, c.exclude, name)
			}
		}
		for name := range strings.FieldsSeq(c.leaves) {
			if f.Takes(name) {
				t.Errorf("+%q -%q takes %q", c.include, c.exclude, name)
			}
		}
	}
	for _, glob := range []string{"[", "a//b", "", "/"} {
		if _, err := NewFilter([]string{glob}, nil); err == nil {
			t.Errorf("%q is taken as a glob", glob)
		}
	}
}

// FuzzFilter looks for globs that take long.
func FuzzFilter(f *testing.F) {
	f.Add("**/a/**/b/**/c", strings.Repeat("a/b/", 200)+"d")
	f.Fuzz(func(_ *testing.T, glob, name string) {
		if filter, err := NewFilter([]string{glob}, nil); err == nil {
			filter.Takes(name)
		}
	})
}
