package aws

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/scar-go/scar/planner"
)

// connected is grayify with all that a function may have.
func connected() planner.Function {
	v := grayify()
	v.Subnets, v.SecurityGroups = []string{"subnet-1", "subnet-2"}, []string{"sg-1"}
	v.Mounts = map[string]string{"/mnt/models": "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-1"}
	v.LogFormat, v.LogLevel, v.SystemLogLevel = "JSON", "TRACE", "INFO"
	v.Concurrency = 3
	return v
}

func TestFunctionJoinsAndLeavesAVPC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		fake.pending = 3 * time.Minute // network interfaces take that long
		if _, _, err := changeFunction(t.Context(), fake, planner.Create, nil, connected()); err != nil {
			t.Fatal(err)
		}
		readsAs(t, fake, connected())
		for _, change := range [][2]planner.Function{{connected(), grayify()}, {grayify(), connected()}} {
			if _, _, err := changeFunction(t.Context(), fake, planner.Update, change[0], change[1]); err != nil {
				t.Fatal(err)
			}
			readsAs(t, fake, change[1])
		}
	})
}

// TestConfigureInputKeepsToWhatIsNeeded sends empty lists to take a function out of a VPC, and nothing of the kind for
// one that was in none.
func TestConfigureInputKeepsToWhatIsNeeded(t *testing.T) {
	in := configureInput(connected(), grayify())
	if in.VpcConfig == nil || in.VpcConfig.SubnetIds == nil || len(in.VpcConfig.SubnetIds) != 0 || in.VpcConfig.SecurityGroupIds == nil || in.FileSystemConfigs == nil {
		t.Errorf("%+v", in)
	}
	if in.LoggingConfig.ApplicationLogLevel != "" || in.LoggingConfig.SystemLogLevel != "" {
		t.Errorf("levels with text: %+v", in.LoggingConfig)
	}
	if in := configureInput(grayify(), grayify()); in.VpcConfig != nil || in.FileSystemConfigs != nil {
		t.Errorf("%+v", in)
	}
	if in := createInput(grayify()); in.VpcConfig != nil || in.FileSystemConfigs != nil {
		t.Errorf("%+v", in)
	}
}

func TestFunctionValueReadsWhatLambdaAnswers(t *testing.T) {
	v := functionValue("grayify", &lambda.GetFunctionOutput{Configuration: &types.FunctionConfiguration{
		VpcConfig:     &types.VpcConfigResponse{SubnetIds: []string{"subnet-2", "subnet-1"}, SecurityGroupIds: []string{}, VpcId: ptr("")},
		LoggingConfig: &types.LoggingConfig{LogFormat: types.LogFormatText, LogGroup: ptr("/x")},
	}})
	if strings.Join(v.Subnets, " ") != "subnet-1 subnet-2" || v.SecurityGroups != nil || v.Mounts != nil || v.LogLevel != "" || v.Concurrency != planner.Unreserved {
		t.Errorf("%+v", v)
	}
	none := functionValue("grayify", &lambda.GetFunctionOutput{
		Configuration: &types.FunctionConfiguration{}, Concurrency: &types.Concurrency{ReservedConcurrentExecutions: ptr(int32(0))},
	})
	if none.Concurrency != 0 {
		t.Errorf("concurrency %d", none.Concurrency)
	}
}

// TestFunctionWaitsForEC2 is throttled for longer than a role takes to be known.
func TestFunctionWaitsForEC2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttled := answer("InvalidParameterValueException", "Your request has been throttled by EC2, please make sure you have enough API rate limit. EC2 Error Code: RequestLimitExceeded.")
		fake := newFakeLambda()
		for range 100 { // every four to five seconds at last
			fake.fails["CreateFunction"] = append(fake.fails["CreateFunction"], throttled)
		}
		took, said, err := changeFunction(t.Context(), fake, planner.Create, nil, connected())
		if err != nil || took < roleWait || took > roleWait+ec2Wait {
			t.Errorf("%v after %s", err, took)
		}
		if !strings.Contains(strings.Join(said, "\n"), "until EC2 lets Lambda make network interfaces") {
			t.Errorf("said %v", said)
		}
	})
}

// TestFunctionWaitsForRightsInItsVPC meets the errors that pass.
func TestFunctionWaitsForRightsInItsVPC(t *testing.T) {
	for _, message := range []string{
		"The provided execution role does not have permissions to call CreateNetworkInterface on EC2",
		"Access point arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-1 is not in available state",
	} {
		synctest.Test(t, func(t *testing.T) {
			passing := answer("InvalidParameterValueException", message)
			fake := newFakeLambda()
			create(t, fake)
			fake.fails["UpdateFunctionConfiguration"] = []error{passing, passing}
			took, _, err := changeFunction(t.Context(), fake, planner.Update, grayify(), connected())
			if err != nil || took == 0 || fake.count("UpdateFunctionConfiguration") != 3 {
				t.Errorf("%v after %s, calls %v", err, took, fake.calls)
			}
			readsAs(t, fake, connected())
		})
	}
}

// TestFunctionGivenUpForWhatPasses is made again.
func TestFunctionGivenUpForWhatPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		fake.pending, fake.failing, fake.failure = time.Minute, true, "InsufficientRolePermissions"
		go func() {
			time.Sleep(90 * time.Second)
			fake.mu.Lock()
			defer fake.mu.Unlock()
			fake.failing = false
		}()
		took, _, err := changeFunction(t.Context(), fake, planner.Create, nil, connected())
		if err != nil || took < 2*time.Minute || fake.count("CreateFunction") != 2 {
			t.Errorf("%v after %s, calls %v", err, took, fake.calls)
		}
		readsAs(t, fake, connected())
	})
}

func TestFunctionReservesAfterItWasMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		fake.fails["PutFunctionConcurrency"] = []error{answer("ResourceConflictException", "The operation cannot be performed at this time. An update is in progress for resource: x")}
		want := grayify()
		want.Concurrency = 0 // never runs
		if _, _, err := changeFunction(t.Context(), fake, planner.Create, nil, want); err != nil {
			t.Fatal(err)
		}
		readsAs(t, fake, want)
		fake.calls = nil
		if _, _, err := changeFunction(t.Context(), fake, planner.Update, want, grayify()); err != nil {
			t.Fatal(err)
		}
		if fake.count("DeleteFunctionConcurrency") != 1 || fake.count("UpdateFunctionConfiguration") != 0 {
			t.Errorf("calls %v", fake.calls)
		}
		readsAs(t, fake, grayify())
	})
}

// TestFunctionReserves what another function may have to give back first, and does not wait for ever.
func TestFunctionReserves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeLambda()
		create(t, fake)
		taken := answer("InvalidParameterValueException", "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].")
		want := grayify()
		want.Concurrency = 950
		fake.fails["PutFunctionConcurrency"] = slices.Repeat([]error{taken}, 1000)
		begin := time.Now()
		_, _, err := changeFunction(t.Context(), fake, planner.Update, grayify(), want)
		if err == nil || !strings.Contains(err.Error(), "reserve executions of function") || !strings.Contains(err.Error(), "below its minimum value") || time.Since(begin) > 5*time.Minute {
			t.Errorf("error %v after %s", err, time.Since(begin))
		}
		fake.fails["PutFunctionConcurrency"] = []error{taken, taken}
		if _, _, err := changeFunction(t.Context(), fake, planner.Update, grayify(), want); err != nil {
			t.Error(err)
		}
		readsAs(t, fake, want)
	})
}
