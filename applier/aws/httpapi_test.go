package aws

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/scar-go/scar/planner"
)

func testAPI() planner.HTTPAPI {
	return planner.HTTPAPI{
		Name: "pictures", Function: testNaming.FunctionARN("grayify"), Auth: planner.AuthIAM, Timeout: 30000, Payload: "2.0",
		CORS:   planner.CORS{AllowOrigins: []string{"https://a.example", "https://b.example"}, AllowHeaders: []string{"content-type"}, MaxAge: 60},
		Invoke: true, Deploy: true, Tags: planner.Tags{"scar:project": "imaging", "scar:function": "grayify"},
	}
}

// apiWorld is an account with a function grayify and HTTP APIs.
type apiWorld struct {
	t      *testing.T
	lambda *fakeLambda
	apis   *fakeAPIs
	*Cloud
}

func newAPIWorld(t *testing.T) *apiWorld {
	w := &apiWorld{t: t, lambda: newFakeLambda(), apis: newFakeAPIs()}
	putFunction(t, w.lambda, grayify())
	w.Cloud = assemble(Options{Project: "imaging", Naming: testNaming}, clients{lambda: w.lambda, api: w.apis})
	return w
}

func (w *apiWorld) change(action planner.Action, before, after planner.Value) error {
	name := "pictures"
	if api, made := after.(planner.HTTPAPI); made {
		name = api.Name
	}
	change := planner.Change{Address: planner.Address{Kind: planner.KindHTTPAPI, Name: name}, Action: action, Before: before, After: after}
	_, err := w.Do(w.t.Context(), planner.Batch{change}, nil)
	return err
}

func (w *apiWorld) must(action planner.Action, before, after planner.Value) {
	w.t.Helper()
	if err := w.change(action, before, after); err != nil {
		w.t.Fatalf("%s: %v", action, err)
	}
}

func (w *apiWorld) live() planner.HTTPAPI {
	w.t.Helper()
	v, owner, err := w.httpAPIs.read(w.t.Context(), "pictures")
	if err != nil || owner.Project != "imaging" {
		w.t.Fatalf("owner %v, error %v", owner, err)
	}
	return v
}

func (w *apiWorld) only() *fakeAPI {
	w.t.Helper()
	if len(w.apis.apis) != 1 {
		w.t.Fatalf("%d APIs", len(w.apis.apis))
	}
	for _, api := range w.apis.apis {
		return api
	}
	return nil
}

func (w *apiWorld) readsAs(want planner.HTTPAPI) {
	w.t.Helper()
	if fields := planner.Diff(w.live(), want); len(fields) > 0 {
		w.t.Error(differences(fields))
	}
}

func TestHTTPAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAPIWorld(t)
		w.lambda.policies["grayify"] = map[string]planner.Statement{"by-hand": {Sid: "by-hand", Effect: "Allow"}}
		want := testAPI()
		w.must(planner.Create, nil, want)
		w.must(planner.Create, nil, want) // again, after a lost answer
		w.readsAs(want)
		api := w.only()
		if len(api.integrations) != 1 || len(api.routes) != 1 || len(api.stages) != 1 {
			t.Errorf("%+v", api)
		}
		statement := w.lambda.policies["grayify"][planner.APIStatementID("imaging")]
		if source := statement.Condition["ArnLike"]["AWS:SourceArn"]; len(source) != 1 || source[0] != "arn:aws:execute-api:eu-west-1:123456789012:"+*api.ApiId+"/*" {
			t.Errorf("statement %+v", statement)
		}
		told, err := w.httpAPIs.outputs(t.Context(), "pictures")
		if err != nil || told["url"] != *api.ApiEndpoint {
			t.Errorf("%v, %v", told, err)
		}
		open := want
		open.Auth, open.Timeout, open.CORS = planner.AuthNone, 5000, planner.CORS{}
		open.Tags = planner.Tags{"scar:project": "imaging", "scar:function": "grayify", "team": "x"}
		w.must(planner.Update, want, open)
		w.readsAs(open)
		w.must(planner.Delete, open, nil)
		if len(w.apis.apis) != 0 || len(w.lambda.policies["grayify"]) != 1 {
			t.Errorf("left: %v, %v", w.apis.apis, w.lambda.policies)
		}
		w.must(planner.Delete, open, nil)
	})
}

// TestHTTPAPIAfterACrash ends the program at each call that makes something. The next apply, which finds what is
// there, completes it, and nothing is there twice.
func TestHTTPAPIAfterACrash(t *testing.T) {
	crash := answer("Stop", "")
	for _, operation := range []string{"CreateApi", "AddPermission", "CreateIntegration", "CreateRoute", "CreateStage"} {
		for _, after := range []bool{false, true} {
			t.Run(operation, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newAPIWorld(t)
					if after { // the call took effect, and nothing came after it
						next := map[string]string{"CreateApi": "GetPolicy", "AddPermission": "CreateIntegration", "CreateIntegration": "CreateRoute", "CreateRoute": "CreateStage"}[operation]
						w.apis.fails[next], w.lambda.fails[next] = []error{crash}, []error{crash}
					} else {
						w.apis.fails[operation], w.lambda.fails[operation] = []error{crash}, []error{crash}
					}
					if err := w.change(planner.Create, nil, testAPI()); err == nil && operation != "CreateStage" {
						t.Fatal("it did not stop")
					}
					w.apis.fails, w.lambda.fails = map[string][]error{}, map[string][]error{}
					state, err := w.httpAPIs.readAll(t.Context(), []string{"pictures"}, 4)
					if err != nil {
						t.Fatal(err)
					}
					if len(state) == 1 {
						if state[0].Owner.Project != "imaging" {
							t.Errorf("it is found as %v's", state[0].Owner)
						}
						w.must(planner.Update, state[0].Value, testAPI())
					} else {
						w.must(planner.Create, nil, testAPI())
					}
					w.readsAs(testAPI())
					if api := w.only(); len(api.integrations) != 1 || len(api.routes) != 1 || len(api.stages) != 1 {
						t.Errorf("%+v", api)
					}
				})
			})
		}
	}
}

// TestHTTPAPIIsMadeOnce loses the answer of the call that makes an API, which API Gateway would do again.
func TestHTTPAPIIsMadeOnce(t *testing.T) {
	for name, fails := range map[string][]error{
		"lost":      {errLost},
		"throttled": {answer("TooManyRequestsException", "Too Many Requests"), answer("TooManyRequestsException", "")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newAPIWorld(t)
				w.apis.fails["CreateApi"] = fails
				w.must(planner.Create, nil, testAPI())
				w.only()
				w.readsAs(testAPI())
			})
		})
	}
}

// TestHTTPAPIPartsMadeTwice meets what a call made whose answer was lost in the SDK, which called again.
func TestHTTPAPIPartsMadeTwice(t *testing.T) {
	for _, operation := range []string{"CreateRoute", "CreateStage"} {
		synctest.Test(t, func(t *testing.T) {
			w := newAPIWorld(t)
			w.apis.fails[operation] = []error{answer("ConflictException", "exists")}
			w.must(planner.Create, nil, testAPI())
			w.readsAs(testAPI())
			if w.apis.count(operation) != 2 || w.apis.count("CreateIntegration") != 1 {
				t.Errorf("calls %v", w.apis.calls)
			}
		})
	}
}

func TestHTTPAPIThatChangedByHandIsRepaired(t *testing.T) {
	for name, change := range map[string]func(*apiWorld, *fakeAPI){
		"no route":          func(_ *apiWorld, a *fakeAPI) { a.routes = nil },
		"no stage":          func(_ *apiWorld, a *fakeAPI) { clear(a.stages) },
		"manual stage":      func(_ *apiWorld, a *fakeAPI) { a.stages[defaultRoute].AutoDeploy = ptr(false) },
		"no integration":    func(_ *apiWorld, a *fakeAPI) { a.integrations = nil },
		"other integration": func(_ *apiWorld, a *fakeAPI) { a.integrations[0].IntegrationType = types.IntegrationTypeHttpProxy },
		"old payload":       func(_ *apiWorld, a *fakeAPI) { a.integrations[0].PayloadFormatVersion = ptr("1.0") },
		"no authorization":  func(_ *apiWorld, a *fakeAPI) { a.routes[0].AuthorizationType = types.AuthorizationTypeNone },
		"no permission":     func(w *apiWorld, _ *fakeAPI) { clear(w.lambda.policies) },
		"other permission": func(w *apiWorld, _ *fakeAPI) {
			for _, s := range w.lambda.policies["grayify"] {
				s.Condition["ArnLike"]["AWS:SourceArn"] = planner.StringList{"arn:aws:execute-api:eu-west-1:123456789012:other/*"}
			}
		},
		"no CORS": func(_ *apiWorld, a *fakeAPI) { a.CorsConfiguration = nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newAPIWorld(t)
				w.must(planner.Create, nil, testAPI())
				change(w, w.only())
				live := w.live()
				if len(planner.Diff(live, testAPI())) == 0 {
					t.Fatal("it does not show")
				}
				w.must(planner.Update, live, testAPI())
				w.readsAs(testAPI())
			})
		})
	}
}

// TestHTTPAPIKeepsWhatIsNotManaged leaves routes alone that somebody added, and takes no integration of theirs.
func TestHTTPAPIKeepsWhatIsNotManaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAPIWorld(t)
		w.must(planner.Create, nil, testAPI())
		api := w.only()
		theirs := types.Integration{IntegrationId: ptr("theirs"), IntegrationType: types.IntegrationTypeAwsProxy, IntegrationUri: ptr(testNaming.FunctionARN("grayify")),
			PayloadFormatVersion: ptr("1.0"), TimeoutInMillis: ptr(int32(1000))}
		api.integrations = append([]types.Integration{theirs}, api.integrations...)
		api.routes = append([]types.Route{{RouteId: ptr("x"), RouteKey: ptr("GET /x"), Target: ptr("integrations/theirs")}}, api.routes...)
		w.readsAs(testAPI())
		api.routes = api.routes[:1]
		w.must(planner.Update, w.live(), testAPI())
		w.readsAs(testAPI())
		if *api.integrations[0].PayloadFormatVersion != "1.0" || len(api.routes) != 2 || len(api.integrations) != 2 {
			t.Errorf("%+v, %+v", api.integrations, api.routes)
		}
	})
}

// TestHTTPAPIChangesItsFunction takes the statement from the policy of the function before, also if it was stopped
// before it did.
func TestHTTPAPIChangesItsFunction(t *testing.T) {
	for _, stop := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newAPIWorld(t)
			other := grayify()
			other.Name = "blur"
			putFunction(t, w.lambda, other)
			w.must(planner.Create, nil, testAPI())
			want := testAPI()
			want.Function, want.Tags = testNaming.FunctionARN("blur"), planner.Tags{"scar:project": "imaging", "scar:function": "blur"}
			if stop {
				w.lambda.fails["RemovePermission"] = []error{answer("Stop", "")}
				if err := w.change(planner.Update, testAPI(), want); err == nil {
					t.Fatal("it did not stop")
				}
				if live := w.live(); live.Function != want.Function || len(planner.Diff(live, want)) == 0 {
					t.Fatalf("%+v", live)
				}
			}
			w.must(planner.Update, w.live(), want)
			w.readsAs(want)
			if len(w.lambda.policies["grayify"]) != 0 || len(w.lambda.policies["blur"]) != 1 {
				t.Errorf("policies %v", w.lambda.policies)
			}
		})
	}
}

// TestHTTPAPIIsNeverOpenToEverybody on the way from one function, which everybody may call, to another one, which only those
// who sign may. It stops before each call that changes something.
func TestHTTPAPIIsNeverOpenToEverybody(t *testing.T) {
	for _, operation := range []string{"AddPermission", "UpdateRoute", "UpdateIntegration", "UpdateApi", "RemovePermission"} {
		synctest.Test(t, func(t *testing.T) {
			w := newAPIWorld(t)
			other := grayify()
			other.Name = "blur"
			putFunction(t, w.lambda, other)
			open := testAPI()
			open.Auth = planner.AuthNone
			w.must(planner.Create, nil, open)
			want := testAPI()
			want.Auth, want.Function, want.CORS = planner.AuthIAM, testNaming.FunctionARN("blur"), planner.CORS{AllowOrigins: []string{"https://x.example"}}
			w.apis.fails[operation], w.lambda.fails[operation] = []error{answer("Stop", "")}, []error{answer("Stop", "")}
			if err := w.change(planner.Update, open, want); err == nil {
				t.Fatalf("%s: it did not stop", operation)
			}
			if live := w.live(); live.Auth == planner.AuthNone && (live.Function == want.Function || len(w.lambda.policies["blur"]) > 0) {
				t.Errorf("stopped before %s: everybody can call the new function: %+v", operation, live)
			}
			w.must(planner.Update, w.live(), want)
			w.readsAs(want)
		})
	}
}

// TestHTTPAPIsChangePlaces deletes one API of a function after another one was made for it: the statement is the other's by then.
func TestHTTPAPIsChangePlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAPIWorld(t)
		w.must(planner.Create, nil, testAPI())
		next := testAPI()
		next.Name = "images"
		w.must(planner.Create, nil, next)
		w.must(planner.Delete, testAPI(), nil)
		api, _, err := w.httpAPIs.read(t.Context(), "images")
		if err != nil || !api.Invoke {
			t.Errorf("the function's new API may not invoke it: %+v, %v", api, err)
		}
	})
}

func TestHTTPAPIsOfOneName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAPIWorld(t)
		w.apis.page = 1
		foreign := func(id string, tags map[string]string, protocol types.ProtocolType) {
			w.apis.apis[id] = &fakeAPI{Api: types.Api{ApiId: &id, Name: ptr("pictures"), ProtocolType: protocol, Tags: tags}}
		}
		foreign("a", nil, types.ProtocolTypeHttp)
		foreign("b", map[string]string{"scar:project": "other"}, types.ProtocolTypeHttp)
		foreign("c", map[string]string{"scar:project": "imaging"}, types.ProtocolTypeWebsocket)
		if _, _, err := w.httpAPIs.read(t.Context(), "pictures"); !errors.Is(err, errAbsent) {
			t.Errorf("error %v", err)
		}
		w.must(planner.Create, nil, testAPI())
		w.readsAs(testAPI())
		names, err := w.httpAPIs.names(t.Context())
		if err != nil || len(names) != 1 || names[0] != "pictures" {
			t.Errorf("%v, %v", names, err)
		}
		foreign("d", maps.Clone(testAPI().Tags), types.ProtocolTypeHttp)
		_, _, err = w.httpAPIs.read(t.Context(), "pictures")
		if err == nil || !strings.Contains(err.Error(), "2 HTTP APIs of the name pictures") || !strings.Contains(err.Error(), "(api1, d)") {
			t.Errorf("error %v", err)
		}
		if err := w.change(planner.Delete, testAPI(), nil); err == nil {
			t.Error("one of two was deleted")
		}
	})
}

// TestHTTPAPIOfAFunctionThatIsGone can still be read and deleted.
func TestHTTPAPIOfAFunctionThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAPIWorld(t)
		w.must(planner.Create, nil, testAPI())
		clear(w.lambda.functions)
		clear(w.lambda.policies)
		if live := w.live(); live.Invoke {
			t.Errorf("%+v", live)
		}
		w.must(planner.Delete, testAPI(), nil)
	})
}

func TestHTTPAPIEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAPIWorld(t)
		for range 1000 {
			w.apis.fails["CreateApi"] = append(w.apis.fails["CreateApi"], answer("TooManyRequestsException", ""))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		err := w.httpAPIs.create(ctx, testAPI(), func(string, int64, int64) {})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

func TestIntegrationFunction(t *testing.T) {
	function := testNaming.FunctionARN("grayify")
	for uri, want := range map[string]string{
		function: function,
		"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/" + function + "/invocations": function,
		"": "",
	} {
		if got := integrationFunction(types.Integration{IntegrationType: types.IntegrationTypeAwsProxy, IntegrationUri: &uri}); got != want {
			t.Errorf("%s: %s", uri, got)
		}
	}
	if got := integrationFunction(types.Integration{IntegrationType: types.IntegrationTypeHttpProxy, IntegrationUri: ptr("https://x.example")}); got != "" {
		t.Errorf("a URL is the function %s", got)
	}
}
