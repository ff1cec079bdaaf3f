package lifecycle

import (
	"slices"
	"testing"

	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// gaps are where an imitation of AWS does not do as AWS does.
type gaps struct {
	edit   func(*spec.File)           // leaves out of the whole file what it does not keep at all; nil: nothing
	fields map[string]string          // that it does not change, or not show, and what it does instead
	silent map[planner.Subject]string // what it cannot be asked about, and why
}

// localGaps are those of the embedded backend: what no plan of scar asks for.
var localGaps = gaps{fields: map[string]string{
	"event_source.filters":     "setting them is refused",
	"function_url.invoke_mode": "answers are not streamed: setting it is refused",
	"http_api.payload":         "events have the form 2.0: setting another one is refused",
}}

// motoGaps are those of moto 5.2.
var motoGaps = gaps{
	edit: func(f *spec.File) {
		for i := range f.Functions {
			fn := &f.Functions[i]
			fn.Logs.Format = "text" // the form of logs is not kept
			fn.Mounts = nil         // nor are file systems
			if fn.HTTP != nil && fn.HTTP.API == "" {
				fn.HTTP.Auth = "iam" // nor is that a statement is about calls of the URL
			}
		}
	},
	silent: map[planner.Subject]string{planner.AboutConcurrency: "it does not serve the limits of an account"},
	fields: map[string]string{
		"function.log_group":                  "is not kept",
		"function.log_format":                 "is not kept",
		"function.log_level":                  "is not kept",
		"function.system_log_level":           "is not kept",
		"function.mounts":                     "is not kept",
		"function.ephemeral_storage":          "stays what it was when the function was made",
		"function.architecture":               "stays what it was when the function was made",
		"function.entrypoint":                 "is not kept",
		"function.command":                    "is not kept",
		"function.working_directory":          "is not kept",
		"invoke_config.attempts":              "stays what it was when the settings were made",
		"invoke_config.max_age":               "stays what it was when the settings were made",
		"invoke_config.on_failure":            "stays what it was when the settings were made",
		"invoke_config.on_success":            "stays what it was when the settings were made",
		"queue.max_receives":                  "any change but that of the policy loses the policy",
		"queue.dead_letter":                   "any change but that of the policy loses the policy",
		"function_url.invoke_mode":            "is not kept",
		"permission.function_url_auth_type":   "is not kept",
		"permission.invoked_via_function_url": "is not kept",
	},
}

// keptNowhere are the fields that neither keeps. The tests of applier/aws change them in fakes.
var keptNowhere = []string{"function_url.invoke_mode"}

// TestEveryFieldIsKeptSomewhere holds that what one imitation of AWS lacks is tried with the other one.
func TestEveryFieldIsKeptSomewhere(t *testing.T) {
	for field := range localGaps.fields {
		if why, missing := motoGaps.fields[field]; missing != slices.Contains(keptNowhere, field) {
			t.Errorf("%s: moto lacks it %v: %s", field, missing, why)
		}
	}
}
