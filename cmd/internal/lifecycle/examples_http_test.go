package lifecycle

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// requester is who sends a request, as arguments to curl.
type requester []string

// signer signs requests to a service with a key pair and, of a role, its session token.
func signer(service, key, secret, token string) requester {
	c := requester{"--aws-sigv4", "aws:amz:us-east-1:" + service, "--user", key + ":" + secret}
	if token != "" {
		c = append(c, "--header", "X-Amz-Security-Token: "+token)
	}
	return c
}

// post sends a file and returns the status and the type of the answer, whose body is in answer.
func (c *cli) post(by requester, url, file string) string {
	c.t.Helper()
	args := append([]string{"--silent", "--show-error", "--noproxy", "*", "--output", "answer", "--write-out", "%{http_code} %{content_type}", "--data-binary", "@" + file, url}, by...)
	return c.run("curl", args...)
}

func (c *cli) answer() string {
	c.t.Helper()
	content, err := os.ReadFile(filepath.Join(c.dir, "answer"))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(content)
}

// refusal is the text of an answer that is no picture.
func (c *cli) refusal() string {
	text := c.answer()
	return strings.TrimSpace(text[:min(len(text), 300)])
}

// picture is what Pillow, which is not what made it, says of a picture.
func (c *cli) picture(file string) string {
	c.t.Helper()
	return strings.TrimSpace(c.run("/usr/bin/python3", "-c",
		"import sys; from PIL import Image; i = Image.open(sys.argv[1]); i.load(); print(i.format, *i.size)", file))
}

// stranger makes a role without rights, and returns its session.
func (c *cli) stranger(service string) requester {
	c.t.Helper()
	c.run("aws", "iam", "create-role", "--role-name", "caller", "--assume-role-policy-document",
		`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}]}`)
	var session struct {
		Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string }
	}
	c.ask(&session, "sts", "assume-role", "--role-arn", "arn:aws:iam::000000000000:role/caller", "--role-session-name", "test")
	return signer(service, session.Credentials.AccessKeyId, session.Credentials.SecretAccessKey, session.Credentials.SessionToken)
}

// TestPicturesAreResizedByRequests lets curl and the AWS CLI reach the example at each of its addresses, and be refused where they
// have to be.
func TestPicturesAreResizedByRequests(t *testing.T) {
	c := newExample(t, "http")
	c.debianImage("imagemagick.tar", "imagemagick")
	c.up()
	for _, at := range []struct {
		overlays []string
		resource string // that has the address
		service  string // in signatures
		public   bool
		more     func(c *cli, address string)
	}{
		{nil, "function_url/resize", "lambda", false, func(c *cli, address string) {
			c.readsURL(address)
			c.asksForBothRights(address)
			c.invokesByHand()
		}},
		{[]string{"public.yaml"}, "function_url/resize", "lambda", true, func(c *cli, address string) {
			c.readsStatements()
			c.runsNoWidth(address)
		}},
		{[]string{"public-api.yaml"}, "http_api/pictures", "execute-api", true, func(*cli, string) {}},
		{[]string{"api.yaml"}, "http_api/pictures", "execute-api", false, (*cli).readsAPI},
	} {
		t.Run(strings.Join(append([]string{"func.yaml"}, at.overlays...), " "), func(t *testing.T) {
			c := *c
			c.t = t
			planned := c.run("scar", append([]string{"plan", "--local"}, files(at.overlays...)...)...)
			if warned := strings.Contains(planned, "everybody who knows the address can call it"); warned != at.public {
				t.Errorf("the plan warns of a public address: %v", warned)
			}
			c.converge(at.overlays...)
			outputs := c.outputs()
			address := outputs[at.resource]["url"]
			if address == "" {
				c.t.Fatalf("scar prints no address of %s: %v", at.resource, outputs)
			}
			admin := signer(at.service, "local", "local", "")
			c.resizes(admin, address)
			c.refusesWhatIsNone(admin, address)
			if at.public {
				c.resizes(nil, address)
			} else {
				c.refusesCallers(address, at.service)
			}
			at.more(&c, address)
		})
	}
	c.leaveNothing()
}

// refusesCallers calls without a signature that counts.
func (c *cli) refusesCallers(address, service string) {
	c.t.Helper()
	for name, by := range map[string]requester{
		"unsigned":                   nil,
		"signed with a wrong key":    signer(service, "local", "wrong", ""),
		"signed by nobody":           signer(service, "AKIAIOSFODNN7EXAMPLE", "local", ""),
		"signed for another region":  {"--aws-sigv4", "aws:amz:eu-west-1:" + service, "--user", "local:local"},
		"signed for another service": signer("s3", "local", "local", ""),
	} {
		if status := c.post(by, address, "photo.jpg"); status != "403 application/json" || !strings.Contains(c.refusal(), "Forbidden") {
			c.t.Errorf("%s: %s %s", name, status, c.refusal())
		}
	}
}

// resizes sends the example's picture and has another program look at the answer.
func (c *cli) resizes(by requester, address string) {
	c.t.Helper()
	for query, want := range map[string]string{"?width=160": "JPEG 160 160", "": "JPEG 320 320"} {
		if status := c.post(by, address+query, "photo.jpg"); status != "200 image/jpeg" {
			c.t.Fatalf("%s: %s %s", query, status, c.refusal())
		}
		if got := c.picture("answer"); got != want {
			c.t.Errorf("%s: the answer is %s, want %s", query, got, want)
		}
	}
}

// refusesWhatIsNone sends widths that are none, among them some that try to run a program, and files that are no pictures.
func (c *cli) refusesWhatIsNone(by requester, address string) {
	c.t.Helper()
	c.write("no-picture", "push graphic-context\nimage over 0,0 0,0 'ephemeral:/etc/passwd'\npop graphic-context\n")
	c.write("damaged.jpg", "\xff\xd8\xff\xe0 and no more")
	c.write("empty", "")
	const number, damaged = "width wants a whole number from 1 to 4096", "this picture is damaged, or too large"
	for _, bad := range []struct{ query, file, says string }{
		{"?width=0", "photo.jpg", number},
		{"?width=4097", "photo.jpg", number},
		{"?width=-1", "photo.jpg", number},
		{"?width=", "photo.jpg", number},
		{"?width=160x9", "photo.jpg", number},
		{"?width=99999999999999999999", "photo.jpg", number},
		{"", "no-picture", "this is no picture in JPEG, PNG, GIF or WebP"},
		{"", "damaged.jpg", damaged},
		{"", "empty", "the request has no picture"},
	} {
		status := c.post(by, address+bad.query, bad.file)
		if got := c.refusal(); status != "400 text/plain" || got != bad.says {
			c.t.Errorf("%s with %s: %s %q, want 400 and %q", bad.query, bad.file, status, got, bad.says)
		}
	}
}

// runsNoWidth sends widths that a shell or ImageMagick could take for orders, without a signature, since curl before 8 does not
// sign queries that need escapes.
func (c *cli) runsNoWidth(address string) {
	c.t.Helper()
	escape := strings.NewReplacer("%", "%25", " ", "%20", "\n", "%0A", ";", "%3B")
	for _, width := range []string{"$(id)", "`id`", "1;id", "1 -write /tmp/x", "1\nid", "@/etc/passwd", "1%", "a[$(id)]", "１６０"} {
		status := c.post(requester{"--globoff"}, address+"?width="+escape.Replace(width), "photo.jpg")
		if status != "400 text/plain" || c.refusal() != "width wants a whole number from 1 to 4096" {
			c.t.Errorf("width %q: %s %q", width, status, c.refusal())
		}
	}
}

// asksForBothRights calls as a role that first has no right, then one of the two that AWS asks for, then both.
func (c *cli) asksForBothRights(address string) {
	c.t.Helper()
	stranger := c.stranger("lambda")
	for _, with := range []struct{ rights, status string }{
		{"", "403"},
		{`"lambda:InvokeFunctionUrl"`, "403"},
		{`"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"`, "200"},
	} {
		if with.rights != "" {
			c.run("aws", "iam", "put-role-policy", "--role-name", "caller", "--policy-name", "call", "--policy-document",
				fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [%s], "Resource": "arn:aws:lambda:us-east-1:000000000000:function:resize"}]}`, with.rights))
		}
		if status, _, _ := strings.Cut(c.post(stranger, address, "photo.jpg"), " "); status != with.status {
			c.t.Errorf("a role with [%s]: %s, want %s\n%s", with.rights, status, with.status, c.refusal())
		}
	}
}

// readsURL asks the AWS CLI for the address that curl reached.
func (c *cli) readsURL(address string) {
	c.t.Helper()
	var url struct{ FunctionUrl, AuthType, InvokeMode string }
	c.ask(&url, "lambda", "get-function-url-config", "--function-name", "resize")
	if url.FunctionUrl != address || url.AuthType != "AWS_IAM" || url.InvokeMode != "BUFFERED" {
		c.t.Errorf("the URL reads back as %+v", url)
	}
	if out, err := c.try("aws", "lambda", "get-policy", "--function-name", "resize"); err == nil {
		c.t.Errorf("a URL for callers who sign needs no statement, the function has %s", out)
	}
}

// readsStatements asks for what lets everybody call.
func (c *cli) readsStatements() {
	c.t.Helper()
	policy := c.run("aws", "lambda", "get-policy", "--function-name", "resize", "--output", "text", "--query", "Policy")
	if !strings.Contains(policy, "lambda:FunctionUrlAuthType") || !strings.Contains(policy, "lambda:InvokedViaFunctionUrl") {
		c.t.Errorf("the URL for everybody has the statements %s", policy)
	}
}

// readsAPI asks for the API and its route, and for the URL that it took the place of.
func (c *cli) readsAPI(address string) {
	c.t.Helper()
	var apis struct {
		Items []struct{ Name, ApiId, ApiEndpoint, ProtocolType string }
	}
	c.ask(&apis, "apigatewayv2", "get-apis")
	if len(apis.Items) != 1 || apis.Items[0].Name != "pictures" || apis.Items[0].ProtocolType != "HTTP" {
		c.t.Fatalf("there are the APIs %+v", apis.Items)
	}
	if strings.TrimSuffix(address, "/") != apis.Items[0].ApiEndpoint {
		c.t.Errorf("scar says that the API is at %s, the AWS CLI that it is at %s", address, apis.Items[0].ApiEndpoint)
	}
	var routes struct {
		Items []struct{ RouteKey, AuthorizationType string }
	}
	c.ask(&routes, "apigatewayv2", "get-routes", "--api-id", apis.Items[0].ApiId)
	if len(routes.Items) != 1 || routes.Items[0].RouteKey != "$default" || routes.Items[0].AuthorizationType != "AWS_IAM" {
		c.t.Errorf("the API has the routes %+v", routes.Items)
	}
	if out, err := c.try("aws", "lambda", "get-function-url-config", "--function-name", "resize"); err == nil {
		c.t.Errorf("beside the API the URL is still there: %s", out)
	}
}

// invokesByHand gives the function the event of a request by aws lambda invoke.
func (c *cli) invokesByHand() {
	c.t.Helper()
	photo, err := os.ReadFile(filepath.Join(c.dir, "photo.jpg"))
	if err != nil {
		c.t.Fatal(err)
	}
	event, err := json.Marshal(map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "width=64",
		"headers":               map[string]string{"content-type": "image/jpeg"},
		"queryStringParameters": map[string]string{"width": "64"},
		"requestContext": map[string]any{
			"http":      map[string]string{"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"},
			"requestId": "test", "routeKey": "$default", "stage": "$default", "time": "23/Nov/2026:12:00:00 +0000", "timeEpoch": 1795435200000,
		},
		"body": base64.StdEncoding.EncodeToString(photo), "isBase64Encoded": true,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.write("event.json", string(event))
	c.run("aws", "lambda", "invoke", "--function-name", "resize", "--payload", "fileb://event.json", "answer")
	var answer struct {
		StatusCode      int
		Headers         map[string]string
		Body            []byte
		IsBase64Encoded bool
	}
	if err := json.Unmarshal([]byte(c.answer()), &answer); err != nil {
		c.t.Fatalf("%v\n%s", err, c.answer())
	}
	c.write("answer", string(answer.Body))
	if got := c.picture("answer"); answer.StatusCode != 200 || !answer.IsBase64Encoded || got != "JPEG 64 64" {
		c.t.Errorf("aws lambda invoke answers %d with %s, %v", answer.StatusCode, got, answer.Headers)
	}
}
