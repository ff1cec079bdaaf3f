package event

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// command reads {"script": …} and {"cmd_args": …}: what a caller with the right to invoke the function wants to be
// run in place of the job's own. It is nil for another payload. There is no other field beside, and nothing around.
func command(payload []byte) (*Event, error) {
	field, content := "", value(nil)
	for name, member := range value(payload).members() {
		if s := string(name); s != "script" && s != "cmd_args" || field != "" && s != field {
			return nil, nil
		}
		field, content = string(name), member
	}
	e := &Event{Kind: Direct, Items: []Item{{Raw: payload}}}
	var err error
	switch field {
	case "script":
		e.Script, err = readScript(content)
	case "cmd_args":
		e.Arguments, err = readArguments(content)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return e, nil
}

func readScript(v value) ([]byte, error) {
	script, err := base64.StdEncoding.AppendDecode(nil, v.bytes())
	if err != nil {
		return nil, fmt.Errorf("decode base64: %w", err)
	}
	if len(script) == 0 {
		return nil, errors.New("want the base64 of a script")
	}
	return script, nil
}

// readArguments reads a list of strings, or a string that holds one.
func readArguments(v value) ([]string, error) {
	wanted := errors.New(`want a list of strings, such as "[\"ls\",\"-l\"]"`)
	if v.first() == '"' {
		v = v.bytes()
		if !json.Valid(v) {
			return nil, wanted
		}
	}
	var arguments []string
	for element := range v.elements() {
		if element.first() != '"' {
			return nil, wanted
		}
		if !element.unicode() {
			return nil, errors.New("an argument is not valid Unicode")
		}
		argument := element.text()
		if strings.Contains(argument, "\x00") {
			return nil, errors.New("an argument holds a zero byte, which no program can be given")
		}
		arguments = append(arguments, argument)
	}
	if len(arguments) == 0 {
		return nil, wanted
	}
	return arguments, nil
}
