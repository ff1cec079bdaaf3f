package planner

import "github.com/scar-go/scar/spec"

// LogGroup is the log group of one function.
type LogGroup struct {
	Name          string `json:"name" plan:"replace"`
	RetentionDays int    `json:"retention_days"` // 0: for ever
	Tags          Tags   `json:"tags"`
}

// Kind implements Value.
func (LogGroup) Kind() Kind { return KindLogGroup }

func (LogGroup) needs(string) []Address { return nil }

func (d *desire) logGroup(fn *spec.Function) {
	name := LogGroupName(fn.Name)
	d.add(fn, LogGroup{Name: name, RetentionDays: fn.Logs.RetentionDays, Tags: d.tags(fn)}, name)
}
