package spec

import (
	"fmt"
	"strings"
	"testing"
)

// TestLimits tries each limit at the limit, where nothing may be said, and one beyond.
func TestLimits(t *testing.T) {
	digits := func(n int) string { return strings.Repeat("1", n) }
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	project := func(name string) string { return "project: " + name + "\nfunctions: {}\n" }
	function := func(name string) string {
		return "project: a\ndefaults: {image: a}\nfunctions: {" + name + ": {}}\n"
	}
	for _, c := range []struct{ name, within, beyond, message string }{
		{"memory, least", in("memory: 128"), in("memory: 127"), "127 is below the minimum of 128 MB"},
		{"memory, most", in("memory: 10240"), in("memory: 10241"), "10241 is above the maximum of 10240 MB"},
		{"memory, with unit", in("memory: 10GB"), in("memory: 11GB"), "11GB is above the maximum of 10240 MB"},
		{"memory, small unit", in("memory: 128MB"), in("memory: 127MB"), "127MB is below the minimum of 128 MB"},
		{"timeout, least", in("timeout: 1"), in("timeout: 0"), "0 is below the minimum of 1 s"},
		{"timeout, most", in("timeout: 900"), in("timeout: 901"), "901 is above the maximum of 900 s"},
		{"timeout, with unit", in("timeout: 15m"), in("timeout: 1h"), "1h is above the maximum of 900 s"},
		{"margin, least", in("timeout_margin: 0"), in("timeout_margin: -1"), "-1 is below the minimum of 0 s"},
		{"margin, most", in("timeout: 900\ntimeout_margin: 899"), in("timeout: 900\ntimeout_margin: 900"), "900 is above the maximum of 899 s"},
		{"margin of timeout", in("timeout: 60\ntimeout_margin: 59s"), in("timeout: 60\ntimeout_margin: 1m"), "1m leaves the script of f no time"},
		{"ephemeral storage, least", in("ephemeral_storage: 512"), in("ephemeral_storage: 511"), "511 is below the minimum of 512 MB"},
		{"ephemeral storage, most", in("ephemeral_storage: 10GB"), in("ephemeral_storage: 10241MB"), "10241MB is above the maximum of 10240 MB"},
		{"description", in("description: " + strings.Repeat("ü", 256)), in("description: " + strings.Repeat("ü", 257)), "has 257 characters, 256 are allowed"},
		{"name of a function", function(strings.Repeat("f", 64)), function(strings.Repeat("f", 65)), "this name has 65 characters, 64 are allowed"},
		{"project", project(strings.Repeat("p", 32)), project(strings.Repeat("p", 33)), "has 33 characters, 32 are allowed"},
		{"project, dashes", project("a-1-b"), project("a--b"), "wants lower-case letters, digits and single dashes"},
		{"project, end", project("a-b"), project("a-"), "wants lower-case letters, digits and single dashes"},
		{"region", "region: us-gov-west-1\n" + project("a"), "region: us-gov-west\n" + project("a"), "wants the name of an AWS region"},
		{"new partition", "region: eusc-de-east-1\n" + project("a"), "region: EU-west-1\n" + project("a"), "wants the name of an AWS region"},
		{"role", in("role: arn:aws-us-gov:iam::123456789012:role/a/b/" + digits(64)), in("role: arn:aws-us-gov:iam::123456789012:role/a/b/" + digits(65)), "wants the ARN of an IAM role"},

		// {"AA":"…"} has 9 characters beside the value.
		{"env", in("env: {AA: " + digits(4096-9) + "}"), in("env: {AA: " + digits(4097-9) + "}"), "the variables take 4097 bytes as JSON"},
		{"env, quotes count twice", in("env: {AA: '" + strings.Repeat(`"`, 2043) + "'}"), in("env: {AA: '" + strings.Repeat(`"`, 2044) + "'}"), "the variables take 4097 bytes as JSON"},
		{"name of a variable", in("env: {A1: x}"), in("env: {A: x}"), "a variable's name wants"},
		{"tags", in("tags: {" + many(45, "t%d: a, ") + "}"), in("tags: {" + many(46, "t%d: a, ") + "}"), "f has 46 tags, the file's among them; 45 are allowed"},
		{"tags of the file too", "tags: {x: y}\n" + in("tags: {"+many(44, "t%d: a, ")+"}"), "tags: {x: y}\n" + in("tags: {"+many(45, "t%d: a, ")+"}"), "f has 46 tags"},
		{"key of a tag", in("tags: {" + digits(128) + ": a}"), in("tags: {" + digits(129) + ": a}"), "this name has 129 characters, 128 are allowed"},
		{"value of a tag", in("tags: {a: " + strings.Repeat("ü", 256) + "}"), in("tags: {a: " + strings.Repeat("ü", 257) + "}"), "has 257 characters, 256 are allowed"},
		{"value of a tag, number", in("tags: {a: " + digits(256) + "}"), in("tags: {a: " + digits(257) + "}"), "has 257 characters, 256 are allowed"},
		{"retention", in("logs: {retention_days: 3653}"), in("logs: {retention_days: 3654}"), "wants 1, 3, 5,"},
		{"bucket, short", in("input: s3://abc"), in("input: s3://ab"), "S3 wants 3 to 63 characters, these are 2"},
		{"bucket, long", in("input: s3://" + digits(62) + "a"), in("input: s3://" + digits(63) + "a"), "S3 wants 3 to 63 characters, these are 64"},
		// The slash at the end counts.
		{"prefix", in("input: s3://abc/" + digits(1023)), in("input: s3://abc/" + digits(1024)), "the folder has 1025 bytes, 1024 are allowed"},
		{"prefix, bytes", in("output: s3://abc/" + strings.Repeat("ü", 511)), in("output: s3://abc/" + strings.Repeat("ü", 512)), "the folder has 1025 bytes"},
		{"suffix", in("input: {from: s3://abc, suffix: " + digits(1024) + "}"), in("input: {from: s3://abc, suffix: " + digits(1025) + "}"), "has 1025 bytes, S3 allows 1024 in a key"},
		{"rules of a bucket", in("input: [" + many(100, "s3://abc/%d, ") + "]"), in("input: [" + many(101, "s3://abc/%d, ") + "]"), "is one rule too many for the bucket abc: S3 allows 100"},
		{"suffixes", in("input: {from: s3://abc, suffix: [" + many(100, "a%dx, ") + "]}"), in("input: {from: s3://abc, suffix: [" + many(101, "a%dx, ") + "]}"), "has 101 suffixes: S3 allows 100 rules"},
		{"tag of an image", imageless("image: a:" + digits(128)), imageless("image: a:" + digits(129)), "is no tag; it wants at most 128"},
		{"name of an image", imageless("image: " + digits(255)), imageless("image: " + digits(256)), "has a name of 256 characters, 255 are allowed"},
		{"name of a provider", "project: a\nfunctions: {}\nstorage: {s3." + digits(61) + ": {}}\n", "project: a\nfunctions: {}\nstorage: {s3." + digits(62) + ": {}}\n", "this name has 65 characters, 64 are allowed"},
		{"region of a provider", "project: a\nfunctions: {}\nstorage: {s3.a: {region: " + digits(62) + "a}}\n", "project: a\nfunctions: {}\nstorage: {s3.a: {region: " + digits(63) + "a}}\n", "has 64 characters, 63 are allowed"},
		{"name of a parameter", in("secrets: {AA: 'ssm:" + digits(966) + "'}"), in("secrets: {AA: 'ssm:" + digits(967) + "'}"), "has 967 characters, Systems Manager allows 1011 with its ARN before it"},
		{"levels of a parameter", in("secrets: {AA: 'ssm:" + strings.Repeat("/a", 15) + "'}"), in("secrets: {AA: 'ssm:" + strings.Repeat("/a", 16) + "'}"), "has 16 levels, Systems Manager allows 15"},
		{"name of a secret", in("secrets: {AA: 'secretsmanager:" + digits(512) + "'}"), in("secrets: {AA: 'secretsmanager:" + digits(513) + "'}"), "has 513 characters, Secrets Manager allows 512"},
		{"bucket of another server", lab("output: minio.lab/" + digits(63)), lab("output: minio.lab/" + digits(64)), "it wants 3 to 63 letters"},
		{"folder of another server", lab("output: webdav.nas/" + digits(1023)), lab("output: webdav.nas/" + digits(1024)), "the folder has 1025 bytes, 1024 are allowed"},
		{"size of the file", project("a") + strings.Repeat("#", 1<<20-len(project("a"))), project("a") + strings.Repeat("#", 1<<20+1-len(project("a"))), "the file is larger than 1 MB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := problemsIn(t, c.within); len(got) > 0 {
				t.Errorf("within the limit: %q", got)
			}
			got := problemsIn(t, c.beyond)
			if len(got) != 1 || !strings.Contains(got[0], c.message) {
				t.Errorf("beyond the limit: %q, want %q", got, c.message)
			}
		})
	}
}

// imageless is in without the image.
func imageless(keys string) string { return "project: a\nfunctions:\n  f:\n    " + keys + "\n" }

func TestTimeoutMarginUnset(t *testing.T) {
	for timeout, want := range map[string]int{"1": 0, "2": 1, "3": 1, "19": 9, "20": 10, "21": 10, "15m": 10} {
		_, drafts, err := testGrammar().check(sourcesOf(in("timeout: "+timeout)), Options{}, &report{})
		if err != nil {
			t.Fatal(err)
		}
		if got := drafts[0].TimeoutMargin; got != want {
			t.Errorf("timeout %s: margin %d, want %d", timeout, got, want)
		}
	}
}
