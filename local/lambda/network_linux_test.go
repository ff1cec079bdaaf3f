package lambda

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func placeBench(t *testing.T, change func(*Config)) (*bench, string) {
	t.Helper()
	folder := t.TempDir()
	return newBench(t, func(c *Config) {
		c.Networks, c.FileSystems, c.Authorizer = fakePlace{folder}, fakePlace{folder}, &fakeAuthorizer{}
		if change != nil {
			change(c)
		}
	}), folder
}

func inVPC(in *lambda.CreateFunctionInput) {
	in.VpcConfig = &types.VpcConfig{SubnetIds: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"}}
}

func withMount(in *lambda.CreateFunctionInput) {
	inVPC(in)
	in.FileSystemConfigs = []types.FileSystemConfig{{Arn: aws.String(accessPointARN), LocalMountPath: aws.String("/mnt/data")}}
}

func TestAFunctionEntersAndLeavesItsVPC(t *testing.T) {
	b, _ := placeBench(t, nil)
	ctx := t.Context()
	if out := b.create("none", nil); out.VpcConfig != nil {
		t.Errorf("%+v", out.VpcConfig)
	}
	out := b.create("f", withMount)
	if c := out.VpcConfig; c == nil || aws.ToString(c.VpcId) != "vpc-1" || len(c.SubnetIds) != 1 || len(c.SecurityGroupIds) != 1 || aws.ToBool(c.Ipv6AllowedForDualStack) {
		t.Errorf("%+v", c)
	}
	_, err := b.client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), VpcConfig: &types.VpcConfig{SubnetIds: []string{}, SecurityGroupIds: []string{}}})
	wantError(t, err, "InvalidParameterValueException", "Function must be configured to execute in a VPC to reference access point "+accessPointARN)
	if _, err = b.client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"),
		VpcConfig: &types.VpcConfig{SubnetIds: []string{}, SecurityGroupIds: []string{}}, FileSystemConfigs: []types.FileSystemConfig{}}); err != nil {
		t.Fatal(err)
	}
	got, err := b.client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("f")})
	if err != nil {
		t.Fatal(err)
	}
	if c := got.VpcConfig; c == nil || aws.ToString(c.VpcId) != "" || len(c.SubnetIds)+len(c.SecurityGroupIds) != 0 || len(got.FileSystemConfigs) != 0 {
		t.Errorf("%+v, %+v", c, got.FileSystemConfigs)
	}
}

func TestPlacesThatAreRefused(t *testing.T) {
	may := &fakeAuthorizer{}
	b, _ := placeBench(t, func(c *Config) { c.Authorizer = may })
	const bad = "InvalidParameterValueException"
	refuse := func(code, message string, change func(*lambda.CreateFunctionInput)) {
		t.Helper()
		_, err := b.tryCreate("f", change)
		wantError(t, err, code, message)
	}
	refuse(bad, "SubnetIds and SecurityIds must coexist or be both empty list.", func(in *lambda.CreateFunctionInput) {
		in.VpcConfig = &types.VpcConfig{SubnetIds: []string{"subnet-1"}}
	})
	refuse(bad, "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: The subnet ID 'subnet-2' does not exist", func(in *lambda.CreateFunctionInput) {
		in.VpcConfig = &types.VpcConfig{SubnetIds: []string{"subnet-2"}, SecurityGroupIds: []string{"sg-1"}}
	})
	refuse(bad, "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound.", func(in *lambda.CreateFunctionInput) {
		in.VpcConfig = &types.VpcConfig{SubnetIds: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-2"}}
	})
	refuse("ValidationException", "less than or equal to 5", func(in *lambda.CreateFunctionInput) {
		in.VpcConfig = &types.VpcConfig{SubnetIds: []string{"subnet-1"}, SecurityGroupIds: make([]string, 6)}
	})
	refuse("ValidationException", "localMountPath", func(in *lambda.CreateFunctionInput) {
		withMount(in)
		in.FileSystemConfigs[0].LocalMountPath = aws.String("/mnt/../etc")
	})
	refuse("ValidationException", "arn", func(in *lambda.CreateFunctionInput) {
		withMount(in)
		in.FileSystemConfigs[0].Arn = aws.String("x")
	})
	refuse(bad, "does not exist", func(in *lambda.CreateFunctionInput) {
		withMount(in)
		in.FileSystemConfigs[0].Arn = aws.String(accessPointARN[:len(accessPointARN)-1] + "1")
	})
	refuse(bad, "must be configured to execute in a VPC", func(in *lambda.CreateFunctionInput) {
		withMount(in)
		in.VpcConfig = nil
	})
	may.deny("ec2:DescribeNetworkInterfaces")
	refuse(bad, "The provided execution role does not have permissions to call DescribeNetworkInterfaces on EC2", inVPC)
	may.deny("ec2:CreateNetworkInterface")
	refuse(bad, "The provided execution role does not have permissions to call CreateNetworkInterface on EC2", inVPC)
}

// TestAFileSystemOutlivesInstances writes in one instance and reads in another.
func TestAFileSystemOutlivesInstances(t *testing.T) {
	b, folder := placeBench(t, nil)
	b.create("f", withMount)
	b.call("f", testEvent{Do: "append", Name: "/mnt/data/x", Size: 7})
	b.fail("f", testEvent{Do: "exit", Size: 1}) // ends the instance
	b.call("f", testEvent{Do: "append", Name: "/mnt/data/x", Size: 7})
	b.reopen()
	if a := b.call("f", testEvent{Do: "read", Name: "/mnt/data/x"}); a.Text != "14" || a.Count != 1 {
		t.Errorf("%+v", a)
	}
	if info, err := os.Stat(filepath.Join(folder, "x")); err != nil || info.Size() != 14 {
		t.Errorf("%v, %v", info, err)
	}
	b.create("g", inVPC)
	b.fail("g", testEvent{Do: "read", Name: "/mnt/data/x"})
}
