// Package scheduler is the EventBridge Scheduler of the embedded backend: groups, schedules, and the clockwork that starts Lambda
// functions at their times, with the rights of the schedules' roles.
//
// The only targets are Lambda functions. A flexible time window is kept and shown; the function starts at its beginning. There is no
// dead-letter queue: what cannot be handed over is logged.
package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // schedules have time zones, whatever the machine knows of them

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Invoker starts functions asynchronously: it returns when the event is durable. The source is the ARN of the schedule.
type Invoker interface {
	InvokeEvent(ctx context.Context, functionARN string, payload []byte, source string) (requestID string, err error)
}

// Roles knows the roles that schedules take.
type Roles interface {
	// Assume is who the service becomes that takes a role on behalf of a resource; an error says that it may not.
	Assume(ctx context.Context, roleARN, servicePrincipal, sourceARN, sessionName string) (wire.Identity, error)
	Allowed(ctx context.Context, id wire.Identity, action, resource string, conditions map[string][]string) (bool, error)
}

// Config is what a Service needs. All must be given, but for Settle and Log.
type Config struct {
	DB      *store.DB
	Clock   clock.Clock
	Account string // twelve digits
	Region  string
	Invoker Invoker
	Roles   Roles

	Settle time.Duration // how long a deleted group is DELETING, by the clock; 0: it is gone at once
	Log    *slog.Logger  // what goes wrong behind the scenes; nil: nothing is logged
}

const (
	servicePrincipal = "scheduler.amazonaws.com"
	sessionName      = "scheduler"
	defaultGroup     = "default"

	tableGroups    = "scheduler.groups"
	tableSchedules = "scheduler.schedules"
)

// Service is the EventBridge Scheduler of one account and region. It is an http.Handler.
type Service struct {
	*wire.RESTAPI
	cfg       Config
	groups    *store.Table[group]    // by name; the default group is there without being stored
	schedules *store.Table[schedule] // by group/name

	stop    context.CancelFunc
	running sync.WaitGroup
	wake    chan struct{} // holds one
	started time.Time
}

// New starts the service, with the state that is in the database: a schedule whose time has passed meanwhile is due at once, for
// the last of its times that it missed, unless that is longer ago than the schedule's MaximumEventAgeInSeconds. It runs until Close.
func New(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	groups, err := store.NewTable[group](cfg.DB, tableGroups)
	if err != nil {
		return nil, fmt.Errorf("start scheduler: %w", err)
	}
	schedules, err := store.NewTable[schedule](cfg.DB, tableSchedules)
	if err != nil {
		return nil, fmt.Errorf("start scheduler: %w", err)
	}
	s := &Service{cfg: cfg, groups: groups, schedules: schedules, wake: make(chan struct{}, 1), started: cfg.Clock.Now()}
	s.RESTAPI = wire.NewRESTAPI("scheduler", s.operations())
	// The context that opens the service does not limit how long it lives.
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.running.Go(func() { s.run(ctx) })
	return s, nil
}

// Close stops the clockwork. What is due later is due when the service starts again.
func (s *Service) Close() error {
	s.stop()
	s.running.Wait()
	return nil
}

func (s *Service) operations() []wire.RESTOperation {
	return []wire.RESTOperation{
		{Name: "CreateScheduleGroup", Pattern: "POST /schedule-groups/{name}", Status: http.StatusOK, Do: wire.REST(s.createGroup)},
		{Name: "GetScheduleGroup", Pattern: "GET /schedule-groups/{name}", Status: http.StatusOK, Do: wire.REST(s.getGroup)},
		{Name: "ListScheduleGroups", Pattern: "GET /schedule-groups", Status: http.StatusOK, Do: wire.REST(s.listGroups)},
		{Name: "DeleteScheduleGroup", Pattern: "DELETE /schedule-groups/{name}", Status: http.StatusOK, Do: wire.REST(s.deleteGroup)},
		{Name: "CreateSchedule", Pattern: "POST /schedules/{name}", Status: http.StatusOK, Do: wire.REST(s.createSchedule)},
		{Name: "GetSchedule", Pattern: "GET /schedules/{name}", Status: http.StatusOK, Do: wire.REST(s.getSchedule)},
		{Name: "UpdateSchedule", Pattern: "PUT /schedules/{name}", Status: http.StatusOK, Do: wire.REST(s.updateSchedule)},
		{Name: "DeleteSchedule", Pattern: "DELETE /schedules/{name}", Status: http.StatusOK, Do: wire.REST(s.deleteSchedule)},
		{Name: "ListSchedules", Pattern: "GET /schedules", Status: http.StatusOK, Do: wire.REST(s.listSchedules)},
		{Name: "ListTagsForResource", Pattern: "GET /tags/{arn}", Status: http.StatusOK, Do: wire.REST(s.listTags)},
		{Name: "TagResource", Pattern: "POST /tags/{arn}", Status: http.StatusOK, Do: wire.REST(s.tagResource)},
		{Name: "UntagResource", Pattern: "DELETE /tags/{arn}", Status: http.StatusOK, Do: wire.REST(s.untagResource)},
	}
}

// Tagged are the groups for the tagging service. Schedules have no tags.
func (s *Service) Tagged(context.Context) ([]wire.Resource, error) {
	var out []wire.Resource
	now := s.cfg.Clock.Now()
	err := s.groups.Each("", func(_ string, g group) bool {
		if !g.gone(now) {
			out = append(out, wire.Resource{ARN: s.groupARN(g.Name), Tags: g.Tags})
		}
		return true
	})
	return out, err
}

// ResourceARN is the ARN of what a call is about, for policies, or *.
func (s *Service) ResourceARN(r *http.Request, body []byte) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 2 {
		return "*"
	}
	switch name := strings.Join(parts[1:], "/"); parts[0] {
	case "schedule-groups":
		return s.groupARN(name)
	case "schedules":
		return s.scheduleARN(groupOf(r, body), name)
	case "tags":
		return name
	default:
		return "*"
	}
}

func (s *Service) arn(resource string) string {
	return fmt.Sprintf("arn:%s:scheduler:%s:%s:%s", wire.Partition(s.cfg.Region), s.cfg.Region, s.cfg.Account, resource)
}

func (s *Service) groupARN(name string) string { return s.arn("schedule-group/" + name) }

func (s *Service) scheduleARN(group, name string) string {
	return s.arn("schedule/" + group + "/" + name)
}

var namePattern = wire.Pattern(`^[0-9a-zA-Z-_.]{1,64}$`)

func checkName(field, name string) error {
	return checkPattern(field, name, namePattern())
}

func checkPattern(field, value string, pattern *regexp.Regexp) error {
	if pattern.MatchString(value) {
		return nil
	}
	return constraint(value, field, "satisfy regular expression pattern: "+pattern.String())
}

func invalid(format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, "ValidationException", format, args...)
}

// constraint says which field breaks a rule of the API model.
func constraint(value any, field, rule string) error {
	return invalid("1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: Member must %s", value, field, rule)
}

func conflict(format string, args ...any) error {
	return wire.Errorf(http.StatusConflict, "ConflictException", format, args...)
}

func notFound(format string, args ...any) error {
	return wire.Errorf(http.StatusNotFound, "ResourceNotFoundException", format, args...)
}
