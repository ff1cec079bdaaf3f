package ec2

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// profileFile has a profile for each way to configure endpoints in files.
const profileFile = `
[profile plain]
[profile all]
endpoint_url = http://profile-all.example/base
[profile own]
endpoint_url = http://profile-all.example
services = local
[profile fips]
use_fips_endpoint = true
[services local]
ec2 =
  endpoint_url = http://profile-ec2.example
kms =
  endpoint_url = http://profile-kms.example
`

// TestEndpointsAreThoseOfTheSDK asks where calls go, and where those of one of the SDK's clients go: but for the service's name it
// is the same.
func TestEndpointsAreThoseOfTheSDK(t *testing.T) {
	for name, q := range map[string]struct {
		region, profile string
		env             string // name=value, of both services where the name ends in _SERVICE
		want            string
		differs         bool // the SDK's client of the other service does otherwise
	}{
		"default":                {region: "eu-west-1", want: "https://SERVICE.eu-west-1.amazonaws.com/"},
		"China":                  {region: "cn-north-1", want: "https://SERVICE.cn-north-1.amazonaws.com.cn/"},
		"GovCloud":               {region: "us-gov-west-1", want: "https://SERVICE.us-gov-west-1.amazonaws.com/"},
		"FIPS":                   {region: "us-east-1", env: "AWS_USE_FIPS_ENDPOINT=true", want: "https://SERVICE-fips.us-east-1.amazonaws.com/"},
		"FIPS of the profile":    {region: "us-east-1", profile: "fips", want: "https://SERVICE-fips.us-east-1.amazonaws.com/"},
		"FIPS in China":          {region: "cn-north-1", env: "AWS_USE_FIPS_ENDPOINT=true", want: "https://SERVICE-fips.cn-north-1.amazonaws.com.cn/"},
		"FIPS in GovCloud":       {region: "us-gov-west-1", env: "AWS_USE_FIPS_ENDPOINT=true", want: "https://SERVICE.us-gov-west-1.amazonaws.com/", differs: true},
		"dual stack":             {region: "eu-west-1", env: "AWS_USE_DUALSTACK_ENDPOINT=true", want: "https://SERVICE.eu-west-1.api.aws/"},
		"dual stack in China":    {region: "cn-north-1", env: "AWS_USE_DUALSTACK_ENDPOINT=true", want: "https://SERVICE.cn-north-1.api.amazonwebservices.com.cn/"},
		"FIPS and dual stack":    {region: "us-east-1", env: "AWS_USE_FIPS_ENDPOINT=true AWS_USE_DUALSTACK_ENDPOINT=true", want: "https://SERVICE-fips.us-east-1.api.aws/"},
		"both in GovCloud":       {region: "us-gov-west-1", env: "AWS_USE_FIPS_ENDPOINT=true AWS_USE_DUALSTACK_ENDPOINT=true", want: "https://SERVICE-fips.us-gov-west-1.api.aws/"},
		"environment":            {region: "eu-west-1", env: "AWS_ENDPOINT_URL=http://all.example:1", want: "http://all.example:1/"},
		"environment's own":      {region: "eu-west-1", env: "AWS_ENDPOINT_URL=http://all.example AWS_ENDPOINT_URL_SERVICE=http://own.example", want: "http://own.example/"},
		"only its own":           {region: "eu-west-1", env: "AWS_ENDPOINT_URL_SERVICE=http://own.example/x/", want: "http://own.example/x/"},
		"profile":                {region: "eu-west-1", profile: "all", want: "http://profile-all.example/base"},
		"profile's own":          {region: "eu-west-1", profile: "own", want: "http://profile-SERVICE.example/"},
		"environment, profile":   {region: "eu-west-1", profile: "own", env: "AWS_ENDPOINT_URL=http://all.example", want: "http://all.example/"},
		"own, profile's own":     {region: "eu-west-1", profile: "own", env: "AWS_ENDPOINT_URL_SERVICE=http://own.example", want: "http://own.example/"},
		"ignored":                {region: "eu-west-1", profile: "own", env: "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true", want: "https://SERVICE.eu-west-1.amazonaws.com/"},
		"FIPS and an endpoint":   {region: "eu-west-1", env: "AWS_USE_FIPS_ENDPOINT=true AWS_ENDPOINT_URL=http://all.example", want: "error"},
		"dual, and an endpoint":  {region: "eu-west-1", env: "AWS_USE_DUALSTACK_ENDPOINT=true AWS_ENDPOINT_URL=http://all.example", want: "error"},
		"no region":              {want: "error"},
		"no region, an endpoint": {env: "AWS_ENDPOINT_URL=http://all.example", want: "http://all.example/"},
		"region of a stranger":   {region: "x.example/", want: "error"},
		"endpoint without host":  {region: "eu-west-1", env: "AWS_ENDPOINT_URL=localhost", want: "error", differs: true},
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := whereCallsGo(t, q.region, q.profile, q.env)
			if want := strings.ReplaceAll(q.want, "SERVICE", "ec2"); ours != want {
				t.Errorf("%s, want %s", ours, want)
			}
			if want := strings.ReplaceAll(q.want, "SERVICE", "kms"); theirs != want && !q.differs {
				t.Errorf("the SDK: %s, want %s", theirs, want)
			}
		})
	}
}

// whereCallsGo returns the URLs that this package and a client of the SDK send requests to, or "error".
func whereCallsGo(t *testing.T, region, profile, env string) (ours, theirs string) {
	t.Helper()
	for _, assignment := range os.Environ() {
		name, _, _ := strings.Cut(assignment, "=")
		if !strings.HasPrefix(name, "AWS_") {
			continue
		}
		t.Setenv(name, "") // has the variable set again at the end
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(profileFile), 0o600); err != nil {
		t.Fatal(err)
	}
	for assignment := range strings.FieldsSeq("AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b " + env) {
		name, value, _ := strings.Cut(assignment, "=")
		for _, service := range []string{"EC2", "KMS"} {
			t.Setenv(strings.ReplaceAll(name, "SERVICE", service), value)
		}
	}
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("AWS_PROFILE", profile)
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(region))
	if err != nil {
		t.Fatal(err)
	}
	sent := "error"
	cfg.HTTPClient = roundTrip(func(r *http.Request) (*http.Response, error) {
		sent = r.URL.String()
		return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	})
	if _, err := New(cfg).Subnets(t.Context(), nil); err == nil {
		t.Error("the answer is an error")
	}
	ours, sent = sent, "error"
	if _, err := kms.NewFromConfig(cfg).ListKeys(t.Context(), nil); err == nil {
		t.Error("the answer is an error")
	}
	return ours, sent
}
