package secret

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/wire"
	"github.com/scar-go/scar/runtime/job"
)

func manager(name, key string) job.Secret {
	return job.Secret{Service: job.SecretsManager, Name: name, Key: key}
}

func TestGet(t *testing.T) {
	w := newWorld(t)
	w.parameter("/imaging/token", "tëxt\nof two lines")
	w.parameter("/imaging/token", "the last version")
	w.secret("imaging/db", `{"password":"p\u00e4ss","port":5432.10,"tls":true,"none":null,"list":[1]}`, nil)
	w.secret("plain", "no object", nil)
	w.secret("binary", "", []byte("bytes"))
	for _, c := range []struct {
		secret job.Secret
		want   string
	}{
		{parameter("/imaging/token"), "the last version"},
		{parameter("/imaging/token:1"), "tëxt\nof two lines"},
		{parameter("arn:aws:ssm:us-east-1:000000000000:parameter/imaging/token"), "the last version"},
		{manager("plain", ""), "no object"},
		{manager("binary", ""), "bytes"},
		{manager("imaging/db", "password"), "päss"},
		{manager("imaging/db", "port"), "5432.10"},
		{manager("imaging/db", "tls"), "true"},
		{manager("arn:aws:secretsmanager:us-east-1:000000000000:secret:imaging/db", "port"), "5432.10"},
	} {
		w.want(c.secret, c.want)
	}
	if n := w.fetches(); n != 7 {
		t.Errorf("%d fetches for 7 names of values", n)
	}
}

func TestErrorsNameTheSecretAndTellNothingOfIt(t *testing.T) {
	w := newWorld(t)
	w.secret("object", `{"hush":{"hush":1},"nothing":null}`, nil)
	w.secret("text", "hush hush", nil)
	w.secret("zero", "", []byte("hush\x00"))
	w.secret("broken", `{"hush":"hu`, nil)
	w.secret("empty", "", nil)
	for _, c := range []struct {
		secret job.Secret
		text   string
	}{
		{manager("object", "hash"), "secret secretsmanager:object#hash: its JSON object does not have the key"},
		{manager("object", "hush"), "is neither text, a number nor a boolean"},
		{manager("object", "nothing"), "is neither text, a number nor a boolean"},
		{manager("text", "key"), "secret secretsmanager:text#key: its value is no JSON object"},
		{manager("broken", "key"), "its value is no JSON object"},
		{manager("zero", ""), "secret secretsmanager:zero: it holds a zero byte"},
		{manager("empty", ""), "ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"},
		{manager("absent", "key"), "secret secretsmanager:absent#key: ResourceNotFoundException: Secrets Manager can't find the specified secret. (it must exist in the function's account and region)"},
		{parameter("/absent"), "secret ssm:/absent: ParameterNotFound (it must exist in the function's account and region)"},
		{parameter("/absent:label"), "ParameterNotFound"},
		{job.Secret{Service: "vault", Name: "x"}, `there is no service "vault" that keeps secrets`},
	} {
		got, err := w.cache.Get(context.Background(), c.secret)
		if err == nil || got != "" || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %q, %v; want the error %q", c.secret, got, err, c.text)
			continue
		}
		rest := strings.ReplaceAll(err.Error(), c.secret.String(), "")
		if strings.Contains(rest, "hush") {
			t.Errorf("%s: the error tells of the value: %v", c.secret, err)
		}
	}
}

func TestHints(t *testing.T) {
	denied := func(message string) error {
		return &smithy.GenericAPIError{Code: "AccessDeniedException", Message: message}
	}
	for _, c := range []struct {
		secret  job.Secret
		message string
		want    string
	}{
		{parameter("/a/b"), "User: r is not authorized to perform: ssm:GetParameter on resource: x", "needs ssm:GetParameter on parameter/a/b: permissions in func.yaml"},
		{parameter("/a/b"), "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.", "needs kms:Decrypt on the key"},
		{manager("n", "k"), "User: kms is not authorized to perform: secretsmanager:GetSecretValue on resource: n", "needs secretsmanager:GetSecretValue on secret:n-??????:"},
		{manager("arn:x", ""), "User: r is not authorized to perform: secretsmanager:GetSecretValue on resource: n", "needs secretsmanager:GetSecretValue on arn:x:"},
		{manager("n", ""), "Access to KMS is not allowed", "needs kms:Decrypt on the key"},
	} {
		err := explain(denied(c.message), c.secret)
		if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.message) || !definite(err) {
			t.Errorf("%s: %v, definite: %v; want %q", c.secret, err, definite(err), c.want)
		}
	}
}

func TestRotation(t *testing.T) {
	w := newWorld(t)
	w.parameter("/p", "old")
	w.want(parameter("/p"), "old")
	w.parameter("/p", "new")
	w.advance(Age - time.Second)
	w.want(parameter("/p"), "old")
	if n := w.fetches(); n != 1 {
		t.Errorf("%d fetches before the value was of age", n)
	}
	w.advance(time.Second)
	w.want(parameter("/p"), "new")
	w.want(parameter("/p"), "new")
	w.parameter("/p", "newest")
	w.advance(-time.Hour)
	w.want(parameter("/p"), "newest") // a clock that was set back does not keep a value for ever
	if got := w.takeWarnings(); got != nil {
		t.Errorf("warnings %q", got)
	}
}

func TestOldValueIsUsedWhileTheServiceFails(t *testing.T) {
	for name, fail := range map[string]func(w *world, times int){
		"throttled": func(w *world, times int) { w.script.Throttle("ssm:GetParameter", times) },
		"HTTP 500": func(w *world, times int) {
			for k := range times {
				w.script.Inject("ssm:GetParameter", k+1, local.Fault{Err: wire.Errorf(http.StatusInternalServerError, "Unheard", "of")})
			}
		},
		"no answer": func(w *world, times int) {
			for k := range times {
				w.script.Inject("ssm:GetParameter", k+1, local.Fault{Drop: true})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.parameter("/p", "old hush")
			w.want(parameter("/p"), "old hush")
			w.parameter("/p", "new hush")

			w.advance(Age)
			w.fetches()
			fail(w, attempts)
			w.want(parameter("/p"), "old hush")
			if n := w.fetches(); n != attempts {
				t.Errorf("%d attempts", n)
			}
			warnings := w.takeWarnings()
			if len(warnings) != 1 || !strings.Contains(warnings[0], "secret ssm:/p: the value of 5m0s ago is used") || strings.Contains(warnings[0], "hush") {
				t.Errorf("warnings %q", warnings)
			}
			w.advance(retryPause - time.Second)
			w.want(parameter("/p"), "old hush") // without another attempt, which would take its time again
			if n := w.fetches(); n != 0 {
				t.Errorf("%d attempts within the pause", n)
			}
			w.advance(time.Second)
			w.want(parameter("/p"), "new hush")

			w.advance(MaxAge)
			fail(w, attempts)
			if got, err := w.cache.Get(context.Background(), parameter("/p")); err == nil {
				t.Errorf("%q is used after an hour", got)
			}
			w.want(parameter("/p"), "new hush")
		})
	}
}

func TestWhatIsGoneIsGoneAtOnce(t *testing.T) {
	w := newWorld(t)
	w.parameter("/p", "old")
	w.want(parameter("/p"), "old")
	name := "/p"
	if _, err := w.ssm.DeleteParameter(context.Background(), &ssm.DeleteParameterInput{Name: &name}); err != nil {
		t.Fatal(err)
	}
	w.advance(Age)
	for range 2 {
		if got, err := w.cache.Get(context.Background(), parameter("/p")); err == nil || !strings.Contains(err.Error(), "ParameterNotFound") {
			t.Errorf("a deleted parameter: %q, %v", got, err)
		}
	}
	w.parameter("/p", "new")
	w.want(parameter("/p"), "new")

	w.advance(Age)
	w.script.Inject("ssm:GetParameter", 1, local.Fault{Err: wire.Errorf(http.StatusBadRequest, "AccessDeniedException", "no")})
	if got, err := w.cache.Get(context.Background(), parameter("/p")); err == nil {
		t.Errorf("a parameter that may not be read any more: %q", got)
	}
}

func TestOneFetchAtATime(t *testing.T) {
	w := newWorld(t)
	w.secret("db", `{"a":"1","b":"2"}`, nil)
	w.script.Latency(20 * time.Millisecond)
	var all sync.WaitGroup
	for i := range 50 {
		key, want := "a", "1"
		if i%2 == 1 {
			key, want = "b", "2"
		}
		all.Go(func() { w.want(manager("db", key), want) })
	}
	all.Wait()
	if n := w.fetches(); n != 1 {
		t.Errorf("%d fetches of one value", n)
	}
}

// hanging is a service that does not answer.
func hanging(t *testing.T) (endpoint string, asked <-chan struct{}) {
	t.Helper()
	calls := make(chan struct{}, 100)
	end := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		calls <- struct{}{}
		<-end
	}))
	t.Cleanup(func() {
		close(end)
		server.Close()
	})
	return server.URL, calls
}

func TestNobodyWaitsLongerThanTheirContext(t *testing.T) {
	w := newWorld(t)
	endpoint, asked := hanging(t)
	w.env["AWS_ENDPOINT_URL_SSM"] = endpoint
	first, giveUpFirst := context.WithCancel(context.Background())
	second, giveUpSecond := context.WithCancel(context.Background())
	failed := make(chan error, 2)
	go func() {
		_, err := w.cache.Get(first, parameter("/p"))
		failed <- err
	}()
	<-asked
	giveUpSecond()
	if _, err := w.cache.Get(second, parameter("/p")); !errors.Is(err, context.Canceled) {
		t.Errorf("who waited for another's fetch got %v", err)
	}
	giveUpFirst()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("who fetched got %v", err)
	}
}

func TestFetchesAreBounded(t *testing.T) {
	w := newWorld(t)
	endpoint, _ := hanging(t)
	w.cache.fetchTime, w.cache.refreshTime = time.Minute, 50*time.Millisecond
	w.parameter("/p", "old")
	w.want(parameter("/p"), "old")
	w.env["AWS_ENDPOINT_URL_SSM"] = endpoint
	w.cache.services.ssm = nil
	w.advance(Age)
	w.want(parameter("/p"), "old")
	if got := w.takeWarnings(); len(got) != 1 || !strings.Contains(got[0], "there was no answer within 50ms") {
		t.Errorf("warnings %q", got)
	}
	w.cache.fetchTime = 50 * time.Millisecond
	if _, err := w.cache.Get(context.Background(), parameter("/other")); err == nil || !strings.Contains(err.Error(), "there was no answer within 50ms") {
		t.Errorf("error %v", err)
	}
}

// An answer that cannot be read may hold the value where the error quotes it.
func TestUnreadableAnswersAreNotQuoted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"Parameter":{"Value":"hush","Version":"hush"},"SecretString":"hush","CreatedDate":"hush"}`))
	}))
	defer server.Close()
	env := map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": server.URL}
	cache := New(Options{Getenv: func(name string) string { return env[name] }})
	for _, s := range []job.Secret{parameter("/p"), manager("n", "")} {
		_, err := cache.Get(context.Background(), s)
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", s, err)
		}
		for wrapped := err; wrapped != nil; wrapped = errors.Unwrap(wrapped) {
			var unreadable *smithy.DeserializationError
			if errors.As(wrapped, &unreadable) {
				t.Errorf("%s: the error carries the answer", s)
			}
		}
	}
}

func TestEnvironment(t *testing.T) {
	asked := 0
	env := map[string]string{}
	cache := New(Options{Getenv: func(name string) string {
		asked++
		return env[name]
	}})
	if asked > 0 {
		t.Error("the environment is read before a secret is asked for")
	}
	for _, c := range []struct{ set, want string }{
		{"", "AWS_REGION is not set"},
		{"AWS_DEFAULT_REGION=eu-west-1", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"},
		{"AWS_ACCESS_KEY_ID=k", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"},
	} {
		if name, value, found := strings.Cut(c.set, "="); found {
			env[name] = value
		}
		for _, s := range []job.Secret{parameter("/p"), manager("n", "")} {
			if _, err := cache.Get(context.Background(), s); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("with %q: %v, want %q", c.set, err, c.want)
			}
		}
	}
}
