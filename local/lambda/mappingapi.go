package lambda

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/scar-go/scar/local/wire"
)

// mappingActions are what Lambda needs of SQS to poll a queue, in the order in which it misses them.
var mappingActions = []string{"ReceiveMessage", "DeleteMessage", "GetQueueAttributes"}

type createMappingInput struct {
	mappingInput
	EventSourceArn string
	Tags           map[string]string
}

func (s *Service) createMapping(r *http.Request, _ string) (answer, error) {
	var in createMappingInput
	if err := read(r, &in); err != nil {
		return answer{}, err
	}
	if err := in.check(); err != nil {
		return answer{}, err
	}
	if err := checkTags(in.Tags); err != nil {
		return answer{}, err
	}
	name, err := s.nameOf(in.FunctionName)
	if err != nil {
		return answer{}, err
	}
	m := mapping{UUID: newID(), Function: name, Queue: in.EventSourceArn, BatchSize: defaultBatch, Enabled: true, Tags: in.Tags}
	in.apply(&m)
	s.mapping.Lock()
	defer s.mapping.Unlock()
	if err := cmp.Or(m.check(), s.checkSource(r.Context(), &m), s.checkUnmapped(&m)); err != nil {
		return answer{}, err
	}
	s.begin(&m, mappingCreating)
	if err := s.mappings.Put(m.UUID, m); err != nil {
		return answer{}, err
	}
	s.pollers.set(m)
	return answer{http.StatusAccepted, s.mappingOf(&m)}, nil
}

// checkSource asks for the function and the queue, and whether they fit.
func (s *Service) checkSource(ctx context.Context, m *mapping) error {
	f, found, err := s.functions.Get(m.Function)
	if err != nil || !found {
		return cmp.Or(err, invalid("Function does not exist"))
	}
	if parts := strings.SplitN(m.Queue, ":", 6); len(parts) != 6 || parts[0] != "arn" || parts[2] != "sqs" {
		return invalid("Unrecognized event source. The local backend serves queues of SQS.")
	}
	if s.cfg.Queues == nil {
		return invalid("the local backend does not serve queues here")
	}
	for _, action := range mappingActions {
		allowed, err := s.roleMay(ctx, f.Settings.Role, "sqs:"+action, m.Queue)
		if err != nil {
			return err
		}
		if !allowed {
			return missingQueueRight(action)
		}
	}
	queue, err := s.cfg.Queues.Attributes(ctx, m.Queue)
	var known *wire.Error
	switch {
	case errors.As(err, &known):
		return invalid("Error occurred while ReceiveMessage. SQS Error Code: %s. SQS Error Message: %s", known.Code, known.Message)
	case err != nil:
		return err
	}
	if timeout := time.Duration(f.Settings.Timeout) * time.Second; queue.VisibilityTimeout < timeout {
		return invalid("Queue visibility timeout: %d seconds is less than Function timeout: %d seconds",
			int(queue.VisibilityTimeout.Seconds()), f.Settings.Timeout)
	}
	return nil
}

func missingQueueRight(action string) error {
	return invalid("The function execution role does not have permissions to call %s on SQS", action)
}

// checkUnmapped refuses a second mapping of the same queue and function.
func (s *Service) checkUnmapped(m *mapping) error {
	var twin string
	err := s.mappings.Each("", func(id string, other mapping) bool {
		if id != m.UUID && other.Function == m.Function && other.Queue == m.Queue && other.Under != mappingDeleting {
			twin = id
		}
		return twin == ""
	})
	if err == nil && twin != "" {
		err = conflict("An event source mapping with SQS arn (\" %s \") and function (\" %s \") already exists. Please update or delete the existing mapping with UUID %s",
			m.Queue, m.Function, twin)
	}
	return err
}

func (s *Service) getMapping(_ *http.Request, id string) (answer, error) {
	m, err := s.observeMapping(id)
	if err != nil {
		return answer{}, err
	}
	return ok(s.mappingOf(&m))
}

func (s *Service) updateMapping(r *http.Request, id string) (answer, error) {
	var in mappingInput
	if err := read(r, &in); err != nil {
		return answer{}, err
	}
	if err := in.check(); err != nil {
		return answer{}, err
	}
	s.mapping.Lock()
	defer s.mapping.Unlock()
	m, found, err := s.mappings.Get(id)
	if err != nil || !found {
		return answer{}, cmp.Or(err, mappingNotFound())
	}
	if s.settleMapping(&m); m.Under != "" {
		return answer{}, mappingInUse("update")
	}
	was := m.Enabled
	if in.FunctionName != "" {
		if m.Function, err = s.nameOf(in.FunctionName); err != nil {
			return answer{}, err
		}
	}
	in.apply(&m)
	if err := cmp.Or(m.check(), s.checkSource(r.Context(), &m), s.checkUnmapped(&m)); err != nil {
		return answer{}, err
	}
	switch {
	case was && !m.Enabled:
		s.begin(&m, mappingDisabling)
	case !was && m.Enabled:
		s.begin(&m, mappingEnabling)
	default:
		s.begin(&m, mappingUpdating)
	}
	if err := s.mappings.Put(id, m); err != nil {
		return answer{}, err
	}
	s.pollers.set(m)
	return answer{http.StatusAccepted, s.mappingOf(&m)}, nil
}

func mappingInUse(verb string) error {
	return wire.Errorf(http.StatusBadRequest, "ResourceInUseException", "Cannot %s the event source mapping because it is in use.", verb)
}

func (s *Service) deleteMapping(_ *http.Request, id string) (answer, error) {
	s.mapping.Lock()
	defer s.mapping.Unlock()
	m, found, err := s.mappings.Get(id)
	if err != nil || !found {
		return answer{}, cmp.Or(err, mappingNotFound())
	}
	if s.settleMapping(&m); m.Under != "" {
		return answer{}, mappingInUse("delete")
	}
	s.begin(&m, mappingDeleting)
	out := s.mappingOf(&m)
	if m.ReadsLeft == 0 && s.cfg.Settle.Delay == 0 {
		err = s.mappings.Delete(id)
	} else {
		err = s.mappings.Put(id, m)
	}
	if err != nil {
		return answer{}, err
	}
	s.pollers.drop(id)
	return answer{http.StatusAccepted, out}, nil
}

type listMappingsOutput struct {
	EventSourceMappings []mappingOutput
	NextMarker          string `json:",omitempty"`
}

func (s *Service) listMappings(r *http.Request, _ string) (answer, error) {
	query := r.URL.Query()
	function, from, asked := "", "", 0
	var err error
	if ref := query.Get("FunctionName"); ref != "" {
		if function, err = s.nameOf(ref); err != nil {
			return answer{}, err
		}
	}
	if marker := query.Get("Marker"); marker != "" {
		if from, err = wire.PageStart(marker, invalidPage); err != nil {
			return answer{}, err
		}
	}
	if text := query.Get("MaxItems"); text != "" {
		if asked, err = strconv.Atoi(text); err != nil || asked < 1 || asked > maxAskable {
			return answer{}, invalid("MaxItems must be between 1 and %d", maxAskable)
		}
	}
	size := wire.PageSize(r.Context(), asked, maxMappingPage)
	out := listMappingsOutput{EventSourceMappings: []mappingOutput{}}
	err = s.mappings.Each("", func(id string, m mapping) bool {
		if id < from || function != "" && m.Function != function || query.Get("EventSourceArn") != "" && m.Queue != query.Get("EventSourceArn") {
			return true
		}
		if s.settleMapping(&m) {
			return true // gone
		}
		if len(out.EventSourceMappings) == size {
			out.NextMarker = wire.PageToken(id)
			return false
		}
		out.EventSourceMappings = append(out.EventSourceMappings, s.mappingOf(&m))
		return true
	})
	if err != nil {
		return answer{}, err
	}
	return ok(out)
}

// mappingID is the id in an ARN of a mapping; empty: it is the ARN of something else.
func mappingID(arn string) string {
	if _, id, found := strings.Cut(arn, mappingARNPart); found && strings.HasPrefix(arn, "arn:") {
		return id
	}
	return ""
}
