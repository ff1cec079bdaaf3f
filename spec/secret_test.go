package spec

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSecret(t *testing.T) {
	const (
		parameter = "wants the name of a parameter after ssm:, of letters, digits and . - _ /, such as ssm:/imaging/token"
		secret    = "wants the name of a secret after secretsmanager:, of letters, digits and / _ + = . @ -, such as secretsmanager:imaging/db"
		wholeARN  = "is no whole ARN of a secret: that ends in a dash and six characters; the name alone does as well, such as secretsmanager:imaging/db"
		noARN     = "is no ARN of a parameter, such as ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/imaging/token"
		kept      = "Systems Manager keeps names that begin with aws or ssm for itself; for a secret of Secrets Manager write secretsmanager:NAME"
		slash     = "a parameter's name that has a slash in it begins with one, such as ssm:/imaging/token"
		key       = "wants the name of a key behind #, such as secretsmanager:imaging/db#password"
		before    = "wants ssm: or secretsmanager: before the name, in lower case"
	)
	for _, c := range []struct{ text, name, key, problem string }{
		{"ssm:/imaging/token", "/imaging/token", "", ""},
		{"ssm:token", "token", "", ""},
		{"ssm:/token", "/token", "", ""},
		{"ssm:/A.b-c_d/1", "/A.b-c_d/1", "", ""},
		{"ssm:/a" + strings.Repeat("/a", 14), "/a" + strings.Repeat("/a", 14), "", ""},
		{"ssm:arn:aws-cn:ssm:cn-north-1:123456789012:parameter/a/b", "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/a/b", "", ""},
		{"secretsmanager:imaging/db", "imaging/db", "", ""},
		{"secretsmanager:a_b+c=d.e@f-g", "a_b+c=d.e@f-g", "", ""},
		{"secretsmanager:db#password", "db", "password", ""},
		{"secretsmanager:rds!cluster-1a2b#password", "rds!cluster-1a2b", "password", ""},
		{"secretsmanager:db#a#b c", "db", "a#b c", ""},
		{"secretsmanager:my-secret", "my-secret", "", ""},
		{"secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbC123#k", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbC123", "k", ""},

		{"ssm:", "", "", parameter},
		{"ssm:a b", "", "", parameter},
		{"ssm:a:3", "", "", parameter},
		{"ssm:/ü", "", "", parameter},
		{"ssm:a/b", "", "", slash},
		{"ssm:/a/", "", "", "the parameter's name ends in a slash, or has two side by side"},
		{"ssm:/", "", "", "the parameter's name ends in a slash, or has two side by side"},
		{"ssm://a", "", "", "the parameter's name ends in a slash, or has two side by side"},
		{"ssm:/a" + strings.Repeat("/a", 15), "", "", "the parameter's name has 16 levels, Systems Manager allows 15"},
		{"ssm:" + strings.Repeat("a", 967), "", "", "the parameter's name has 967 characters, Systems Manager allows 1011 with its ARN before it"},
		{"ssm:/aws/reference/secretsmanager/a", "", "", kept},
		{"ssm:SSM-a", "", "", kept},
		{"ssm:/a#b", "", "", "a parameter has no keys; # belongs to secretsmanager:"},
		{"ssm:arn:aws:ssm:eu-west-1:123456789012:a", "", "", noARN},
		{"ssm:arn:aws:s3:::bucket", "", "", noARN},
		{"ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/*", "", "", parameter},
		{"secretsmanager:", "", "", secret},
		{"secretsmanager:a*", "", "", secret},
		{"secretsmanager:" + strings.Repeat("a", 513), "", "", "the secret's name has 513 characters, Secrets Manager allows 512"},
		{"secretsmanager:a#", "", "", key},
		{"secretsmanager:a#\t", "", "", key},
		{"secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:name", "", "", wholeARN},
		{"secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:a*b-AbC123", "", "", secret},
		{"SSM:/a", "", "", before},
		{"secretmanager:a", "", "", before},
		{"arn:aws:ssm:eu-west-1:123456789012:parameter/a", "", "", "wants ssm: or secretsmanager: before the ARN"},
	} {
		got, problem := parseSecret(c.text)
		if problem != c.problem || problem == "" && (got.Name != c.name || got.Key != c.key || !strings.HasPrefix(c.text, got.Service+":")) {
			t.Errorf("parseSecret(%q) = %+v, %q", c.text, got, problem)
		}
	}
	for _, literal := range []string{"", "hunter2", "a:b", "ssm", "http://a"} {
		if got, problem := parseSecret(literal); got != (Secret{}) || problem != "" {
			t.Errorf("parseSecret(%q) = %+v, %q", literal, got, problem)
		}
	}
}

func TestProblemsOfSecretsAndRecords(t *testing.T) {
	const place = "a secret does not belong in this file: put it into Systems Manager or Secrets Manager, and write where: "
	const orVariable = "; or write ${NAME} and give it with --env-file"
	for _, c := range []struct{ name, text, want string }{
		{"names", in("secrets:\n  AWS_LAMBDA_RUNTIME_API: ssm:/a\n  REQUEST_METHOD: ssm:/b\n  9x: ssm:/c\n  AWS_SECRET_ACCESS_KEY: ssm:/d\n  _x: ssm:/e\n  K: ssm:/f"),
			"func.yaml:6:7: AWS_LAMBDA_RUNTIME_API: scar keeps this variable from scripts\n" +
				"func.yaml:7:7: REQUEST_METHOD: scar sets this variable for every script\n" +
				"func.yaml:8:7: 9x: a variable's name wants letters, digits and underscores, and no digit first"},
		{"variables of requests", in("env: {PATH_INFO: a, QUERY_STRING: b, CONTENT_TYPE: c, RESPONSE_DIR: d}"),
			"func.yaml:5:11: PATH_INFO: scar sets this variable for every script\n" +
				"func.yaml:5:25: QUERY_STRING: scar sets this variable for every script\n" +
				"func.yaml:5:42: CONTENT_TYPE: scar sets this variable for every script\n" +
				"func.yaml:5:59: RESPONSE_DIR: scar sets this variable for every script"},
		{"in env too", "project: p\ndefaults: {image: a, env: {TOKEN: a}}\nfunctions:\n  f: {secrets: {TOKEN: \"ssm:/a\"}}\n",
			"func.yaml:4:17: TOKEN: is in env too, in line 2; one of the two has to go"},
		{"the secret itself", in("secrets: {API_TOKEN: abc, N1: 12, L1: [a], O1: }"),
			"func.yaml:5:15: API_TOKEN: " + place + "ssm:/imaging/api_token, secretsmanager:imaging or secretsmanager:imaging#api_token" + orVariable + "\n" +
				"func.yaml:5:31: N1: " + place + "ssm:/imaging/n1, secretsmanager:imaging or secretsmanager:imaging#n1" + orVariable + "\n" +
				"func.yaml:5:39: L1: wants text such as ssm:/imaging/token, not a list\n" +
				"func.yaml:5:48: O1: wants text such as ssm:/imaging/token, not nothing"},
		{"no mapping", in("secrets: [a]"), "func.yaml:5:5: secrets: wants a mapping such as {DB: \"secretsmanager:imaging/db#password\", TOKEN: ssm:/imaging/token}, not a list"},
		{"nothing", in("secrets:"), "func.yaml:5:5: secrets: has no value; write {} for none"},

		{"wrong types", in("records: 1\ndedupe: \"true\"\nlogs: {format: [text], metrics: json}"),
			"func.yaml:5:5: records: wants true or false, not 1\n" +
				"func.yaml:6:5: dedupe: wants true or false, not \"true\"\n" +
				"func.yaml:7:12: format: wants text such as json, not a list\n" +
				"func.yaml:7:28: metrics: wants true or false, not \"json\""},
		{"format", in("logs: {format: JSON}"), "func.yaml:5:12: format: wants text or json, not \"JSON\"; did you mean json?"},
		{"dedupe without records", in("input: s3://abc/x\noutput: s3://abc/y\nrecords: false\ndedupe: true"),
			"func.yaml:8:5: dedupe: cannot be together with records: false in line 7: the records of f tell which events were processed"},
		{"dedupe without an input", in("output: s3://abc/y\ndedupe: true"), "func.yaml:6:5: dedupe: f has no input: there are no events that could come twice"},
		{"dedupe for all, without an input", "project: p\ndefaults: {dedupe: true}\nfunctions: {f: {image: a}}\n", "func.yaml:2:12: dedupe: f has no input: there are no events that could come twice; write dedupe: false there"},
		{"dedupe without an output", in("input: s3://abc/x\ndedupe: true"),
			"func.yaml:6:5: dedupe: needs records, which are kept in the first output on the account's own S3, and f has none; add one such as s3://photos/out/"},
		{"dedupe with an output elsewhere", lab("input: s3://abc/x\noutput: minio.lab/abc\ndedupe: true"),
			"func.yaml:12:5: dedupe: needs records, which are kept in the first output on the account's own S3, and f has none; add one such as s3://photos/out/"},
		{"dedupe beside a bad output", in("input: s3://abc/x\noutput: s3://\ndedupe: true"), "func.yaml:6:5: output: names no bucket; it wants a bucket and folder such as s3://photos/in/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(strings.Split(c.want, "\n"), problemsIn(t, c.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzParseSecret holds what is accepted to what policies take: nothing in a name may be a wildcard there.
func FuzzParseSecret(f *testing.F) {
	for _, seed := range []string{"ssm:/a/b", "secretsmanager:a#b", "ssm:arn:aws:ssm:a:123456789012:parameter/a", "secretsmanager:arn:aws:secretsmanager:a:123456789012:secret:a-bcdefg", "hunter2", ":"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, problem := parseSecret(text)
		if problem != "" || s.Name == "" {
			return
		}
		if strings.ContainsAny(s.Name, "*?${} \t\n\"\\#") || s.Name == "" || strings.ContainsAny(s.Key, "\n\x00") || !isReference(text) {
			t.Errorf("%q is accepted as %+v", text, s)
		}
	})
}

// FuzzEndpoint makes sure that what is accepted is an address and nothing else.
func FuzzEndpoint(f *testing.F) {
	for _, seed := range []string{"https://a", "http://a:1/b", "https://[::1]:9000", "https://a@b", "HTTPS://A", "https://a\n", "https:///b", "//a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if checkEndpoint(text, true) == "" && (strings.ContainsAny(text, "@?# \n\t") || !strings.HasPrefix(strings.ToLower(text), "http")) {
			t.Errorf("%q is accepted", text)
		}
	})
}

func TestLooksSecret(t *testing.T) {
	for name, want := range map[string]bool{
		"API_TOKEN": true, "dbPassword": true, "api.token": true, "DB_PASSWORD": true, "db-passwd": true, "ApiKey": true, "API_KEY": true, "AWS_ACCESS_KEY_ID": true,
		"PRIVATE_KEY": true, "GPG_PASSPHRASE": true, "MYSQL_PWD": true, "HTTP_AUTHORIZATION": true, "CLIENT_SECRET": true, "DB_PASS": true, "smtpPass": true,
		"QUALITY": false, "KEY": false, "KEYBOARD": false, "PASS": false, "COMPASS": false, "Compass": false, "PASS_COUNT": false, "": false,
	} {
		if got := LooksSecret(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
