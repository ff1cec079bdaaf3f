package lambda

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func TestLogLevels(t *testing.T) {
	b := newBench(t, nil)
	logging := func(format types.LogFormat, application types.ApplicationLogLevel, system types.SystemLogLevel) func(*lambda.CreateFunctionInput) {
		return func(in *lambda.CreateFunctionInput) {
			in.LoggingConfig = &types.LoggingConfig{LogFormat: format, ApplicationLogLevel: application, SystemLogLevel: system}
		}
	}
	for name, c := range map[string]struct {
		format  types.LogFormat
		app     types.ApplicationLogLevel
		system  types.SystemLogLevel
		code    string
		message string
	}{
		"text":  {types.LogFormatText, types.ApplicationLogLevelInfo, "", "InvalidParameterValueException", "only when LogFormat is JSON"},
		"app":   {types.LogFormatJson, "LOUD", "", "ValidationException", "loggingConfig.applicationLogLevel"},
		"level": {types.LogFormatJson, "", "TRACE", "ValidationException", "loggingConfig.systemLogLevel"},
	} {
		_, err := b.tryCreate(name, logging(c.format, c.app, c.system))
		wantError(t, err, c.code, c.message)
	}
	for _, c := range []struct {
		system         types.SystemLogLevel
		success, fails []string
	}{
		{types.SystemLogLevelDebug,
			[]string{"platform.initStart", "platform.initRuntimeDone", "platform.initReport", "platform.start", "platform.runtimeDone", "platform.report"},
			[]string{"platform.start", "platform.runtimeDone", "platform.report"}},
		{types.SystemLogLevelInfo, []string{"platform.start", "platform.report"}, []string{"platform.start", "platform.runtimeDone", "platform.report"}},
		{types.SystemLogLevelWarn, nil, []string{"platform.runtimeDone", "platform.report"}},
	} {
		name := string(c.system)
		out := b.create(name, logging(types.LogFormatJson, types.ApplicationLogLevelTrace, c.system))
		if l := out.LoggingConfig; l.ApplicationLogLevel != types.ApplicationLogLevelTrace || l.SystemLogLevel != c.system {
			t.Errorf("%+v", l)
		}
		b.wantPlatform(name, testEvent{}, c.success)
		b.wantPlatform(name, testEvent{Do: "fail"}, c.fails)
	}
}

// wantPlatform invokes and expects the kinds of Lambda's own lines.
func (b *bench) wantPlatform(name string, e testEvent, want []string) {
	b.tb.Helper()
	tail, err := base64.StdEncoding.DecodeString(aws.ToString(b.invoke(name, e).LogResult))
	if err != nil {
		b.tb.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(tail)) {
		var l struct {
			Time, Type string
			Record     map[string]any
		}
		if json.Unmarshal([]byte(line), &l) != nil || l.Type == "" {
			continue // the function's own
		}
		got = append(got, l.Type)
		if l.Time == "" || l.Type == "platform.report" && (l.Record["requestId"] == nil || l.Record["metrics"] == nil || l.Record["status"] == nil) {
			b.tb.Errorf("%s", line)
		}
	}
	if !slices.Equal(got, want) {
		b.tb.Errorf("%s %+v: %v, want %v", name, e, got, want)
	}
}
