package lambda

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// Lambda's limits, from its API reference.
const (
	maxTimeout     = 900   // s
	minMemory      = 128   // MB
	maxMemory      = 10240 // MB
	minEphemeral   = 512   // MB
	maxEphemeral   = 10240 // MB
	maxDescription = 256
	maxEnvironment = 4096 // bytes, as JSON
)

var (
	namePattern     = wire.Pattern(`^[a-zA-Z0-9-_]{1,64}$`)
	rolePattern     = wire.Pattern(`^arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$`)
	variablePattern = wire.Pattern(`^[a-zA-Z][a-zA-Z0-9_]+$`)
	logGroupPattern = wire.Pattern(`^[.\-_/#A-Za-z0-9]{1,512}$`)
)

// check holds settings against Lambda's limits.
func (set *settings) check() error {
	var broken []string
	constraint := func(holds bool, field string, value any, rule string) {
		if !holds {
			broken = append(broken, fmt.Sprintf("Value '%v' at '%s' failed to satisfy constraint: %s", value, field, rule))
		}
	}
	constraint(namePattern().MatchString(set.Name), "functionName", set.Name, "Member must satisfy regular expression pattern: "+namePattern().String())
	constraint(rolePattern().MatchString(set.Role), "role", set.Role, "Member must satisfy regular expression pattern: "+rolePattern().String())
	constraint(set.Timeout >= 1, "timeout", set.Timeout, "Member must have value greater than or equal to 1")
	constraint(set.Timeout <= maxTimeout, "timeout", set.Timeout, "Member must have value less than or equal to 900")
	constraint(set.Memory >= minMemory, "memorySize", set.Memory, "Member must have value greater than or equal to 128")
	constraint(set.Memory <= maxMemory, "memorySize", set.Memory, "Member must have value less than or equal to 10240")
	constraint(set.Ephemeral >= minEphemeral, "ephemeralStorage.size", set.Ephemeral, "Member must have value greater than or equal to 512")
	constraint(set.Ephemeral <= maxEphemeral, "ephemeralStorage.size", set.Ephemeral, "Member must have value less than or equal to 10240")
	constraint(len(set.Description) <= maxDescription, "description", set.Description, "Member must have length less than or equal to 256")
	oneOf := func(field, value string, values ...string) {
		constraint(slices.Contains(values, value), field, value, "Member must satisfy enum value set: ["+strings.Join(values, ", ")+"]")
	}
	oneOf("architectures", set.Architecture, "x86_64", "arm64")
	oneOf("tracingConfig.mode", set.Tracing, "Active", "PassThrough")
	oneOf("loggingConfig.logFormat", set.Logging.LogFormat, "JSON", "Text")
	constraint(logGroupPattern().MatchString(set.Logging.LogGroup), "loggingConfig.logGroup", set.Logging.LogGroup,
		"Member must satisfy regular expression pattern: "+logGroupPattern().String())
	if len(broken) > 0 {
		return wire.Errorf(http.StatusBadRequest, "ValidationException", "%d validation error%s detected: %s",
			len(broken), plural(len(broken)), strings.Join(broken, "; "))
	}
	if err := set.Logging.check(); err != nil {
		return err
	}
	if err := set.checkFileSystems(); err != nil {
		return err
	}
	return checkEnvironment(set.Environment)
}

// check holds the levels against the format: text has none.
func (c loggingConfig) check() error {
	if c.LogFormat != formatJSON {
		if c.ApplicationLogLevel != "" || c.SystemLogLevel != "" {
			return invalid("ApplicationLogLevel and SystemLogLevel can be set only when LogFormat is JSON.")
		}
		return nil
	}
	for _, level := range []struct {
		field, value string
		known        []string
	}{
		{"applicationLogLevel", c.ApplicationLogLevel, []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}},
		{"systemLogLevel", c.SystemLogLevel, []string{"DEBUG", "INFO", "WARN"}},
	} {
		if !slices.Contains(level.known, level.value) {
			return wire.Errorf(http.StatusBadRequest, "ValidationException",
				"1 validation error detected: Value '%s' at 'loggingConfig.%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]",
				level.value, level.field, list(level.known))
		}
	}
	return nil
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

func checkEnvironment(variables map[string]string) error {
	const unable = "Lambda was unable to configure your environment variables because the environment variables you have provided "
	if names := reservedIn(variables); len(names) > 0 {
		return invalid(unable+"contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", list(names))
	}
	for name := range variables {
		if !variablePattern().MatchString(name) {
			return wire.Errorf(http.StatusBadRequest, "ValidationException",
				"1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: %s]", variablePattern())
		}
	}
	text, err := json.Marshal(variables)
	if err != nil {
		return err
	}
	if len(text) > maxEnvironment {
		return invalid(unable+"exceeded the 4KB limit. String measured: %s", text)
	}
	return nil
}
