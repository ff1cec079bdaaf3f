package supervisor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/scar-go/scar/runtime/event"
	"github.com/scar-go/scar/runtime/job"
)

// The payload of a synchronous answer in bytes, by https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html and
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
const (
	answerLimit         = 6 << 20
	loadBalancerLimit   = 1 << 20
	keptBack            = 4 << 10                          // of the limit, for what is beside the body
	directBody          = (answerLimit - keptBack) / 4 * 3 // what is left for a body, which base64 makes a third longer
	loadBalancerBody    = (loadBalancerLimit - keptBack) / 4 * 3
	contentType         = "Content-Type"
	setCookie           = "Set-Cookie"
	privateErrorMessage = "the invocation failed; the function's log says why"
)

// answersByHTTP reports whether a caller by HTTP waits for the answer, who gets to know of a failure by its status.
func (v *invocation) answersByHTTP() bool {
	return v.event != nil && v.event.Kind == event.HTTP && !(v.event.Request != nil && v.event.Request.Async)
}

// front is what takes the answer: a function URL's shape serves those who did not come by HTTP too.
func (v *invocation) front() event.Front {
	if v.event == nil || v.event.Request == nil {
		return event.URL
	}
	return v.event.Request.Front
}

// answerLimit is how many bytes the payload of the answer may have.
func (v *invocation) answerLimit() int {
	if f := v.front(); f == event.LoadBalancer || f == event.LoadBalancerMulti {
		return loadBalancerLimit
	}
	return answerLimit
}

// bodyLimit is how many bytes of output an answer holds.
func (v *invocation) bodyLimit() int {
	if v.answerLimit() == loadBalancerLimit {
		return loadBalancerBody
	}
	return directBody
}

// shape is the answer in the form that the event's front asks for. Callers by HTTP always get a content type, and no
// body with a status that has none.
func (v *invocation) shape(r *reply) (*job.Response, error) {
	headers := r.headers
	if v.answersByHTTP() {
		switch {
		case r.status == http.StatusNoContent || r.status == http.StatusNotModified:
			r = &reply{status: r.status, headers: headers}
		case !r.has(contentType):
			headers = append(headers[:len(headers):len(headers)], header{contentType, guessType(r.body)})
		}
	}
	response := job.NewResponse(v.id, v.Getenv("AWS_LAMBDA_LOG_GROUP_NAME"), v.Getenv("AWS_LAMBDA_LOG_STREAM_NAME"), r.body)
	response.StatusCode = r.status
	switch v.front() {
	case event.URL:
		for _, h := range headers {
			if strings.EqualFold(h.name, setCookie) {
				response.Cookies = append(response.Cookies, h.value)
			}
		}
		join(response.Headers, headers, setCookie)
	case event.REST:
		response.MultiValueHeaders = repeated(headers)
		join(response.Headers, headers, "")
		for name := range response.MultiValueHeaders {
			delete(response.Headers, name)
		}
	case event.LoadBalancer:
		response.StatusDescription = description(r.status)
		if cookies := repeated(headers); cookies[canonical(headers, setCookie)] != nil {
			return nil, fmt.Errorf("a load balancer sets one cookie for an answer, not several, unless its target group has multi-value headers")
		}
		join(response.Headers, headers, "")
	case event.LoadBalancerMulti:
		response.StatusDescription = description(r.status)
		response.MultiValueHeaders = map[string][]string{}
		for name, value := range response.Headers {
			response.MultiValueHeaders[name] = []string{value}
		}
		response.Headers = nil
		for _, h := range headers {
			name := canonical(headers, h.name)
			response.MultiValueHeaders[name] = append(response.MultiValueHeaders[name], h.value)
		}
	}
	return response, nil
}

// canonical is the first spelling of a name among headers, whose case makes no difference.
func canonical(headers []header, name string) string {
	for _, h := range headers {
		if strings.EqualFold(h.name, name) {
			return h.name
		}
	}
	return name
}

// join adds headers to those that are there, the values of a repeated one as a list, but leaves one out.
func join(to map[string]string, headers []header, without string) {
	for _, h := range headers {
		if strings.EqualFold(h.name, without) {
			continue
		}
		name := canonical(headers, h.name)
		if before, ok := to[name]; ok {
			to[name] = before + ", " + h.value
		} else {
			to[name] = h.value
		}
	}
}

// repeated is the values of those headers that have several, or nil.
func repeated(headers []header) map[string][]string {
	all := map[string][]string{}
	for _, h := range headers {
		name := canonical(headers, h.name)
		all[name] = append(all[name], h.value)
	}
	for name, values := range all {
		if len(values) == 1 {
			delete(all, name)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// description is the status as load balancers want it, such as 200 OK.
func description(status int) string {
	text := http.StatusText(status)
	if text == "" {
		text = "Status"
	}
	return fmt.Sprintf("%d %s", status, text)
}

// guessType is the content type of a body that the script says nothing of.
func guessType(body []byte) string {
	trimmed := strings.TrimLeft(string(body[:min(len(body), 512)]), " \t\r\n")
	if (strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[")) && json.Valid(body) {
		return "application/json"
	}
	return http.DetectContentType(body)
}

// answerFailure is what a caller by HTTP gets when the invocation failed. Callers may be anybody, so they get to know neither what
// the script wrote nor where things are stored.
func (v *invocation) answerFailure(failed *job.Error) ([]byte, *job.Error) {
	public := &job.Error{Type: failed.Type, Message: privateErrorMessage}
	status := http.StatusInternalServerError
	switch failed.Type {
	case job.ErrBadEvent:
		status = http.StatusBadRequest
		public.Message = failed.Message
	case job.ErrTimeout:
		status = http.StatusGatewayTimeout
		public.Message = withoutOutput(failed)
	case job.ErrScriptFailed, job.ErrScriptKilled, job.ErrDiskFull, job.ErrBadResponse, job.ErrResponseTooBig:
		public.Message = withoutOutput(failed)
	}
	body, err := json.Marshal(public)
	if err != nil {
		return nil, failed
	}
	answer, wrong := v.answer(&reply{status: status, headers: []header{{contentType, "application/json"}}, body: body})
	if wrong != nil {
		return nil, failed
	}
	return answer, nil
}
