package spec

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// everyClassicKey is a classic file that has every key.
const everyClassicKey = `
functions:
  aws:
  - lambda:
      name: function1
      boto_profile: default
      region: us-east-1
      runtime: image
      memory: 1024
      timeout: 300
      execution_mode: lambda
      log_level: INFO
      description: text
      architectures: [x86_64]
      layers: [arn:x]
      environment: {Variables: {K: v, API_TOKEN: <hunter2>}}
      init_script: s.sh
      run_script: r.sh
      extra_payload: data
      asynchronous: false
      preheat: false
      vpc: {SubnetIds: [subnet-1], SecurityGroupIds: [sg-1]}
      file_system: [{Arn: "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0", LocalMountPath: /mnt/x}]
      tags: {a: b}
      deployment: {bucket: b}
      container:
        image: jrottenberg/ffmpeg:4.1-ubuntu
        create_image: true
        alpine: false
        timeout_threshold: 10
        environment: {Variables: {KK: v, AWS_ACCESS_KEY_ID: <hunter2>}}
      input:
      - {storage_provider: s3, path: bucket/in}
      output:
      - {storage_provider: s3.my_s3, path: bucket/out, suffix: [wav, srt], prefix: [result-]}
      - {storage_provider: minio, path: bucket/out}
      supervisor: {version: latest}
    iam: {boto_profile: default, role: "arn:aws:iam::123456789012:role/r"}
    ecr: {delete_image: true}
    api_gateway: {name: api, boto_profile: default, region: us-east-1}
    cloudwatch: {log_retention_policy_in_days: 30}
    batch:
      vcpus: 1
      memory: 1024
      enable_gpu: false
      service_role: "arn:aws:iam::123456789012:role/b"
      environment: {Variables: {A: b, PASSWORD: <hunter2>}}
      multi_node_parallel: {enabled: false, number_nodes: 10, main_node_index: 0}
      compute_resources: {security_group_ids: [], subnets: [], instance_types: [m3.medium], desired_v_cpus: 0,
                          min_v_cpus: 0, max_v_cpus: 2, instance_role: "arn:aws:iam::123456789012:instance-profile/i", launch_template_name: faas-supervisor}
  oscar:
  - my_oscar: {name: s, memory: 1Gi, cpu: '1.0', log_level: INFO, image: i, script: f.sh,
               environment: {Variables: {A: b}}, input: [{storage_provider: minio, path: a}], output: [{storage_provider: minio, path: a}]}
storage_providers:
  s3:      {my_s3: {access_key: k, secret_key: <hunter2>, region: us-east-1}}
  minio:   {my_minio: {endpoint: "https://h:9000", verify: true, region: us-east-1, access_key: <hunter2>, secret_key: s}}
  onedata: {my_od: {oneprovider_host: h, token: <hunter2>, space: sp}}
  webdav:  {my_dav: {hostname: h, login: <hunter2>, password: <hunter2>}}
`

// FuzzClassic reads any text as a classic file: nothing may panic, no secret may be shown, and what is accepted is the
// same when it is converted.
func FuzzClassic(f *testing.F) {
	for _, seed := range []string{
		everyClassicKey, classicWith("memory: 64", ""), classicWith("environment: {Variables: {API_TOKEN: !<hunter2> x, A: [1], AWS_REGION: ''}}", "storage_providers: {s3: <hunter2>}"),
		"functions: {aws: []}", "functions: {oscar: [], aws: {}}", "functions: {aws: [~, {}, {lambda: ~}, {lambda: {name: }}, [x]]}", "functions:\n  aws: &a\n  - &b {lambda: {name: f, container: {image: a}}}\n  - *b\n",
		"functions: {aws: [{lambda: {<<: {name: 3, container: {image: a}}}}]}\nstorage_providers: {minio: {a: {secret_key: '<hunter2>'}, '': {}, a/b: {endpoint: x}}}",
		classicWith("output: [{storage_provider: minio., path: /}, {storage_provider: s3, path: a/b, prefix: [a, ab], suffix: [b, '']}]", "    batch: {compute_resources: {subnets: x}}"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		options := Options{KeepUnbuilt: true}
		r := &report{}
		read, err := testGrammar().read(sourcesOf(string(text)), options, r, textOnly)
		if err != nil {
			t.Fatal(err)
		}
		if read.root == nil || read.classic == nil {
			return
		}
		want, drafts, err := testGrammar().checkReading(read, r)
		if err != nil {
			t.Fatal(err)
		}
		if said := r.err(); said != nil {
			checkClassicProblems(t, said, string(text))
			return
		}
		checkComplete(t, want, drafts)
		checkConverted(t, read, want, drafts)
	})
}

func checkClassicProblems(t *testing.T, err error, text string) {
	t.Helper()
	var problems Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatal(err)
	}
	for _, p := range problems {
		if p.Line < 1 || p.Column < 1 || p.Length < 1 || p.Message == "" || !utf8.ValidString(p.Message) {
			t.Errorf("odd problem %+v", p)
		}
		secret := strings.HasPrefix(p.Path, "storage_providers.") || strings.Contains(p.Path, ".Variables.API_TOKEN")
		if secret && strings.Contains(p.Message, "<hunter2>") && !strings.Contains(p.Path, "<hunter2>") && !strings.Contains(text, "endpoint") && !strings.Contains(text, "host") {
			t.Errorf("a secret is shown: %s", p)
		}
	}
}

func checkConverted(t *testing.T, read *reading, want *File, drafts []*draft) {
	t.Helper()
	converted, err := read.classic.convert(read.root)
	if err != nil {
		t.Fatal(err)
	}
	if len(converted.YAML) > maxSource || strings.Contains(string(converted.YAML), ": ssm:") || strings.Contains(string(converted.YAML), ": secretsmanager:") {
		return
	}
	values := map[string]string{}
	for _, v := range converted.Variables {
		values[v.Name] = v.Value.Reveal()
	}
	r := &report{}
	got, again, err := testGrammar().check(sourcesOf(string(converted.YAML)), Options{
		KeepUnbuilt: true, Lookup: func(name string) (string, bool) { value, found := values[name]; return value, found },
	}, r)
	if err != nil || r.err() != nil {
		t.Fatalf("%v %v\n%s", err, r.err(), converted.YAML)
	}
	for i := range drafts {
		want.Functions, got.Functions = append(want.Functions, drafts[i].Function), append(got.Functions, again[i].Function)
	}
	options := append([]cmp.Option{cmpopts.IgnoreFields(File{}, "Notes", "Classic"), cmpopts.IgnoreFields(Function{}, "RunScript", "Asynchronous"), cmpopts.EquateEmpty()}, samePlaces...)
	if diff := cmp.Diff(want, got, options...); diff != "" {
		t.Errorf("%s\n%s", diff, converted.YAML)
	}
}

// FuzzAssignEnv reads what is written for a secret.
func FuzzAssignEnv(f *testing.F) {
	for _, seed := range []string{"", "a", `a'b"c\d$E${F}`, "a\nb\r\n", `\`, `x\n`, "'", `"`, "# a", " a ", "$A", "é\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		line, fits := assignEnv("NAME", value)
		if !fits {
			if !strings.ContainsAny(value, `'"\`+"\n\r") && utf8.ValidString(value) && !strings.Contains(value, "\x00") {
				t.Errorf("%q is not written", value)
			}
			return
		}
		read, err := parseEnv([]byte("A=b\n" + line + "Z='z'\n"))
		if err != nil || read["NAME"] != value || read["Z"] != "z" {
			t.Errorf("%q is read as %q, %v", value, read, err)
		}
	})
}
