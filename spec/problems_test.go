package spec

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testGrammar is compiled once for all tests; it is not changed by use.
var testGrammar = sync.OnceValue(func() *grammar {
	g, err := newGrammar()
	if err != nil {
		panic(err)
	}
	return g
})

// problemsIn checks texts as files that overlay each other, without the disk, and returns the problems
// one per line. The first is called func.yaml, the second over.yaml.
func problemsIn(t *testing.T, texts ...string) []string {
	t.Helper()
	r := &report{}
	_, _, err := testGrammar().check(sourcesOf(texts...), Options{}, r)
	var problems Problems
	if err != nil && !errors.As(err, &problems) {
		t.Fatalf("check: %v", err)
	}
	if err := r.err(); err == nil {
		return nil
	}
	return strings.Split(r.err().Error(), "\n")
}

func sourcesOf(texts ...string) []*source {
	sources := make([]*source, len(texts))
	for i, text := range texts {
		sources[i] = &source{index: i, name: []string{"func.yaml", "over.yaml", "third.yaml"}[i], dir: "/nowhere", text: []byte(text)}
	}
	return sources
}

// in makes a whole file of the keys of one function, which begin in line 5, column 5.
func in(keys string) string {
	return "project: imaging\nfunctions:\n  f:\n    image: alpine:3.20\n    " +
		strings.ReplaceAll(strings.TrimSpace(keys), "\n", "\n    ") + "\n"
}

func TestProblemsOfTheFile(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "func.yaml:1:1: the file is empty; it begins with a line such as project: imaging"},
		{"blank", " \n\n", "func.yaml:1:1: the file is empty; it begins with a line such as project: imaging"},
		{"comments", "# nothing\n", "func.yaml:1:1: the file has no content; it begins with a line such as project: imaging"},
		{"null", "~\n", "func.yaml:1:1: the file has no content; it begins with a line such as project: imaging"},
		{"list", "- a\n", "func.yaml:1:1: the file: wants a mapping, not a list"},
		{"text", "a\n", `func.yaml:1:1: the file: wants a mapping, not "a"`},
		{"large", strings.Repeat("#", 1<<20+1), "func.yaml:1:1: the file is larger than 1 MB, which no file of functions is"},
		{"binary", "project: a\n\x7fELF\x00", "func.yaml:2:1: the file is no text: the control character U+007F is here"},
		{"latin1", "project: a\n#  \xfc\n", "func.yaml:2:4: the file is no text: a byte that is no UTF-8 is here"},
		{"utf16", "\xff\xfea\x00", "func.yaml:1:1: the file is no text: a byte that is no UTF-8 is here"},
		{"documents", "project: a\n---\nproject: b\n", "func.yaml:2:1: a second YAML document begins here; put it into a file of its own, or take out this --- line"},
		{"classic", "functions:\n  aws:\n  - lambda: {name: f}\n", "func.yaml:3:5: container: is missing; add container: {image: dpokidov/imagemagick:7.1}"},
		{"classic oscar", "functions:\n  oscar:\n  - my: {name: f}\n", "func.yaml:3:5: my: services of OSCAR clusters are not supported by this version: f; put it into a file of its own, or take it out"},

		{"tab", "project: a\nfunctions:\n\tf: {}\n", "func.yaml:3:1: a tab indents this line; YAML wants spaces"},
		{"tab after spaces", "project: a\nfunctions:\n  \tf: {}\n", "func.yaml:3:3: a tab indents this line; YAML wants spaces"},
		{"indented less", "functions:\n  a:\n    memory: 1\n   timeout: 3\nx: 1\n", "func.yaml:4:4: no valid YAML: this line is not indented like the lines that it belongs to"},
		{"indented more", "project: a\n  region: b\n", "func.yaml:2:3: no valid YAML: this line is indented deeper than the key before it allows"},
		{"two colons", "project: a\nregion: b: c\n", "func.yaml:2:10: no valid YAML: a second colon in one line; put a value that holds a colon and a space in quotes"},
		{"no colon", "project: a\nregion\nprofile: b\n", "func.yaml:2:1: no valid YAML: a key without a colon and a space after it"},
		{"open list", "project: a\ntags: [1, 2\nprofile: b\n", "func.yaml:2:1: no valid YAML: a list that begins with [ does not end with ]"},
		{"open mapping", "project: a\ntags: {a: 2\nprofile: b\n", "func.yaml:2:1: no valid YAML: a mapping that begins with { does not end with }"},
		{"cron between braces", "project: a\nfunctions: {f: {image: a, schedule: {timezone: UTC, expression: cron(0 3 * * ? *)}}}\n",
			"func.yaml:2:65: no valid YAML: a schedule such as cron(0 3 * * ? *) wants quotes around it between { and }, or [ and ]"},
		{"cron of a year between braces", "project: a\nfunctions: {f: {schedule: cron(0 3 * * ? 2026)}}\n",
			"func.yaml:2:27: no valid YAML: a schedule such as cron(0 3 * * ? *) wants quotes around it between { and }, or [ and ]"},
		{"quoted cron beside what is not closed", "project: a\nfunctions: {f: {schedule: 'cron(0 3 * * ? *)' x}}\n",
			"func.yaml:2:1: no valid YAML: a mapping that begins with { does not end with }"},
		{"open mapping with a schedule", "project: a\nfunctions: {f: {schedule: cron(0 3 1 * *)}\n", "func.yaml:2:1: no valid YAML: a mapping that begins with { does not end with }"},
		{"glob", "project: a\ntags: {a: *.png}\n", "func.yaml:2:11: no valid YAML: text that begins with * wants quotes around it"},
		{"glob in a list", "project: a\ntags:\n- a*b\n- *\n", "func.yaml:4:3: no valid YAML: text that begins with * wants quotes around it"},
		{"variable in a mapping", "project: a\ntags: {a: ${X}}\n", "func.yaml:2:11: no valid YAML: ${…} between { and } wants quotes around it"},
		{"open quote", "project: a\nregion: \"b\nprofile: b\n", "func.yaml:2:1: no valid YAML: a quotation mark is opened and not closed"},
		{"at sign", "project: a\nregion: @b\n", "func.yaml:2:9: no valid YAML: a value cannot begin with @; put it in quotes"},
		{"far down", "project: a\n" + strings.Repeat("# x\n", 500) + "region: b: c\n" + strings.Repeat("# y\n", 500), "func.yaml:502:10: no valid YAML: a second colon in one line; put a value that holds a colon and a space in quotes"},
		{"quote opened far up", "project: a\nregion: 'b\n" + strings.Repeat("# y\n", 500), "func.yaml:2:1: no valid YAML: a quotation mark is opened and not closed"},
		{"value missing", "project: a\ntags: [,\n", "func.yaml:2:1: no valid YAML: a value is missing here"},
		{"directive", "project: a\n%nope\n", "func.yaml:2:1: no valid YAML: a line cannot begin with %; put text that begins with it in quotes"},
		{"unknown alias", "project: a\nregion: *b\n", "func.yaml:2:9: no valid YAML: *b refers to &b, which no line above defines; put text that begins with * in quotes"},
		{"escape", `project: "\q"`, "func.yaml:1:1: no valid YAML: a backslash in double quotes stands before a character that needs none; use single quotes"},
		{"carriage returns", "project: a\r\nregion: b: c\r\n", "func.yaml:2:10: no valid YAML: a second colon in one line; put a value that holds a colon and a space in quotes"},
		{"deep", "project: " + strings.Repeat("[", 50) + strings.Repeat("]", 50), "func.yaml:1:50: this is nested deeper than 40 levels"},
		{"too deep to parse", strings.Repeat("[", 20_000), "func.yaml:1:1: no valid YAML: it is nested too deep"},
		{"circle", "project: &a [*a]\n", "func.yaml:1:14: the alias *a stands for a value that it is in"},
		{"merge of a scalar", "<<: a\n", "func.yaml:1:5: a merge key (<<) wants a mapping, or a list of mappings"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff([]string{c.want}, problemsIn(t, c.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAliasBombIsRefused(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 10; i++ {
		b.WriteString(strings.NewReplacer("N", string(rune('0'+i)), "M", string(rune('0'+i-1))).
			Replace("aN: &aN [*aM, *aM, *aM, *aM, *aM, *aM, *aM, *aM, *aM, *aM]\n"))
	}
	got := problemsIn(t, b.String())
	if len(got) != 1 || !strings.HasSuffix(got[0], "the aliases of the file stand for more than 50000 values") {
		t.Errorf("got %q", got)
	}
}

func TestProblemsOfKeys(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing required", "tags: {}\n", "func.yaml:1:1: functions: is missing; add functions: {grayify: {image: dpokidov/imagemagick:7.1, script: grayify.sh}}\n" +
			"func.yaml:1:1: project: is missing; add project: imaging"},
		{"duplicate", in("memory: 512\nmemory: 1024"), "func.yaml:6:5: memory: is here a second time; it is in line 5 too"},
		{"duplicate function", "project: a\nfunctions:\n  f: {image: a}\n  f: {image: b}\n", "func.yaml:4:3: f: is here a second time; it is in line 3 too"},
		{"unknown", in("memry: 512"), "func.yaml:5:5: memry: unknown key; did you mean memory?"},
		{"swapped", in("imput: s3://abc/"), "func.yaml:5:5: imput: unknown key; did you mean input?"},
		{"other case", in("Memory: 512"), "func.yaml:5:5: Memory: unknown key; did you mean memory?"},
		{"other word", in("environment: {}"), "func.yaml:5:5: environment: unknown key; did you mean env?"},
		{"far off", in("logs: {xyzzy: 1}"), "func.yaml:5:12: xyzzy: unknown key; known here: format, level, metrics, retention_days"},
		{"in an input", in("input: {from: s3://abc/x, sufix: [.a]}"), "func.yaml:5:31: sufix: unknown key; did you mean suffix?"},
		{"in an input of a list", in("input:\n- {from: s3://abc/x, sufix: [.a]}"), "func.yaml:6:26: sufix: unknown key; did you mean suffix?"},
		{"of a function at the top", "project: a\nmemory: 512\nfunctions: {}\n", "func.yaml:2:1: memory: belongs to a function, or to defaults for all of them, not to the top of the file"},
		{"of the top in a function", in("region: eu-west-1"), "func.yaml:5:5: region: belongs to the top of the file, not to a function"},
		{"later version, defaults", "project: a\ndefaults: {mode: batch}\nfunctions: {f: {image: a}, g: {image: a}}\n", "func.yaml:2:12: mode: batch is not supported by this version; functions run on Lambda, for 15 minutes at most, mode: lambda, which needs no mention"},
		{"no text", "project: a\nfunctions: {}\n? [x]\n: 1\n", "func.yaml:3:3: the file: a key here is no text"},
		{"control character", "project: a\nfunctions: {}\n\"a\\nb\": 1\n", "func.yaml:3:1: the file: a key here holds a line end or another control character"},
		{"foreign tag", in("memory: !big 512"), "func.yaml:5:5: memory: the YAML tag !big is not supported; write the value without it"},
		{"zero byte", in(`description: "a\0b"`), "func.yaml:5:5: description: holds a zero byte"},

		{"wrong types", in("description: 12\nmemory: [1]\ntimeout: {a: 1}\nenv: [a]\nkeep_folders: yes\ncommand: ls -l\nlogs: 7"),
			"func.yaml:5:5: description: wants text; put 12 in quotes\n" +
				"func.yaml:6:5: memory: wants a number of MB, or a size such as 512MB or 2GB, not a list\n" +
				"func.yaml:7:5: timeout: wants a number of seconds, or a duration such as 90s, 5m or 1h, not a mapping\n" +
				"func.yaml:8:5: env: wants a mapping such as {QUALITY: \"80\"}, not a list\n" +
				"func.yaml:9:5: keep_folders: wants true or false, not \"yes\"\n" +
				"func.yaml:10:5: command: wants a list such as [--version], not \"ls -l\"\n" +
				"func.yaml:11:5: logs: wants a mapping such as {level: debug, retention_days: 7}, not 7"},
		{"no values", in("memory:\nenv:\ninput:\nfiles:\ndescription:\ntags: {a: }"),
			"func.yaml:5:5: memory: wants a number of MB, or a size such as 512MB or 2GB, not nothing\n" +
				"func.yaml:6:5: env: has no value; write {} for none\n" +
				"func.yaml:7:5: input: has no value; write [] for none\n" +
				"func.yaml:8:5: files: has no value; write [] for none\n" +
				"func.yaml:9:5: description: wants text such as Turns pictures gray, not nothing\n" +
				"func.yaml:10:12: a: wants text or a number such as imaging, not nothing"},
		{"function without value", "project: a\nfunctions:\n  f:\n", "func.yaml:3:3: f: has no value; write {} for none"},
		{"not whole", in("memory: 512.5\ntimeout: 1e2\nephemeral_storage: 0x400"),
			"func.yaml:5:5: memory: wants a number of MB, or a size such as 512MB or 2GB, not 512.5\n" +
				"func.yaml:6:5: timeout: wants a number of seconds, or a duration such as 90s, 5m or 1h, not 1e2\n" +
				"func.yaml:7:5: ephemeral_storage: wants a number of MB, or a size such as 512MB or 2GB, not 0x400"},
		{"quantities", in("memory: 1Gi\ntimeout: 5 m\nephemeral_storage: 0512\ntimeout_margin: -1"),
			"func.yaml:5:5: memory: wants a number of MB, or a size such as 512MB or 2GB, not \"1Gi\"\n" +
				"func.yaml:6:5: timeout: wants a number of seconds, or a duration such as 90s, 5m or 1h, not \"5 m\"\n" +
				"func.yaml:7:5: ephemeral_storage: wants a number of MB, or a size such as 512MB or 2GB, not 0512\n" +
				"func.yaml:8:5: timeout_margin: -1 is below the minimum of 0 s"},
		{"choices", in("architecture: amd64\nlogs: {retention_days: 10, level: INFO}"),
			"func.yaml:5:5: architecture: wants x86_64 or arm64, not \"amd64\"; did you mean x86_64?\n" +
				"func.yaml:6:12: retention_days: wants 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653, not 10; the next longer is 14\n" +
				"func.yaml:6:32: level: wants debug, info, warning or error, not \"INFO\"; did you mean info?"},
		{"empty", in("image: ''\nscript: ''\nfiles: ['']\ncommand: []\npermissions: {actions: [], resources: ''}"),
			"func.yaml:5:5: image: is here a second time; it is in line 4 too\n" +
				"func.yaml:6:5: script: is empty; it wants text such as grayify.sh\n" +
				"func.yaml:7:13: files: is empty; it wants text such as model/\n" +
				"func.yaml:8:5: command: cannot be together with script in line 6: a function runs one of script, run and command\n" +
				"func.yaml:8:5: command: is an empty list; it wants a list such as [--version]\n" +
				"func.yaml:9:19: actions: is an empty list; it wants a list or text such as [dynamodb:PutItem]\n" +
				"func.yaml:9:32: resources: wants an ARN such as arn:aws:dynamodb:eu-west-1:123456789012:table/jobs, or *, not \"\""},
		{"missing in items", in("input: {suffix: .a}\noutput: [{match: a}]\npermissions: [{actions: s3:GetObject}]"),
			"func.yaml:5:5: from: is missing; add from: s3://photos/in/\n" +
				"func.yaml:6:14: to: is missing; add to: s3://photos/out/\n" +
				"func.yaml:7:19: resources: is missing; add resources: [arn:aws:dynamodb:eu-west-1:123456789012:table/jobs]"},
		{"missing image", "project: a\nfunctions:\n  f: {}\n", "func.yaml:3:3: image: is missing; add a line such as image: dpokidov/imagemagick:7.1 to f or to defaults"},
		{"top", "project: My Project\nregion: eu-west\nprofile: a b\nfunctions: {}\n",
			"func.yaml:1:1: project: wants lower-case letters, digits and single dashes between them, a letter first, not \"My Project\"\n" +
				"func.yaml:2:1: region: wants the name of an AWS region such as eu-west-1, not \"eu-west\"\n" +
				"func.yaml:3:1: profile: wants the name of a profile: no spaces, no brackets, not \"a b\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(strings.Split(c.want, "\n"), problemsIn(t, c.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestNamesOfKeysInManyPlaces has names that are wrong in mappings beside each other, with values that are right and wrong.
func TestNamesOfKeysInManyPlaces(t *testing.T) {
	const tagKey = "a tag's key wants letters, digits, spaces and _ . : / = + - @"
	got := problemsIn(t, `project: imaging
tags: {"a?": 1}
defaults: {image: alpine, tags: {"b?": 1}, env: {c-c: 1}}
storage: {minio: {}, nas.x: 1}
functions:
  f: {tags: {"d?": [], e: {}}}
  -g: {env: {"1": [], hh: {}}, secrets: {i!: "ssm:/a"}, tags: {"j?": 1}}
  k: {tags: {l: 1}}
`)
	want := []string{
		"func.yaml:2:8: a?: " + tagKey,
		"func.yaml:3:34: b?: " + tagKey,
		"func.yaml:3:50: c-c: a variable's name wants a letter, then one or more letters, digits or underscores",
		"func.yaml:4:11: minio: a provider's name wants a type, s3, minio, webdav or onedata, a dot and a name of letters, digits, - and _, such as minio.lab",
		"func.yaml:4:22: nas.x: a provider's name wants a type, s3, minio, webdav or onedata, a dot and a name of letters, digits, - and _, such as minio.lab",
		"func.yaml:6:14: d?: " + tagKey,
		"func.yaml:6:14: d?: wants text or a number such as imaging, not a list",
		"func.yaml:6:24: e: wants text or a number such as imaging, not a mapping",
		"func.yaml:7:3: -g: a function's name wants letters, digits, - and _, and begins with no dash",
		"func.yaml:7:14: 1: a variable's name wants a letter, then one or more letters, digits or underscores",
		"func.yaml:7:14: 1: wants text or a number such as \"80\", not a list",
		"func.yaml:7:23: hh: wants text or a number such as \"80\", not a mapping",
		"func.yaml:7:42: i!: a variable's name wants letters, digits and underscores, and no digit first",
		"func.yaml:7:64: j?: " + tagKey,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEveryLaterChoiceIsRefusedByName(t *testing.T) {
	for key, later := range laterChoices {
		for _, value := range later.values {
			want := []string{"func.yaml:5:5: " + key + ": " + value + " is not supported by this version; " + later.instead}
			if diff := cmp.Diff(want, problemsIn(t, in(key+": "+value))); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func TestProblemsOfMeaning(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"two that run", in("script: a.sh\nrun: b"), "func.yaml:6:5: run: cannot be together with script in line 5: a function runs one of script, run and command"},
		{"three that run", in("command: [a]\nscript: a.sh\nrun: b"),
			"func.yaml:5:5: command: cannot be together with script in line 6: a function runs one of script, run and command\n" +
				"func.yaml:7:5: run: cannot be together with script in line 6: a function runs one of script, run and command"},
		{"margin", in("timeout: 1m\ntimeout_margin: 60"), "func.yaml:6:5: timeout_margin: 60 leaves the script of f no time: the timeout in line 5 is 60 s"},
		{"margin of the default", in("timeout_margin: 5m"), "func.yaml:5:5: timeout_margin: 5m leaves the script of f no time: the default timeout is 300 s"},
		{"role and permissions", in("role: arn:aws:iam::123456789012:role/r\npermissions: {actions: s3:GetObject, resources: '*'}"),
			"func.yaml:6:5: permissions: cannot be together with role in line 5: scar does not change a role of your own; give it the rights yourself"},
		{"roles", in("role: arn:aws:iam::1234:role/r"), "func.yaml:5:5: role: wants the ARN of an IAM role such as arn:aws:iam::123456789012:role/name, not \"arn:aws:iam::1234:role/r\""},
		{"wildcards", in("permissions: [{actions: ['*'], resources: ['*']}, {actions: '*', resources: 'table/x'}]"),
			"func.yaml:5:30: actions: \"*\" would allow everything; name the actions, such as dynamodb:PutItem\n" +
				"func.yaml:5:56: actions: \"*\" would allow everything; name the actions, such as dynamodb:PutItem\n" +
				"func.yaml:5:70: resources: wants an ARN such as arn:aws:dynamodb:eu-west-1:123456789012:table/jobs, or *, not \"table/x\""},
		{"reserved variables", in("env:\n  AWS_REGION: a\n  TMP_INPUT_DIR: b\n  9x: c\n  _x: d\n  a-b: e"),
			"func.yaml:6:7: AWS_REGION: Lambda sets this variable itself\n" +
				"func.yaml:7:7: TMP_INPUT_DIR: scar sets this variable for every script\n" +
				"func.yaml:8:7: 9x: a variable's name wants a letter, then one or more letters, digits or underscores\n" +
				"func.yaml:9:7: _x: a variable's name wants a letter, then one or more letters, digits or underscores\n" +
				"func.yaml:10:7: a-b: a variable's name wants a letter, then one or more letters, digits or underscores"},
		{"tags", in("tags:\n  AWS:a: a\n  scar:b: b\n  c!: c\n  d: d?\n  e: 1.10\n  Env: x\n  env: y"),
			"func.yaml:5:5: tags: f has the tags Env and env, which IAM does not tell apart\n" +
				"func.yaml:6:7: AWS:a: tags that begin with aws: are set by others\n" +
				"func.yaml:7:7: scar:b: tags that begin with scar: are set by others\n" +
				"func.yaml:8:7: c!: a tag's key wants letters, digits, spaces and _ . : / = + - @\n" +
				"func.yaml:9:7: d: a tag's value wants letters, digits, spaces and _ . : / = + - @, not \"d?\""},
		{"names that IAM does not tell apart", "project: a\ndefaults: {image: a}\nfunctions:\n  F: {}\n  f: {}\n",
			"func.yaml:5:3: f: differs from F in line 4 only in upper and lower case, which IAM does not tell apart"},
		{"names of functions", "project: a\ndefaults: {image: a}\nfunctions:\n  a b: {}\n  -a: {}\n  ü: {}\n",
			"func.yaml:4:3: a b: a function's name wants letters, digits, - and _, and begins with no dash\n" +
				"func.yaml:5:3: -a: a function's name wants letters, digits, - and _, and begins with no dash\n" +
				"func.yaml:6:3: ü: a function's name wants letters, digits, - and _, and begins with no dash"},
		{"run", in("run: \"#!/bin/sh\\r\\nls\\r\\n\""), "func.yaml:5:5: run: has Windows line ends (CRLF), so the program of its #! line is not found; save it with Unix line ends, for instance: sed -i 's/\\r$//' FILE"},
		{"problem of defaults, once, in its line", "project: a\ndefaults:\n  image: a\n  timeout_margin: 400\nfunctions:\n  f: {}\n  g: {timeout: 500}\n  h: {timeout: 100, timeout_margin: 1}\n",
			"func.yaml:4:3: timeout_margin: 400 leaves the script of f no time: the default timeout is 300 s"},
		{"schema problem of defaults", "project: a\ndefaults:\n  image: a\n  memory: 64\nfunctions:\n  f: {}\n  g: {}\n",
			"func.yaml:4:3: memory: 64 is below the minimum of 128 MB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(strings.Split(c.want, "\n"), problemsIn(t, c.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProblemHoldsWhatIsNeededToShowIt(t *testing.T) {
	text := "project: imaging\nfunctions:\n  f:\n    image: alpine\n    memory: 64 # too little\n    tags: {ü: \"?\"}\n"
	r := &report{}
	if _, _, err := testGrammar().check(sourcesOf(text), Options{}, r); err != nil {
		t.Fatal(err)
	}
	want := Problems{
		{File: "func.yaml", Line: 5, Column: 5, Length: len("memory: 64"), Path: "functions.f.memory",
			Message: "memory: 64 is below the minimum of 128 MB", SourceLine: "    memory: 64 # too little"},
		{File: "func.yaml", Line: 6, Column: 12, Length: 6, Path: "functions.f.tags.ü",
			Message:    "ü: a tag's value wants letters, digits, spaces and _ . : / = + - @, not \"?\"",
			SourceLine: "    tags: {ü: \"?\"}"},
	}
	if diff := cmp.Diff(want, r.err()); diff != "" {
		t.Error(diff)
	}
}

func TestBinaryIsNotShown(t *testing.T) {
	r := &report{}
	if _, _, err := testGrammar().check(sourcesOf("a: \x1b[31m\n"), Options{}, r); err == nil {
		t.Fatal("no error")
	}
	var problems Problems
	if !errors.As(r.err(), &problems) || problems[0].SourceLine != "" {
		t.Errorf("got %#v", r.err())
	}
}
