package lambda

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strings"
	"time"
)

// report writes the line that begins an invocation in the log.
func (i *instance) report(t task, at time.Time) {
	if i.set.Logging.LogFormat == formatJSON {
		i.platformJSON("platform.start", levelInfo, at, map[string]any{"requestId": t.requestID, "version": latest})
		return
	}
	i.sink.platform("START RequestId: " + t.requestID + " Version: " + latest)
}

// reportEnd writes the lines that end an invocation. Initial is how long the instance took to start, 0
// for a warm one.
func (i *instance) reportEnd(set settings, t task, r result, initial time.Duration) {
	memory := 0
	if i.process != nil {
		memory = i.process.MaxMemory()
	}
	kind, status := "", "success"
	if f := r.failure; f != nil {
		kind, status = f.Type, "error"
		if f.Type == "Sandbox.Timedout" {
			status = "timeout"
		}
	}
	if set.Logging.LogFormat == formatJSON {
		i.reportJSON(set, t, r, initial, memory, status, kind)
		return
	}
	i.reportText(set, t, r, initial, memory, status, kind)
}

func (i *instance) reportText(set settings, t task, r result, initial time.Duration, memory int, status, kind string) {
	if status == "timeout" {
		i.sink.platform(fmt.Sprintf("%s %s Task timed out after %.2f seconds", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), t.requestID, r.duration.Seconds()))
	} else if strings.HasPrefix(kind, "Runtime.") {
		i.sink.platform(r.failure.Message)
		i.sink.platform(kind)
	}
	i.sink.platform("END RequestId: " + t.requestID)
	var b strings.Builder
	fmt.Fprintf(&b, "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %.0f ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		t.requestID, ms(r.duration), math.Ceil(ms(r.duration+initial)), set.Memory, memory)
	if initial > 0 {
		fmt.Fprintf(&b, "Init Duration: %.2f ms\t", ms(initial))
	}
	if status != "success" {
		b.WriteString("Status: " + status)
		if status == "error" {
			b.WriteString("\tError Type: " + kind)
		}
	}
	i.sink.platform(b.String())
}

func (i *instance) reportJSON(set settings, t task, r result, initial time.Duration, memory int, status, kind string) {
	done := map[string]any{"requestId": t.requestID, "status": status, "metrics": map[string]any{
		"durationMs": ms(r.duration), "producedBytes": len(r.response),
	}}
	metrics := map[string]any{
		"durationMs": ms(r.duration), "billedDurationMs": math.Ceil(ms(r.duration + initial)),
		"memorySizeMB": set.Memory, "maxMemoryUsedMB": memory,
	}
	if initial > 0 {
		metrics["initDurationMs"] = ms(initial)
	}
	report := map[string]any{"requestId": t.requestID, "metrics": metrics, "status": status}
	if kind != "" {
		done["errorType"], report["errorType"] = kind, kind
	}
	now := time.Now()
	i.platformJSON("platform.runtimeDone", levelOf(status, levelDebug), now, done)
	i.platformJSON("platform.report", levelOf(status, levelInfo), now, report)
}

// reportInit writes the lines of an initialisation, which only JSON has.
func (i *instance) reportInit(begun time.Time, f *failure) {
	status := "success"
	done := map[string]any{"initializationType": "on-demand", "phase": "init"}
	if f != nil {
		status = "error"
		if f.Type == "Sandbox.Timedout" {
			status = "timeout"
		}
		done["errorType"] = f.Type
	}
	done["status"] = status
	report := maps.Clone(done)
	now := time.Now()
	report["metrics"] = map[string]any{"durationMs": ms(now.Sub(begun))}
	i.platformJSON("platform.initStart", levelDebug, begun, map[string]any{
		"initializationType": "on-demand", "phase": "init", "functionName": i.set.Name, "functionVersion": latest,
		"instanceMaxMemory": i.set.Memory << 20,
	})
	i.platformJSON("platform.initRuntimeDone", levelOf(status, levelDebug), now, done)
	i.platformJSON("platform.initReport", levelOf(status, levelDebug), now, report)
}

// level is how much a line of Lambda's own matters ("Log-level filtering" in the developer guide).
type level int

const (
	levelDebug level = iota
	levelInfo
	levelWarn
)

// systemLevels are the levels by their names in the logging configuration. Without a name it is INFO.
var systemLevels = map[string]level{"DEBUG": levelDebug, "": levelInfo, "INFO": levelInfo, "WARN": levelWarn}

// levelOf is the level of a line about something that ended: what did not succeed is a warning.
func levelOf(status string, success level) level {
	if status != "success" {
		return levelWarn
	}
	return success
}

// platformJSON writes a line of Lambda's own, unless the function's log is text, or wants only what matters more.
func (i *instance) platformJSON(kind string, matters level, at time.Time, record map[string]any) {
	if i.set.Logging.LogFormat != formatJSON || matters < systemLevels[i.set.Logging.SystemLogLevel] {
		return
	}
	line, err := json.Marshal(map[string]any{"time": at.UTC().Format("2006-01-02T15:04:05.000Z"), "type": kind, "record": record})
	if err != nil {
		return // strings and numbers can always be written
	}
	i.sink.platform(string(line))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
