package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// The commands and flags of the original scar are read before those of today: they become a command line of today, and a note
// says which. Where a command has the same name in both, it is one of the original's only if an argument says so that means nothing
// today.

// translation is what a command line of the original has become.
type translation struct {
	args     []string
	note     string // what to use today; empty: the command line was one of today's
	document []byte // the file of functions that flags stand for, which is read as standard input; nil: none
}

// oldCommand is a command of the original.
type oldCommand struct {
	flags     []oldFlag
	remainder bool     // the first argument that is no flag begins a command for the container
	telling   []string // flags that tell the original's command from today's of the same name; nil: there is none of that name
	translate func(*oldArgs) (translation, error)
}

func oldCommands() map[string]oldCommand {
	return map[string]oldCommand{
		"init":   {flags: slices.Concat(oldDefinition, oldFile, oldProfile, oldOutput), translate: oldInit},
		"update": {flags: slices.Concat(oldDefinition, oldFile, oldAll, oldProfile, oldOutput), translate: oldUpdate},
		"log": {
			flags:     slices.Concat(oldName, oldFile, oldProfile, []oldFlag{{"ls", "log-stream-name", true}, {"ri", "request-id", true}}),
			translate: oldLog,
		},
		"rm": {
			flags:     slices.Concat(oldName, oldAll, oldFile, oldProfile, oldOutput),
			telling:   []string{"-n", "--name", "-a", "--all", "--conf-file"},
			translate: oldRemove,
		},
		"ls": {
			flags:     slices.Concat(oldProfile, oldOutput, []oldFlag{{"b", "bucket", true}}),
			telling:   []string{"-b", "--bucket", "-j", "-v", "--verbose", "-pf"},
			translate: oldList,
		},
		"put": {flags: slices.Concat(oldStorage, oldProfile), telling: []string{"-b", "--bucket", "-p", "--path"}, translate: oldPut},
		"get": {flags: slices.Concat(oldStorage, oldProfile), telling: []string{"-b", "--bucket", "-p", "--path"}, translate: oldGet},
		"run": {
			flags:     slices.Concat(oldName, oldFile, oldExec, oldOutput, oldProfile, []oldFlag{{"s", "run-script", true}, {"ib", "input-bucket", true}}),
			remainder: true,
			telling:   []string{"-n", "--name", "-a", "--asynchronous", "--conf-file", "-ib", "--input-bucket", "-j", "-v", "--verbose", "-pf", "--run-script", "--output-file"},
			translate: oldRun,
		},
		"invoke": {
			flags: slices.Concat(oldName, oldFile, oldExec, oldProfile,
				[]oldFlag{{"db", "data-binary", true}, {"jd", "json-data", true}, {"p", "parameters", true}}),
			telling: []string{"-n", "--name", "-db", "--data-binary", "-jd", "--json-data", "-p", "--parameters", "-a", "--asynchronous",
				"--conf-file", "-pf", "--output-file"},
			translate: oldInvoke,
		},
	}
}

// translateOld makes a command line of today of one of the original. Others are returned as they are.
func translateOld(args []string) (translation, error) {
	same := translation{args: args}
	at := slices.IndexFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	if at < 0 {
		return same, nil
	}
	name, behind := args[at], args[at+1:]
	old, known := oldCommands()[name]
	if !known || !old.means(behind) {
		return same, nil
	}
	read, err := parseOld(name, old.flags, behind, old.remainder)
	if err != nil {
		return same, err
	}
	t, err := old.translate(read)
	if err != nil {
		return same, fmt.Errorf("scar %s: %w", name, err)
	}
	t.args = slices.Concat(args[:at], t.args)
	return t, nil
}

// means says whether arguments are those of the original's command. What follows -- belongs to the container.
func (c oldCommand) means(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	if len(args) == 0 || slices.Contains(args, "--help") || slices.Contains(args, "-h") {
		return false
	}
	return c.telling == nil || slices.ContainsFunc(args, func(arg string) bool {
		name, _, _ := strings.Cut(arg, "=")
		return slices.Contains(c.telling, name)
	})
}

// today is a command line of today, with the flags that were given as today's and those that all commands share.
func (a *oldArgs) today(command ...string) []string {
	args := command
	if path := a.get("conf-file"); path != "" {
		args = append(args, "-f", path)
	}
	if profile := a.get("profile"); profile != "" {
		args = append(args, "--profile", profile)
	}
	if a.has("json") || a.has("verbose") {
		args = append(args, "--json")
	}
	return append(args, a.kept...)
}

// noRest refuses arguments that are no flags.
func (a *oldArgs) noRest() error {
	if len(a.rest) > 0 {
		return fmt.Errorf("the argument %q is not expected", a.rest[0])
	}
	return nil
}

func isNow(old, today string) string { return "note: scar " + old + " is now scar " + today }

func oldRemove(a *oldArgs) (translation, error) {
	name, all := a.get("name"), a.has("all")
	if err := a.noRest(); err != nil {
		return translation{}, err
	}
	switch {
	case all && (name != "" || a.has("conf-file")), name != "" && a.has("conf-file"):
		return translation{}, fmt.Errorf("give one of -n, -a and -f")
	case all:
		return translation{args: a.today("destroy", "--all"), note: isNow("rm -a", "destroy --all")}, nil
	case name != "":
		return translation{args: a.today("destroy", name), note: isNow("rm -n NAME", "destroy NAME")}, nil
	}
	return translation{args: a.today("destroy"), note: isNow("rm -f FILE", "destroy -f FILE")}, nil
}

func oldLog(a *oldArgs) (translation, error) {
	if err := a.noRest(); err != nil {
		return translation{}, err
	}
	args := []string{"logs"}
	if name := a.get("name"); name != "" {
		args = append(args, name)
	}
	args = a.today(args...)
	if !a.has("log-stream-name") && !a.has("request-id") { // of these, all is looked at
		args = append(args, "--since", oldestLog)
	}
	for _, f := range [][2]string{{"log-stream-name", "--stream"}, {"request-id", "--request-id"}} {
		if value := a.get(f[0]); value != "" {
			args = append(args, f[1], value)
		}
	}
	return translation{args: args, note: isNow("log", "logs: without --since it shows the last hour")}, nil
}

// oldestLog is how far back the original's command looks, which has no bound: ten years.
const oldestLog = "87600h"

func oldList(a *oldArgs) (translation, error) {
	if err := a.noRest(); err != nil {
		return translation{}, err
	}
	if bucket := a.get("bucket"); bucket != "" {
		return translation{args: a.today("ls", "-r", oldPlace(bucket)), note: isNow("ls -b BUCKET", "ls -r s3://BUCKET/")}, nil
	}
	return translation{args: a.today("ls"), note: isNow("ls -j and -v", "ls --json")}, nil
}

// oldPlace is a bucket and prefix as a place. What the original had in a bucket was a folder.
func oldPlace(path string) string { return "s3://" + strings.Trim(path, "/") + "/" }

func oldPut(a *oldArgs) (translation, error) {
	if err := a.bothNamed(); err != nil {
		return translation{}, err
	}
	path := a.get("path")
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = strings.TrimSuffix(path, "/") + "/" // what is in it is stored, as by the original
	}
	return translation{args: a.today("put", "-r", path, oldPlace(a.get("bucket"))), note: isNow("put -b BUCKET -p PATH", "put -r PATH s3://BUCKET/")}, nil
}

func oldGet(a *oldArgs) (translation, error) {
	if err := a.bothNamed(); err != nil {
		return translation{}, err
	}
	return translation{args: a.today("get", "-r", oldPlace(a.get("bucket")), a.get("path")), note: isNow("get -b BUCKET -p PATH", "get -r s3://BUCKET/ PATH")}, nil
}

func (a *oldArgs) bothNamed() error {
	if !a.has("bucket") || !a.has("path") {
		return fmt.Errorf("both -b BUCKET and -p PATH are needed")
	}
	return a.noRest()
}

// oldHelp is a command of the original that has no namesake today. It is there for its help: its arguments are
// translated before commands are looked up.
func (a *app) oldHelp(use, short, long, example string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long, Example: example, Hidden: true, DisableFlagParsing: true, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}

// oldNames are those commands of the original whose names are no longer any.
func (a *app) oldNames() []*cobra.Command {
	return []*cobra.Command{
		a.oldHelp("init {-f FILE | -n NAME {-i IMAGE | -if FILE}} [flag ...]", "Old name of scar apply",
			`Create functions, from a file or from flags alone, as the original scar did: it is now scar apply. The plan is shown and
asked about first; --auto-approve leaves that out, and the other flags of scar apply are taken too. A function
made from flags is described by no file: scar new writes one.

`+oldFlagHelp(slices.Concat(oldFile, oldDefinition, oldProfile, oldOutput)),
			"  scar init -f func.yaml\n  scar init -n cowsay -i grycap/cowsay -s cowsay.sh -m 512 -t 60 -e TEXT=moo"),
		a.oldHelp("update {-f FILE | -n NAME} [flag ...]", "Old name of scar apply",
			`Change functions, as the original scar did: it is now scar apply, which changes what differs from the file. Change the
file, and apply it; flags that describe a function are not taken here.

`+oldFlagHelp(slices.Concat(oldFile, oldProfile, oldOutput)),
			"  scar update -f func.yaml\n  scar apply -f func.yaml"),
		a.oldHelp("log {-n NAME | -f FILE} [flag ...]", "Old name of scar logs",
			`Print the log of a function, as the original scar did: it is now scar logs.

`+oldFlagHelp(oldCommands()["log"].flags),
			"  scar log -n cowsay\n  scar log -n cowsay -ri 3f1b8f0c-1f0e-4a4f-9f0e-2b7c0a5d6e11"),
	}
}

// oldFlagHelp lists flags, each indented on a line.
func oldFlagHelp(flags []oldFlag) string {
	var b strings.Builder
	for _, f := range flags {
		value := ""
		if f.value {
			value = " VALUE"
		}
		fmt.Fprintf(&b, "  -%s%s, --%s%s\n", f.short, value, f.long, value)
	}
	return b.String()
}
