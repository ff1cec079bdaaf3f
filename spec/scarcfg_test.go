package spec

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What everybody has in scar.cfg, because the original wrote it, says nothing.
func TestShippedSettingsSayNothing(t *testing.T) {
	folder := writeFiles(t, map[string]string{
		"func.yaml": classicWith("timeout: 60", ""),
		"scar.cfg":  `{"scar": {"config_version": "1.1.0"}, "oscar": {"my_oscar": {"endpoint": "", "auth_password": "p"}}, "aws": ` + strings.ReplaceAll(shippedSettings, "\n", "\n\t") + `}`,
	})
	path := filepath.Join(folder, "func.yaml")
	want, err := Load(t.Context(), []string{path}, Options{Settings: filepath.Join(folder, "none.cfg")})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Load(t.Context(), []string{path}, Options{Settings: filepath.Join(folder, "scar.cfg")})
	if err != nil {
		t.Fatal(err)
	}
	sameButPlaces(t, want, got)
	if got.Notes != nil || got.Region != "" || got.Functions[0].Memory != defaultMemory {
		t.Errorf("%+v", got)
	}
}

// Older versions shipped other defaults, and some of the first shipped lists of an empty text.
func TestOlderShippedSettingsSayNothing(t *testing.T) {
	for version, aws := range map[string]string{
		"1.0.0": `{"boto_profile": "default", "region": "us-east-1", "execution_mode": "lambda", "iam": {"role": ""},
			"lambda": {"time": 300, "memory": 512, "runtime": "python3.6", "layers": [""], "max_payload_size": 52428800, "timeout_threshold": 10},
			"cloudwatch": {"log_retention_policy_in_days": 30},
			"batch": {"state": "ENABLED", "type": "MANAGED", "security_group_ids": [""], "comp_type": "EC2", "desired_v_cpus": 0, "min_v_cpus": 0, "max_v_cpus": 2, "subnets": [""], "instance_types": ["m3.medium"]}}`,
		"1.0.8": `{"lambda": {"layers": [""]}, "batch": {"vcpus": 1, "compute_resources": {"state": "ENABLED", "type": "MANAGED",
			"security_group_ids": [""], "comp_type": "EC2", "desired_v_cpus": 0, "subnets": [""], "instance_types": ["m3.medium"]}}}`,
	} {
		folder := writeFiles(t, map[string]string{"func.yaml": classicWith("timeout: 60", ""), "scar.cfg": `{"aws": ` + aws + `}`})
		file, err := Load(t.Context(), []string{filepath.Join(folder, "func.yaml")}, Options{Settings: filepath.Join(folder, "scar.cfg")})
		if err != nil || file.Notes != nil || file.Functions[0].Batch != nil {
			t.Errorf("%s: %v, %+v", version, err, file)
		}
	}
}

// What scar.cfg says of jobs is of no interest where there is none.
func TestSettingsOfJobsAreForJobs(t *testing.T) {
	folder := writeFiles(t, map[string]string{
		"func.yaml": "functions:\n  aws:\n  - lambda: {name: f, container: {image: a}}\n  - lambda: {name: g, execution_mode: batch, container: {image: b}}\n",
		"scar.cfg":  `{"aws": {"batch": {"vcpus": 4, "environment": {"Variables": {"MY_TOKEN": "hunter2"}}, "compute_resources": {"subnets": ["subnet-1"]}}}}`,
	})
	file, err := Load(t.Context(), []string{filepath.Join(folder, "func.yaml")}, Options{Settings: filepath.Join(folder, "scar.cfg"), KeepUnbuilt: true})
	if err != nil {
		t.Fatal(err)
	}
	f, g := file.Functions[0], file.Functions[1]
	if f.Batch != nil || f.Secrets != nil || g.Batch == nil || g.Batch.VCPUs != 4 || len(g.Secrets) != 1 || len(file.Notes) != 1 {
		t.Errorf("f %+v, g %+v, notes %v", f, g, file.Notes)
	}
}

// What somebody chose in scar.cfg is the default of each function; what is unknown or makes no sense is left out.
func TestSettingsAreDefaults(t *testing.T) {
	folder := writeFiles(t, map[string]string{
		"func.yaml": "functions:\n  aws:\n  - lambda: {name: f, container: {image: a, environment: {Variables: {B: two, CC: three}}}}\n  - lambda: {name: g, memory: 256, container: {image: b}}\n    iam: {role: ''}\n",
		"scar.cfg": `{"aws": {"iam": {"role": "arn:aws:iam::123456789012:role/r"}, "s3": {"event": {}}, "lambda": {"region": "eu-west-1", "boto_profile": "lab", "memory": 1024,
			"runtime": "python3.8", "tags": ["x"], "vpc": "none", "layers": ["l"], "colour": "red", "timeout": 300,
			"environment": {"Variables": {"UDOCKER_BIN": "/opt/udocker/bin/", "AA": "one", "CC": "none", "MY_TOKEN": "hunter2"}}}}}`,
	})
	file, err := Load(t.Context(), []string{filepath.Join(folder, "func.yaml")}, Options{Settings: filepath.Join(folder, "scar.cfg")})
	if err != nil {
		t.Fatal(err)
	}
	f, g := file.Functions[0], file.Functions[1]
	for _, c := range []struct{ what, want, got any }{
		{"region", "eu-west-1", file.Region}, {"profile", "lab", file.Profile}, {"memory", 1024, f.Memory}, {"own memory", 256, g.Memory},
		{"role", "arn:aws:iam::123456789012:role/r", f.Role}, {"variables", map[string]string{"AA": "one", "CC": "three"}, f.Env}, {"other variables", map[string]string{"AA": "one", "CC": "none"}, g.Env},
		{"secrets", map[string]Secret{"B": {Service: "ssm", Name: "/scar/f/f/B"}, "MY_TOKEN": {Service: "ssm", Name: "/scar/f/f/MY_TOKEN"}}, f.Secrets},
		{"notes", 1, len(file.Notes)}, {"parameters", 3, len(file.Parameters)},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
	converted, err := Convert(t.Context(), filepath.Join(folder, "func.yaml"), Options{Settings: filepath.Join(folder, "scar.cfg")})
	if err != nil || !strings.Contains(string(converted.YAML), "memory: 1024") || strings.Contains(string(converted.YAML), "hunter2") {
		t.Errorf("%v\n%s", err, converted.YAML)
	}
}

func TestBadSettings(t *testing.T) {
	for text, want := range map[string]string{
		"{\n \"aws\": {,}}":                   "scar.cfg:2: no valid JSON; correct it, or move it away",
		"":                                    "scar.cfg:1: no valid JSON",
		"[1]":                                 "",
		`{"aws": []}`:                         "",
		`{"aws": {"lambda": {"memory": 12}}}`: "scar.cfg:1:21: memory: 12 is below the minimum of 128 MB",
		`{"aws": {"lambda": {"name": {}}}}`:   "",
	} {
		folder := writeFiles(t, map[string]string{"func.yaml": classicWith("timeout: 60", ""), "scar.cfg": text})
		_, err := Load(t.Context(), []string{filepath.Join(folder, "func.yaml")}, Options{Settings: filepath.Join(folder, "scar.cfg")})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
		if want == "" || strings.Contains(want, "memory") {
			continue
		}
		if _, err := LoadProject(t.Context(), []string{filepath.Join(folder, "func.yaml")}, Options{Settings: filepath.Join(folder, "scar.cfg")}); err == nil {
			t.Errorf("%s: a region that is unknown is taken for none", text)
		}
	}
	if file, err := Load(t.Context(), []string{filepath.Join(writeFiles(t, map[string]string{"func.yaml": in("timeout: 60"), "scar.cfg": "{"}), "func.yaml")}, Options{Settings: "scar.cfg"}); err != nil || file == nil {
		t.Errorf("a native file asks for scar.cfg: %v", err)
	}
}
