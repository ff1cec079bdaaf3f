package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// oldRun makes today's scar run of the original's. What follows the function's flags is a command for the container.
func oldRun(a *oldArgs) (translation, error) {
	if a.has("input-bucket") {
		return translation{}, errors.New("-ib is not taken any more: scar run --all -f FILE runs the function on every object below the inputs of the file")
	}
	args := []string{"run"}
	if name := a.get("name"); name != "" {
		args = append(args, name)
	}
	args = a.today(args...)
	if script := a.get("run-script"); script != "" {
		args = append(args, "-s", script)
	}
	args = append(args, a.execution()...)
	if len(a.rest) > 0 {
		args = append(append(args, "--"), a.rest...)
	}
	note := isNow("run -n NAME ARGUMENT...", "run NAME -- ARGUMENT...")
	if len(a.rest) == 0 && !a.has("run-script") {
		note += "; scar run NAME --all takes the files that are in its input"
	}
	return translation{args: args, note: note}, nil
}

// execution are the flags that run and invoke share.
func (a *oldArgs) execution() (args []string) {
	if output := a.get("output-file"); output != "" {
		args = append(args, "-o", output)
	}
	if a.has("asynchronous") {
		args = append(args, "--async")
	}
	return args
}

// oldInvoke makes today's scar invoke of the original's.
func oldInvoke(a *oldArgs) (translation, error) {
	if err := a.noRest(); err != nil {
		return translation{}, err
	}
	args := []string{"invoke"}
	if name := a.get("name"); name != "" {
		args = append(args, name)
	}
	args = a.today(args...)
	switch binary, text := a.get("data-binary"), a.get("json-data"); {
	case binary != "" && text != "":
		return translation{}, errors.New("give one of -db and -jd")
	case binary != "":
		args = append(args, "--data", "@"+binary)
	case text != "":
		args = append(args, "--json", text)
	}
	query, err := oldQuery(a.get("parameters"))
	if err != nil {
		return translation{}, err
	}
	args = append(append(args, query...), a.execution()...)
	return translation{args: args, note: isNow("invoke -n NAME -db FILE -jd JSON -p PARAMETERS -a", "invoke NAME --data @FILE --json JSON -q NAME=VALUE --async")}, nil
}

// oldQuery is the query of the original: a JSON object whose values are texts, numbers, truth values, or lists of them.
func oldQuery(text string) (args []string, err error) {
	if text == "" {
		return nil, nil
	}
	wrong := fmt.Errorf(`-p %q: want a JSON object such as '{"key1": "value1", "key2": ["value2", "value3"]}'`, text)
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var parameters map[string]any
	if decoder.Decode(&parameters) != nil || parameters == nil || decoder.More() {
		return nil, wrong
	}
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		values, isList := parameters[name].([]any)
		if !isList {
			values = []any{parameters[name]}
		}
		for _, value := range values {
			switch value.(type) {
			case string, json.Number, bool:
				args = append(args, "-q", fmt.Sprintf("%s=%v", name, value))
			default:
				return nil, wrong
			}
		}
	}
	return args, nil
}
