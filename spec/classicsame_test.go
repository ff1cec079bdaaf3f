package spec_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scar-go/scar/planner"
	"github.com/scar-go/scar/spec"
)

// chance makes classic files: each key is there or not, with one of some values.
type chance struct{ *rand.Rand }

// maybe is one of some texts, or none as often as not.
func (c chance) maybe(texts ...string) string {
	if c.IntN(2) == 0 {
		return ""
	}
	return texts[c.IntN(len(texts))]
}

// block is a mapping of what there is, under a key.
func (c chance) block(key string, entries ...string) string {
	var there []string
	for _, entry := range entries {
		if entry != "" {
			there = append(there, entry)
		}
	}
	c.Shuffle(len(there), func(i, j int) { there[i], there[j] = there[j], there[i] })
	if len(there) == 0 {
		return ""
	}
	return key + ": {" + strings.Join(there, ", ") + "}"
}

const secretText = `"s3cret $HOME ${X} '\" \\ end"`

func (c chance) variables() string {
	return c.block("environment", "Variables: {"+strings.Join(slicesOf(
		c.maybe("QUALITY: 80", "QUALITY: '${X} $$'"), c.maybe("LONG: \"two\\nlines\"", "LONG: 1.10"), c.maybe("V: x"), c.maybe("EMPTY: ''"),
		c.maybe("API_TOKEN: "+secretText, "API_TOKEN: 12345678", "API_TOKEN: ''"), c.maybe("AWS_SECRET_ACCESS_KEY: k", "AWS_REGION: ''"),
	), ", ")+"}")
}

func slicesOf(texts ...string) []string {
	var there []string
	for _, text := range texts {
		if text != "" {
			there = append(there, text)
		}
	}
	return there
}

func (c chance) function(name string) string {
	place := func(key, bucket string) string {
		if c.IntN(3) == 0 {
			return ""
		}
		var places []string
		for i := range c.IntN(3) {
			provider := []string{"s3", "s3.default", "minio.lab", "s3.mine"}[c.IntN(4)]
			entries := []string{"storage_provider: " + provider, fmt.Sprintf("path: %s%s-%d/x%s", c.maybe("/"), bucket, i, c.maybe("/", "/y"))}
			if key == "output" {
				entries = append(entries, c.maybe("suffix: [wav, .srt]", "suffix: []", "suffix: a"), c.maybe("prefix: [result-, wa]", "prefix: [plots/, a/b]", "prefix: ['a*', '$$']"))
			}
			places = append(places, strings.TrimPrefix(c.block("", entries...), ": "))
		}
		return key + ": [" + strings.Join(places, ", ") + "]"
	}
	network := c.maybe("vpc: {SubnetIds: [subnet-2, subnet-1], SecurityGroupIds: [sg-1]}")
	mount := ""
	if network != "" {
		mount = c.maybe("file_system: [{Arn: 'arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0123456789abcdef0', LocalMountPath: /mnt/x}]")
	}
	lambda := c.block("lambda", "name: "+name, c.maybe("runtime: image", "runtime: python3.7"), c.maybe("memory: 128", "memory: '2048'"),
		c.maybe("timeout: 9", "timeout: 12", "timeout: 900"), c.maybe("execution_mode: lambda", "execution_mode: lambda-batch", "execution_mode: batch"),
		c.maybe("log_level: DEBUG", "log_level: ERROR"), c.maybe("description: 'a ${b} $$ text: #1'", "description: ''"), c.maybe("architectures: [x86_64]", "architectures: [arm64]"),
		c.maybe("layers: ['arn:x']"), c.variables(), c.maybe("init_script: s.sh", "init_script: bash.sh", "init_script: plain.sh"), c.maybe("run_script: s.sh", "run_script: bash.sh"),
		c.maybe("extra_payload: data", "extra_payload: data/", "extra_payload: ./one.bin"), c.maybe("asynchronous: true", "asynchronous: no"), c.maybe("preheat: true", "preheat: off"),
		network, mount, c.maybe("tags: {team: a, cost: 12}", "tags: {}"), c.maybe("deployment: {bucket: b}"), c.maybe("supervisor: {version: latest}"),
		c.block("container", c.image(), c.maybe("create_image: false"), c.maybe("alpine: true"), c.maybe("timeout_threshold: 5"), c.variables()),
		place("input", "in-"+strings.ReplaceAll(strings.ToLower(name), "_", "-")), place("output", "out"))
	batch := ""
	if c.IntN(2) == 0 {
		batch = c.block("batch", "memory: 2048", c.maybe("vcpus: 2"), c.maybe("enable_gpu: true"), c.maybe("service_role: 'arn:aws:iam::123456789012:role/b'"), c.variables(),
			c.maybe("multi_node_parallel: {enabled: true, number_nodes: 3, main_node_index: 1}", "multi_node_parallel: {enabled: true}", "multi_node_parallel: {enabled: false}"),
			c.block("compute_resources", c.maybe("security_group_ids: [sg-1]", "security_group_ids: []"), c.maybe("subnets: [subnet-1]"), c.maybe("instance_types: [m3.medium]"),
				c.maybe("desired_v_cpus: 0"), c.maybe("min_v_cpus: 1"), c.maybe("max_v_cpus: 8"), c.maybe("instance_role: 'arn:aws:iam::123456789012:instance-profile/i'"),
				c.maybe("launch_template_name: faas-supervisor", "launch_template_name: mine")))
	}
	item := c.block("", lambda, c.block("iam", c.maybe("role: 'arn:aws:iam::123456789012:role/r'", "role: ''"), c.maybe("boto_profile: default")), c.maybe("ecr: {delete_image: false}"),
		c.block("api_gateway", c.maybe("name: api-"+name), c.maybe("region: us-east-1")), c.maybe("cloudwatch: {log_retention_policy_in_days: 7}"), batch)
	return strings.TrimPrefix(item, ": ")
}

func (c chance) image() string {
	return []string{"image: alpine:3", "image_file: image.tar.gz", "image_file: image.img"}[c.IntN(3)]
}

func (c chance) file() string {
	names := []string{"Grayify_Now", "split-video", "9-lives"}
	var b strings.Builder
	b.WriteString("functions:\n  aws:\n")
	for _, name := range names[:1+c.IntN(len(names))] {
		b.WriteString("  - " + c.function(name) + "\n")
	}
	if c.IntN(4) == 0 {
		b.WriteString("  oscar:\n  - my_oscar: {name: s, memory: 1Gi, cpu: '1.0', log_level: INFO, image: i, script: f.sh, environment: {Variables: {A: b}}, input: [{storage_provider: minio, path: a}], output: []}\n")
	}
	b.WriteString("storage_providers: {s3: {mine: {access_key: k, secret_key: " + secretText + "}}, minio: {lab: {endpoint: 'https://h:9000', access_key: k, secret_key: s}}" +
		c.maybe(", webdav: {nas: {hostname: h, login: l, password: p}}", ", onedata: {od: {oneprovider_host: h, token: t, space: sp}}") + "}\n")
	return b.String()
}

// A converted file is the same file, whatever the classic one has, and so is what is planned.
func TestConvertedFilesAreTheSame(t *testing.T) {
	const files = 60
	for seed := range uint64(files) {
		text := chance{rand.New(rand.NewPCG(seed, 5))}.file()
		convertedIsSame(t, text)
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, text)
		}
	}
}

// folderOf writes a classic file and what it names.
func folderOf(t testing.TB, text string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"func.yaml": text, "s.sh": "ls\n", "plain.sh": "#!/bin/sh\nls\n", "bash.sh": "#!/bin/bash\nls\n", "image.tar.gz": "x", "image.img": "x",
		"data/a": "1", "data/$b": "2", "one.bin": "3",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func convertedIsSame(t *testing.T, text string) {
	t.Helper()
	folder := folderOf(t, text)
	path := filepath.Join(folder, "func.yaml")
	options := spec.Options{KeepUnbuilt: true, AllowLoops: true}
	want, err := spec.Load(t.Context(), []string{path}, options)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	converted, err := spec.Convert(t.Context(), path, options)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(converted.YAML), "s3cret") {
		t.Errorf("a secret is in\n%s", converted.YAML)
	}
	variables, err := converted.EnvFile()
	if err != nil {
		t.Fatal(err)
	}
	native, env := filepath.Join(folder, "native.yaml"), filepath.Join(folder, "secrets.env")
	for path, content := range map[string][]byte{native: converted.YAML, env: variables} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read, err := spec.ReadEnvFile(env)
	if err != nil {
		t.Fatal(err)
	}
	options.Lookup = func(name string) (string, bool) { value, found := read[name]; return value, found }
	got, err := spec.Load(t.Context(), []string{native}, options)
	if err != nil {
		t.Fatalf("%v\n%s", err, converted.YAML)
	}
	same(t, want, got)
	shown, err := spec.Show(t.Context(), []string{path}, options)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := shown.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(native, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err = spec.Load(t.Context(), []string{native}, options); err != nil {
		t.Fatalf("%v\n%s", err, whole)
	}
	for i := range got.Functions { // what looks like a secret has to be written again
		writeAgain(got.Functions[i].Env, want.Functions[i].Env)
		if want.Functions[i].Batch != nil {
			writeAgain(got.Functions[i].Batch.Env, want.Functions[i].Batch.Env)
		}
	}
	same(t, want, got)
}

func writeAgain(env, as map[string]string) {
	for name, value := range env {
		if value == "(not shown)" {
			env[name] = as[name]
		}
	}
}

// same compares files, what goes into their images and what is planned for them. Native files have no words for what scar
// run alone reads.
func same(t *testing.T, want, got *spec.File) {
	t.Helper()
	options := []cmp.Option{
		cmpopts.EquateEmpty(), cmp.Comparer(func(a, b spec.Sealed) bool { return a.Reveal() == b.Reveal() }),
		cmpopts.IgnoreFields(spec.File{}, "Path", "Classic", "Notes"), cmpopts.IgnoreFields(spec.Function{}, "File", "Line", "Column", "RunScript", "Asynchronous"),
	}
	if diff := cmp.Diff(want, got, options...); diff != "" {
		t.Errorf("classic (-) and native (+) are not the same:\n%s", diff)
	}
	if diff := cmp.Diff(planner.Jobs(want), planner.Jobs(got)); diff != "" {
		t.Errorf("jobs (-classic +native):\n%s", diff)
	}
	if diff := cmp.Diff(desired(t, want), desired(t, got), cmpopts.IgnoreFields(planner.Resource{}, "Place")); diff != "" {
		t.Errorf("plans (-classic +native):\n%s", diff)
	}
}

func desired(t *testing.T, f *spec.File) planner.State {
	t.Helper()
	env := planner.Env{
		Naming:  planner.Naming{Partition: "aws", Region: "eu-west-1", Account: "123456789012"},
		Version: "1.0.0", Images: map[string]planner.Image{}, Architectures: map[string]string{}, Parameters: map[string]string{},
	}
	for i := range f.Functions {
		env.Images[f.Functions[i].Name], env.Architectures[f.Functions[i].Name] = planner.Image{Digest: "sha256:" + strings.Repeat("0", 64)}, "x86_64"
	}
	for _, p := range f.Parameters {
		env.Parameters[p.Name] = fmt.Sprintf("%x", sha256.Sum256([]byte(p.Value.Reveal())))
	}
	state, err := planner.Desired(f, env)
	if err != nil {
		t.Fatal(err)
	}
	return state
}
