package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/scar-go/scar/spec"
)

func TestCommandLinesOfTheOriginal(t *testing.T) {
	for line, want := range map[string]string{
		"init -f func.yaml":                        "apply -f func.yaml",
		"init -f func.yaml -pf lab --auto-approve": "apply -f func.yaml --profile lab --auto-approve",
		"init --conf-file=f.yaml --region r":       "apply -f f.yaml --region r",
		"--no-color init -f func.yaml":             "--no-color apply -f func.yaml",
		"init -n a -i b -j":                        "apply --json -f -",
		"update -f func.yaml":                      "apply -f func.yaml",
		"log -n a":                                 "logs a --since 87600h",
		"log -n a -ls s -ri r":                     "logs a --stream s --request-id r",
		"log -n=a -ri=r":                           "logs a --request-id r",
		"log -f x.yaml":                            "logs -f x.yaml --since 87600h",
		"rm -n a":                                  "destroy a",
		"rm --name=a --auto-approve":               "destroy a --auto-approve",
		"rm -a -pf lab":                            "destroy --all --profile lab",
		"rm --conf-file f.yaml":                    "destroy -f f.yaml",
		"ls -b bucket/folder":                      "ls -r s3://bucket/folder/",
		"ls -j":                                    "ls --json",
		"ls -v -pf p":                              "ls --profile p --json",
		"put -b bucket/in -p cat.png":              "put -r cat.png s3://bucket/in/",
		"get -b bucket/out -p results":             "get -r s3://bucket/out/ results",
		"run -n a":                                 "run a",
		"run -n a echo -n x":                       "run a -- echo -n x",
		"run -f x.yaml -a -s s.sh":                 "run -f x.yaml -s s.sh --async",
		"run -n a -o out":                          "run a -o out",
		"invoke -n a -db cat.png -o out -a":        "invoke a --data @cat.png -o out --async",
		`invoke -n a -jd {"x":1}`:                  `invoke a --json {"x":1}`,
		`invoke -n a -p {"b":[1,"y"],"a":true}`:    "invoke a -q a=true -q b=1 -q b=y",

		// Those of today stay as they are.
		"apply -f func.yaml":     "",
		"init --help":            "",
		"init":                   "",
		"ls":                     "",
		"ls --json":              "",
		"ls s3://bucket/":        "",
		"rm s3://bucket/key":     "",
		"put a s3://b/ --wait":   "",
		"run a -s x.sh":          "",
		"run a -- ls -n -a":      "",
		"run -f x.yaml -o out":   "",
		"invoke a -d @x":         "",
		"rm --help -a":           "",
		"":                       "",
		"--version":              "",
		"get s3://b/ .":          "",
		"logs a --follow":        "",
		"plan -out -n -a init x": "",
	} {
		args := strings.Fields(line)
		got, err := translateOld(args)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if want == "" && (!slices.Equal(got.args, args) || got.note != "") || want != "" && (strings.Join(got.args, " ") != want || !strings.HasPrefix(got.note, "note: scar ")) {
			t.Errorf("%s: %q (%s), want %q", line, got.args, got.note, want)
		}
	}
}

func TestWrongCommandLinesOfTheOriginal(t *testing.T) {
	for line, want := range map[string]string{
		"init -n a":                  "scar init: one of -i IMAGE and -if FILE is needed",
		"init -i a":                  "scar init: -n NAME is needed",
		"init -n a -i b -if c":       "scar init: one of -i IMAGE and -if FILE",
		"init -f x -m 3":             "scar init: --memory is given beside -f",
		"init -n a -i b -m x":        `scar init: --memory "x" is not a number`,
		"init -n a -i b -e TOKEN":    "scar init: --environment TOKEN: write it as NAME=VALUE",
		"init -n a -i b c":           `scar init: the argument "c" is not expected`,
		"init -n":                    "scar init: -n needs a value",
		"rm --name=":                 "scar rm: -n is given and empty",
		"init -x":                    "scar init has no flag -x: see scar init --help",
		"init --follow":              "scar init has no flag --follow",
		"update -n a":                "change the file of the function",
		"update -f a -m 1":           "change the file of the function",
		"rm -n a -a":                 "give one of -n, -a and -f",
		"put -b x":                   "both -b BUCKET and -p PATH are needed",
		"run -n a -ib b":             "scar run --all -f FILE",
		"invoke -n a -db x -jd y":    "give one of -db and -jd",
		"invoke -n a -p x":           `-p "x": want a JSON object`,
		`invoke -n a -p {"a":{}}`:    "want a JSON object",
		`invoke -n a -p {"a":1}{}`:   "want a JSON object",
		"log -n a --payload x":       "scar log has no flag --payload",
		"init -n a -i b --memory=no": `--memory "no" is not a number`,
	} {
		if got, err := translateOld(strings.Fields(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v, want %q", line, got.args, err, want)
		}
	}
}

// TestFlagsOfInitMakeAFile reads the file that flags stand for as any other.
func TestFlagsOfInitMakeAFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/run.sh", "#!/bin/sh\necho done\n")
	args := []string{"init", "-n", "cowsay", "-i", "grycap/cowsay", "-s", dir + "/run.sh", "-m", "256", "-t", "60", "-e", "TEXT=a ${b}: #c", "-e", "MORE=x=y",
		"-le", "LEVEL=3", "-ib", "ins/a", "-ob", "outs/b", "-tt", "5", "-d", "Says: moo", "-ll", "debug", "-ph", "-l", "arn:aws:lambda:x", "-db", "deploy",
		"-api", "cows", "-sv", "latest", "-rt", "python3.8", "-r", "arn:aws:iam::000000000000:role/mine", "-em", "lambda"}
	got, err := translateOld(args)
	if err != nil {
		t.Fatal(err)
	}
	file, err := spec.Load(t.Context(), []string{"-"}, spec.Options{Stdin: strings.NewReader(string(got.document))})
	if err != nil {
		t.Fatalf("%v in\n%s", err, got.document)
	}
	fn := file.Functions[0]
	if file.Project != "cowsay" || !file.Classic || fn.Memory != 256 || fn.Timeout != 60 || fn.TimeoutMargin != 5 || fn.Description != "Says: moo" || !fn.Preheat {
		t.Errorf("%+v", fn)
	}
	if fn.Env["TEXT"] != "a ${b}: #c" || fn.Env["MORE"] != "x=y" || fn.Env["LEVEL"] != "3" {
		t.Errorf("variables %v", fn.Env)
	}
	if fn.Inputs[0].Bucket != "ins" || fn.Outputs[0].Prefix != "b/" || fn.HTTP == nil || fn.HTTP.API != "cows" || fn.Role == "" {
		t.Errorf("%+v", fn)
	}
}

func TestOldFlagsAreUnique(t *testing.T) {
	for name, command := range oldCommands() {
		seen := map[string]bool{}
		for _, f := range command.flags {
			if f.short == "" || f.long == "" || seen["-"+f.short] || seen["--"+f.long] {
				t.Errorf("scar %s: flag %+v", name, f)
			}
			seen["-"+f.short], seen["--"+f.long] = true, true
		}
	}
}
