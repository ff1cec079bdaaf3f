package main

import (
	"fmt"
	"slices"
	"strings"
)

// oldFlag is a flag of the original scar. Its short form has one dash and may have several letters.
type oldFlag struct {
	short, long string // without dashes; either may be empty
	value       bool   // a value follows
}

func (f oldFlag) String() string {
	if f.short == "" {
		return "--" + f.long
	}
	return "-" + f.short
}

// The flags of the original, by the groups that its commands share.
var (
	oldFile    = []oldFlag{{"f", "conf-file", true}}
	oldName    = []oldFlag{{"n", "name", true}}
	oldAll     = []oldFlag{{"a", "all", false}}
	oldProfile = []oldFlag{{"pf", "profile", true}}
	oldOutput  = []oldFlag{{"j", "json", false}, {"v", "verbose", false}}
	oldExec    = []oldFlag{{"a", "asynchronous", false}, {"o", "output-file", true}}
	oldStorage = []oldFlag{{"b", "bucket", true}, {"p", "path", true}}

	// oldDefinition are those that describe a function.
	oldDefinition = []oldFlag{
		{"n", "name", true}, {"i", "image", true}, {"if", "image-file", true}, {"s", "init-script", true}, {"ph", "preheat", false},
		{"ep", "extra-payload", true}, {"db", "deployment-bucket", true}, {"api", "api-gateway-name", true}, {"d", "description", true},
		{"e", "environment", true}, {"le", "lambda-environment", true}, {"m", "memory", true}, {"t", "timeout", true},
		{"tt", "timeout-threshold", true}, {"ll", "log-level", true}, {"l", "layers", true}, {"ib", "input-bucket", true},
		{"ob", "output-bucket", true}, {"em", "execution-mode", true}, {"r", "iam-role", true}, {"sv", "supervisor-version", true},
		{"rt", "runtime", true}, {"bm", "batch-memory", true}, {"bc", "batch-vcpus", true}, {"g", "enable-gpu", false},
	}
)

// newFlags are flags of today's commands that those of the original take too, with whether a value follows.
var newFlags = map[string]bool{
	"auto-approve": false, "local": false, "no-color": false, "region": true, "project": true, "adopt": true, "env-file": true,
	"parallelism": true, "keep-logs": false, "delete-buckets": false, "drain": true, "file": true,
}

// oldArgs are the arguments of a command of the original, read.
type oldArgs struct {
	values map[string][]string // by the long name
	order  []string            // the long names, as they came
	kept   []string            // flags of today, as they were given
	rest   []string            // what is no flag
}

func (a *oldArgs) has(long string) bool { return len(a.values[long]) > 0 }

// get is the last value of a flag, empty where it is not given.
func (a *oldArgs) get(long string) string {
	values := a.values[long]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// parseOld reads arguments as the original did: a value follows its flag, or an equals sign. Where remainder is set, all
// that follows the first argument that is no flag belongs to it.
func parseOld(command string, known []oldFlag, args []string, remainder bool) (*oldArgs, error) {
	out := &oldArgs{values: map[string][]string{}}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			out.rest = append(out.rest, args...)
			return out, nil
		case len(arg) < 2 || arg[0] != '-':
			out.rest = append(out.rest, arg)
			if remainder {
				out.rest = append(out.rest, args...)
				return out, nil
			}
			continue
		}
		left, err := out.flag(command, known, arg, args)
		if err != nil {
			return nil, err
		}
		args = left
	}
	return out, nil
}

// flag reads one flag, and returns the arguments behind it and its value.
func (a *oldArgs) flag(command string, known []oldFlag, arg string, args []string) ([]string, error) {
	isLong := strings.HasPrefix(arg, "--")
	name, value, given := strings.Cut(strings.TrimLeft(arg[:2], "-")+arg[2:], "=")
	next := func() ([]string, error) {
		switch {
		case given:
			return args, nil
		case len(args) == 0:
			return nil, fmt.Errorf("scar %s: %s needs a value: see scar %s --help", command, arg, command)
		}
		value = args[0]
		return args[1:], nil
	}
	i := slices.IndexFunc(known, func(f oldFlag) bool { return isLong && f.long == name || !isLong && f.short == name })
	if i < 0 {
		wants, today := newFlags[name]
		if !isLong || !today {
			return nil, fmt.Errorf("scar %s has no flag %s: see scar %s --help", command, arg, command)
		}
		if !wants {
			a.kept = append(a.kept, arg)
			return args, nil
		}
		left, err := next()
		a.kept = append(a.kept, "--"+name, value)
		return left, err
	}
	left := args
	if known[i].value {
		var err error
		if left, err = next(); err != nil {
			return nil, err
		}
		if value == "" { // as by a variable of the shell that is not set
			return nil, fmt.Errorf("scar %s: %s is given and empty", command, known[i])
		}
	}
	long := known[i].long
	a.values[long], a.order = append(a.values[long], value), append(a.order, long)
	return left, nil
}
