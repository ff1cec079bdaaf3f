package spec

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// classicFiles are what the texts of classic files here name.
func classicFiles(text string) map[string]string {
	return map[string]string{
		"func.yaml": text, "s.sh": "ls\n", "plain.sh": "#!/bin/sh\nls\n", "options.sh": "#! /bin/sh -e\nls\n", "bash.sh": "#!/bin/bash\nls\n",
		"run.sh": "#!/usr/bin/env python3\n", "image.tar.gz": "x", "image.img": "x", "data/a.txt": "1", "data/sub/b.txt": "2", "one.bin": "3",
	}
}

// loadClassic loads a classic file.
func loadClassic(t *testing.T, text string, opts Options) (*File, error) {
	t.Helper()
	return Load(t.Context(), []string{filepath.Join(writeFiles(t, classicFiles(text)), "func.yaml")}, opts)
}

// classicWith is a classic file with one function, f, that has more keys of lambda, and text after it.
func classicWith(keys, after string) string {
	return "functions:\n  aws:\n  - lambda:\n      name: f\n      container: {image: alpine}\n      " +
		strings.ReplaceAll(strings.TrimSpace(keys), "\n", "\n      ") + "\n" + after
}

// What each key means is what the native keys beside it mean.
func TestClassicKeys(t *testing.T) {
	for _, c := range []struct {
		name, classic, after string // keys of lambda, and what follows it
		native, top          string // keys of the function, and of the file
	}{
		{name: "nothing"},
		{name: "no values", classic: "memory:\nregion: ''\ninput: []\ntags: {}\nvpc: {SubnetIds: [], SecurityGroupIds: []}\ndescription: ''"},
		{name: "region", classic: "region: eu-west-1", top: "region: eu-west-1"},
		{name: "profile", classic: "boto_profile: lab", top: "profile: lab"},
		{name: "usual profile", classic: "boto_profile: default"},
		{name: "memory", classic: "memory: 1024", native: "memory: 1024"},
		{name: "memory as text", classic: "memory: '1024'", native: "memory: 1024"},
		{name: "timeout", classic: "timeout: 60", native: "timeout: 60"},
		{name: "short timeout", classic: "timeout: 15", native: "timeout: 15\ntimeout_margin: 10"},
		{name: "shorter timeout", classic: "timeout: 8", native: "timeout: 8"},
		{name: "log level", classic: "log_level: WARNING", native: "logs: {level: warning}"},
		{name: "description", classic: "description: costs $${5} ${X}", native: `description: "costs $$$${5} $${X}"`},
		{name: "architecture", classic: "architectures: [arm64]", native: "architecture: arm64"},
		{name: "variables", classic: "environment: {Variables: {QUALITY: 80, V: 1.10, EMPTY: '', NO: no}}\ncontainer: {image: alpine, environment: {Variables: {QUALITY: '${Q}'}}}",
			native: "env: {QUALITY: '$${Q}', EMPTY: '', NO: no}\nsecrets: {V: '${V}'}"},
		{name: "secrets", classic: "environment: {Variables: {API_TOKEN: a$b}}\ncontainer: {image: alpine, environment: {Variables: {AWS_ACCESS_KEY_ID: id, AWS_REGION: r, PASSWORD: ''}}}",
			native: "env: {PASSWORD: ''}\nsecrets: {API_TOKEN: '${API}', AWS_ACCESS_KEY_ID: '${ID}', AWS_REGION: '${R}'}"},
		{name: "script", classic: "init_script: s.sh", native: "script: s.sh"},
		{name: "script of sh", classic: "init_script: plain.sh", native: "script: plain.sh"},
		{name: "script of sh with options", classic: "init_script: options.sh", native: "script: options.sh\ninterpreter: /bin/sh"},
		{name: "script of bash", classic: "init_script: bash.sh", native: "script: bash.sh\ninterpreter: /bin/sh"},
		{name: "payload folder", classic: "extra_payload: data", native: "files: [data/a.txt, data/sub/]"},
		{name: "payload folder with a slash", classic: "extra_payload: ./data/", native: "files: [data/a.txt, data/sub/]"},
		{name: "payload file", classic: "extra_payload: one.bin", native: "files: one.bin"},
		{name: "preheat", classic: "preheat: yes", native: "preheat: true"},
		{name: "no preheat", classic: "preheat: false\nasynchronous: off"},
		{name: "network", classic: "vpc: {SubnetIds: [subnet-2, subnet-1], SecurityGroupIds: [sg-1]}", native: "vpc: {subnets: [subnet-1, subnet-2], security_groups: sg-1}"},
		{name: "file system",
			classic: "vpc: {SubnetIds: [subnet-1], SecurityGroupIds: [sg-1]}\nfile_system: [{Arn: 'arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0123456789abcdef0', LocalMountPath: /mnt/x}]",
			native:  "vpc: {subnets: subnet-1, security_groups: sg-1}\nmounts: {access_point: 'arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0123456789abcdef0', path: /mnt/x}"},
		{name: "tags", classic: "tags: {team: imaging, cost: 12, empty: ''}", native: "tags: {team: imaging, cost: '12', empty: ''}"},
		{name: "image file", classic: "container: {image_file: image.tar.gz}", native: "image: image.tar.gz"},
		{name: "image file of another ending", classic: "container: {image_file: image.img}", native: "image: ./image.img"},
		{name: "image in ECR", classic: "container: {image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/f, create_image: false}", native: "image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/f"},
		{name: "threshold", classic: "container: {image: alpine, timeout_threshold: 30}", native: "timeout_margin: 30"},
		{name: "places", classic: "input: [{storage_provider: s3, path: photos/in}, {storage_provider: s3.default, path: /raw}]\noutput: [{storage_provider: s3, path: photos/out/x/}]",
			native: "input: [s3://photos/in/, s3://raw]\noutput: s3://photos/out/x"},
		{name: "suffixes", classic: "output: [{storage_provider: s3, path: photos/out, suffix: [wav, .s*]}]", native: `output: {to: s3://photos/out, match: ["**/*wav", "**/*.s\\*"]}`},
		{name: "prefixes", classic: "output: [{storage_provider: s3, path: photos/out, prefix: r-}]", native: `output: {to: s3://photos/out, match: ["**/r-*", "r-*/**/*"]}`},
		{name: "prefixes with folders", classic: "output: [{storage_provider: s3, path: photos/out, prefix: [plots/, a/b], suffix: .png}]",
			native: `output: {to: s3://photos/out, match: ["plots/**/*.png", "a/b*.png", "a/b*/**/*.png"]}`},
		{name: "both", classic: "output: [{storage_provider: s3, path: photos/out, prefix: [ab, c], suffix: [bc, .x]}]",
			native: `output: {to: s3://photos/out, match: ["**/ab*bc", "**/abc", "ab*/**/*bc", "**/ab*.x", "ab*/**/*.x", "**/c*bc", "c*/**/*bc", "**/c*.x", "c*/**/*.x"]}`},
		{name: "empty filters", classic: "output: [{storage_provider: s3, path: photos/out, prefix: [], suffix: ['']}]", native: "output: s3://photos/out"},
		{name: "minio", classic: "output: [{storage_provider: minio.lab, path: bucket/out}]",
			after:  "storage_providers: {minio: {lab: {endpoint: 'https://h:9000', verify: true, region: r, access_key: k, secret_key: 1234}}}",
			native: "output: minio.lab/bucket/out", top: "storage: {minio.lab: {endpoint: 'https://h:9000', region: r, access_key: '${K}', secret_key: '${S}'}}"},
		{name: "type alone", classic: "input: [{storage_provider: minio, path: bucket/in}]",
			after:  "storage_providers: {minio: {lab: {endpoint: 'http://h', access_key: k, secret_key: 1234}}}",
			native: "input: minio.lab/bucket/in", top: "storage: {minio.lab: {endpoint: 'http://h', access_key: '${K}', secret_key: '${S}'}}"},
		{name: "default of a type", classic: "input: [{storage_provider: webdav, path: /in}]",
			after:  "storage_providers: {webdav: {default: {hostname: h, login: l, password: p}, b: {hostname: 'http://b/x', login: l, password: p}}}",
			native: "input: webdav.default/in", top: "storage: {webdav.default: {endpoint: 'https://h', user: '${L}', password: '${P}'}, webdav.b: {endpoint: 'http://b/x', user: '${L}', password: '${P}'}}"},
		{name: "onedata", classic: "output: [{storage_provider: onedata.od, path: out}]",
			after:  "storage_providers: {onedata: {od: {oneprovider_host: h, token: t, space: sp}}}",
			native: "output: onedata.od/out", top: "storage: {onedata.od: {endpoint: 'https://h', token: '${T}', space: sp}}"},
		{name: "other S3", classic: "output: [{storage_provider: s3.my_s3, path: photos/out}]",
			after:  "storage_providers: {s3: {my_s3: {access_key: k, secret_key: 1234, region: us-east-1}}}",
			native: "output: s3.my_s3/photos/out", top: "storage: {s3.my_s3: {access_key: '${K}', secret_key: '${S}', region: us-east-1}}"},
		{name: "role", after: "    iam: {boto_profile: default, role: 'arn:aws:iam::123456789012:role/r'}", native: "role: arn:aws:iam::123456789012:role/r"},
		{name: "API", after: "    api_gateway: {name: images, boto_profile: default, region: us-east-1}", native: "http: {api: images, auth: none}"},
		{name: "no API", after: "    api_gateway: {region: us-east-1}\n    ecr: {delete_image: true}"},
		{name: "retention", after: "    cloudwatch: {log_retention_policy_in_days: 7}", native: "logs: {retention_days: 7}"},
		{name: "batch", after: "    batch: {vcpus: 2, memory: 4096, enable_gpu: true, service_role: 'arn:aws:iam::123456789012:role/b', environment: {Variables: {A: 1, MY_TOKEN: t}}, " +
			"multi_node_parallel: {enabled: true, number_nodes: 3, main_node_index: 1}, compute_resources: {security_group_ids: [sg-1], subnets: [subnet-1], instance_types: [c5], " +
			"desired_v_cpus: 1, min_v_cpus: 1, max_v_cpus: 8, instance_role: 'arn:aws:iam::123456789012:instance-profile/i', launch_template_name: mine}}",
			native: "batch: {vcpus: 2, memory: 4GB, gpus: 1, platform: ec2, subnets: subnet-1, security_groups: sg-1, instance_types: c5, min_vcpus: 1, desired_vcpus: 1, max_vcpus: 8, " +
				"service_role: 'arn:aws:iam::123456789012:role/b', instance_role: 'arn:aws:iam::123456789012:instance-profile/i', launch_template: mine, nodes: 3, main_node: 1}\nsecrets: {MY_TOKEN: '${T}', A: '${ONE}'}"},
		{name: "batch with its defaults", classic: "execution_mode: batch", after: "    batch: {compute_resources: {launch_template_name: faas-supervisor}}",
			native: "mode: batch\nbatch: {memory: 1024, platform: ec2, max_vcpus: 2}"},
		{name: "batch without a block", classic: "execution_mode: lambda-batch", native: "mode: lambda-batch\nbatch: {memory: 1024, platform: ec2, max_vcpus: 2}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			classic := classicWith(c.classic, c.after+"\n")
			if strings.Contains(c.classic, "container: ") { // in place of the usual one
				classic = strings.Replace(classic, "      container: {image: alpine}\n", "", 1)
			}
			if !strings.Contains(c.native, "image: ") {
				c.native = "image: alpine\n" + c.native
			}
			files := classicFiles(classic)
			files["native.yaml"] = "project: f\n" + c.top + "\ndefaults: {keep_folders: false}\nfunctions:\n  f:\n    " + strings.ReplaceAll(c.native, "\n", "\n    ") + "\n"
			folder := writeFiles(t, files)
			got, err := Load(t.Context(), []string{filepath.Join(folder, "func.yaml")}, Options{KeepUnbuilt: true})
			if err != nil {
				t.Fatal(err)
			}
			want, err := Load(t.Context(), []string{filepath.Join(folder, "native.yaml")}, Options{
				KeepUnbuilt: true, Lookup: variables("V", "1.10", "API", "a$b", "ID", "id", "R", "r", "K", "k", "S", "1234", "L", "l", "P", "p", "T", "t", "ONE", "1"),
			})
			if err != nil {
				t.Fatal(err)
			}
			sameButPlaces(t, want, got)
			if !got.Classic {
				t.Error("the file does not say that it is classic")
			}
		})
	}
}

// sameButPlaces compares what two files come to.
func sameButPlaces(t *testing.T, want, got *File) {
	t.Helper()
	options := append([]cmp.Option{cmpopts.IgnoreFields(File{}, "Notes", "Classic"), cmpopts.EquateEmpty()}, samePlaces...)
	if diff := cmp.Diff(want, got, options...); diff != "" {
		t.Errorf("native (-) and classic (+) are not the same:\n%s", diff)
	}
}
