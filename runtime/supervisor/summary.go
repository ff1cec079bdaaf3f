package supervisor

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/scar-go/scar/runtime/job"
)

// summary is what the log has of each run, and of what needed none.
type summary struct {
	Input    string `json:"input"`
	Status   string `json:"status"` // done, duplicate, or a type of error
	Exit     string `json:"exit"`   // code, name of the signal, or "-" if the script did not run
	BytesIn  int64  `json:"bytes_in"`
	BytesOut int64  `json:"bytes_out"`
	Outputs  int    `json:"outputs"`
	StageIn  int64  `json:"stage_in_ms"`
	Run      int64  `json:"run_ms"`
	StageOut int64  `json:"stage_out_ms"`
}

// String is the summary as a line of the log in text.
func (s *summary) String() string {
	return fmt.Sprintf("%q status=%s exit=%s bytes_in=%d bytes_out=%d outputs=%d stage_in_ms=%d run_ms=%d stage_out_ms=%d",
		s.Input, s.Status, s.Exit, s.BytesIn, s.BytesOut, s.Outputs, s.StageIn, s.Run, s.StageOut)
}

// The summary's words for an end that is no error.
const (
	statusDone      = "done"
	statusDuplicate = "duplicate"
)

// summarize logs the one line that every run leaves, and one more for what went wrong. The script's output, which
// follows in the message of an error, is in the log already.
func (t *task) summarize(err *job.Error) {
	s := &summary{
		Input: t.name(), Status: statusDone, Exit: t.end.String(),
		BytesIn: t.fetched.Size, Outputs: len(t.stored),
		StageIn: t.durations.StageIn, Run: t.durations.Run, StageOut: t.durations.StageOut,
	}
	for _, o := range t.stored {
		s.BytesOut += o.Size
	}
	level := Info
	switch {
	case err != nil:
		s.Status, level = err.Type, Error
		t.print(Error, "%q: %s: %s", s.Input, err.Type, withoutOutput(err))
	case t.duplicate:
		s.Status = statusDuplicate
	}
	t.Log.summarize(level, t.id, s)
	if t.Job.Metrics && !t.duplicate {
		t.Log.metrics(t.metrics(s, err != nil))
	}
}

// withoutOutput is an error's message without what the script wrote.
func withoutOutput(e *job.Error) string {
	message, _, _ := strings.Cut(e.Message, lastOutput)
	return message
}

// encode is a value as JSON for the log. The values that are logged so have a form in JSON whatever they hold. Of what
// steersOutput reports, encoding/json leaves some as it is.
func encode(value any) []byte {
	b, err := json.Marshal(value)
	if err != nil {
		return []byte("{}")
	}
	escaped := make([]byte, 0, len(b))
	for _, r := range string(b) {
		if steersOutput(r) {
			escaped = appendEscaped(escaped, r)
		} else {
			escaped = utf8.AppendRune(escaped, r)
		}
	}
	return escaped
}
