package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClassicProblems(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string // without the folder
	}{
		{"no name", "functions:\n  aws:\n  - lambda: {container: {image: a}}\n", []string{
			"func.yaml:3:5: name: is missing; add name: grayify",
		}},
		{"flat", "functions:\n  aws:\n  - name: f\n    container: {image: a}\n", []string{
			"func.yaml:3:5: lambda: is missing; add lambda: {container: {image: dpokidov/imagemagick:7.1}, name: grayify}",
			"func.yaml:3:5: name: belongs into lambda, one level deeper: - lambda: {name: …}",
			"func.yaml:4:5: container: belongs into lambda, one level deeper: - lambda: {container: …}",
		}},
		{"empty", "functions: {aws: []}\n", []string{
			"func.yaml:1:1: the file has no function with a name, which the project would be named after; add one, or name the project with --project",
		}},
		{"no function", "functions:\n  aws: [f]\n", []string{
			`func.yaml:2:9: aws: wants a mapping such as {lambda: {container: {image: dpokidov/imagemagick:7.1}, name: grayify}}, not "f"`,
		}},
		{"native keys beside", "project: p\ndefaults: {memory: 512}\nstorage: {}\nfunctions:\n  aws: [{lambda: {name: f, container: {image: a}}}]\n  g: {image: a}\n", []string{
			"func.yaml:1:1: project: belongs to files in the native format; the project of a classic file is its first function's name, and --project names another one",
			"func.yaml:2:1: defaults: unknown key; known here: functions, storage_providers",
			"func.yaml:3:1: storage: unknown key; did you mean storage_providers?",
			"func.yaml:6:3: g: this is a file in the classic Function Definition Language, with a list under aws, in which functions has only aws and oscar; write the function as an item of the list, or convert the others with scar convert",
		}},
		{"slips", classicWith("memmory: 1\nimage: a\nenvironment: {variables: {A: 1}}\nscript: s\ninput: [{storage_provider: s3, path: abc/x, suffix: [a]}]", "    iam: {rol: r}\n"), []string{
			"func.yaml:6:7: memmory: unknown key; did you mean memory?",
			"func.yaml:7:7: image: unknown key here; it belongs to container",
			"func.yaml:8:21: variables: unknown key; did you mean Variables?",
			"func.yaml:9:7: script: unknown key; did you mean init_script?",
			"func.yaml:10:51: suffix: unknown key; known here: path, storage_provider",
			"func.yaml:11:11: rol: unknown key; did you mean role?",
		}},
		{"values", classicWith("memory: 64\ntimeout: much\nexecution_mode: lambada\nlog_level: CRITICAL\npreheat: sometimes\narchitectures: [x86_64, arm64]\nregion: mars", ""), []string{
			"func.yaml:6:7: memory: 64 is below the minimum of 128 MB",
			`func.yaml:7:7: timeout: wants a number of seconds, or a duration such as 90s, 5m or 1h, not "much"`,
			`func.yaml:8:7: execution_mode: wants lambda, lambda-batch or batch, not "lambada"; did you mean lambda?`,
			`func.yaml:9:7: log_level: wants DEBUG, INFO, WARNING or ERROR, not "CRITICAL"`,
			`func.yaml:10:7: preheat: wants true or false, not "sometimes"`,
			"func.yaml:11:7: architectures: a function runs on one architecture, x86_64 or arm64; these are 2",
			`func.yaml:12:7: region: wants the name of an AWS region such as eu-west-1, not "mars"`,
		}},
		{"places", classicWith("input:\n- {storage_provider: ftp, path: a}\n- {storage_provider: minio.x, path: a}\n- {storage_provider: s3.my, path: a}\n- {storage_provider: webdav.nsa, path: a}\n- {storage_provider: s3, path: Abc/x}\n- {path: a}\noutput: [{storage_provider: s3, path: abc/y, prefix: [/b]}]",
			"storage_providers: {webdav: {nas: {hostname: h, login: l, password: p}}}\n"), []string{
			"func.yaml:7:10: storage_provider: wants s3, minio, onedata or webdav, or one of them with the ID of a provider such as minio.lab",
			"func.yaml:8:10: storage_provider: minio.x is not defined in storage_providers; add storage_providers: {minio: {x: {…}}} at the top of the file",
			"func.yaml:9:10: storage_provider: s3.my is not defined in storage_providers; s3 alone is the account's own S3",
			"func.yaml:10:10: storage_provider: webdav.nsa is not defined in storage_providers; did you mean webdav.nas?",
			`func.yaml:11:32: path: "Abc" is no name of a bucket: S3 wants lower case`,
			"func.yaml:12:9: storage_provider: is missing; add storage_provider: s3",
			`func.yaml:13:61: prefix: "/b" fits no file: they are called a.png here, or plots/a.png in a folder`,
		}},
		{"regions", "functions:\n  aws:\n  - lambda: {name: f, region: eu-west-1, boto_profile: lab, container: {image: a}}\n  - lambda: {name: g, region: us-east-1, container: {image: a}}\n  - lambda: {name: h, region: eu-west-1, boto_profile: lab, container: {image: a}}\n", []string{
			"func.yaml:3:42: boto_profile: the functions of a file are in one profile; put these into files of their own: f, h in lab; g in the one that the AWS SDK finds",
			"func.yaml:4:23: region: the functions of a file are in one region; put these into files of their own: f, h in eu-west-1; g in us-east-1",
		}},
		{"twice", "functions:\n  aws:\n  - lambda: {name: f, container: {image: a}}\n  - lambda: {name: f, container: {image: a}}\n", []string{
			"func.yaml:4:14: name: f is the name of the function in line 3 too",
		}},
		{"names", "functions:\n  aws:\n  - lambda: {name: -f, container: {image: a}}\n  - lambda: {name: 'arn:aws:lambda:us-east-1:123456789012:function:f', container: {image: a}}\n", []string{
			"func.yaml:3:14: name: a function's name wants letters, digits, - and _, and begins with no dash",
			"func.yaml:4:14: name: a function's name wants letters, digits, - and _, and begins with no dash",
		}},
		{"batch and OSCAR", classicWith("execution_mode: batch", "  oscar:\n  - my: {name: s}\n"), []string{
			"func.yaml:6:7: execution_mode: batch is not supported by this version; functions run on Lambda, for 15 minutes at most, mode: lambda, which needs no mention",
			"func.yaml:8:5: my: services of OSCAR clusters are not supported by this version: s; put it into a file of its own, or take it out",
		}},
		{"no dash", "functions:\n  aws:\n    lambda: {name: f, container: {image: a}}\n", []string{
			"func.yaml:2:3: aws: wants a list such as [{lambda: {name: grayify}}], not a mapping",
		}},
		{"too many pairs", classicWith("output: [{storage_provider: s3, path: abc/y, prefix: [a"+strings.Repeat(", a", 99)+"], suffix: [b"+strings.Repeat(", b", 99)+"]}]", ""), []string{
			"func.yaml:6:362: suffix: an output takes 1000 pairs of a prefix and a suffix, these are 10000; make several outputs of it",
		}},
		{"tab", "functions:\n  aws:\n  - lambda:\n\tname: f\n", []string{"func.yaml:4:1: a tab indents this line; YAML wants spaces"}},
		{"duplicate key", "functions:\n  aws:\n  - lambda: {name: f, memory: 512, memory: 1024, container: {image: a}}\n", []string{
			"func.yaml:3:36: memory: is here a second time; it is in line 3 too",
		}},
		{"no files", classicWith("init_script: none.sh\nextra_payload: none\nrun_script: none.sh", ""), []string{
			"func.yaml:6:7: init_script: none.sh does not exist",
			"func.yaml:7:7: extra_payload: none does not exist",
			"func.yaml:8:7: run_script: none.sh does not exist",
		}},
		{"half a network", classicWith("vpc: {SubnetIds: [subnet-1]}", ""), []string{
			"func.yaml:6:7: SecurityGroupIds: is missing beside SubnetIds; add SecurityGroupIds: [sg-0123456789abcdef0]",
		}},
		{"variables of scar", classicWith("environment: {Variables: {INPUT_FILE_PATH: x, AWS_LAMBDA_RUNTIME_API: x}}", ""), []string{
			"func.yaml:6:33: INPUT_FILE_PATH: scar sets this variable for every script",
			"func.yaml:6:53: AWS_LAMBDA_RUNTIME_API: scar keeps this variable from scripts",
		}},
		{"loop", classicWith("input: [{storage_provider: s3, path: abc/x}]\noutput: [{storage_provider: s3, path: abc/x}]", ""), []string{
			"func.yaml:6:38: path: would loop (--allow-loops accepts it): the output in line 7 would start f again for each of its results; set them apart by folder or bucket",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := writeFiles(t, map[string]string{"func.yaml": c.text})
			_, err := Load(t.Context(), []string{filepath.Join(folder, "func.yaml")}, Options{})
			if err == nil {
				t.Fatal("the file is taken")
			}
			got := strings.Split(strings.ReplaceAll(err.Error(), folder+string(filepath.Separator), ""), "\n")
			for i := range got {
				got[i] = strings.TrimSuffix(strings.TrimSuffix(got[i], " (none.sh)"), " (none)")
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestClassicFilesStandAlone(t *testing.T) {
	folder := writeFiles(t, map[string]string{"a.yaml": "project: p\nfunctions: {}\n", "b.yaml": classicWith("memory: 512", "")})
	_, err := Load(t.Context(), []string{filepath.Join(folder, "a.yaml"), filepath.Join(folder, "b.yaml")}, Options{})
	if err == nil || !strings.Contains(err.Error(), "b.yaml:2:3: aws: a file in the classic Function Definition Language stands alone; convert it with scar convert") {
		t.Error(err)
	}
}

// What nobody may see is in no message, whatever is wrong around it.
func TestClassicSecretsAreNotShown(t *testing.T) {
	const secret = "hunter2-hunter2"
	for _, text := range []string{
		classicWith("environment: {Variables: {API_TOKEN: "+secret+", AWS_LAMBDA_RUNTIME_API: "+secret+"}}", ""),
		classicWith("environment: {Variables: {API_TOKEN: ["+secret+"]}}", ""),
		classicWith("environment: {Variables: {INPUT_FILE_PATH: 1, API_TOKEN: "+secret+"}}", ""),
		classicWith("memory: 1", "storage_providers: {minio: {lab: {endpoint: h, access_key: k, secret_key: "+secret+"}}}\n"),
		classicWith("memory: 1", "storage_providers: {minio: {lab: {secretkey: "+secret+"}}}\n"),
		classicWith("memory: 1", "storage_providers: {minio: "+secret+"}\n"),
		classicWith("memory: 1", "storage_providers: {webdav: {lab: {hostname: 'https://u:"+secret+"@h', login: l, password: "+secret+"}}}\n"),
		classicWith("memory: 1", "storage_providers: {webdav: {lab: {hostname: h, login: l, password: ["+secret+"]}}}\n"),
	} {
		_, err := loadClassic(t, text, Options{})
		problems, is := err.(Problems)
		if !is {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		for _, p := range problems {
			if strings.Contains(p.Message+p.SourceLine, secret[:8]) {
				t.Errorf("%s | %s", p, p.SourceLine)
			}
		}
	}
}

func TestClassicNotes(t *testing.T) {
	text := "functions:\n  aws:\n" +
		"  - lambda: {name: Grayify_2, runtime: python3.8, layers: [a], supervisor: {version: latest}, deployment: {bucket: b}, container: {image: a, alpine: true, create_image: false}}\n" +
		"    ecr: {delete_image: false}\n    api_gateway: {region: eu-west-1}\n" +
		"  - lambda: {name: g, runtime: python3.8, layers: [a], execution_mode: batch, container: {image: a, image_file: image.img}}\n" +
		"  oscar: [{my: {name: s}}]\n" +
		"storage_providers: {minio: {lab: {endpoint: 'https://h', verify: false, access_key: k, secret_key: s}}}\n"
	file, err := loadClassic(t, text, Options{KeepUnbuilt: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range file.Notes {
		got = append(got, n.Place[strings.LastIndexByte(n.Place, '/')+1:]+": "+n.Text)
	}
	want := []string{
		"func.yaml:3:14: the project is named grayify-2, after the first function; --project names another one",
		"func.yaml:3:31: runtime python3.8: scar makes an image of the function; nothing is unpacked when it runs",
		"func.yaml:3:51: layers has no meaning any more: images have no layers of Lambda; what they held belongs into the image or into extra_payload",
		"func.yaml:3:64: supervisor has no meaning any more: scar brings its own runtime, of its own version",
		"func.yaml:3:95: deployment has no meaning any more: images are pushed to ECR, no bucket is needed",
		"func.yaml:3:142: alpine has no meaning any more: scar's runtime is the same for all images",
		"func.yaml:3:156: create_image: scar adds its own layers to the image, and pushes the result, in any case",
		"func.yaml:4:11: delete_image: false is not followed: images that scar made go with the last function that names them",
		"func.yaml:5:19: region of api_gateway is not followed: all of a function is where the function is",
		"func.yaml:6:56: batch is not supported by this version, so g cannot be planned",
		"func.yaml:6:91: image is not looked at beside image_file",
		"func.yaml:7:12: s is a service of an OSCAR cluster, which this version does not support",
		"func.yaml:8:58: verify: false is not followed: the certificate of a server is always checked",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestClassicProjects(t *testing.T) {
	for name, want := range map[string]string{
		"grayify": "grayify", "Grayify_Now": "grayify-now", "3d": "scar-3d", "___": "scar", "a--b": "a-b", "-x-": "x",
		"scar-av-workflow-audio2srt-with-a-long-name": "scar-av-workflow-audio2srt-with-a", strings.Repeat("a", 31) + "-b": strings.Repeat("a", 31),
	} {
		if len(want) > maxProject {
			want = want[:maxProject]
		}
		want = strings.TrimSuffix(want, "-")
		if got := projectOf(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	text := classicWith("memory: 512", "")
	if file, err := loadClassic(t, text, Options{Project: "other"}); err != nil || file.Project != "other" || file.Notes != nil {
		t.Errorf("%v, %v", file, err)
	}
	native := filepath.Join(writeFiles(t, map[string]string{"func.yaml": in("memory: 512")}), "func.yaml")
	if _, err := Load(t.Context(), []string{native}, Options{Project: "other"}); err == nil || !strings.Contains(err.Error(), "names its project itself, imaging") {
		t.Error(err)
	}
	if _, err := Load(t.Context(), []string{native}, Options{Project: "imaging"}); err != nil {
		t.Error(err)
	}
}

// A file of which little is left still says what is to be destroyed.
func TestClassicProjectAlone(t *testing.T) {
	text := "functions:\n  aws:\n  - lambda: {name: f, region: eu-west-1, boto_profile: lab, init_script: gone.sh, memory: [x], color: red}\n  oscar: [{my: {name: s}}]\n"
	path := filepath.Join(writeFiles(t, map[string]string{"func.yaml": text}), "func.yaml")
	file, err := LoadProject(t.Context(), []string{path}, Options{})
	if err != nil || file.Project != "f" || file.Region != "eu-west-1" || file.Profile != "lab" {
		t.Errorf("%+v, %v", file, err)
	}
	for _, text := range []string{
		"functions: {aws: [{lambda: {memory: 1}}]}\n", "functions: {aws: [{lambda: {name: f, region: [a]}}]}\n", "functions: {aws: [{lambda: {name: f, region: mars}}]}\n",
		"functions: {aws: [{lambda: {name: f, region: eu-west-1}}, {lambda: {name: g, region: eu-west-2}}]}\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if file, err := LoadProject(t.Context(), []string{path}, Options{}); err == nil {
			t.Errorf("%+v\n%s", file, text)
		}
	}
}

// The scripts that scar run alone runs are read, and by the original's shell.
func TestClassicRun(t *testing.T) {
	file, err := loadClassic(t, classicWith("run_script: run.sh\nasynchronous: true", ""), Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := file.Functions[0]
	if f.RunScript == nil || f.RunScript.Name != "run.sh" || f.RunScript.Interpreter != "/bin/sh" || !f.Asynchronous || f.Script != nil {
		t.Errorf("%+v", f)
	}
}
