package wire

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// RESTOperation is one operation of a service that speaks REST JSON.
type RESTOperation struct {
	Name    string // AWS's, such as GetSchedule
	Pattern string // method and path, as http.ServeMux takes them
	Status  int    // of an answer that is no error
	Do      RESTFunc
}

// RESTFunc answers one call; a nil answer is an empty body. Path values are the request's.
type RESTFunc func(r *http.Request, body []byte) (any, error)

// REST makes an operation of a function that takes what the body holds. Its input has the path and the query of the request to
// look at.
func REST[In, Out any](do func(r *http.Request, in In) (Out, error)) RESTFunc {
	return func(r *http.Request, body []byte) (any, error) {
		var in In
		if len(body) > 0 {
			if err := json.Unmarshal(body, &in); err != nil {
				return nil, restInput(err)
			}
		}
		return do(r, in)
	}
}

func restInput(err error) error {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return Errorf(http.StatusBadRequest, "SerializationException", "%s can not be converted to %s", mismatch.Value, mismatch.Type)
	}
	return Errorf(http.StatusBadRequest, "SerializationException", "%v", err)
}

// RESTAPI is a service that speaks REST JSON. It is an http.Handler.
type RESTAPI struct {
	service string
	mux     *http.ServeMux
	names   map[string]string // of operations by pattern
}

// NewRESTAPI returns the service of that name, for errors, over its operations. Two operations of one pattern make it panic, as
// http.ServeMux does.
func NewRESTAPI(service string, operations []RESTOperation) *RESTAPI {
	a := &RESTAPI{service: service, mux: http.NewServeMux(), names: map[string]string{}}
	for _, o := range operations {
		a.names[o.Pattern] = o.Name
		a.mux.HandleFunc(o.Pattern, o.serve)
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		RESTJSON.WriteError(w, r, Unknown(a.service, r.Method+" "+r.URL.Path))
	})
	return a
}

// Operation is AWS's name of the operation that a request asks for, or its method and path where there is none.
func (a *RESTAPI) Operation(r *http.Request) string {
	_, pattern := a.mux.Handler(r)
	if name, found := a.names[pattern]; found {
		return name
	}
	return r.Method + " " + r.URL.Path
}

// ServeHTTP serves one call. The body must have been bounded by the caller.
func (a *RESTAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

func (o RESTOperation) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		RESTJSON.WriteError(w, r, err)
		return
	}
	out, err := o.Do(r, body)
	if err != nil {
		RESTJSON.WriteError(w, r, err)
		return
	}
	if out == nil {
		w.WriteHeader(o.Status)
		return
	}
	writeJSON(w, "application/json", o.Status, out)
}
