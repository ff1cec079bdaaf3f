// Package ssm serves the parameters of AWS Systems Manager, and nothing else of it.
//
// There is no KMS behind it: the values of SecureString parameters lie in the backend's state file as they are, and only
// the file's mode keeps other users from them. KeyId is kept and shown, and asks for no right on a key. No value is ever part of
// an error or a log line.
package ssm

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// Config is what a Service needs. All of it must be given.
type Config struct {
	DB      *store.DB
	Clock   clock.Clock
	Account string // twelve digits
	Region  string
}

// Service is the Systems Manager of one account and region.
type Service struct {
	cfg        Config
	parameters *store.Table[parameter] // by name, as it was given
	operations map[string]wire.JSONOperation
}

// parameter is a parameter, as it is stored.
type parameter struct {
	Name     string
	Tags     map[string]string
	Versions []version // the oldest first; never empty
}

// version is one version of a parameter.
type version struct {
	Number         int64
	Type           string
	Value          string
	Description    string
	KeyID          string // of SecureString only
	AllowedPattern string
	DataType       string
	Tier           string
	Modified       time.Time
	ModifiedBy     string // ARN
}

// The types and tiers of parameters.
const (
	typeString     = "String"
	typeStringList = "StringList"
	typeSecure     = "SecureString"

	tierStandard    = "Standard"
	tierAdvanced    = "Advanced"
	tierIntelligent = "Intelligent-Tiering"
)

// New returns the service, with the state that is in the database.
func New(cfg Config) (*Service, error) {
	parameters, err := store.NewTable[parameter](cfg.DB, "ssm.parameters")
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, parameters: parameters}
	s.operations = map[string]wire.JSONOperation{
		"PutParameter":           wire.JSON(s.putParameter),
		"GetParameter":           wire.JSON(s.getParameter),
		"GetParameters":          wire.JSON(s.getParameters),
		"GetParametersByPath":    wire.JSON(s.getParametersByPath),
		"DescribeParameters":     wire.JSON(s.describeParameters),
		"DeleteParameter":        wire.JSON(s.deleteParameter),
		"DeleteParameters":       wire.JSON(s.deleteParameters),
		"AddTagsToResource":      wire.JSON(s.addTagsToResource),
		"RemoveTagsFromResource": wire.JSON(s.removeTagsFromResource),
		"ListTagsForResource":    wire.JSON(s.listTagsForResource),
	}
	return s, nil
}

// ServeHTTP serves one call.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	wire.ServeJSON(w, r, "ssm", s.operations)
}

// Tagged are the parameters for the tagging service.
func (s *Service) Tagged(context.Context) ([]wire.Resource, error) {
	var out []wire.Resource
	err := s.parameters.Each("", func(_ string, p parameter) bool {
		out = append(out, wire.Resource{ARN: s.ARN(p.Name), Tags: p.Tags})
		return true
	})
	return out, err
}

// ARN is the ARN that a parameter's name, or name:version, stands for; an ARN stands for itself. A name that begins with a slash
// does not bring a second one.
func (s *Service) ARN(id string) string {
	name, _ := s.split(id)
	return s.prefix() + strings.TrimPrefix(name, "/")
}

func (s *Service) prefix() string {
	return fmt.Sprintf("arn:%s:ssm:%s:%s:parameter/", wire.Partition(s.cfg.Region), s.cfg.Region, s.cfg.Account)
}

// split takes a name or an ARN apart into the name and what selects a version, which may be empty. The name that an ARN stands for is
// ambiguous, since a leading slash is no part of an ARN: it has one if there are others.
func (s *Service) split(id string) (name, selector string) {
	id = strings.TrimSpace(id)
	if rest, found := strings.CutPrefix(id, s.prefix()); found {
		id = rest
		if strings.Contains(id, "/") {
			id = "/" + id
		}
	} else if strings.HasPrefix(id, "arn:") {
		return id, "" // of another account or region, where this backend has nothing
	}
	name, selector, _ = strings.Cut(id, ":")
	return name, selector
}

// find is the parameter that a name or an ARN stands for.
func (s *Service) find(id string) (p parameter, selector string, found bool, err error) {
	name, selector := s.split(id)
	p, found, err = s.parameters.Get(name)
	if err == nil && !found && strings.HasPrefix(id, "arn:") {
		p, found, err = s.parameters.Get("/" + name) // a name of one part that was given with a slash
	}
	return p, selector, found, err
}

func (p parameter) latest() version { return p.Versions[len(p.Versions)-1] }

func failure(code, format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, code, format, args...)
}

func invalid(format string, args ...any) error {
	return failure("ValidationException", format, args...)
}

// constraint says which field breaks a rule of the API model.
func constraint(value any, field, rule string) error {
	return invalid("1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: Member must %s", value, field, rule)
}

// noSuchParameter has no message, as AWS's.
func noSuchParameter() error { return failure("ParameterNotFound", "%s", "") }
