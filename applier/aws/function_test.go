package aws

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/scar-go/scar/applier"
	"github.com/scar-go/scar/planner"
)

var testNaming = planner.Naming{Partition: "aws", Account: "123456789012", Region: "eu-west-1"}

func grayify() planner.Function {
	return planner.Function{
		Name: "grayify", Description: "To gray", PackageType: "Image", Image: testNaming.ImageURI("scar/imaging", "sha256:1"),
		Role: testNaming.RoleARN("imaging", "scar-grayify-eu-west-1"), Memory: 512, Timeout: 30, EphemeralStorage: 512,
		Architecture: "x86_64", Environment: map[string]string{"A": "1"}, LogGroup: "/aws/lambda/grayify", LogFormat: "Text",
		Concurrency: planner.Unreserved,
		Tags:        planner.Tags{"scar:project": "imaging", "scar:function": "grayify"},
	}
}

// changeFunction runs one change of a function against the fake and says how long it took.
func changeFunction(ctx context.Context, fake *fakeLambda, action planner.Action, before, after planner.Value) (took time.Duration, said []string, err error) {
	c := assemble(Options{Project: "imaging", Naming: testNaming}, clients{lambda: fake})
	start := time.Now()
	change := planner.Change{
		Address: planner.Address{Kind: planner.KindFunction, Name: "grayify"}, Action: action, Before: before, After: after,
	}
	_, err = c.Do(ctx, planner.Batch{change}, func(p applier.Progress) { said = append(said, p.Message) })
	return time.Since(start), said, err
}

func create(t *testing.T, fake *fakeLambda) {
	t.Helper()
	if _, _, err := changeFunction(t.Context(), fake, planner.Create, nil, grayify()); err != nil {
		t.Fatal(err)
	}
}

func readsAs(t *testing.T, fake *fakeLambda, want planner.Function) {
	t.Helper()
	f := &functions{client: fake, naming: testNaming}
	live, owner, err := f.read(t.Context(), "grayify")
	if err != nil || owner.Project != "imaging" {
		t.Fatalf("owner %v, error %v", owner, err)
	}
	if fields := planner.Diff(live, want); len(fields) > 0 {
		t.Error(differences(fields))
	}
}

func TestCreateFunctionWaitsForItsRoleAndUntilItIsActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		fake.pending = 45 * time.Second
		fake.fails["CreateFunction"] = []error{errRoleNotReady, errRoleNotReady, errRoleNotReady}
		took, said, err := changeFunction(t.Context(), fake, planner.Create, nil, grayify())
		if err != nil {
			t.Fatal(err)
		}
		if took < 45*time.Second || took > time.Minute {
			t.Errorf("took %s", took)
		}
		all := strings.Join(said, "\n")
		if !strings.Contains(all, "until Lambda can use the role") || !strings.Contains(all, "until the function is active") {
			t.Errorf("said %s", all)
		}
		if n := fake.count("CreateFunction"); n != 4 {
			t.Errorf("%d tries", n)
		}
		readsAs(t, fake, grayify())
	})
}

func TestCreateFunctionGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		for range 1000 {
			fake.fails["CreateFunction"] = append(fake.fails["CreateFunction"], errRoleNotReady)
		}
		took, _, err := changeFunction(t.Context(), fake, planner.Create, nil, grayify())
		if err == nil || !strings.Contains(err.Error(), "gave up after 5m0s") || !strings.Contains(err.Error(), "cannot be assumed") {
			t.Errorf("error %v", err)
		}
		if took > roleWait {
			t.Errorf("took %s", took)
		}
	})
}

func TestCreateFunctionDoesNotRetryMistakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		fake.fails["CreateFunction"] = []error{answer("InvalidParameterValueException", "Source image does not exist.")}
		took, _, err := changeFunction(t.Context(), fake, planner.Create, nil, grayify())
		if err == nil || took != 0 {
			t.Errorf("%v after %s", err, took)
		}
	})
}

func TestCreateFunctionWhoseAnswerWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		fake.stale = 3
		create(t, fake)
		// Everything again, as after a crash: the function is there, and not seen at first.
		fake.functions["grayify"].stale = 3
		create(t, fake)
		readsAs(t, fake, grayify())
	})
}

func TestCreateFunctionRefusesOneOfSomebodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		create(t, fake)
		fake.functions["grayify"].now.Tags = map[string]string{"scar:project": "other"}
		_, _, err := changeFunction(t.Context(), fake, planner.Create, nil, grayify())
		if !errors.Is(err, errForeign) || fake.count("TagResource") != 0 {
			t.Errorf("error %v", err)
		}
		_, _, err = changeFunction(t.Context(), fake, planner.Delete, grayify(), nil)
		if !errors.Is(err, errForeign) || fake.functions["grayify"] == nil {
			t.Errorf("error %v", err)
		}
	})
}

func TestCreateFunctionThatFailsIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		fake.pending, fake.failing = time.Minute, true
		_, _, err := changeFunction(t.Context(), fake, planner.Create, nil, grayify())
		if err == nil || !strings.Contains(err.Error(), "could not create the function: InvalidImage: no entry point") {
			t.Errorf("error %v", err)
		}
		if fake.functions["grayify"] != nil {
			t.Error("it is in the way of the next try")
		}
	})
}

func TestFunctionThatFailedIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		create(t, fake)
		fake.failing = true
		live, _, err := (&functions{client: fake}).read(t.Context(), "grayify")
		if err != nil || !needsReplacement(planner.Diff(live, grayify())) {
			t.Errorf("%+v, %v", live, err)
		}
		fake.failing = false
		if _, _, err := changeFunction(t.Context(), fake, planner.Replace, live, grayify()); err != nil {
			t.Error(err)
		}
		readsAs(t, fake, grayify())
	})
}

func TestUpdateFunctionInTwoSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		create(t, fake)
		fake.functions["grayify"].now.Configuration.ImageConfigResponse = &types.ImageConfigResponse{
			ImageConfig: &types.ImageConfig{Command: []string{"by hand"}, WorkingDirectory: ptr("/x")},
		}
		fake.functions["grayify"].now.Tags["by hand"] = "1"
		before := grayify()
		before.Tags = maps.Clone(before.Tags)
		before.Tags["by hand"] = "1" // seen by the plan, and not wanted
		fake.pending, fake.stale = 20*time.Second, 1
		want := grayify()
		want.Memory, want.Environment, want.Architecture = 1024, nil, "arm64"
		want.Image = testNaming.ImageURI("scar/imaging", "sha256:2")
		want.Tags = planner.Tags{"scar:project": "imaging", "team": "x"}
		if _, _, err := changeFunction(t.Context(), fake, planner.Update, before, want); err != nil {
			t.Fatal(err)
		}
		readsAs(t, fake, want)
		if fake.count("UpdateFunctionConfiguration") != 1 || fake.count("UpdateFunctionCode") < 1 {
			t.Errorf("calls %v", fake.calls)
		}
	})
}

func TestUpdateFunctionCallsOnlyWhatIsNeeded(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*planner.Function)
		want   []string
	}{
		"nothing": {func(*planner.Function) {}, nil},
		"tags":    {func(f *planner.Function) { f.Tags["x"] = "y" }, []string{"TagResource"}},
		"code":    {func(f *planner.Function) { f.Image += "0" }, []string{"UpdateFunctionCode"}},
		"memory":  {func(f *planner.Function) { f.Memory++ }, []string{"UpdateFunctionConfiguration"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFakeLambda()
				create(t, fake)
				fake.calls = nil
				want := grayify()
				c.change(&want)
				if _, _, err := changeFunction(t.Context(), fake, planner.Update, grayify(), want); err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, call := range fake.calls {
					if call != "GetFunction" {
						got = append(got, call)
					}
				}
				if strings.Join(got, " ") != strings.Join(c.want, " ") {
					t.Errorf("calls %v, want %v", got, c.want)
				}
			})
		})
	}
}

func TestUpdateFunctionThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		create(t, fake)
		fake.failing = true
		fake.functions["grayify"].update = true
		want := grayify()
		want.Image += "0"
		_, _, err := changeFunction(t.Context(), fake, planner.Update, grayify(), want)
		if err == nil || !strings.Contains(err.Error(), "the version before keeps serving: InvalidImage") || fake.functions["grayify"] == nil {
			t.Errorf("error %v", err)
		}
	})
}

// TestFunctionWhoseUpdateFailedIsDeployedAgain has Lambda answer the wanted image although the one before serves.
func TestFunctionWhoseUpdateFailedIsDeployedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		create(t, fake)
		fake.failing, fake.functions["grayify"].update = true, true
		live, _, err := (&functions{client: fake}).read(t.Context(), "grayify")
		if fields := planner.Diff(live, grayify()); err != nil || len(fields) != 1 || fields[0].Path != "image" {
			t.Fatalf("%v, %v", fields, err)
		}
		fake.failing, fake.calls = false, nil
		if _, _, err := changeFunction(t.Context(), fake, planner.Update, live, grayify()); err != nil {
			t.Fatal(err)
		}
		readsAs(t, fake, grayify())
	})
}

func TestUpdateThatDoesNotShowIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		create(t, fake)
		fake.stale = 1 << 30
		want := grayify()
		want.Memory = 2048
		took, _, err := changeFunction(t.Context(), fake, planner.Update, grayify(), want)
		if err == nil || !strings.Contains(err.Error(), "memory is 512, not 2048") {
			t.Errorf("error %v", err)
		}
		if took > defaultSettle+time.Minute {
			t.Errorf("took %s", took)
		}
	})
}

func TestChangeEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		fake.pending = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		took, _, err := changeFunction(ctx, fake, planner.Create, nil, grayify())
		if !errors.Is(err, context.DeadlineExceeded) || took != 7*time.Second {
			t.Errorf("%v after %s", err, took)
		}
	})
}

func TestDeleteFunctionThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, _, err := changeFunction(t.Context(), newFakeLambda(), planner.Delete, grayify(), nil); err != nil {
			t.Error(err)
		}
	})
}

func TestPermissionsOfOneFunctionAreWrittenOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		c := assemble(Options{Project: "imaging", Naming: testNaming}, clients{lambda: fake})
		errs := make(chan error)
		buckets := []string{"a", "b", "c", "d"}
		for _, b := range buckets {
			go func() {
				p := permissionFor(b)
				change := planner.Change{Address: planner.Address{Kind: planner.KindPermission, Name: "grayify/" + p.StatementID}, Action: planner.Create, After: p}
				_, err := c.Do(t.Context(), planner.Batch{change}, nil)
				errs <- err
			}()
		}
		for range buckets {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if n := len(fake.policies["grayify"]); n != len(buckets) {
			t.Errorf("%d statements", n)
		}
	})
}

func permissionFor(bucket string) planner.Permission {
	return planner.Permission{
		Function: "grayify", StatementID: planner.StatementID("imaging", bucket), Action: "lambda:InvokeFunction",
		Principal: "s3.amazonaws.com", SourceARN: testNaming.BucketARN(bucket), SourceAccount: testNaming.Account,
	}
}

func TestPermissionIsCorrected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		c := assemble(Options{Project: "imaging", Naming: testNaming}, clients{lambda: fake})
		want := permissionFor("a")
		wrong := want
		wrong.SourceAccount = "210987654321"
		address := planner.Address{Kind: planner.KindPermission, Name: "grayify/" + want.StatementID}
		for _, change := range []planner.Change{
			{Address: address, Action: planner.Create, After: wrong},
			{Address: address, Action: planner.Create, After: want}, // exists, and differs
			{Address: address, Action: planner.Update, Before: wrong, After: want},
		} {
			if _, err := c.Do(t.Context(), planner.Batch{change}, nil); err != nil {
				t.Fatal(err)
			}
		}
		got, owner, err := c.permissions.read(t.Context(), address.Name)
		if err != nil || got != want || owner.Function != "grayify" {
			t.Errorf("%+v of %v, %v", got, owner, err)
		}
	})
}
