package ec2

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/local/wire"
)

const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

// clientOf is a client of a server, which tries three times without pauses worth the name.
func clientOf(endpoint string) *Client {
	return New(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", secret, "session token+/="),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
		},
	})
}

// serve answers with each of the handlers in turn, and says how many calls there were.
func serve(t *testing.T, answers ...http.HandlerFunc) (c *Client, calls *atomic.Int64) {
	t.Helper()
	calls = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(calls.Add(1))
		answers[min(n, len(answers))-1](w, r)
	}))
	t.Cleanup(server.Close)
	return clientOf(server.URL), calls
}

// say answers with a status and a body.
func say(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // a client that has gone away shows by itself
	}
}

func refuse(status int, code string) http.HandlerFunc {
	return say(status, `<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>`+code+
		`</Code><Message>about &lt;it&gt;</Message></Error></Errors><RequestID>5fb8</RequestID></Response>`)
}

const oneSubnet = `<?xml version="1.0" encoding="UTF-8"?>
<DescribeSubnetsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>59db</requestId><subnetSet><item>
<subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><availabilityZone>eu-west-1a</availabilityZone><tagSet><item><key>subnetId</key></item></tagSet>
</item></subnetSet></DescribeSubnetsResponse>`

var theSubnet = []Subnet{{ID: "subnet-1", VPC: "vpc-1", Zone: "eu-west-1a"}}

// verify checks the signature of a request at a time, and returns its form.
func verify(r *http.Request, now time.Time) (url.Values, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	signature, err := wire.ParseSignature(r)
	if err != nil {
		return nil, err
	}
	if signature.Service != "ec2" || signature.Region != "eu-west-1" || signature.AccessKey != "AKIAIOSFODNN7EXAMPLE" || signature.Token != "session token+/=" {
		return nil, fmt.Errorf("signed as %+v", signature)
	}
	sum := sha256.Sum256(body)
	if err := signature.Verify(r, secret, hex.EncodeToString(sum[:]), now); err != nil {
		return nil, err
	}
	return url.ParseQuery(string(body))
}

func TestRequestsAreSigned(t *testing.T) {
	var form url.Values
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var err error
		if form, err = verify(r, time.Now()); err != nil {
			t.Error(err)
		}
		if r.Method != http.MethodPost || r.URL.Path != "/" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" ||
			!strings.HasPrefix(r.UserAgent(), "aws-sdk-go-v2/") || r.Header.Get("Amz-Sdk-Invocation-Id") == "" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		say(http.StatusOK, oneSubnet)(w, r)
	})
	subnets, err := c.Subnets(t.Context(), []string{"subnet-1", "a&b=ü"})
	if err != nil || !reflect.DeepEqual(subnets, theSubnet) {
		t.Errorf("%+v, %v", subnets, err)
	}
	want := url.Values{"Action": {"DescribeSubnets"}, "Version": {"2016-11-15"}, "SubnetId.1": {"subnet-1"}, "SubnetId.2": {"a&b=ü"}}
	if !reflect.DeepEqual(form, want) {
		t.Errorf("form %v", form)
	}
}

func TestCallLeavesParametersAsTheyAre(t *testing.T) {
	c, _ := serve(t, say(http.StatusOK, "<DeleteVpcResponse><return>true</return></DeleteVpcResponse>"))
	params := url.Values{"VpcId": {"vpc-1"}}
	if err := c.Call(t.Context(), "DeleteVpc", params, nil); err != nil || len(params) != 1 {
		t.Errorf("%v, %v", params, err)
	}
	if err := c.Call(t.Context(), "DeleteVpc", nil, nil); err != nil {
		t.Error(err)
	}
}

// TestRefusals are the answers that are not asked for again.
func TestRefusals(t *testing.T) {
	for name, q := range map[string]struct {
		answer            http.HandlerFunc
		code, message, id string
		status            int
		calls             int64
		fault             smithy.ErrorFault
	}{
		"absent": {answer: refuse(400, "InvalidSubnetID.NotFound"), code: "InvalidSubnetID.NotFound", message: "about <it>", id: "5fb8", status: 400, calls: 1, fault: smithy.FaultClient},
		"denied": {answer: refuse(403, "UnauthorizedOperation"), code: "UnauthorizedOperation", message: "about <it>", id: "5fb8", status: 403, calls: 1, fault: smithy.FaultClient},
		"opt-in": {answer: refuse(401, "AuthFailure"), code: "AuthFailure", message: "about <it>", id: "5fb8", status: 401, calls: 1, fault: smithy.FaultClient},
		"empty":  {answer: say(404, ""), code: "UnknownError", message: "the answer is 404 Not Found, without an error of EC2's", status: 404, calls: 1, fault: smithy.FaultClient},
		"proxy": {answer: say(407, "<html><body>no</body></html>"), code: "UnknownError",
			message: "the answer is 407 Proxy Authentication Required, without an error of EC2's", status: 407, calls: 1, fault: smithy.FaultClient},
		"elsewhere": {answer: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) }, code: "UnknownError",
			message: "the answer is 302 Found, without an error of EC2's", status: 302, calls: 1, fault: smithy.FaultClient},
		"throttled for good": {answer: refuse(503, "RequestLimitExceeded"), code: "RequestLimitExceeded", message: "about <it>", id: "5fb8", status: 503, calls: 3, fault: smithy.FaultServer},
		"broken for good": {answer: say(502, "<html>"), code: "UnknownError",
			message: "the answer is 502 Bad Gateway, without an error of EC2's", status: 502, calls: 3, fault: smithy.FaultServer},
	} {
		t.Run(name, func(t *testing.T) {
			c, calls := serve(t, q.answer)
			_, err := c.Subnets(t.Context(), nil)
			var operation *smithy.OperationError
			var api smithy.APIError
			var response *awshttp.ResponseError
			if !errors.As(err, &operation) || !errors.As(err, &api) || !errors.As(err, &response) {
				t.Fatalf("%v", err)
			}
			if operation.ServiceID != "EC2" || operation.OperationName != "DescribeSubnets" {
				t.Errorf("operation %s %s", operation.ServiceID, operation.OperationName)
			}
			if api.ErrorCode() != q.code || api.ErrorMessage() != q.message || api.ErrorFault() != q.fault {
				t.Errorf("error %s %q %s", api.ErrorCode(), api.ErrorMessage(), api.ErrorFault())
			}
			if response.HTTPStatusCode() != q.status || response.ServiceRequestID() != q.id {
				t.Errorf("response %d %q", response.HTTPStatusCode(), response.ServiceRequestID())
			}
			if calls.Load() != q.calls {
				t.Errorf("%d calls", calls.Load())
			}
		})
	}
}

// TestAnswersThatAreNone are successes of something else than EC2: to take one for an empty list would mean that things do
// not exist.
func TestAnswersThatAreNone(t *testing.T) {
	for name, q := range map[string]struct{ body, want string }{
		"empty":         {"", "it has no element DescribeSubnetsResponse"},
		"only a header": {`<?xml version="1.0"?>`, "it has no element DescribeSubnetsResponse"},
		"page":          {"<html><body/></html>", `it is an element "html", not DescribeSubnetsResponse`},
		"text":          {"welcome", "it has no element DescribeSubnetsResponse"},
		"another's":     {"<DescribeVpcsResponse/>", `it is an element "DescribeVpcsResponse", not DescribeSubnetsResponse`},
		"broken off":    {oneSubnet[:len(oneSubnet)-30], "unexpected EOF"},
		"JSON":          {`{"subnets":[]}`, "it has no element DescribeSubnetsResponse"},
		"other charset": {`<?xml version="1.0" encoding="latin1"?><DescribeSubnetsResponse/>`, `encoding "latin1"`},
	} {
		c, calls := serve(t, say(http.StatusOK, q.body))
		subnets, err := c.Subnets(t.Context(), nil)
		var operation *smithy.OperationError
		if err == nil || !errors.As(err, &operation) || !strings.Contains(err.Error(), q.want) || calls.Load() != 1 {
			t.Errorf("%s: %+v, %v after %d calls", name, subnets, err, calls.Load())
		}
	}
}

func TestAnswersThatAreTooLarge(t *testing.T) {
	c, calls := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		block := []byte(strings.Repeat(" ", 1<<20))
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	if _, err := c.Subnets(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "larger than") || calls.Load() != 1 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
}

// hangUp ends the connection without an answer.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestRetries(t *testing.T) {
	for name, first := range map[string]http.HandlerFunc{
		"throttled":   refuse(503, "RequestLimitExceeded"),
		"throttled 4": refuse(400, "RequestLimitExceeded"), // a code says more than a status
		"fault":       refuse(500, "InternalError"),
		"gateway":     say(504, "<html>"),
		"hung up":     hangUp,
		"broken off": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100000")
			say(http.StatusOK, oneSubnet)(w, r)
		},
	} {
		c, calls := serve(t, first, first, func(w http.ResponseWriter, r *http.Request) {
			if form, err := verify(r, time.Now()); err != nil || form.Get("SubnetId.1") != "subnet-1" {
				t.Errorf("%s: %v, %v", name, form, err)
			}
			say(http.StatusOK, oneSubnet)(w, r)
		})
		subnets, err := c.Subnets(t.Context(), []string{"subnet-1"})
		if err != nil || !reflect.DeepEqual(subnets, theSubnet) || calls.Load() != 3 {
			t.Errorf("%s: %+v, %v after %d calls", name, subnets, err, calls.Load())
		}
	}
}

func TestAttemptsOfTheConfiguration(t *testing.T) {
	for _, attempts := range []int{0, 1, 2} {
		ours, calls := serve(t, refuse(503, "RequestLimitExceeded"))
		cfg := ours.cfg
		cfg.RetryMaxAttempts = attempts
		want := int64(attempts)
		if attempts == 0 {
			want = int64(retry.DefaultMaxAttempts)
		}
		if _, err := New(cfg).SecurityGroups(t.Context(), nil); err == nil || calls.Load() != want {
			t.Errorf("%d: %v after %d calls", attempts, err, calls.Load())
		}
	}
}

// TestTheContextEndsPauses waits for an hour, as far as the retryer is concerned.
func TestTheContextEndsPauses(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ours, calls := serve(t, refuse(503, "RequestLimitExceeded"))
	cfg := ours.cfg
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) {
				cancel()
				return time.Hour, nil
			})
		})
	}
	if _, err := New(cfg).Subnets(ctx, nil); !errors.Is(err, context.Canceled) || calls.Load() != 1 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
}

func TestTheContextEndsCalls(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, calls := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server see that the client leaves
		cancel()
		<-r.Context().Done()
	})
	if _, err := c.Subnets(ctx, nil); !errors.Is(err, context.Canceled) || calls.Load() != 1 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
}

// TestAWrongClock is that of this machine, an hour behind the service's.
func TestAWrongClock(t *testing.T) {
	strict := func(w http.ResponseWriter, r *http.Request) {
		now := time.Now().Add(time.Hour)
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		if _, err := verify(r, now); err != nil {
			refuse(http.StatusUnauthorized, "AuthFailure")(w, r)
			return
		}
		say(http.StatusOK, oneSubnet)(w, r)
	}
	c, calls := serve(t, strict)
	for _, want := range []int64{2, 3} { // the second call knows
		if subnets, err := c.Subnets(t.Context(), nil); err != nil || !reflect.DeepEqual(subnets, theSubnet) || calls.Load() != want {
			t.Errorf("%+v, %v after %d calls", subnets, err, calls.Load())
		}
	}
}

func TestCredentials(t *testing.T) {
	ours, calls := serve(t, say(http.StatusOK, oneSubnet))
	broken := errors.New("the session has ended")
	for _, provider := range []aws.CredentialsProvider{nil, aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, broken })} {
		cfg := ours.cfg
		cfg.Credentials = provider
		_, err := New(cfg).Subnets(t.Context(), nil)
		if err == nil || !strings.Contains(err.Error(), "get credentials") || provider != nil && !errors.Is(err, broken) || calls.Load() != 0 {
			t.Errorf("%v after %d calls", err, calls.Load())
		}
	}
}

func TestPages(t *testing.T) {
	var asked []string
	page := func(id, next string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			form, err := verify(r, time.Now())
			if err != nil {
				t.Error(err)
			}
			asked = append(asked, form.Get("GroupId.1")+" "+form.Get("NextToken"))
			say(http.StatusOK, `<DescribeSecurityGroupsResponse><securityGroupInfo><item><groupId>`+id+`</groupId><vpcId>vpc-1</vpcId>
				<ipPermissions><item><groups><item><groupId>sg-other</groupId></item></groups></item></ipPermissions></item></securityGroupInfo><nextToken>`+
				next+`</nextToken></DescribeSecurityGroupsResponse>`)(w, r)
		}
	}
	c, _ := serve(t, page("sg-1", "a/b"), page("sg-2", "c"), page("sg-3", ""))
	groups, err := c.SecurityGroups(t.Context(), []string{"sg-1"})
	if want := []SecurityGroup{{"sg-1", "vpc-1"}, {"sg-2", "vpc-1"}, {"sg-3", "vpc-1"}}; err != nil || !reflect.DeepEqual(groups, want) {
		t.Errorf("%+v, %v", groups, err)
	}
	if want := []string{"sg-1 ", "sg-1 a/b", "sg-1 c"}; !reflect.DeepEqual(asked, want) {
		t.Errorf("asked %q", asked)
	}
	c, calls := serve(t, page("sg-1", "again"))
	if _, err := c.SecurityGroups(t.Context(), nil); err == nil || calls.Load() != 2 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
}

// FuzzAnswer gives any answer: there is either a list of what it says, or an error that names the call.
func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(oneSubnet))
	f.Add(200, []byte("<DescribeSubnetsResponse/>"))
	f.Add(200, []byte("<html>"))
	f.Add(200, []byte(strings.TrimSuffix(oneSubnet, "</DescribeSubnetsResponse>")))
	f.Add(400, []byte("<Response><Errors><Error><Code>InvalidSubnetID.NotFound</Code></Error></Errors></Response>"))
	f.Add(503, []byte{})
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		c := clientOf("http://ec2.invalid")
		c.retryer = aws.NopRetryer{}
		c.http = roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(body)))}, nil
		})
		subnets, err := c.Subnets(t.Context(), nil)
		var operation *smithy.OperationError
		var api smithy.APIError
		success := status >= 200 && status < 300
		switch {
		case err != nil && (!errors.As(err, &operation) || errors.As(err, &api) == success || success && len(subnets) > 0):
			t.Errorf("%d %q: %+v, %v", status, body, subnets, err)
		case err == nil && (!success || !strings.Contains(string(body), "DescribeSubnetsResponse")):
			t.Errorf("%d %q: %+v", status, body, subnets)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) Do(r *http.Request) (*http.Response, error) { return f(r) }
