package spec

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParsePlace(t *testing.T) {
	for _, c := range []struct{ text, bucket, prefix, problem string }{
		{"s3://photos", "photos", "", ""},
		{"s3://photos/", "photos", "", ""},
		{"s3://photos/in", "photos", "in/", ""},
		{"s3://photos/in/", "photos", "in/", ""},
		{"s3://photos/a b/ü+%", "photos", "a b/ü+%/", ""},
		{"s3://my.photos-1/in", "my.photos-1", "in/", ""},

		{"photos/in", "", "", `wants a bucket and folder such as s3://photos/in/, not "photos/in"; did you forget s3://?`},
		{"gs://photos/in", "", "", `wants a bucket and folder such as s3://photos/in/, not "gs://photos/in"`},
		{"", "", "", `wants a bucket and folder such as s3://photos/in/, not ""; did you forget s3://?`},
		{"s3://", "", "", "names no bucket; it wants a bucket and folder such as s3://photos/in/"},
		{"minio://lab/in", "", "", `wants the name of a provider and a folder such as minio.lab/bucket/folder/, not "minio://lab/in"`},
		{"webdav/in", "", "", `wants the name of a provider and a folder such as webdav.lab/folder/, not "webdav/in"`},
		{"s3/photos", "", "", `wants a bucket and folder such as s3://photos/in/, not "s3/photos"; did you forget s3://?`},
		{"minio.lab/results", "", "", "minio.lab is not defined in storage; add it at the top of the file, such as storage: {minio.lab: {…}}"},

		{"s3://Photos/in", "", "", `"Photos" is no name of a bucket: S3 wants lower case`},
		{"s3://my_photos/in", "", "", `"my_photos" is no name of a bucket: S3 wants letters, digits, dots and dashes`},
		{"s3://phötos/in", "", "", `"phötos" is no name of a bucket: S3 wants letters, digits, dots and dashes`},
		{"s3://-photos", "", "", `"-photos" is no name of a bucket: S3 wants a letter or digit at both ends`},
		{"s3://photos.", "", "", `"photos." is no name of a bucket: S3 wants a letter or digit at both ends`},
		{"s3://my..photos", "", "", `"my..photos" is no name of a bucket: S3 wants no two dots side by side`},
		{"s3://192.168.5.4", "", "", `"192.168.5.4" is no name of a bucket: S3 wants no IP address`},
		{"s3://xn--photos", "", "", `"xn--photos" is no name of a bucket: S3 keeps names that begin with xn-- for itself`},
		{"s3://photos--x-s3", "", "", `"photos--x-s3" is no name of a bucket: S3 keeps names that end in --x-s3 for itself`},

		{"s3://photos//in", "", "", "the folder holds two slashes side by side"},
		{"s3://photos/a//b", "", "", "the folder holds two slashes side by side"},
		{"s3://photos/a/../b", "", "", "the folder holds . or .. as a part"},
		{"s3://photos/*.png", "", "", "a folder is taken literally, * is no wildcard; use suffix or match"},
		{"s3://photos/a\tb", "", "", "the folder holds a control character"},
	} {
		at, known, problem := (&providerNames{file: &File{}}).parse(c.text)
		if at.bucket != c.bucket || at.prefix != c.prefix || problem != c.problem || known != (problem == "") {
			t.Errorf("parse(%q) = %+v, %q", c.text, at, problem)
		}
	}
}

func TestParseEvent(t *testing.T) {
	for _, c := range []struct{ text, event, problem string }{
		{"created", "s3:ObjectCreated:*", ""},
		{"removed", "s3:ObjectRemoved:*", ""},
		{"restored", "s3:ObjectRestore:Completed", ""},
		{"s3:ObjectCreated:Put", "s3:ObjectCreated:Put", ""},
		{"deleted", "", "did you mean removed?"},
		{"Created", "", "did you mean created?"},
		{"s3:objectcreated:put", "", "did you mean s3:ObjectCreated:Put?"},
		{"s3:ObjectEaten:*", "", `not "s3:ObjectEaten:*"`},
	} {
		event, problem := parseEvent(c.text)
		if event != c.event || !strings.HasSuffix(problem, c.problem) || (problem == "") != (c.problem == "") {
			t.Errorf("parseEvent(%q) = %q, %q", c.text, event, problem)
		}
	}
}

// two makes a file of two functions, a in line 4 and b below it, with their inputs and outputs.
func two(a, b string) string {
	return "project: p\ndefaults: {image: i}\nfunctions:\n" +
		"  a:\n    " + strings.ReplaceAll(a, "\n", "\n    ") + "\n" +
		"  b:\n    " + strings.ReplaceAll(b, "\n", "\n    ") + "\n"
}

func TestRulesAndLoops(t *testing.T) {
	const overlap = "which S3 refuses: one object could start both; set their folders, suffixes or events apart"
	for _, c := range []struct{ name, text, want string }{
		{"apart", two("input: s3://abc/x\noutput: s3://abc/y", "input: s3://abc/z\noutput: s3://abc/w"), ""},
		{"a chain", two("input: s3://abc/x\noutput: s3://abc/y", "input: s3://abc/y\noutput: s3://abc/z"), ""},
		{"names that begin alike", two("input: s3://abc/in\noutput: s3://abc/in2", "input: s3://abc/in3"), ""},
		{"other suffix", two("input: {from: s3://abc/x, suffix: .png}", "input: {from: s3://abc/x/y, suffix: .jpg}"), ""},
		{"other event", two("input: s3://abc/x", "input: {from: s3://abc/x, events: removed}"), ""},

		{"loop", in("input: s3://abc/x\noutput: s3://abc/x"), "func.yaml:5:5: input: would loop (--allow-loops accepts it): the output in line 6 would start f again for each of its results; set them apart by folder or bucket"},
		{"loop below", in("output:\n- s3://abc/x\n- {to: s3://abc/in/out, match: '*.png'}\ninput: {from: s3://abc/in, suffix: [.png]}"),
			"func.yaml:8:13: from: would loop (--allow-loops accepts it): the output in line 7 would start f again for each of its results; set them apart by folder or bucket, or say with match at the output that no result ends in .png"},
		{"loop by the whole bucket", in("input: s3://abc\noutput: s3://abc/out"), "func.yaml:5:5: input: would loop (--allow-loops accepts it): the output in line 6 would start f again for each of its results; set them apart by folder or bucket"},
		{"no loop: other suffix", in("input: {from: s3://abc/x, suffix: .png}\noutput: {to: s3://abc/x, match: ['*.svg', 'a/*.txt']}"), ""},
		{"loop: open glob", in("input: {from: s3://abc/x, suffix: .png}\noutput: {to: s3://abc/x, match: 'a/**'}"), "func.yaml:5:13: from: would loop (--allow-loops accepts it): the output in line 6 would start f again for each of its results; set them apart by folder or bucket, or say with match at the output that no result ends in .png"},
		{"loop: any name", in("input: {from: s3://abc/x, suffix: [.png, .jpg]}\noutput: s3://abc/x"), "func.yaml:5:13: from: would loop (--allow-loops accepts it): the output in line 6 would start f again for each of its results; set them apart by folder or bucket, or say with match at the output that no result ends in .png or .jpg"},
		{"no loop: removed", in("input: {from: s3://abc/x, events: removed}\noutput: s3://abc/x"), ""},
		{"no loop: output above", in("input: s3://abc/in\noutput: s3://abc"), ""},
		{"loop of two", two("input: s3://abc/x\noutput: s3://abc/y", "input: s3://abc/y\noutput: s3://abc/x"), "func.yaml:5:5: input: would loop (--allow-loops accepts it): each function's results start the next: a → b → a"},

		{"overlap", two("input: s3://abc/x", "input: s3://abc/x/y"), "func.yaml:7:5: input: overlaps the input of a in line 5, " + overlap},
		{"overlap of its own", in("input: [s3://abc/x, s3://abc/x/]"), "func.yaml:5:25: input: overlaps the input of f in line 5, " + overlap},
		{"overlap of suffixes", two("input: {from: s3://abc/x, suffix: .tar.gz}", "input: {from: s3://abc/x, suffix: [.zip, .gz]}"), "func.yaml:7:13: from: overlaps the input of a in line 5, " + overlap},
		{"overlap of events", two("input: s3://abc/x", "input: {from: s3://abc/x, events: 's3:ObjectCreated:Put'}"), "func.yaml:7:13: from: overlaps the input of a in line 5, " + overlap},
		{"suffixes of one", in("input: {from: s3://abc/x, suffix: [.gz, .tar.gz]}"), "func.yaml:5:45: suffix: \".tar.gz\" overlaps another suffix of the list, which S3 refuses"},
		{"events of one", in("input: {from: s3://abc/x, events: [created, 's3:ObjectCreated:Put', made]}"),
			"func.yaml:5:49: events: is covered by another event of the list\n" +
				"func.yaml:5:73: events: wants created, removed, restored or an event type of S3 such as s3:ObjectCreated:Put, not \"made\""},
		{"wildcard", in("input: {from: s3://abc/x, suffix: '*.png'}"), "func.yaml:5:31: suffix: is taken literally, * is no wildcard; write \".png\""},
		{"same output", in("output: [s3://abc/x, s3://abc/x/]"), "func.yaml:5:26: output: is the same output as the one in line 5"},
		{"globs", in("output: {to: s3://abc/x, match: ['[a', /a, a/../b, '']}"),
			"func.yaml:5:38: match: \"[a\" is no glob: a bracket is not closed, or a backslash has nothing behind it\n" +
				"func.yaml:5:44: match: \"/a\" matches nothing: it is compared with a path below TMP_OUTPUT_DIR such as plots/a.png\n" +
				"func.yaml:5:48: match: \"a/../b\" matches nothing: it is compared with a path below TMP_OUTPUT_DIR such as plots/a.png\n" +
				"func.yaml:5:56: match: is empty; it wants text such as \"*.wav\""},
		{"records", in("input: s3://abc\noutput: {to: s3://abc/out, match: '*.png'}"), "func.yaml:5:5: input: would loop (--allow-loops accepts it): the output in line 6 would start f again for each of its results; set them apart by folder or bucket"},
		{"records by suffix", in("input: {from: s3://abc, suffix: .json}\noutput: {to: s3://abc/out, match: '*.png'}"),
			"func.yaml:5:13: from: covers .scar/, where scar keeps the records of f, so each record would start f; name a folder or a suffix"},
		{"records of another", two("input: s3://abc/x\noutput: s3://def/y", "input: {from: s3://def/.scar, suffix: n}"),
			"func.yaml:8:13: from: covers .scar/, where scar keeps the records of a, so each record would start b; name a folder or a suffix"},
		{"ledgers", in("input: {from: s3://abc/, suffix: .jsonl}\noutput: {to: s3://abc/out, match: '*.png'}"),
			"func.yaml:5:13: from: covers .scar/, where scar keeps the records of f, so each record would start f; name a folder or a suffix"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want []string
			if c.want != "" {
				want = strings.Split(c.want, "\n")
			}
			if diff := cmp.Diff(want, problemsIn(t, c.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckReference(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0a", 32)
	for _, c := range []struct{ text, problem string }{
		{"alpine", ""},
		{"alpine:3.20", ""},
		{"dpokidov/imagemagick:7.1.1-47", ""},
		{"alpine@" + digest, ""},
		{"alpine:3@" + digest, ""},
		{"localhost/a", ""},
		{"localhost:5000/a/b_c/d__e/f---g.h:Tag_1", ""},
		{"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1", ""},
		{"Registry.Example.org/app", ""},

		{"Alpine", `"Alpine" is no reference to an image: its name wants lower case, alpine`},
		{"docker://alpine", "wants a reference to an image without docker://, such as alpine"},
		{"https://hub.docker.com/_/alpine", "wants a reference to an image without https://, such as hub.docker.com/_/alpine"},
		{"alpine:", `"alpine:" is no reference to an image: "" is no tag; it wants at most 128 letters, digits, _ . and -`},
		{"alpine:3 20", `"alpine:3 20" is no reference to an image: it holds white space`},
		{"alpine:-1", `"alpine:-1" is no reference to an image: "-1" is no tag; it wants at most 128 letters, digits, _ . and -`},
		{"alpine@sha256:12", `"alpine@sha256:12" is no reference to an image: @ wants a digest after it, sha256: and 64 hexadecimal digits`},
		{"a//b", `"a//b" is no reference to an image: a part of its name is empty; a file begins with ./ or /`},
		{"a_/b", `"a_/b" is no reference to an image: "a_" is no part of a name; it wants letters, digits and single . _ or dashes between them`},
		{"ex_ample.org/b", `"ex_ample.org/b" is no reference to an image: "ex_ample.org" is no name of a registry`},
		{"localhost:port/b", `"localhost:port/b" is no reference to an image: "localhost:port" is no name of a registry`},
	} {
		if got := checkReference(c.text); got != c.problem {
			t.Errorf("checkReference(%q) = %q", c.text, got)
		}
	}
}

func TestIsImagePath(t *testing.T) {
	for text, want := range map[string]bool{
		"./a": true, "../a": true, "/a": true, "~/a": true, `C:\a.b`: true, "c:/a": true, ".": true,
		"a.tar": true, "dir/a.tar.gz": true, "a.tgz": true, "a.tar.zst": true, "a.oci": true,
		"a": false, "a/b": false, "a.tar.xz": false, "c:1": false, "a:tar": false,
	} {
		if got := isImagePath(text); got != want {
			t.Errorf("isImagePath(%q) = %v", text, got)
		}
	}
}
