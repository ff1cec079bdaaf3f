package spec

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// classicShell runs the scripts of classic files, whatever their #! lines say.
const classicShell = "/bin/sh"

// classicMargin is the default of timeout_threshold, in seconds, however short the timeout is.
const classicMargin = 10

// classicFunction is one function of a classic file.
type classicFunction struct {
	*classic
	name                    string // empty: it has none
	item, lambda, container *node  // defaults of scar.cfg filled in
	out                     *node  // native
}

// common is a setting that all services of a function share, such as region. The original took one for each service.
func (f *classicFunction) common(key string) *node {
	n := f.lambda.get(key)
	if key == "boto_profile" && n.str() == "default" {
		n = nil // what the AWS SDK takes by itself, but for credentials in the environment, which come first
	}
	return n
}

// native is the function in the native format.
func (f *classicFunction) native() *node {
	f.out = f.mapping(f.lambda.get("name"), "name")
	f.out.set("description", f.word(f.lambda.get("description")))
	f.readImage()
	f.readScripts()
	f.readPayload()
	f.out.set("memory", f.value(f.lambda.get("memory")))
	f.readTimeout()
	f.readArchitecture()
	f.readVariables()
	f.readInputs()
	f.readOutputs()
	f.readHTTP()
	f.readMode()
	f.out.set("role", f.word(f.item.get("iam").get("role")))
	f.readVPC()
	f.readMounts()
	f.readLogs()
	if preheat := f.lambda.get("preheat"); preheat.truth(false) {
		f.out.set("preheat", f.flag(preheat, true))
	}
	f.readTags()
	f.noteDropped()
	return f.out
}

// readImage reads which image it is. create_image needs nothing: scar adds its layers to images in ECR as to others.
func (f *classicFunction) readImage() {
	image, file := f.container.get("image"), f.container.get("image_file")
	switch {
	case file != nil:
		if image != nil {
			f.note(image, "image", "image is not looked at beside image_file")
		}
		n := f.word(file)
		if n.kind == scalar && !isImagePath(n.text) {
			n.text = "./" + n.text
		}
		f.out.set("image", n)
	case image != nil:
		f.out.set("image", f.word(image))
	case f.container == nil:
		f.report.missing(f.lambda, "container", "is missing; add container: {image: dpokidov/imagemagick:7.1}")
		fallthrough
	default:
		if f.container != nil {
			f.report.missing(f.container, "image", "is missing; add image: dpokidov/imagemagick:7.1, or image_file: image.tar.gz")
		}
		reported := f.text(f.lambda, "")
		reported.bad = true
		f.out.set("image", reported)
	}
	if create := f.container.get("create_image"); create != nil && !create.truth(true) {
		f.note(create, "create_image", "create_image: scar adds its own layers to the image, and pushes the result, in any case")
	}
}

// readScripts reads what runs. The original ran every script by /bin/sh.
func (f *classicFunction) readScripts() {
	script := f.lambda.get("init_script")
	f.out.set("script", f.word(script))
	if script.str() != "" && f.disk && namesProgram(firstBytes(script)) {
		shell := f.text(script, classicShell)
		f.comment(shell, "Scripts were run by /bin/sh. Take this line out to have the script's #! line name the program.")
		f.out.set("interpreter", shell)
	}
	if run := f.lambda.get("run_script"); run.str() != "" {
		f.scripts[f.name] = run
		f.comment(f.out, "run_script: for scar run -s "+run.text)
	}
	if asynchronous := f.lambda.get("asynchronous"); asynchronous.truth(false) {
		f.asynchronous[f.name] = true
		f.comment(f.out, "asynchronous: for scar run --async")
	}
}

// firstBytes is the beginning of a script; empty where it cannot be read, which is reported later.
func firstBytes(script *node) []byte {
	path, err := resolve(script)
	if err != nil {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	start := make([]byte, 512)
	n, err := file.Read(start)
	if err != nil {
		return nil
	}
	return start[:n]
}

// namesProgram says whether the #! line of a script has it run otherwise than by /bin/sh alone.
func namesProgram(content []byte) bool {
	line, _, _ := bytes.Cut(content, []byte("\n"))
	program, found := strings.CutPrefix(string(line), "#!")
	return found && strings.Trim(program, " \t") != classicShell
}

// readPayload reads what is shipped. What is in a folder was beside the script, so it is shipped item by item.
func (f *classicFunction) readPayload() {
	payload := f.lambda.get("extra_payload")
	if payload.str() == "" {
		f.out.set("files", f.word(payload))
		return
	}
	files := made(payload, list)
	f.out.set("files", files)
	path, err := resolve(payload)
	if err == nil && f.disk {
		if children, err := os.ReadDir(path); err == nil {
			if len(children) == 0 {
				f.report.at(payload, "%s is an empty folder, which cannot be shipped; remove it, or put a file into it", payload.text)
			}
			for _, child := range children {
				item := f.text(payload, strings.TrimRight(filepath.ToSlash(payload.text), "/")+"/"+child.Name())
				files.items = append(files.items, item)
			}
			return
		}
	}
	files.items = []*node{f.text(payload, strings.TrimRight(payload.text, "/"))}
}

// readTimeout reads the timeout, and what of it is kept back: 10 s, but for timeouts that would leave nothing.
func (f *classicFunction) readTimeout() {
	timeout, margin := f.lambda.get("timeout"), f.container.get("timeout_threshold")
	f.out.set("timeout", f.value(timeout))
	seconds := timeout.quantity("s", defaultTimeout)
	switch {
	case margin != nil:
		f.out.set("timeout_margin", f.value(margin))
	case seconds > classicMargin && seconds < 2*classicMargin:
		kept := f.number(timeout, classicMargin)
		f.comment(kept, "The default of timeout_threshold.")
		f.out.set("timeout_margin", kept)
	}
}

func (f *classicFunction) readArchitecture() {
	all := f.lambda.get("architectures")
	items := all.list()
	if len(items) > 1 {
		f.report.at(all, "a function runs on one architecture, x86_64 or arm64; these are %d", len(items))
		return
	}
	if len(items) == 1 {
		f.out.set("architecture", f.word(items[0]))
	}
}

// readHTTP reads the HTTP endpoint. That of the original was open to all.
func (f *classicFunction) readHTTP() {
	gateway := f.item.get("api_gateway")
	name := gateway.get("name")
	if name == nil {
		return
	}
	http := f.mapping(gateway, "api_gateway")
	http.set("api", f.word(name))
	auth := f.text(name, "none")
	f.comment(auth, "Everybody who knows the address may call it, as before. iam asks callers to sign.")
	http.set("auth", auth)
	f.out.set("http", http)
}

// readVPC reads the network. Empty lists are none.
func (f *classicFunction) readVPC() {
	vpc := f.lambda.get("vpc")
	subnets, groups := f.words(vpc.get("SubnetIds")), f.words(vpc.get("SecurityGroupIds"))
	switch {
	case subnets == nil && groups == nil:
		return
	case subnets == nil:
		f.report.missing(vpc, "SubnetIds", "is missing beside SecurityGroupIds; add SubnetIds: [subnet-0123456789abcdef0]")
		return
	case groups == nil:
		f.report.missing(vpc, "SecurityGroupIds", "is missing beside SubnetIds; add SecurityGroupIds: [sg-0123456789abcdef0]")
		return
	}
	network := f.mapping(vpc, "vpc")
	network.set("subnets", subnets)
	network.set("security_groups", groups)
	f.out.set("vpc", network)
}

func (f *classicFunction) readMounts() {
	systems := f.lambda.get("file_system")
	if len(systems.list()) == 0 {
		return
	}
	f.out.set("mounts", f.listOf(systems, systems.list(), func(system *node) *node {
		mount := f.mapping(system, "file_system")
		arn, path := f.word(system.get("Arn")), f.word(system.get("LocalMountPath"))
		if arn == nil || path == nil {
			return nil // has been reported
		}
		mount.set("access_point", arn)
		mount.set("path", path)
		return mount
	}))
}

// readLogs reads how it logs.
func (f *classicFunction) readLogs() {
	level, days := f.lambda.get("log_level"), f.item.get("cloudwatch").get("log_retention_policy_in_days")
	at := days
	if at == nil {
		at = level
	}
	if at == nil {
		return
	}
	logs := f.mapping(at, at.label)
	logs.set("retention_days", f.value(days))
	if level != nil && !level.bad {
		logs.set("level", f.text(level, strings.ToLower(level.text)))
	}
	f.out.set("logs", logs)
}

// readTags reads the tags. An empty block said nothing, and does not mean that others are removed.
func (f *classicFunction) readTags() {
	tags := f.lambda.get("tags")
	if tags == nil || len(tags.fields) == 0 {
		return
	}
	kept := f.mapping(tags, "tags")
	for _, tag := range tags.fields {
		kept.set(tag.name, f.word(tag.value))
	}
	f.out.set("tags", kept)
}

// noteDropped notes the settings that mean nothing any more, once for each.
func (f *classicFunction) noteDropped() {
	if runtime := f.lambda.get("runtime"); runtime.str() != "" && runtime.text != "image" {
		f.note(runtime, "runtime", "runtime %s: scar makes an image of the function; nothing is unpacked when it runs", runtime.text)
	}
	for _, dropped := range []struct {
		at   *node
		text string
	}{
		{f.lambda.get("layers"), "images have no layers of Lambda; what they held belongs into the image or into extra_payload"},
		{f.lambda.get("supervisor"), "scar brings its own runtime, of its own version"},
		{f.lambda.get("deployment"), "images are pushed to ECR, no bucket is needed"},
		{f.lambda.get("handler"), "images have no handler"},
		{f.lambda.get("invocation_type"), "scar run waits for the end unless it is given --async"},
		{f.lambda.get("log_type"), "scar run shows what the script prints"},
		{f.container.get("alpine"), "scar's runtime is the same for all images"},
	} {
		if dropped.at != nil && (dropped.at.kind != list || len(dropped.at.items) > 0) {
			f.note(dropped.at, dropped.at.label, "%s has no meaning any more: %s", dropped.at.label, dropped.text)
		}
	}
	if keep := f.item.get("ecr").get("delete_image"); keep != nil && !keep.truth(true) {
		f.note(keep, "delete_image", "delete_image: false is not followed: images that scar made go with the last function that names them")
	}
	f.noteElsewhere()
}

// noteElsewhere notes services in another region, or of another profile, than their function.
func (f *classicFunction) noteElsewhere() {
	for _, service := range []string{"iam", "api_gateway", "cloudwatch", "batch"} {
		for _, key := range []string{"region", "boto_profile"} {
			n, own := f.item.get(service).get(key), f.lambda.get(key)
			usual := []string{"us-east-1", "default"} // of examples, with which people begin
			if n.str() == "" || n.text == own.str() || slices.Contains(usual, n.text) {
				continue
			}
			f.note(n, service+"."+key, "%s of %s is not followed: all of a function is where the function is", key, service)
		}
	}
}
