package aws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/wire"
	"github.com/scar-go/scar/planner"
)

// testParameter is one that holds a secret.
func testParameter(secret string) planner.Parameter {
	name := planner.ParameterPath("imaging") + "grayify/TOKEN"
	digest, err := planner.ParameterDigest(name, secret)
	if err != nil {
		panic(err) // of the standard library: the parameters of the digest are constants
	}
	return planner.Parameter{Name: name, Type: "SecureString", Digest: digest, Tags: planner.Tags{"scar:project": "imaging", "scar:function": "grayify"}}
}

// TestLocalParameter takes a parameter through its life, with answers that get lost.
func TestLocalParameter(t *testing.T) {
	t.Parallel()
	script := local.NewScript()
	a := startLocal(t, script)
	const first, second = "hush-one", "hush-two"
	lose := func(operations ...string) {
		for _, operation := range operations {
			script.Inject("ssm:"+operation, 1, local.Fault{Drop: true, After: true})
		}
	}
	lose("PutParameter")
	one, two := testParameter(first), testParameter(second)
	cloud := func(secret string) *Cloud {
		return a.cloud(Options{Parameters: map[string]string{one.Name: secret}})
	}
	step(t, cloud(first), planner.Create, one.Name, nil, one)
	step(t, cloud(first), planner.Create, one.Name, nil, one)
	lose("PutParameter")
	step(t, cloud(second), planner.Update, one.Name, one, two)
	lose("AddTagsToResource", "RemoveTagsFromResource")
	tagged := two
	tagged.Tags = planner.Tags{"scar:project": "imaging", "team": "x"}
	step(t, a.cloud(Options{}), planner.Update, one.Name, two, tagged) // which needs no secret

	t.Log("somebody makes it a String")
	client := ssm.NewFromConfig(a.cfg)
	if _, err := client.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: &one.Name}); err != nil {
		t.Fatal(err)
	}
	_, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: &one.Name, Type: types.ParameterTypeString, Value: ptr(second),
		Tags: []types.Tag{{Key: ptr("scar:project"), Value: ptr("imaging")}}})
	if err != nil {
		t.Fatal(err)
	}
	byHand := two
	byHand.Type, byHand.Tags = "String", planner.Tags{"scar:project": "imaging"}
	lose("DeleteParameter", "PutParameter")
	step(t, cloud(second), planner.Replace, one.Name, byHand, two)
	lose("DeleteParameter")
	step(t, a.cloud(Options{}), planner.Delete, one.Name, two, nil)
	step(t, a.cloud(Options{}), planner.Delete, one.Name, two, nil)
	calls := local.Count(script.Calls())
	for operation, times := range map[string]int{"PutParameter": 8, "AddTagsToResource": 2, "RemoveTagsFromResource": 2, "DeleteParameter": 6} {
		if calls["ssm:"+operation] != times {
			t.Errorf("%s was called %d times, want %d", operation, calls["ssm:"+operation], times)
		}
	}
}

// TestParametersAreFoundByTheirPath lists more than a page has, and none of a project whose name goes on.
func TestParametersAreFoundByTheirPath(t *testing.T) {
	t.Parallel()
	a := startLocal(t, nil)
	client := ssm.NewFromConfig(a.cfg)
	var want []planner.Ref
	put := func(name, project string) {
		t.Helper()
		_, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: &name, Type: types.ParameterTypeSecureString, Value: ptr("v" + name),
			Tags: []types.Tag{{Key: ptr("scar:project"), Value: &project}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 23 {
		name := fmt.Sprintf("/scar/imaging/f/V%02d", i)
		put(name, "imaging")
		want = append(want, planner.Ref{Kind: planner.KindParameter, Name: name})
	}
	put("/scar/imaging2/f/V", "imaging2")
	cloud := a.cloud(Options{})
	got, err := cloud.Find(t.Context(), "imaging")
	if err != nil {
		t.Fatal(err)
	}
	got = slices.DeleteFunc(got, func(r planner.Ref) bool { return r.Kind != planner.KindParameter })
	if !slices.Equal(got, want) {
		t.Errorf("found %v", got)
	}
	state, err := cloud.Read(t.Context(), append(want, planner.Ref{Kind: planner.KindParameter, Name: "/scar/imaging/f/absent"}))
	if err != nil {
		t.Fatal(err)
	}
	digests := map[string]bool{}
	for _, r := range state {
		digests[r.Value.(planner.Parameter).Digest] = true
		if r.Owner.Project != "imaging" {
			t.Errorf("%s belongs to %v", r.Address, r.Owner)
		}
	}
	if len(state) != len(want) || len(digests) != len(want) {
		t.Errorf("read %d parameters with %d digests, want %d", len(state), len(digests), len(want))
	}
}

// TestASecretThatWasNotPlannedIsNotWritten has another secret at hand than the plan's, or none.
func TestASecretThatWasNotPlannedIsNotWritten(t *testing.T) {
	for name, secrets := range map[string]map[string]string{
		"another": {testParameter("").Name: "another"}, "none": nil,
	} {
		t.Run(name, func(t *testing.T) {
			store := newFakeSSM()
			c := assemble(Options{Project: "imaging", Naming: testNaming, Parameters: secrets}, clients{ssm: store})
			want := testParameter("planned")
			change := planner.Change{Address: planner.Address{Kind: planner.KindParameter, Name: want.Name}, Action: planner.Create, After: want}
			_, err := c.Do(t.Context(), planner.Batch{change}, nil)
			if err == nil || !strings.Contains(err.Error(), "plan again") || strings.Contains(err.Error(), "another") {
				t.Errorf("error %v", err)
			}
			if store.count("PutParameter") != 0 {
				t.Error("something was written")
			}
		})
	}
}

// TestParameterWaits has Systems Manager work on another write, and not know a new parameter yet.
func TestParameterWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFakeSSM()
		want := testParameter("planned")
		c := assemble(Options{Project: "imaging", Naming: testNaming, Parameters: map[string]string{want.Name: "planned"}}, clients{ssm: store})
		busy := answer("TooManyUpdates", "There are concurrent updates for a resource that supports one update at a time.")
		store.fails["PutParameter"] = []error{busy, busy}
		step(t, c, planner.Create, want.Name, nil, want)
		store.fails["AddTagsToResource"] = []error{errNoResource}
		tagged := want
		tagged.Tags = planner.Tags{"scar:project": "imaging", "new": "tag"}
		step(t, c, planner.Update, want.Name, want, tagged)
	})
}

// TestParameterOfAnotherIsLeft refuses to change or delete what does not carry the project's tag.
func TestParameterOfAnotherIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFakeSSM()
		want := testParameter("planned")
		store.stored[want.Name] = types.Parameter{Name: &want.Name, Type: types.ParameterTypeSecureString, Value: ptr("theirs")}
		c := assemble(Options{Project: "imaging", Naming: testNaming, Parameters: map[string]string{want.Name: "planned"}}, clients{ssm: store})
		for _, change := range []planner.Change{
			{Action: planner.Create, After: want}, {Action: planner.Update, Before: want, After: want}, {Action: planner.Delete, Before: want},
		} {
			change.Address = planner.Address{Kind: planner.KindParameter, Name: want.Name}
			if _, err := c.Do(t.Context(), planner.Batch{change}, nil); err == nil || !strings.Contains(err.Error(), "plan again") {
				t.Errorf("%s: error %v", change.Action, err)
			}
		}
		if got := *store.stored[want.Name].Value; got != "theirs" {
			t.Errorf("it holds %q", got)
		}
	})
}

// TestMissingRightsToParametersAreNamed has every call denied.
func TestMissingRightsToParametersAreNamed(t *testing.T) {
	want := testParameter("planned")
	for _, operation := range []string{"GetParameters", "PutParameter", "ListTagsForResource", "DeleteParameter", "AddTagsToResource"} {
		t.Run(operation, func(t *testing.T) {
			script := local.NewScript()
			a := startLocal(t, script)
			c := a.cloud(Options{Parameters: map[string]string{want.Name: "planned"}})
			address := planner.Address{Kind: planner.KindParameter, Name: want.Name}
			if operation == "DeleteParameter" || operation == "AddTagsToResource" {
				step(t, c, planner.Create, want.Name, nil, want)
			}
			script.Inject("ssm:"+operation, 1, local.Fault{Err: wire.Errorf(http.StatusBadRequest, "AccessDeniedException", "User is not authorized to perform: ssm:%s", operation)})
			change := planner.Change{Address: address, Action: planner.Create, After: want}
			switch operation {
			case "DeleteParameter":
				change.Action, change.Before, change.After = planner.Delete, want, nil
			case "AddTagsToResource":
				tagged := want
				tagged.Tags = planner.Tags{"scar:project": "imaging", "new": "tag"}
				change.Action, change.Before, change.After = planner.Update, want, tagged
			}
			_, err := c.Do(t.Context(), planner.Batch{change}, nil)
			if err == nil || !strings.Contains(err.Error(), "needs the right ssm:"+operation) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestSecretsShowNowhere looks for a secret in the plan's form of a parameter and in what is said of a change that was not taken.
func TestSecretsShowNowhere(t *testing.T) {
	const secret = "correct-horse"
	want := testParameter(secret)
	var shown bytes.Buffer
	if err := json.NewEncoder(&shown).Encode(want); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&shown, "%+v %s", want, differences(planner.Diff(testParameter("other"), want)))
	if strings.Contains(shown.String(), secret) || strings.Contains(differences(planner.Diff(testParameter("other"), want)), want.Digest) {
		t.Errorf("it shows: %s", shown.String())
	}
}
