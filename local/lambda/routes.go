package lambda

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// The API versions in Lambda's paths.
const (
	functionsPath   = "/2015-03-31/functions"
	mappingsPath    = "/2015-03-31/event-source-mappings"
	tagsPath        = "/2017-03-31/tags"
	accountPath     = "/2016-08-19/account-settings"
	reservePath     = "/2017-10-31/functions"
	asyncPath       = "/2019-09-25/functions"
	concurrencyPath = "/2019-09-30/functions"
	urlPath         = "/2021-10-31/functions"
	signingPath     = "/2020-06-30/functions"
)

// answer is what an operation answers: a status and a body that is written as JSON. A nil body is an
// empty one.
type answer struct {
	status int
	body   any
}

// operation is one operation of the API, on the function of that name where it has one.
type operation func(s *Service, r *http.Request, name string) (answer, error)

// operations are found by method, API version and what follows the name in the path. "*" stands for
// one more part of the path.
var operations = map[string]operation{
	"POST " + functionsPath:                          (*Service).createFunction,
	"GET " + functionsPath:                           (*Service).listFunctions,
	"GET " + functionsPath + "/*":                    (*Service).getFunction,
	"DELETE " + functionsPath + "/*":                 (*Service).deleteFunction,
	"GET " + functionsPath + "/*/configuration":      (*Service).getFunctionConfiguration,
	"PUT " + functionsPath + "/*/configuration":      (*Service).updateFunctionConfiguration,
	"PUT " + functionsPath + "/*/code":               (*Service).updateFunctionCode,
	"GET " + functionsPath + "/*/policy":             (*Service).getPolicy,
	"POST " + functionsPath + "/*/policy":            (*Service).addPermission,
	"DELETE " + functionsPath + "/*/policy/*":        (*Service).removePermission,
	"GET " + functionsPath + "/*/versions":           (*Service).listVersions,
	"GET " + concurrencyPath + "/*/concurrency":      (*Service).getFunctionConcurrency,
	"PUT " + reservePath + "/*/concurrency":          (*Service).putFunctionConcurrency,
	"DELETE " + reservePath + "/*/concurrency":       (*Service).deleteFunctionConcurrency,
	"GET " + accountPath:                             (*Service).getAccountSettings,
	"PUT " + asyncPath + "/*/event-invoke-config":    (*Service).putInvokeConfig,
	"POST " + asyncPath + "/*/event-invoke-config":   (*Service).updateInvokeConfig,
	"GET " + asyncPath + "/*/event-invoke-config":    (*Service).getInvokeConfig,
	"DELETE " + asyncPath + "/*/event-invoke-config": (*Service).deleteInvokeConfig,
	"GET " + asyncPath + "/*/event-invoke-config/*":  (*Service).listInvokeConfigs,
	"POST " + mappingsPath:                           (*Service).createMapping,
	"GET " + mappingsPath:                            (*Service).listMappings,
	"GET " + mappingsPath + "/*":                     (*Service).getMapping,
	"PUT " + mappingsPath + "/*":                     (*Service).updateMapping,
	"DELETE " + mappingsPath + "/*":                  (*Service).deleteMapping,
	"POST " + urlPath + "/*/url":                     (*Service).createURL,
	"GET " + urlPath + "/*/url":                      (*Service).getURL,
	"PUT " + urlPath + "/*/url":                      (*Service).updateURL,
	"DELETE " + urlPath + "/*/url":                   (*Service).deleteURL,
	"GET " + urlPath + "/*/urls":                     (*Service).listURLs,
	"GET " + signingPath + "/*/code-signing-config":  (*Service).getFunctionCodeSigningConfig,
	"GET " + tagsPath + "/*":                         (*Service).listTags,
	"POST " + tagsPath + "/*":                        (*Service).tagResource,
	"DELETE " + tagsPath + "/*":                      (*Service).untagResource,
}

// ServeHTTP serves one call of the API.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, parts, err := route(r)
	if err != nil {
		wire.RESTJSON.WriteError(w, r, err)
		return
	}
	name, err := s.subject(key, parts)
	if err != nil {
		wire.RESTJSON.WriteError(w, r, err)
		return
	}
	if key == "POST "+functionsPath+"/*/invocations" {
		s.invoke(w, r, name)
		return
	}
	serve, found := operations[key]
	if !found {
		wire.RESTJSON.WriteError(w, r, wire.Unknown("lambda", r.Method+" "+r.URL.Path))
		return
	}
	a, err := serve(s, r, name)
	if err != nil {
		wire.RESTJSON.WriteError(w, r, err)
		return
	}
	writeAnswer(w, r, a)
}

// subject is what an operation is about: a function's name, or the id of an event source mapping.
func (s *Service) subject(key string, parts []string) (string, error) {
	switch {
	case len(parts) == 0:
		return "", nil
	case strings.HasSuffix(key, " "+mappingsPath+"/*"):
		return parts[0], nil
	case strings.HasSuffix(key, " "+tagsPath+"/*") && mappingID(parts[0]) != "":
		return parts[0], nil
	default:
		return s.nameOf(parts[0])
	}
}

// route splits a path into the key of its operation and the parts that "*" stands for in it. Parts
// may hold escaped slashes. A slash at the end means nothing.
func route(r *http.Request) (key string, stars []string, err error) {
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	for i, p := range parts {
		if i < 2 || i%2 == 1 {
			continue
		}
		decoded, err := url.PathUnescape(p)
		if err != nil {
			return "", nil, invalid("the path holds a broken escape")
		}
		parts[i] = "*"
		stars = append(stars, decoded)
	}
	return r.Method + " /" + strings.Join(parts, "/"), stars, nil
}

func writeAnswer(w http.ResponseWriter, r *http.Request, a answer) {
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	b, err := json.Marshal(a.body)
	if err != nil {
		wire.RESTJSON.WriteError(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = w.Write(b) // a client that has gone away is told nothing
}

// read decodes the body of a request.
func read(r *http.Request, in any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, in); err != nil {
		var mismatch *json.UnmarshalTypeError
		if errors.As(err, &mismatch) {
			return wire.Errorf(http.StatusBadRequest, "SerializationException", "%s can not be converted to %s", mismatch.Value, mismatch.Type)
		}
		return wire.Errorf(http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json: %v", err)
	}
	return nil
}

func ok(body any) (answer, error) { return answer{http.StatusOK, body}, nil }

func (s *Service) getFunctionCodeSigningConfig(_ *http.Request, name string) (answer, error) {
	if _, err := s.get(name); err != nil {
		return answer{}, err
	}
	return ok(struct{ CodeSigningConfigArn, FunctionName string }{"", name})
}
