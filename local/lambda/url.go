package lambda

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/scar-go/scar/local/httpevent"
	"github.com/scar-go/scar/local/wire"
)

// The ways in which callers of a function URL show who they are.
const (
	authIAM  = "AWS_IAM"
	authNone = "NONE"
)

const (
	invokeBuffered = "BUFFERED"
	urlTime        = "2006-01-02T15:04:05.000000000Z" // of CreationTime
	maxCORSAge     = 86400                            // s
)

// functionURL is the URL of a function as it is stored.
type functionURL struct {
	ID       string
	Auth     string // authIAM or authNone
	CORS     *cors  // nil: none
	Created  time.Time
	Modified time.Time
}

type cors struct {
	AllowCredentials bool     `json:",omitempty"`
	AllowHeaders     []string `json:",omitempty"`
	AllowMethods     []string `json:",omitempty"`
	AllowOrigins     []string `json:",omitempty"`
	ExposeHeaders    []string `json:",omitempty"`
	MaxAge           int      `json:",omitempty"` // seconds
}

func (c *cors) isZero() bool {
	return c == nil || !c.AllowCredentials && c.MaxAge == 0 &&
		len(c.AllowHeaders)+len(c.AllowMethods)+len(c.AllowOrigins)+len(c.ExposeHeaders) == 0
}

// forAnswers is what answers to browsers are made from.
func (c *cors) forAnswers() httpevent.CORS {
	if c == nil {
		return httpevent.CORS{}
	}
	return httpevent.CORS{
		AllowOrigins: c.AllowOrigins, AllowMethods: c.AllowMethods, AllowHeaders: c.AllowHeaders, ExposeHeaders: c.ExposeHeaders,
		AllowCredentials: c.AllowCredentials, MaxAge: c.MaxAge,
	}
}

// corsMethods are those that AllowMethods may hold. A preflight is answered by Lambda, so OPTIONS is none.
var corsMethods = []string{"*", http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

func (c *cors) check() error {
	if c == nil {
		return nil
	}
	for _, m := range c.AllowMethods {
		if !slices.Contains(corsMethods, m) {
			return wire.Errorf(http.StatusBadRequest, "ValidationException",
				"1 validation error detected: Value '[%s]' at 'cors.allowMethods' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 6, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: .*]", m)
		}
	}
	if c.MaxAge < 0 || c.MaxAge > maxCORSAge {
		return wire.Errorf(http.StatusBadRequest, "ValidationException",
			"1 validation error detected: Value '%d' at 'cors.maxAge' failed to satisfy constraint: Member must have value between 0 and %d", c.MaxAge, maxCORSAge)
	}
	return nil
}

type urlInput struct {
	AuthType   string
	InvokeMode string
	Cors       *cors
}

func (in *urlInput) check() error {
	if in.InvokeMode != "" && in.InvokeMode != invokeBuffered {
		return invalid("the local backend serves function URLs with InvokeMode %s only", invokeBuffered)
	}
	if in.AuthType != "" && in.AuthType != authIAM && in.AuthType != authNone {
		return wire.Errorf(http.StatusBadRequest, "ValidationException",
			"1 validation error detected: Value '%s' at 'authType' failed to satisfy constraint: Member must satisfy enum value set: [%s, %s]", in.AuthType, authNone, authIAM)
	}
	return in.Cors.check()
}

type urlOutput struct {
	FunctionURL      string `json:"FunctionUrl"`
	FunctionArn      string
	AuthType         string
	Cors             *cors `json:",omitempty"`
	CreationTime     string
	LastModifiedTime string
	InvokeMode       string
}

func (s *Service) urlOf(name string, u *functionURL) urlOutput {
	return urlOutput{
		s.address(u.ID), s.arn(name), u.Auth, u.CORS, u.Created.UTC().Format(urlTime), u.Modified.UTC().Format(urlTime), invokeBuffered,
	}
}

// urlHost is the host of a function URL, without a port. Systems and programs resolve all names below localhost to this machine.
func (s *Service) urlHost(id string) string {
	return fmt.Sprintf("%s.lambda-url.%s.localhost", id, s.cfg.Region)
}

// address is a function URL, at the port at which the backend is served now.
func (s *Service) address(id string) string {
	host := s.urlHost(id)
	if at, err := url.Parse(s.cfg.Endpoint()); err == nil && at.Port() != "" {
		host += ":" + at.Port()
	}
	return "http://" + host + "/"
}

// URL is a function URL.
type URL struct {
	Function string // name
	Address  string // http://ID.lambda-url.REGION.localhost:PORT/
}

// URLs lists the URLs of all functions, by the functions' names.
func (s *Service) URLs() ([]URL, error) {
	var all []URL
	err := s.functions.Each("", func(name string, f function) bool {
		if f.URL != nil {
			all = append(all, URL{name, s.address(f.URL.ID)})
		}
		return true
	})
	return all, err
}

func noURL() error {
	return wire.Errorf(http.StatusNotFound, "ResourceNotFoundException", "The resource you requested does not exist.")
}

func (s *Service) createURL(r *http.Request, name string) (answer, error) {
	var in urlInput
	if err := s.readQualified(r, name, &in); err != nil {
		return answer{}, err
	}
	if in.AuthType == "" {
		return answer{}, wire.Errorf(http.StatusBadRequest, "ValidationException",
			"1 validation error detected: Value null at 'authType' failed to satisfy constraint: Member must not be null")
	}
	if err := in.check(); err != nil {
		return answer{}, err
	}
	now := s.cfg.Clock.Now()
	u := functionURL{ID: newURLID(), Auth: in.AuthType, Created: now, Modified: now}
	if !in.Cors.isZero() {
		u.CORS = in.Cors
	}
	if err := s.urls.Put(u.ID, name); err != nil {
		return answer{}, err
	}
	err := s.functions.Update(name, func(f *function, found bool) error {
		if !found {
			return functionNotFound(s.arn(name))
		}
		if f.URL != nil {
			return conflict("Failed to create function url config for [functionArn = %s]. Error message:  FunctionUrlConfig exists for this Lambda function", s.arn(name))
		}
		f.URL = &u
		return nil
	})
	if err != nil {
		return answer{}, errors.Join(err, s.urls.Delete(u.ID))
	}
	s.cfg.OnURL(URL{name, s.address(u.ID)})
	return answer{http.StatusCreated, s.urlOf(name, &u)}, nil
}

// newURLID makes an id as Lambda's are: 32 letters and digits. It is hard to guess, as they are.
func newURLID() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

func (s *Service) getURL(r *http.Request, name string) (answer, error) {
	if err := s.checkQualifier(r, name); err != nil {
		return answer{}, err
	}
	f, err := s.get(name)
	if err != nil {
		return answer{}, err
	}
	if f.URL == nil {
		return answer{}, noURL()
	}
	return ok(s.urlOf(name, f.URL))
}

func (s *Service) updateURL(r *http.Request, name string) (answer, error) {
	var in urlInput
	if err := s.readQualified(r, name, &in); err != nil {
		return answer{}, err
	}
	if err := in.check(); err != nil {
		return answer{}, err
	}
	u, err := s.editURL(name, func(f *function) {
		if in.AuthType != "" {
			f.URL.Auth = in.AuthType
		}
		if in.Cors.isZero() && in.Cors != nil {
			f.URL.CORS = nil
		} else if in.Cors != nil {
			f.URL.CORS = in.Cors
		}
		f.URL.Modified = s.cfg.Clock.Now()
	})
	if err != nil {
		return answer{}, err
	}
	return ok(s.urlOf(name, &u))
}

// editURL changes a function that has a URL, and returns the URL as it was or is.
func (s *Service) editURL(name string, edit func(*function)) (u functionURL, err error) {
	err = s.functions.Update(name, func(f *function, found bool) error {
		if !found {
			return functionNotFound(s.arn(name))
		}
		if f.URL == nil {
			return noURL()
		}
		was := f.URL
		edit(f)
		u = *was
		return nil
	})
	return u, err
}

func (s *Service) deleteURL(r *http.Request, name string) (answer, error) {
	if err := s.checkQualifier(r, name); err != nil {
		return answer{}, err
	}
	u, err := s.editURL(name, func(f *function) { f.URL = nil })
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusNoContent, nil}, s.urls.Delete(u.ID)
}

func (s *Service) listURLs(_ *http.Request, name string) (answer, error) {
	f, err := s.get(name)
	if err != nil {
		return answer{}, err
	}
	out := struct {
		FunctionURLConfigs []urlOutput `json:"FunctionUrlConfigs"`
	}{[]urlOutput{}}
	if f.URL != nil {
		out.FunctionURLConfigs = append(out.FunctionURLConfigs, s.urlOf(name, f.URL))
	}
	return ok(out)
}
