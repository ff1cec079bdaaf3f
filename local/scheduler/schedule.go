package scheduler

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/scar-go/scar/local/wire"
)

// schedule is a schedule, as it is stored.
type schedule struct {
	Name     string
	Group    string
	Token    string // client token of the call that made it
	Created  time.Time
	Modified time.Time
	Settings settings

	Next    time.Time    // when it is due; zero: never again
	Pending []occurrence // what could not be handed over yet
}

// settings are what a caller decides, complete with defaults.
type settings struct {
	ActionAfterCompletion      string
	Description                *string     `json:",omitempty"`
	EndDate                    *wire.Epoch `json:",omitempty"`
	FlexibleTimeWindow         window
	KMSKeyARN                  *string `json:"KmsKeyArn,omitempty"`
	ScheduleExpression         string
	ScheduleExpressionTimezone string
	StartDate                  *wire.Epoch `json:",omitempty"`
	State                      string
	Target                     target
}

type window struct {
	MaximumWindowInMinutes *int `json:",omitempty"`
	Mode                   string
}

type target struct {
	ARN         string  `json:"Arn"`
	Input       *string `json:",omitempty"`
	RetryPolicy retryPolicy
	RoleARN     string `json:"RoleArn"`

	// What the local backend does not serve, so that it can say so.
	DeadLetterConfig            json.RawMessage `json:",omitempty"`
	ECSParameters               json.RawMessage `json:"EcsParameters,omitempty"`
	EventBridgeParameters       json.RawMessage `json:",omitempty"`
	KinesisParameters           json.RawMessage `json:",omitempty"`
	SageMakerPipelineParameters json.RawMessage `json:",omitempty"`
	SQSParameters               json.RawMessage `json:"SqsParameters,omitempty"`
}

type retryPolicy struct {
	MaximumEventAgeInSeconds *int
	MaximumRetryAttempts     *int
}

// The values of settings, and their limits and defaults, from the API reference.
const (
	enabled     = "ENABLED"
	disabled    = "DISABLED"
	windowOff   = "OFF"
	windowOn    = "FLEXIBLE"
	afterNone   = "NONE"
	afterDelete = "DELETE"

	minEventAge, maxEventAge = 60, 86400 // seconds
	maxAttempts              = 185
	maxWindow                = 1440 // minutes
	maxExpression            = 256
	maxZone                  = 50
	maxDescription           = 512
)

type scheduleInput struct {
	settings
	ClientToken string
	GroupName   string
}

// groupOf is the group that a request is about: it is in the body where there is one, else in the query.
func groupOf(r *http.Request, body []byte) string {
	var in struct{ GroupName string }
	if r.Method == http.MethodPost || r.Method == http.MethodPut { // the others read no body
		_ = json.Unmarshal(body, &in) // what is no JSON names nothing, and is refused later
	}
	return groupName(in.GroupName, r)
}

func groupName(given string, r *http.Request) string {
	if given == "" {
		given = r.URL.Query().Get("groupName")
	}
	if given == "" {
		return defaultGroup
	}
	return given
}

func scheduleKey(group, name string) string { return group + "/" + name }

type createScheduleOutput struct {
	ScheduleARN string `json:"ScheduleArn"`
}

func (s *Service) createSchedule(r *http.Request, in scheduleInput) (out createScheduleOutput, err error) {
	name, group := r.PathValue("name"), groupName(in.GroupName, r)
	e, err := s.check(r.Context(), name, group, &in.settings)
	if err != nil {
		return out, err
	}
	out.ScheduleARN = s.scheduleARN(group, name)
	now := s.cfg.Clock.Now()
	err = s.schedules.Update(scheduleKey(group, name), func(sc *schedule, found bool) error {
		if found {
			if in.ClientToken != "" && sc.Token == in.ClientToken {
				return nil // the same call once more
			}
			return conflict("Schedule %s already exists.", name)
		}
		*sc = schedule{Name: name, Group: group, Token: in.ClientToken, Created: now, Modified: now, Settings: in.settings}
		sc.plan(e, now.Add(-time.Nanosecond))
		return nil
	})
	s.rouse()
	return out, err
}

func (s *Service) updateSchedule(r *http.Request, in scheduleInput) (out createScheduleOutput, err error) {
	name, group := r.PathValue("name"), groupName(in.GroupName, r)
	e, err := s.check(r.Context(), name, group, &in.settings)
	if err != nil {
		return out, err
	}
	out.ScheduleARN = s.scheduleARN(group, name)
	now := s.cfg.Clock.Now()
	err = s.schedules.Update(scheduleKey(group, name), func(sc *schedule, found bool) error {
		if !found {
			return noSuchSchedule(name)
		}
		sc.Settings, sc.Modified = in.settings, now
		sc.plan(e, now)
		return nil
	})
	s.rouse()
	return out, err
}

func noSuchSchedule(name string) error { return notFound("Schedule %s does not exist.", name) }

// plan sets when the schedule is due after a time.
func (sc *schedule) plan(e expression, after time.Time) {
	sc.Next = time.Time{}
	if sc.Settings.State != enabled {
		return
	}
	from := sc.Created
	if start := sc.Settings.StartDate; start != nil {
		from = time.Time(*start)
	}
	next, found := e.next(after, from)
	if end := sc.Settings.EndDate; !found || end != nil && next.After(time.Time(*end)) {
		return
	}
	sc.Next = next.UTC()
}

type scheduleOutput struct {
	ARN                  string `json:"Arn"`
	CreationDate         wire.Epoch
	GroupName            string
	LastModificationDate wire.Epoch
	Name                 string
	settings
}

func (s *Service) getSchedule(r *http.Request, _ wire.Empty) (out scheduleOutput, err error) {
	name, group := r.PathValue("name"), groupName("", r)
	if _, err := s.group(group); err != nil {
		return out, err
	}
	sc, found, err := s.schedules.Get(scheduleKey(group, name))
	if err == nil && !found {
		err = noSuchSchedule(name)
	}
	return scheduleOutput{s.scheduleARN(group, name), wire.Epoch(sc.Created), group, wire.Epoch(sc.Modified), name, sc.Settings}, err
}

func (s *Service) deleteSchedule(r *http.Request, _ wire.Empty) (wire.Empty, error) {
	name, group := r.PathValue("name"), groupName("", r)
	if _, err := s.group(group); err != nil {
		return wire.Empty{}, err
	}
	return wire.Empty{}, s.schedules.Remove(scheduleKey(group, name), func(_ schedule, found bool) error {
		if !found {
			return noSuchSchedule(name)
		}
		return nil
	})
}

type scheduleSummary struct {
	ARN                  string `json:"Arn"`
	CreationDate         wire.Epoch
	GroupName            string
	LastModificationDate wire.Epoch
	Name                 string
	State                string
	Target               struct {
		ARN string `json:"Arn"`
	}
}

type listSchedulesOutput struct {
	NextToken *string
	Schedules []scheduleSummary
}

func (s *Service) listSchedules(r *http.Request, _ wire.Empty) (out listSchedulesOutput, err error) {
	query := r.URL.Query()
	prefix := ""
	if group := query.Get("ScheduleGroup"); group != "" {
		if _, err := s.group(group); err != nil {
			return out, err
		}
		prefix = group + "/"
	}
	found := []scheduleSummary{}
	err = s.schedules.Each(prefix, func(_ string, sc schedule) bool {
		state := query.Get("State")
		if strings.HasPrefix(sc.Name, query.Get("NamePrefix")) && (state == "" || state == sc.Settings.State) {
			summary := scheduleSummary{ARN: s.scheduleARN(sc.Group, sc.Name), CreationDate: wire.Epoch(sc.Created), GroupName: sc.Group,
				LastModificationDate: wire.Epoch(sc.Modified), Name: sc.Name, State: sc.Settings.State}
			summary.Target.ARN = sc.Settings.Target.ARN
			found = append(found, summary)
		}
		return true
	})
	if err != nil {
		return out, err
	}
	// The table is in the order of its keys, which is that of the ARNs' ends.
	out.Schedules, out.NextToken, err = page(r, found, func(sc scheduleSummary) string { return scheduleKey(sc.GroupName, sc.Name) })
	return out, err
}

// assumable says whether the service may take a role for the schedules of a group, as AWS checks when a schedule is made.
func (s *Service) assumable(ctx context.Context, roleARN, group string) error {
	_, err := s.cfg.Roles.Assume(ctx, roleARN, servicePrincipal, s.groupARN(group), sessionName)
	if err != nil {
		return invalid("The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")
	}
	return nil
}
