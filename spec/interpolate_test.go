package spec

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// variables makes a Lookup of pairs of a name and a value.
func variables(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestExpansion(t *testing.T) {
	lookup := variables("A", "one", "E", "", "D", "$${A}", "_x9", "nine")
	for text, want := range map[string]string{
		"plain":                      "plain",
		"$":                          "$",
		"$$":                         "$",
		"$$$":                        "$$",
		"$$$$":                       "$$",
		"$HOME $(x) $1":              "$HOME $(x) $1",
		"$${A}":                      "${A}",
		"$$${A}":                     "$one",
		"${A}":                       "one",
		"<${A}${A}>":                 "<oneone>",
		"${_x9}":                     "nine",
		"${E}":                       "",
		"${D}":                       "$${A}", // values are not read again
		"${A:-x}":                    "one",
		"${E:-x}":                    "x",
		"${U:-x}":                    "x",
		"${U:-}":                     "",
		"${U:-a b: [c], \"d\"}":      "a b: [c], \"d\"",
		"${U:-${A}}":                 "one",
		"${U:-<${V:-${A}$$}>}.":      "<one$>.",
		"${A:-${U}}":                 "one", // a default that is not taken is not asked for
		"${A:-${U:?no}}":             "one",
		"${U:-$}":                    "$",
		"${U:-$x}}":                  "$x}",
		"${A:?message}":              "one",
		"}{":                         "}{",
		"a$":                         "a$",
		"${U:-${V:-${W:-}}}":         "",
		"s3://${A}/${U:-in}/${E:-x}": "s3://one/in/x",
	} {
		x := &expansion{lookup: lookup}
		got, rest, err := x.expand(text, false)
		if got != want || rest != "" || err != nil {
			t.Errorf("%s: %q, %q, %v; want %q", text, got, rest, err, want)
		}
	}
	const how = "; write ${NAME}, ${NAME:-default} or ${NAME:?message}, or $${ for the text ${ itself"
	deep := strings.Repeat("${U:-", 11) + strings.Repeat("}", 11)
	for text, want := range map[string]string{
		"${U}":            "the variable U is not set; set it in the environment or in a file given with --env-file, or write a default, ${U:-default}",
		"${U:?}":          "the variable U is not set; set it in the environment or in a file given with --env-file, or write a default, ${U:-default}",
		"${U:? say what}": "the variable U is not set: say what",
		"${E:?empty}":     "the variable E is not set: empty",
		"${U:-${V}}":      "the variable V is not set; set it in the environment or in a file given with --env-file, or write a default, ${V:-default}",
		"${":              "${ is no variable: a name wants letters, digits and _, a letter or _ first" + how,
		"${}":             "${} is no variable: a name wants letters, digits and _, a letter or _ first" + how,
		"${9}":            "${9} is no variable: a name wants letters, digits and _, a letter or _ first" + how,
		"${A":             "${A is not closed: } is missing" + how,
		"${A:-b":          "${A:- is not closed: } is missing",
		"${A:?b":          "${A is not closed: } is missing" + how,
		"${A-b}":          `${A: "-" cannot stand behind the name` + how,
		"${A:+b}":         `${A: ":" cannot stand behind the name` + how,
		"${A?b}":          `${A: "?" cannot stand behind the name` + how,
		"${A ü}":          `${A: " " cannot stand behind the name` + how,
		"${A:-${B}":       "${A:- is not closed: } is missing",
		"${A:-${}}":       "${}} is no variable: a name wants letters, digits and _, a letter or _ first" + how,
		deep:              "${U: defaults are in each other more than 10 times",
	} {
		_, _, err := (&expansion{lookup: lookup}).expand(text, false)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// What a variable holds is read as the type that the schema asks for, and stays one value.
func TestVariablesAreReadAsTheSchemaAsks(t *testing.T) {
	folder := writeFiles(t, map[string]string{"s.sh": "ls\n", "func.yaml": `
project: ${P}
region: "${R:-eu-west-1}"
tags: {"${P}": "${N}"}
functions:
  f:
    image: alpine
    description: ${N}
    script: ${S}.sh
    command: # is not there
    memory: ${GB}
    timeout: ${N}
    keep_folders: ${NO}
    http: ${YES}
    concurrency: ${N}
    retries: {attempts: "${ONE}", max_age: "${N}m"}
    env: {AA: "${N}", BB: "${YES}", CC: "${YAML}", D$: x, EE: "$$HOME"}
    input: ["s3://${P}/in", {from: "s3://${P}/raw", suffix: ".${EMPTY:-png}"}]
    logs: {retention_days: "${DAYS:-7}", metrics: "${YES}"}
`})
	path := filepath.Join(folder, "func.yaml")
	lookup := variables("P", "imaging", "N", "60", "S", "s", "GB", "2GB", "NO", "false", "YES", "true", "ONE", "1", "EMPTY", "",
		"YAML", "x: [1]\n- y # z")
	opts := Options{Lookup: lookup}
	text := func(f *File) string {
		fn := f.Functions[0]
		return fmt.Sprint(f.Project, f.Region, f.Tags, fn.Description, fn.Script.Name, fn.Memory, fn.Timeout, fn.KeepFolders, *fn.HTTP, fn.Concurrency,
			fn.Retries, fn.Env, fn.Inputs, fn.Logs)
	}
	_, err := Load(t.Context(), []string{path}, opts)
	problems := strings.Split(fmt.Sprint(err), "\n")
	want := []string{
		path + ":4:8: ${P}: a tag's key wants letters, digits, spaces and _ . : / = + - @",
		path + ":10:5: command: has no value; write [] for none",
		path + ":10:5: command: cannot be together with script in line 9: a function runs one of script, run and command",
		path + ":17:52: D$: a variable's name wants a letter, then one or more letters, digits or underscores",
	}
	if diff := cmp.Diff(want, problems, cmp.Transformer("set", func(lines []string) map[string]bool {
		set := map[string]bool{}
		for _, line := range lines {
			set[line] = true
		}
		return set
	})); diff != "" {
		t.Error(diff)
	}
	good := strings.NewReplacer("{\"${P}\":", "{team:", "    command: # is not there\n", "", "D$: x, ", "").Replace(readText(t, path))
	folder = writeFiles(t, map[string]string{"s.sh": "ls\n", "func.yaml": good})
	f, err := Load(t.Context(), []string{filepath.Join(folder, "func.yaml")}, opts)
	if err != nil {
		t.Fatal(err)
	}
	fn := Function{
		Description: "60", Script: &Script{Name: "s.sh"}, Memory: 2048, Timeout: 60, HTTP: &HTTP{Auth: "iam"}, Concurrency: 60,
		Retries: Retries{Attempts: 1, MaxAge: 3600},
		Env:     map[string]string{"AA": "60", "BB": "true", "CC": "x: [1]\n- y # z", "EE": "$HOME"},
		Inputs: []Input{
			{Provider: OwnS3, Bucket: "imaging", Prefix: "in/", Suffix: []string{""}, Events: []string{"s3:ObjectCreated:*"}},
			{Provider: OwnS3, Bucket: "imaging", Prefix: "raw/", Suffix: []string{".png"}, Events: []string{"s3:ObjectCreated:*"}},
		},
		Logs: Logs{RetentionDays: 7, Level: "info", Format: "text", Metrics: true},
	}
	wanted := &File{Project: "imaging", Region: "eu-west-1", Tags: map[string]string{"team": "60"}, Functions: []Function{fn}}
	if diff := cmp.Diff(text(wanted), text(f)); diff != "" {
		t.Error(diff)
	}
}

func TestProblemsOfVariables(t *testing.T) {
	lookup := variables("MEM", "64", "WORD", "lots", "API_TOKEN", "hunter2-hunter2", "LATIN", "\xff", "LONG", strings.Repeat("x", 1<<19), "LIST", "[a]",
		"URL", "http://u:hunter2@x", "NIL", "")
	for _, c := range []struct{ name, text, want string }{
		{"unset, all at once", in("memory: ${MEMORY}\nenv: {A1: 'a${B:?say}d', B1: '$$'}\nrun: echo ${HOME}"),
			"func.yaml:5:5: memory: the variable MEMORY is not set; set it in the environment or in a file given with --env-file, or write a default, ${MEMORY:-default}\n" +
				"func.yaml:6:11: A1: the variable B is not set: say"},
		{"values out of range", in("memory: ${MEM}\ntimeout: ${WORD}\nlogs: {retention_days: '${MEM}'}\nhttp: ${WORD}\nconcurrency: ${NIL}\nqueue: {batch_size: '${MEM}'}\ninput: s3://abc"),
			"func.yaml:5:5: memory: 64 is below the minimum of 128 MB\n" +
				"func.yaml:6:5: timeout: wants a number of seconds, or a duration such as 90s, 5m or 1h, not \"lots\"\n" +
				"func.yaml:7:12: retention_days: wants 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653, not 64; the next longer is 90\n" +
				"func.yaml:8:5: http: wants true, false or a mapping such as {auth: none}, not \"lots\"\n" +
				"func.yaml:9:5: concurrency: wants a whole number or a mapping such as 50, not \"\"\n" +
				"func.yaml:10:13: batch_size: 64 is above the maximum of 10"},
		{"no lists", in("input: ${LIST}\nfiles: ${LIST}\ncommand: ${LIST}"),
			"func.yaml:5:5: input: wants a bucket and folder such as s3://photos/in/, not \"[a]\"; did you forget s3://?\n" +
				"func.yaml:7:5: command: wants a list such as [--version], not \"${LIST}\""},
		{"no text", in("description: ${LATIN}"), "func.yaml:5:5: description: $LATIN holds bytes that are no text"},
		{"secrets are not shown", in("description: '${API_TOKEN}${LONG:-}'\ntags: {a: '${API_TOKEN}?'}\non_failure: x${API_TOKEN}\nenv: {AWS_REGION: '${API_TOKEN}'}"),
			"func.yaml:5:5: description: has 524303 characters, 256 are allowed\n" +
				"func.yaml:6:12: a: a tag's value wants letters, digits, spaces and _ . : / = + - @, not \"${API_TOKEN}?\"\n" +
				"func.yaml:7:5: on_failure: wants a bucket such as s3://failed-photos, or the ARN of a queue of SQS, a topic of SNS, a bus of EventBridge, a function or a bucket, not \"x${API_TOKEN}\"\n" +
				"func.yaml:8:11: AWS_REGION: Lambda sets this variable itself"},
		{"secrets where they do not belong", "project: a\nfunctions: {}\nstorage:\n  webdav.a: {endpoint: '${URL}', user: u, password: '${API_TOKEN}'}\n  onedata.b: {endpoint: 'https://b', space: s, token: '${UNSET}'}\n",
			"func.yaml:4:14: endpoint: wants a URL such as https://storage.example.org, without a name or password in it; those have keys of their own\n" +
				"func.yaml:5:48: token: the variable UNSET is not set; set it in the environment or in a file given with --env-file"},
		{"too much", in("env: {AA: '${LONG}', BB: '${LONG}', CC: '${LONG}'}"), "func.yaml:5:5: env: the variables take 1048601 bytes as JSON, Lambda allows 4096 in all; ship larger data as files\nfunc.yaml:5:41: CC: the values of variables make the file larger than 1 MB, which no file of functions is"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &report{}
			if _, _, err := testGrammar().check(sourcesOf(c.text), Options{Lookup: lookup}, r); err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprint(r.err())
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(got, "hunter2") {
				t.Error("a secret is shown")
			}
		})
	}
}

// Only the variables of what is left after overlays are asked for.
func TestVariablesThatWereReplacedAreNotAskedFor(t *testing.T) {
	r := &report{}
	_, drafts, err := testGrammar().check(sourcesOf(in("memory: ${MEM}"), "functions: {f: {memory: 256}}\n"), Options{}, r)
	if err != nil || r.err() != nil || drafts[0].Memory != 256 {
		t.Errorf("%v %v", err, r.err())
	}
}

// Commands that remove things ask for the variables of project, region and profile only.
func TestLoadProjectAsksForItsOwnVariables(t *testing.T) {
	folder := writeFiles(t, map[string]string{"func.yaml": "project: ${P}\nregion: ${R:-eu-west-1}\n" + strings.SplitN(in("memory: ${MEM}"), "\n", 2)[1]})
	path := filepath.Join(folder, "func.yaml")
	f, err := LoadProject(t.Context(), []string{path}, Options{Lookup: variables("P", "imaging")})
	if err != nil || f.Project != "imaging" || f.Region != "eu-west-1" {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err = LoadProject(t.Context(), []string{path}, Options{}); err == nil || !strings.Contains(err.Error(), "the variable P is not set") {
		t.Errorf("%v", err)
	}
}

// FuzzExpand gives the replacing of variables any text: it must end, and what it says must be in order.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"", "$", "$$", "${A}", "${A:-${B:-${C}}}", "${A:?x}", "${", "${A:-", "${A:-}}", "${A:-$", "$${A}", "${E:-$$}"} {
		f.Add(seed, "value")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		x := &expansion{lookup: variables("A", value, "E", "")}
		got, rest, err := x.expand(text, false)
		if rest != "" {
			t.Errorf("%q leaves %q", text, rest)
		}
		if err == nil && len(x.variables) == 0 && len(got) > len(text) {
			t.Errorf("%q grows to %q", text, got)
		}
		if again, _, err := (&expansion{}).expand(escapeDollars(text), false); err != nil || again != text {
			t.Errorf("%q is written as %q, which is read as %q, %v", text, escapeDollars(text), again, err)
		}
	})
}

func TestVariablesWithoutWhatTheyHide(t *testing.T) {
	for written, want := range map[string]string{
		"${A}":                           "${A}",
		"${A:-hunter2}":                  "${A}",
		"${A:?hunter2}":                  "${A}",
		"${A:-ssm:/x}":                   "${A:-ssm:/x}",
		"${A:-${B}}":                     "${A:-${B}}",
		"${A:-${B:-hunter2}}":            "${A:-${B}}",
		"${A:-hunter2${B:-${C}}}":        "${A}",
		"${A:-${B}hunter2}":              "${A}",
		"${A:-${B:-${C:-hunter2}}}/${D}": "${A:-${B:-${C}}}/${D}",
		"${A:-hunter2":                   "${A}",
		"${A:-${B:-hunter2":              "${A}",
		"a$b":                            "a$b",
		"${":                             "${}",
	} {
		if got := (&node{written: written}).asVariable(); got != want {
			t.Errorf("%s: %s, want %s", written, got, want)
		}
	}
}
