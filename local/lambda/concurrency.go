package lambda

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/scar-go/scar/local/wire"
)

// Quotas of a new account's region, from "Lambda quotas" in the developer guide.
const (
	accountConcurrency = 1000
	minUnreserved      = 100
	totalCodeSize      = 75 << 30
	codeSizeUnzipped   = 250 << 20
	codeSizeZipped     = 50 << 20
)

// errThrottled is the answer to an invocation that there is no place for. Its body has a Reason beside what errors have.
var errThrottled = errors.New("rate exceeded")

const throttleReason = "ReservedFunctionConcurrentInvocationLimitExceeded"

// writeError writes an error as Lambda does.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, errThrottled) {
		wire.RESTJSON.WriteError(w, r, err)
		return
	}
	h := w.Header()
	h.Set("X-Amzn-Errortype", "TooManyRequestsException")
	h.Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusTooManyRequests)
	_ = json.NewEncoder(w).Encode(struct { // a client that has gone away is told nothing
		Reason  string
		Type    string
		Message string `json:"message"`
	}{throttleReason, "User", "Rate Exceeded."})
}

type concurrency struct {
	ReservedConcurrentExecutions *int `json:",omitempty"`
}

// concurrency is what GetFunction says of it; nil: nothing.
func (f *function) concurrency() *concurrency {
	if f.Reserved == nil {
		return nil
	}
	return &concurrency{f.Reserved}
}

func (s *Service) getFunctionConcurrency(_ *http.Request, name string) (answer, error) {
	f, err := s.get(name)
	if err != nil {
		return answer{}, err
	}
	return ok(concurrency{f.Reserved})
}

func (s *Service) putFunctionConcurrency(r *http.Request, name string) (answer, error) {
	var in concurrency
	if err := read(r, &in); err != nil {
		return answer{}, err
	}
	if in.ReservedConcurrentExecutions == nil || *in.ReservedConcurrentExecutions < 0 {
		return answer{}, wire.Errorf(http.StatusBadRequest, "ValidationException",
			"1 validation error detected: Value at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 0")
	}
	s.reserving.Lock()
	defer s.reserving.Unlock()
	others, _, err := s.reserved(name)
	if err != nil {
		return answer{}, err
	}
	if accountConcurrency-others-*in.ReservedConcurrentExecutions < minUnreserved {
		return answer{}, invalid("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", minUnreserved)
	}
	if err := s.reserve(name, in.ReservedConcurrentExecutions); err != nil {
		return answer{}, err
	}
	return ok(in)
}

func (s *Service) deleteFunctionConcurrency(_ *http.Request, name string) (answer, error) {
	return answer{http.StatusNoContent, nil}, s.reserve(name, nil)
}

func (s *Service) reserve(name string, reserved *int) error {
	err := s.functions.Update(name, func(f *function, found bool) error {
		if !found {
			return functionNotFound(s.arn(name))
		}
		f.Reserved = reserved
		return nil
	})
	if err == nil {
		s.places.changed(name)
	}
	return err
}

// reserved is the concurrency that is reserved for all functions but one, and how many functions there are in all.
func (s *Service) reserved(but string) (sum, functions int, err error) {
	err = s.functions.Each("", func(name string, f function) bool {
		functions++
		if name != but && f.Reserved != nil {
			sum += *f.Reserved
		}
		return true
	})
	return sum, functions, err
}

type accountLimit struct {
	TotalCodeSize                  int64
	CodeSizeUnzipped               int64
	CodeSizeZipped                 int64
	ConcurrentExecutions           int
	UnreservedConcurrentExecutions int
}

type accountUsage struct {
	TotalCodeSize int64
	FunctionCount int
}

func (s *Service) getAccountSettings(*http.Request, string) (answer, error) {
	reserved, functions, err := s.reserved("")
	if err != nil {
		return answer{}, err
	}
	return ok(struct {
		AccountLimit accountLimit
		AccountUsage accountUsage
	}{
		accountLimit{totalCodeSize, codeSizeUnzipped, codeSizeZipped, accountConcurrency, accountConcurrency - reserved},
		accountUsage{0, functions}, // images count for nothing
	})
}
