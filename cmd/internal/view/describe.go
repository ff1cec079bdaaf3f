package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/scar-go/scar/planner"
)

// Description is what is shown of one function.
type Description struct {
	Name        string `json:"name"`
	Project     string `json:"project"`
	ARN         string `json:"arn"`
	Description string `json:"description,omitempty"`

	State            string `json:"state"`
	StateReason      string `json:"state_reason,omitempty"`
	LastUpdate       string `json:"last_update"`
	LastUpdateReason string `json:"last_update_reason,omitempty"`
	Modified         string `json:"modified"` // ISO 8601

	Image     string     `json:"image"`                // reference with the digest
	Base      string     `json:"base,omitempty"`       // as the file has it
	ImageSize int64      `json:"image_size,omitempty"` // bytes, compressed; 0: not known
	Pushed    *time.Time `json:"image_pushed,omitempty"`

	Memory           int               `json:"memory"`            // MB
	Timeout          int               `json:"timeout"`           // seconds
	EphemeralStorage int               `json:"ephemeral_storage"` // MB
	Architecture     string            `json:"architecture"`
	Concurrency      *int              `json:"concurrency,omitempty"` // reserved; none: none is
	Environment      map[string]string `json:"environment"`           // values that look like secrets are not shown
	Parameters       []string          `json:"parameters"`            // that scar made of the secrets in the file
	Secrets          []string          `json:"secrets"`               // of others that its role may read, such as ssm:/lab/token

	Starts []string            `json:"starts"` // in words
	URL    string              `json:"url,omitempty"`
	Queues []QueueDepth        `json:"queues"`
	Role   string              `json:"role"`
	Rights []planner.Statement `json:"rights"`

	LogGroup  string            `json:"log_group"`
	Retention int               `json:"log_retention_days"` // 0: for ever
	OnFailure string            `json:"on_failure,omitempty"`
	Retries   int               `json:"retries"`
	Last      *Activity         `json:"last_day,omitempty"`   // not given: the caller may not read metrics
	Duration  float64           `json:"average_ms,omitempty"` // of a run in the last day; 0: there was none
	Tags      map[string]string `json:"tags"`
}

// QueueDepth is how much is in a queue.
type QueueDepth struct {
	Name       string `json:"name"`
	DeadLetter bool   `json:"dead_letter"`
	Waiting    int    `json:"waiting"`
	InWork     int    `json:"in_work"`
}

// Describe prints all there is of a function.
func Describe(s *Streams, f Format, d Description) error {
	p := s.out()
	if f == JSON {
		p.json(d, "  ")
		return p.result()
	}
	p.printf("%s\n", p.paint(bold, clean(d.Name)))
	for _, section := range [][][2]string{d.what(), d.code(), d.settings(), d.events(), d.rights(), d.rest()} {
		p.printf("\n")
		for _, row := range section {
			p.printf("  %s%s\n", p.paint(dim, pad(row[0], describeWidth)), clean(row[1]))
		}
	}
	return p.result()
}

// describeWidth is where values begin, in characters behind the indentation.
const describeWidth = 14

// repeated are rows of which only the first has the name.
func repeated(name string, values []string) (rows [][2]string) {
	if len(values) == 0 {
		return [][2]string{{name, "-"}}
	}
	for _, value := range values {
		rows = append(rows, [2]string{name, value})
		name = ""
	}
	return rows
}

func withReason(state, reason string) string {
	if reason != "" {
		state += ": " + reason
	}
	return state
}

func (d Description) what() [][2]string {
	rows := [][2]string{
		{"project", d.Project}, {"arn", d.ARN}, {"state", withReason(d.State, d.StateReason)},
		{"last update", withReason(d.LastUpdate, d.LastUpdateReason) + ", " + d.Modified}, {"last 24 h", d.lastDay()},
	}
	if d.Description != "" {
		rows = append(rows, [2]string{"description", d.Description})
	}
	return rows
}

// lastDay is how often the function ran, and how long on average.
func (d Description) lastDay() string {
	if d.Last == nil {
		return ""
	}
	if d.Duration <= 0 {
		return d.Last.String()
	}
	took := time.Duration(d.Duration * float64(time.Millisecond)).Round(time.Millisecond)
	return fmt.Sprintf("%s, %s on average", d.Last, took)
}

func (d Description) code() [][2]string {
	rows := [][2]string{}
	if d.Base != "" {
		rows = append(rows, [2]string{"base", d.Base})
	}
	rows = append(rows, [2]string{"image", d.Image})
	if d.Pushed != nil {
		rows = append(rows, [2]string{"", fmt.Sprintf("%s compressed, pushed %s", size(d.ImageSize), d.Pushed.UTC().Format(time.RFC3339))})
	}
	return append(rows, [2]string{"architecture", d.Architecture})
}

func (d Description) settings() [][2]string {
	reserved := "none reserved"
	if d.Concurrency != nil {
		reserved = fmt.Sprintf("%d reserved", *d.Concurrency)
	}
	var environment []string
	for _, name := range slices.Sorted(maps.Keys(d.Environment)) {
		value := quote(d.Environment[name])
		if d.Environment[name] == masked {
			value = masked
		}
		environment = append(environment, name+" = "+value)
	}
	rows := [][2]string{
		{"memory", fmt.Sprintf("%d MB", d.Memory)}, {"timeout", fmt.Sprintf("%d s", d.Timeout)},
		{"/tmp", fmt.Sprintf("%d MB", d.EphemeralStorage)}, {"concurrency", reserved},
	}
	rows = append(rows, repeated("environment", environment)...)
	var secrets []string
	for _, name := range d.Parameters {
		secrets = append(secrets, "ssm:"+name)
	}
	return append(rows, repeated("secrets", append(secrets, d.Secrets...))...)
}

func (d Description) events() [][2]string {
	rows := repeated("started by", d.Starts)
	if d.URL != "" {
		rows = append(rows, [2]string{"url", d.URL})
	}
	for _, q := range d.Queues {
		name := "queue"
		if q.DeadLetter {
			name = "dead letters"
		}
		rows = append(rows, [2]string{name, fmt.Sprintf("%s: %d waiting, %d in work", q.Name, q.Waiting, q.InWork)})
	}
	rows = append(rows, [2]string{"retries", fmt.Sprint(d.Retries)})
	if d.OnFailure != "" {
		rows = append(rows, [2]string{"on failure", d.OnFailure})
	}
	return rows
}

func (d Description) rights() [][2]string {
	rows := [][2]string{{"role", d.Role}}
	name := "may"
	for _, s := range d.Rights {
		text := strings.Join(s.Action, ", ")
		if s.Effect != "Allow" {
			text = "not " + text
		}
		if len(s.Condition) > 0 {
			text += " (under conditions)"
		}
		for i, resource := range s.Resource {
			if i == 0 {
				rows = append(rows, [2]string{name, text + " on " + resource})
			} else {
				rows = append(rows, [2]string{"", "  and " + resource})
			}
			name = ""
		}
	}
	return rows
}

func (d Description) rest() [][2]string {
	retention := "kept for ever"
	if d.Retention > 0 {
		retention = fmt.Sprintf("kept for %s", count(d.Retention, "day"))
	}
	var tags []string
	for _, name := range slices.Sorted(maps.Keys(d.Tags)) {
		tags = append(tags, name+" = "+quote(d.Tags[name]))
	}
	return append([][2]string{{"logs", d.LogGroup + ", " + retention}}, repeated("tags", tags)...)
}

// Mask is a variable's value as it may be shown: not at all where its name is one of secrets.
func Mask(name, value string) string {
	if planner.LooksSecret(name) {
		return masked
	}
	return value
}
