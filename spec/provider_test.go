package spec

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lab is a file with a provider of each type, and a function whose keys begin in line 9, column 5.
func lab(keys string) string {
	return "project: imaging\nstorage:\n" +
		"  minio.lab: {endpoint: \"https://minio.example.org\", access_key: a, secret_key: \"ssm:/lab/secret\"}\n" +
		"  webdav.nas: {endpoint: \"https://nas.example.org/dav/\", user: u, password: \"secretsmanager:nas\"}\n" +
		"  onedata.eosc: {endpoint: \"https://oneprovider.example.org\", token: \"ssm:/eosc/token\", space: lab}\n" +
		"  s3.other: {region: eu-central-1}\nfunctions:\n  f:\n    " +
		strings.ReplaceAll("image: alpine\n"+strings.TrimSpace(keys), "\n", "\n    ") + "\n"
}

func TestStorage(t *testing.T) {
	file, drafts, err := testGrammar().check(sourcesOf(lab(`
input: [minio.lab/inbox, webdav.nas, s3://photos/in, {from: s3.other/raw/a b}]
output:
- onedata.eosc/results/ü
- {to: minio.lab/Plots_1, match: ["*.svg"]}
- s3://results
dedupe: true
secrets: {TOKEN: "ssm:token", DB: "secretsmanager:imaging/db#pass$$ word", ARN: "secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-b-AbCd12"}
logs: {format: json, metrics: true}
`)), Options{}, &report{})
	if err != nil {
		t.Fatal(err)
	}
	secret := func(service, name string) *Credential {
		return &Credential{Secret: &Secret{Service: service, Name: name}}
	}
	want := map[string]Storage{
		"minio.lab":    {Type: "minio", Endpoint: "https://minio.example.org", AccessKey: &Credential{Text: "a"}, SecretKey: secret("ssm", "/lab/secret")},
		"webdav.nas":   {Type: "webdav", Endpoint: "https://nas.example.org/dav", User: &Credential{Text: "u"}, Password: secret("secretsmanager", "nas")},
		"onedata.eosc": {Type: "onedata", Endpoint: "https://oneprovider.example.org", Space: "lab", Token: secret("ssm", "/eosc/token")},
		"s3.other":     {Type: "s3", Region: "eu-central-1"},
	}
	if diff := cmp.Diff(want, file.Storage); diff != "" {
		t.Error(diff)
	}
	created, all := []string{"s3:ObjectCreated:*"}, []string{""}
	got := drafts[0].Function
	if diff := cmp.Diff([]Input{
		{Provider: "minio.lab", Bucket: "inbox", Suffix: all, Events: created},
		{Provider: "webdav.nas", Suffix: all, Events: created},
		{Provider: OwnS3, Bucket: "photos", Prefix: "in/", Suffix: all, Events: created},
		{Provider: "s3.other", Bucket: "raw", Prefix: "a b/", Suffix: all, Events: created},
	}, got.Inputs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Output{
		{Provider: "onedata.eosc", Prefix: "results/ü/"},
		{Provider: "minio.lab", Bucket: "Plots_1", Match: []string{"*.svg"}},
		{Provider: OwnS3, Bucket: "results"},
	}, got.Outputs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]Secret{
		"TOKEN": {Service: "ssm", Name: "token"},
		"DB":    {Service: "secretsmanager", Name: "imaging/db", Key: "pass$ word"},
		"ARN":   {Service: "secretsmanager", Name: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-b-AbCd12"},
	}, got.Secrets); diff != "" {
		t.Error(diff)
	}
	if got.Records != "results" || !got.Dedupe || got.Logs.Format != "json" || !got.Logs.Metrics {
		t.Errorf("got %+v", got)
	}
}

func TestSecretsOfDefaults(t *testing.T) {
	_, drafts, err := testGrammar().check(sourcesOf("project: p\ndefaults: {image: a, secrets: {AA: \"ssm:/a\", BB: \"ssm:/b\"}}\nfunctions: {f: {secrets: {BB: \"ssm:/c\", CC: \"ssm:/d\"}}}\n"), Options{}, &report{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Secret{"AA": {Service: "ssm", Name: "/a"}, "BB": {Service: "ssm", Name: "/c"}, "CC": {Service: "ssm", Name: "/d"}}
	if diff := cmp.Diff(want, drafts[0].Secrets); diff != "" {
		t.Error(diff)
	}
}

func TestProblemsOfStorage(t *testing.T) {
	storage := func(provider string) string {
		return "project: p\nfunctions: {}\nstorage:\n  " + strings.ReplaceAll(provider, "\n", "\n  ") + "\n"
	}
	const keys = ", access_key: a, secret_key: \"ssm:/b\"}"
	const place = "a secret does not belong in this file: put it into Systems Manager or Secrets Manager, and write where: "
	const or = "; or write ${NAME} and give it with --env-file"
	const url = "func.yaml:4:11: endpoint: wants a URL such as https://storage.example.org"
	for _, c := range []struct{ name, text, want string }{
		{"no mapping", "project: p\nfunctions: {}\nstorage: [a]\n", "func.yaml:3:1: storage: wants a mapping such as {minio.lab: {access_key: ssm:/lab/key, endpoint: https://minio.example.org, secret_key: ssm:/lab/secret}}, not a list"},
		{"no value", "project: p\nfunctions: {}\nstorage:\n", "func.yaml:3:1: storage: has no value; write {} for none"},
		{"no provider", storage("minio.a:"), "func.yaml:4:3: minio.a: has no value; write {} for none"},
		{"names", storage("minio: {}\ngcs.a: {}\nminio.a b: {}\nminio.a.b: {}\nMinio.a: {}"), func() string {
			var lines []string
			for i, name := range []string{"minio", "gcs.a", "minio.a b", "minio.a.b", "Minio.a"} {
				line := "func.yaml:" + string(rune('4'+i)) + ":3: "
				lines = append(lines, line+name+": a provider's name wants a type, s3, minio, webdav or onedata, a dot and a name of letters, digits, - and _, such as minio.lab")
				if strings.HasPrefix(name, "minio.") {
					for _, key := range []string{"access_key: is missing; add access_key: ssm:/lab/key", "endpoint: is missing; add endpoint: https://minio.example.org", "secret_key: is missing; add secret_key: ssm:/lab/secret"} {
						lines = append(lines, line+key)
					}
				}
			}
			slices.Sort(lines)
			return strings.Join(lines, "\n")
		}()},
		{"missing", storage("minio.a: {}\nwebdav.a: {}\nonedata.a: {}\ns3.a: {}"),
			"func.yaml:4:3: access_key: is missing; add access_key: ssm:/lab/key\n" +
				"func.yaml:4:3: endpoint: is missing; add endpoint: https://minio.example.org\n" +
				"func.yaml:4:3: secret_key: is missing; add secret_key: ssm:/lab/secret\n" +
				"func.yaml:5:3: endpoint: is missing; add endpoint: https://nas.example.org/dav\n" +
				"func.yaml:5:3: password: is missing; add password: secretsmanager:nas\n" +
				"func.yaml:5:3: user: is missing; add user: scanner\n" +
				"func.yaml:6:3: endpoint: is missing; add endpoint: https://oneprovider.example.org\n" +
				"func.yaml:6:3: space: is missing; add space: lab\n" +
				"func.yaml:6:3: token: is missing; add token: ssm:/eosc/token"},
		{"keys of another type", storage("onedata.a: {endpoint: \"https://a\", token: \"ssm:/a\", space: b, user: c, bucket: d}\nminio.a: {url: \"https://a\"" + keys),
			"func.yaml:4:65: user: unknown key; known here: endpoint, space, token\n" +
				"func.yaml:4:74: bucket: unknown key; known here: endpoint, space, token\n" +
				"func.yaml:5:3: endpoint: is missing; add endpoint: https://minio.example.org\n" +
				"func.yaml:5:13: url: unknown key; did you mean endpoint?"},
		{"half of the keys", storage("s3.a: {access_key: a}\ns3.b: {secret_key: \"ssm:/a\"}\ns3.c: {endpoint: \"https://c\"}\ns3.d: {endpoint: \"https://s3.eu-west-1.amazonaws.com\"}"),
			"func.yaml:4:3: secret_key: is missing beside access_key; add secret_key: ssm:/a/secret_key\n" +
				"func.yaml:5:3: access_key: is missing beside secret_key; add access_key: ssm:/b/access_key\n" +
				"func.yaml:6:3: access_key: is missing; the credentials of the function's role are for AWS only: add access_key and secret_key"},
		{"wrong types", storage("webdav.a: {endpoint: 1, user: [a], password: {b: c}}\ns3.a: {region: 1}"),
			"func.yaml:4:14: endpoint: wants text; put 1 in quotes\n" +
				"func.yaml:4:27: user: wants text such as scanner, not a list\n" +
				"func.yaml:4:38: password: wants text such as secretsmanager:nas, not a mapping\n" +
				"func.yaml:5:10: region: wants text; put 1 in quotes"},
		{"region", storage("s3.a: {region: eu west}"), `func.yaml:4:10: region: wants the name of a region such as eu-central-1, not "eu west"`},
		{"user", storage(`webdav.a: {endpoint: "https://a", user: "a:b", password: "ssm:/c"}`), "func.yaml:4:37: user: a user's name has no colon; a password belongs to the key password"},
		{"space", storage(`onedata.a: {endpoint: "https://a", token: "ssm:/a", space: a/b}`), "func.yaml:4:55: space: wants the name of a space, without a slash; a folder in it belongs to the input or output, as in onedata.a/folder/"},

		{"endpoint, no URL", storage("s3.a: {endpoint: a" + keys), strings.Replace(url, ":11:", ":10:", 1) + ", with https:// or http:// before the host"},
		{"endpoint, scheme", storage("s3.a: {endpoint: \"ftp://a\"" + keys), strings.Replace(url, ":11:", ":10:", 1) + ", with https:// or http:// before the host"},
		{"endpoint, password", storage("s3.a: {endpoint: \"https://a:b@c\"" + keys), strings.Replace(url, ":11:", ":10:", 1) + ", without a name or password in it; those have keys of their own"},
		{"endpoint, query", storage("s3.a: {endpoint: \"https://a?b\"" + keys), strings.Replace(url, ":11:", ":10:", 1) + ", without ? and #"},
		{"endpoint, fragment", storage("s3.a: {endpoint: \"https://a/#b\"" + keys), strings.Replace(url, ":11:", ":10:", 1) + ", without ? and #"},
		{"endpoint, bucket", storage("s3.a: {endpoint: \"https://a/b\"" + keys), strings.Replace(url, ":11:", ":10:", 1) + ", without a path; the bucket belongs to the input or output, as in minio.lab/bucket/folder/"},
		{"endpoint, host", storage("s3.a: {endpoint: \"https://:9000\"" + keys), strings.Replace(url, ":11:", ":10:", 1) + "; it names no host"},
		{"endpoint, port", storage("s3.a: {endpoint: \"https://a:b\"" + keys), strings.Replace(url, ":11:", ":10:", 1) + "; its port is no number"},
		{"endpoint, space", storage("s3.a: {endpoint: \"https://a b\"" + keys), strings.Replace(url, ":11:", ":10:", 1) + ", without white space"},

		{"a secret itself", storage("minio.a: {endpoint: \"https://a\", access_key: a, secret_key: hunter2}\nwebdav.b:\n  endpoint: \"https://b\"\n  user: u\n  password: 1234\nonedata.c: {endpoint: \"https://c\", space: s, token: \"${hunter2}\"}"),
			"func.yaml:4:51: secret_key: " + place + "ssm:/a/secret_key or secretsmanager:a#secret_key" + or + "\n" +
				"func.yaml:8:5: password: " + place + "ssm:/b/password or secretsmanager:b#password" + or + "\n" +
				"func.yaml:9:48: token: " + place + "ssm:/c/token or secretsmanager:c#token" + or},
		{"a bad reference", storage("minio.a: {endpoint: \"https://a\", access_key: \"ssm:a/b\", secret_key: \"secretmanager:a\"}"),
			"func.yaml:4:36: access_key: a parameter's name that has a slash in it begins with one, such as ssm:/imaging/token\n" +
				"func.yaml:4:59: secret_key: wants ssm: or secretsmanager: before the name, in lower case"},

		{"undefined", lab("input: minio.lba/in\noutput: [s3.lab/out, webdav.nsa]"),
			"func.yaml:10:5: input: minio.lba is not defined in storage; did you mean minio.lab?\n" +
				"func.yaml:11:14: output: s3.lab is not defined in storage; it has minio.lab, onedata.eosc, s3.other, webdav.nas\n" +
				"func.yaml:11:26: output: webdav.nsa is not defined in storage; did you mean webdav.nas?"},
		{"undefined, no storage", in("output: {to: minio.lab/out}"), "func.yaml:5:14: to: minio.lab is not defined in storage; add it at the top of the file, such as storage: {minio.lab: {…}}"},
		{"one problem for one fault", storage("minio.a: {}\nwebdav.b: {endpoint: x, user: u, password: \"ssm:/p\"}") + "defaults: {image: a, input: minio.a, output: webdav.b/../x}\n",
			"func.yaml:4:3: access_key: is missing; add access_key: ssm:/lab/key\n" +
				"func.yaml:4:3: endpoint: is missing; add endpoint: https://minio.example.org\n" +
				"func.yaml:4:3: secret_key: is missing; add secret_key: ssm:/lab/secret\n" +
				"func.yaml:5:14: endpoint: wants a URL such as https://storage.example.org, with https:// or http:// before the host"},
		{"places", lab("input: [minio.lab, minio.lab/a, s3.other/My_bucket, webdav.nas/a//b]\noutput: [onedata.eosc/../x, 'minio.lab/abc/*.png']"),
			"func.yaml:10:13: input: names no bucket; it wants a bucket and folder such as minio.lab/bucket/folder/\n" +
				"func.yaml:10:24: input: \"a\" is no name of a bucket: it wants 3 to 63 letters, digits, dots, dashes and _, with a letter or digit at both ends\n" +
				"func.yaml:10:37: input: \"My_bucket\" is no name of a bucket: S3 wants lower case\n" +
				"func.yaml:10:57: input: the folder holds two slashes side by side\n" +
				"func.yaml:11:14: output: the folder holds . or .. as a part\n" +
				"func.yaml:11:33: output: a folder is taken literally, * is no wildcard; use suffix or match"},
		{"filters", lab("input: {from: minio.lab/abc, suffix: .a, events: removed}"),
			"func.yaml:10:34: suffix: only works on the account's own S3; for minio.lab set the filter where the events come from\n" +
				"func.yaml:10:46: events: only works on the account's own S3; for minio.lab set the filter where the events come from"},
		{"the same place twice", lab("input: [webdav.nas/a, webdav.nas/a/]\noutput: [minio.lab/abc/x, minio.lab/abc/x/, webdav.nas/x, onedata.eosc/x]"),
			"func.yaml:10:27: input: is the same input as the one in line 10\nfunc.yaml:11:31: output: is the same output as the one in line 11"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(strings.Split(c.want, "\n"), problemsIn(t, c.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoopsAcrossProviders(t *testing.T) {
	const loop = "would loop (--allow-loops accepts it): the output in line 11 would start f again for each of its results; set them apart by folder or bucket"
	for _, c := range []struct{ name, text, want string }{
		{"one provider", lab("input: minio.lab/abc/x\noutput: minio.lab/abc/x/y"), "func.yaml:10:5: input: " + loop},
		{"without buckets", lab("input: webdav.nas\noutput: webdav.nas/x"), "func.yaml:10:5: input: " + loop},
		{"the account's own S3 by another name", lab("input: s3://abc/x\noutput: s3.other/abc/x"), "func.yaml:10:5: input: " + loop},
		{"the server by another name", "storage: {s3.a: {endpoint: \"https://MINIO.example.org/\", access_key: a, secret_key: \"ssm:/a\"}}\n" +
			"functions: {f: {input: minio.lab/abc, output: s3.a/abc/x}}\n",
			"over.yaml:2:17: input: would loop (--allow-loops accepts it): the output in line 2 would start f again for each of its results; set them apart by folder or bucket"},
		{"bucket of the same name elsewhere", lab("input: s3://abc/x\noutput: minio.lab/abc/x"), ""},
		{"folder of the same name elsewhere", lab("input: onedata.eosc/x\noutput: webdav.nas/x"), ""},
		{"a circle", lab("input: s3://abc/x\noutput: webdav.nas/y"), ""},
		{"records", lab("input: s3.other/abc\noutput: [{to: s3://abc/y, match: ['*.png']}]"), "func.yaml:10:5: input: " + loop},
	} {
		t.Run(c.name, func(t *testing.T) {
			texts, want := []string{c.text}, []string(nil)
			if strings.HasPrefix(c.text, "storage") {
				texts = []string{lab("run: ls"), c.text}
			}
			if c.want != "" {
				want = strings.Split(c.want, "\n")
			}
			if diff := cmp.Diff(want, problemsIn(t, texts...)); diff != "" {
				t.Error(diff)
			}
		})
	}
	circle := lab("input: s3://abc/x\noutput: webdav.nas/y") + "  g: {image: a, input: webdav.nas, output: s3.other/abc/x/z}\n"
	if got := problemsIn(t, circle); len(got) != 1 || !strings.HasSuffix(got[0], "would loop (--allow-loops accepts it): each function's results start the next: f → g → f") {
		t.Errorf("circle: %q", got)
	}
	covered := lab("input: s3://def/x\noutput: s3://abc/y") + "  g: {image: a, input: s3.other/abc/.scar}\n"
	if got := problemsIn(t, covered); len(got) != 1 || !strings.Contains(got[0], "covers .scar/, where scar keeps the records of f") {
		t.Errorf("records: %q", got)
	}
	if got := problemsIn(t, strings.Replace(covered, "    output:", "    records: false\n    output:", 1)); got != nil {
		t.Errorf("no records: %q", got)
	}
}

func TestStore(t *testing.T) {
	f := &File{Storage: map[string]Storage{
		"minio.a":   {Type: "minio", Endpoint: "https://Minio.example.org:443"},
		"minio.b":   {Type: "minio", Endpoint: "http://minio.example.org"},
		"minio.c":   {Type: "minio", Endpoint: "http://minio.example.org:9000"},
		"s3.a":      {Type: "s3"},
		"s3.b":      {Type: "s3", Endpoint: "https://s3.eu-west-1.amazonaws.com"},
		"s3.c":      {Type: "s3", Endpoint: "https://minio.example.org"},
		"webdav.a":  {Type: "webdav", Endpoint: "https://minio.example.org/dav"},
		"webdav.b":  {Type: "webdav", Endpoint: "https://minio.example.org/DAV"},
		"onedata.a": {Type: "onedata", Endpoint: "https://minio.example.org", Space: "a"},
		"onedata.b": {Type: "onedata", Endpoint: "https://minio.example.org", Space: "b"},
	}}
	for _, same := range [][]string{{"", "s3", "s3.a", "s3.b"}, {"minio.a", "minio.b", "s3.c"}, {"minio.c"}, {"webdav.a"}, {"webdav.b"}, {"onedata.a"}, {"onedata.b"}} {
		for provider := range f.Storage {
			if got, want := f.Store(provider) == f.Store(same[0]), slices.Contains(same, provider); got != want {
				t.Errorf("%s is the same store as %q: %v, want %v", provider, same[0], got, want)
			}
		}
	}
}

// TestSecretsAreNotShown puts a secret wherever somebody might, beside faults that have the line reported.
func TestSecretsAreNotShown(t *testing.T) {
	const secret = "hunter2"
	provider := "project: p\nfunctions: {}\nstorage:\n  webdav.nas: {endpoint: \"https://a\", user: u, "
	for name, text := range map[string]string{
		"in flow":                 provider + "password: hunter2}\n",
		"beside another fault":    provider + "password: hunter2, nope: 1}\n",
		"misspelt key":            provider + "passwrod: hunter2}\n",
		"key of another type":     provider + "token: hunter2}\n",
		"quoted":                  provider + "password: 'hunter2'}\n",
		"a number":                strings.ReplaceAll(provider+"password: hunter2}\n", secret, "7312007"),
		"in a list":               provider + "password: [hunter2]}\n",
		"in a mapping":            provider + "password: {a: hunter2}}\n",
		"tag":                     provider + "password: !hunter2 }\n",
		"alias":                   provider + "password: *hunter2 }\n",
		"anchor":                  provider + "password: &hunter2 }\n",
		"interpolation":           provider + "password: \"${hunter2}\"}\n",
		"no YAML":                 provider + "password: a: hunter2}\n",
		"no YAML either":          provider + "password: @hunter2}\n",
		"quotation mark":          provider + "password: \"hunter2}\n",
		"twice":                   provider + "password: a, password: hunter2}\n",
		"block":                   "project: p\nfunctions: {}\nstorage:\n  webdav.nas:\n    endpoint: \"https://a\"\n    user: u\n    password: |\n      hunter2\n",
		"in the endpoint":         "project: p\nfunctions: {}\nstorage:\n  webdav.nas: {endpoint: \"https://u:hunter2@a\", user: u, password: \"ssm:/a\"}\n",
		"of a function":           in("secrets: {TOKEN: hunter2}"),
		"of a function, a list":   in("secrets: [hunter2]"),
		"of a function, alone":    in("secrets: hunter2"),
		"of a function, tag":      in("secrets: {TOKEN: !hunter2 }"),
		"of a function, twice":    in("secrets:\n  TOKEN: a\n  TOKEN: hunter2"),
		"of a function, in env":   in("env: {TOKEN: a}\nsecrets: {TOKEN: hunter2}"),
		"of defaults":             "project: p\ndefaults: {image: a, secrets: {TOKEN: hunter2}}\nfunctions: {f: {}}\n",
		"by an anchor":            "project: p\nx: &a hunter2\nfunctions: {f: {image: a, secrets: {TOKEN: *a}}}\n",
		"misspelt secrets":        in("secretes: {MINE: hunter2}"),
		"one secret":              in("secret: {MINE: hunter2}"),
		"at the top":              "project: p\nsecrets: {MINE: hunter2}\nfunctions: {f: {image: a}}\n",
		"misspelt storage":        "project: p\nfunctions: {f: {image: a}}\nstorages: {minio.lab: {pass: hunter2}}\n",
		"storage of the original": "project: p\nfunctions: {f: {image: a}}\nstorage_providers: {minio: {lab: {pass: hunter2}}}\n",
		"storage, alone":          "project: p\nfunctions: {f: {image: a}}\nstorage: hunter2\n",
		"a provider, alone":       "project: p\nfunctions: {f: {image: a}}\nstorage: {minio.lab: hunter2}\n",
		"under a name like a key": in("secrets: {password: hunter2}"),
	} {
		r := &report{}
		_, _, err := testGrammar().check(sourcesOf(text), Options{}, r)
		if err == nil {
			err = r.err()
		}
		var problems Problems
		if !errors.As(err, &problems) {
			t.Errorf("%s: %v", name, err)
		}
		for _, p := range problems {
			if shown := p.Message + p.SourceLine; strings.Contains(shown, secret) || strings.Contains(shown, "7312007") {
				t.Errorf("%s: %s\n%s", name, p, p.SourceLine)
			}
		}
	}
}

func TestLinesOfPlacesAreShown(t *testing.T) {
	r := &report{}
	if _, _, err := testGrammar().check(sourcesOf(lab("secrets: {TOKEN: \"ssm:a/b\"}\noutput: minio.lba/x")), Options{}, r); err != nil {
		t.Fatal(err)
	}
	var problems Problems
	if !errors.As(r.err(), &problems) || len(problems) != 2 || problems[0].SourceLine == "" || problems[1].SourceLine == "" {
		t.Errorf("got %+v", problems)
	}
}

func TestIsAWS(t *testing.T) {
	for host, want := range map[string]bool{
		"s3.amazonaws.com": true, "S3.eu-west-1.amazonaws.com": true, "s3-eu-west-1.amazonaws.com": true, "s3-us-gov-west-1.amazonaws.com": true,
		"s3.dualstack.eu-west-1.amazonaws.com": true, "s3-fips.us-gov-west-1.amazonaws.com": true, "s3.cn-north-1.amazonaws.com.cn": true,
		"bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com": true, "s3-accelerate.dualstack.amazonaws.com": true, "s3.eu-west-1.amazonaws.com:443": true,
		"ec2-203-0-113-25.compute-1.amazonaws.com": false, "ec2-203-0-113-25.eu-west-1.compute.amazonaws.com": false,
		"minio-1234567890.eu-west-1.elb.amazonaws.com": false, "s3-proxy-1234567890.eu-west-1.elb.amazonaws.com": false,
		"abc.execute-api.eu-west-1.amazonaws.com": false, "s3.example.org": false, "s3.amazonaws.com.example.org": false, "s3amazonaws.com": false, "": false,
	} {
		if got := isAWS("https://" + host); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}
