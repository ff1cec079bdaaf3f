package wire

import (
	"regexp"
	"sync"
)

// Pattern is a regular expression of a service's API model. It is compiled when it is first asked for:
// compiling those of all services would cost every command of scar more than most commands need.
func Pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
