package scheduler

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/scar-go/scar/local/wire"
)

var (
	rolePattern     = wire.Pattern(`^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$`)
	functionPattern = wire.Pattern(`^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[a-zA-Z0-9-_]+(:[a-zA-Z0-9-_$]+)?$`)
)

// check completes settings with their defaults and says what is wrong with them.
func (s *Service) check(ctx context.Context, name, group string, in *settings) (expression, error) {
	if err := checkName("name", name); err != nil {
		return expression{}, err
	}
	if _, err := s.activeGroup(group); err != nil {
		return expression{}, err
	}
	e, err := in.checkTimes()
	if err != nil {
		return e, err
	}
	if err := in.checkChoices(); err != nil {
		return e, err
	}
	if err := in.Target.check(); err != nil {
		return e, err
	}
	return e, s.assumable(ctx, in.Target.RoleARN, group)
}

func (in *settings) checkTimes() (expression, error) {
	if in.ScheduleExpressionTimezone == "" {
		in.ScheduleExpressionTimezone = "UTC"
	}
	if len(in.ScheduleExpression) > maxExpression {
		return expression{}, constraint(in.ScheduleExpression, "scheduleExpression", fmt.Sprintf("have length less than or equal to %d", maxExpression))
	}
	if _, err := loadZone(in.ScheduleExpressionTimezone); err != nil || len(in.ScheduleExpressionTimezone) > maxZone {
		return expression{}, invalid("Invalid Schedule Expression Timezone %s.", in.ScheduleExpressionTimezone)
	}
	e, err := parseExpression(in.ScheduleExpression, in.ScheduleExpressionTimezone)
	if err != nil {
		return e, invalid("Invalid Schedule Expression %s. (%v)", in.ScheduleExpression, err)
	}
	if in.StartDate != nil && in.EndDate != nil && !time.Time(*in.StartDate).Before(time.Time(*in.EndDate)) {
		return e, invalid("The StartDate you specify must come before the EndDate.")
	}
	return e, nil
}

func (in *settings) checkChoices() error {
	in.State = orDefault(in.State, enabled)
	in.ActionAfterCompletion = orDefault(in.ActionAfterCompletion, afterNone)
	for _, c := range []struct {
		field, value string
		allowed      []string
	}{
		{"state", in.State, []string{enabled, disabled}},
		{"actionAfterCompletion", in.ActionAfterCompletion, []string{afterNone, afterDelete}},
		{"flexibleTimeWindow.mode", in.FlexibleTimeWindow.Mode, []string{windowOff, windowOn}},
	} {
		if !slices.Contains(c.allowed, c.value) {
			return constraint(c.value, c.field, fmt.Sprintf("satisfy enum value set: [%s]", strings.Join(c.allowed, ", ")))
		}
	}
	minutes := in.FlexibleTimeWindow.MaximumWindowInMinutes
	switch {
	case in.FlexibleTimeWindow.Mode == windowOff && minutes != nil:
		return invalid("MaximumWindowInMinutes must not be set when the flexible time window is OFF.")
	case in.FlexibleTimeWindow.Mode == windowOn && (minutes == nil || *minutes < 1 || *minutes > maxWindow):
		return invalid("MaximumWindowInMinutes must be from 1 to %d when the flexible time window is FLEXIBLE.", maxWindow)
	case in.Description != nil && len(*in.Description) > maxDescription:
		return constraint(*in.Description, "description", fmt.Sprintf("have length less than or equal to %d", maxDescription))
	}
	return nil
}

func orDefault(value, other string) string {
	if value == "" {
		return other
	}
	return value
}

func (t *target) check() error {
	for name, part := range map[string]json.RawMessage{
		"DeadLetterConfig": t.DeadLetterConfig, "EcsParameters": t.ECSParameters, "EventBridgeParameters": t.EventBridgeParameters,
		"KinesisParameters": t.KinesisParameters, "SageMakerPipelineParameters": t.SageMakerPipelineParameters, "SqsParameters": t.SQSParameters,
	} {
		if part != nil {
			return wire.Unknown("scheduler", name+" of schedules")
		}
	}
	if !strings.HasPrefix(t.ARN, "arn:") {
		return invalid("Provided Arn is not in correct format.")
	}
	if !functionPattern().MatchString(t.ARN) {
		return wire.Errorf(http.StatusNotImplemented, "NotImplemented", "the local backend serves schedules of Lambda functions only, not of %s", t.ARN)
	}
	if err := checkPattern("target.roleArn", t.RoleARN, rolePattern()); err != nil {
		return err
	}
	if t.Input != nil && !json.Valid([]byte(*t.Input)) {
		return invalid("Invalid Input: it must be valid JSON for a Lambda target.")
	}
	age := defaultNumber(&t.RetryPolicy.MaximumEventAgeInSeconds, maxEventAge)
	if age < minEventAge || age > maxEventAge {
		return constraint(age, "target.retryPolicy.maximumEventAgeInSeconds", fmt.Sprintf("be from %d to %d", minEventAge, maxEventAge))
	}
	if n := defaultNumber(&t.RetryPolicy.MaximumRetryAttempts, maxAttempts); n < 0 || n > maxAttempts {
		return constraint(n, "target.retryPolicy.maximumRetryAttempts", fmt.Sprintf("be from 0 to %d", maxAttempts))
	}
	return nil
}

// defaultNumber sets a number that is absent, and returns it.
func defaultNumber(n **int, value int) int {
	if *n == nil {
		*n = &value
	}
	return **n
}
