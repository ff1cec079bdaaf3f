package lambda

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
)

// report writes the line that begins an invocation in the log.
func (i *instance) report(t task, at time.Time) {
	if i.set.Logging.LogFormat == formatJSON {
		i.platformJSON("platform.start", at, map[string]any{"requestId": t.requestID, "version": latest})
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
	metrics := map[string]any{
		"durationMs": ms(r.duration), "billedDurationMs": math.Ceil(ms(r.duration + initial)),
		"memorySizeMB": set.Memory, "maxMemoryUsedMB": memory,
	}
	if initial > 0 {
		metrics["initDurationMs"] = ms(initial)
	}
	record := map[string]any{"requestId": t.requestID, "metrics": metrics, "status": status}
	if kind != "" {
		record["errorType"] = kind
	}
	i.platformJSON("platform.report", time.Now(), record)
}

func (i *instance) platformJSON(kind string, at time.Time, record map[string]any) {
	line, err := json.Marshal(map[string]any{"time": at.UTC().Format("2006-01-02T15:04:05.000Z"), "type": kind, "record": record})
	if err != nil {
		return // strings and numbers can always be written
	}
	i.sink.platform(string(line))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
