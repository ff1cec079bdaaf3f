package planner

import (
	"strings"

	"github.com/scar-go/scar/spec"
)

// ScheduleGroup is a group of EventBridge Scheduler that holds the schedules of one project.
type ScheduleGroup struct {
	Name string `json:"name" plan:"replace"`
	Tags Tags   `json:"tags"`
}

// Kind implements Value.
func (ScheduleGroup) Kind() Kind { return KindScheduleGroup }

func (ScheduleGroup) needs(string) []Address { return nil }

// Schedule is a schedule of EventBridge Scheduler that starts a function, asynchronously. What the function gets is
// Scheduler's own description of the occasion.
type Schedule struct {
	Group      string `json:"group" plan:"replace"`
	Name       string `json:"name" plan:"replace"`
	Expression string `json:"expression"` // rate(…) or cron(…)
	Timezone   string `json:"timezone"`   // IANA's name, such as UTC
	Target     string `json:"target"`     // ARN of the function
	Role       string `json:"role"`       // ARN of the role that Scheduler takes
	Input      string `json:"input"`      // payload; empty: Scheduler's own
	MaxAge     int    `json:"max_age"`    // seconds for which Scheduler tries to hand it to Lambda
	Attempts   int    `json:"attempts"`   // retries of that
	Window     int    `json:"window"`     // minutes of flexibility; 0: none
	Enabled    bool   `json:"enabled"`
}

// Kind implements Value.
func (Schedule) Kind() Kind { return KindSchedule }

func (s Schedule) needs(project string) []Address {
	needs := []Address{{KindScheduleGroup, s.Group}}
	if function, found := FunctionOfARN(s.Target); found {
		needs = append(needs, Address{KindFunction, function})
	}
	if _, role, found := strings.Cut(s.Role, ":role"+RolePath(project)); found {
		needs = append(needs, Address{KindRole, role})
	}
	return needs
}

// What Scheduler does by itself about an invocation that Lambda does not take (EventBridge Scheduler API reference,
// RetryPolicy).
const (
	schedulerMaxAge   = 86400 // s
	schedulerAttempts = 185
)

// schedule makes a function's schedule, the project's group and the role by which Scheduler starts the function.
func (d *desire) schedule(fn *spec.Function) {
	if fn.Schedule == nil {
		return
	}
	group := ScheduleGroupName(d.file.Project)
	d.addShared(ScheduleGroup{Name: group, Tags: d.tags(nil)}, group)
	role := Role{
		Name:        ScheduleRoleName(fn.Name, d.env.Region),
		Path:        RolePath(d.file.Project),
		Description: "Starts the function " + fn.Name + " by its schedule",
		// Scheduler names the group, not the schedule (EventBridge Scheduler user guide, "Confused deputy prevention").
		Trust: trust("scheduler", StringLists{
			"aws:SourceAccount": {d.env.Account},
			"aws:SourceArn":     {d.env.ScheduleGroupARN(group)},
		}),
		Policy: Policy{Version: policyVersion, Statements: []Statement{{
			Sid: "StartFunction", Effect: "Allow", Action: StringList{invokeFunction}, Resource: StringList{d.env.FunctionARN(fn.Name)},
		}}},
		Tags: d.tags(fn),
	}
	d.add(fn, role, role.Name)
	d.add(fn, Schedule{
		Group:      group,
		Name:       fn.Name,
		Expression: fn.Schedule.Expression,
		Timezone:   fn.Schedule.Timezone,
		Target:     d.env.FunctionARN(fn.Name),
		Role:       d.env.RoleARN(d.file.Project, role.Name),
		MaxAge:     schedulerMaxAge,
		Attempts:   schedulerAttempts,
		Enabled:    true,
	}, group+"/"+fn.Name)
}
