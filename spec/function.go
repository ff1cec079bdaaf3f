package spec

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The defaults of a function. The schema names the same, which a test compares.
const (
	defaultMemory           = 512 // MB
	defaultTimeout          = 300 // s
	defaultTimeoutMargin    = 10  // s
	defaultEphemeralStorage = 512 // MB
	defaultRetentionDays    = 30
	defaultLogLevel         = "info"
	defaultLogFormat        = "text"
	defaultAuth             = "iam"
	defaultTimezone         = "UTC"
	defaultBatchSize        = 10 // messages
	defaultQueueAttempts    = 5
	defaultRetries          = 2
	defaultMaxAge           = 21600 // s
)

// draft is a function that is being read, with the nodes that its parts come from.
type draft struct {
	Function
	node    *node // defaults filled in
	inputs  []*node
	outputs []*node // of Inputs and Outputs, index by index
}

// complete says whether all inputs and outputs make sense.
func (d *draft) complete() bool {
	return len(d.Inputs) == len(d.node.get("input").list()) && len(d.Outputs) == len(d.node.get("output").list())
}

// exempt is what to add to a problem with a key of one function that comes from defaults.
func exempt(n *node) string {
	if strings.HasPrefix(n.path, "defaults.") {
		return "; write " + n.label + ": false there"
	}
	return ""
}

// describe reads the project from a tree that has been validated, and checks what the schema cannot
// say. It touches nothing but its arguments. Values that have been reported are left out.
func describe(root *node, opts Options, r *report) (*File, []*draft) {
	f := &File{
		RequiredVersion: root.get("required_version").str(),
		Project:         root.get("project").str(), Region: root.get("region").str(), Profile: root.get("profile").str(),
	}
	checkVersion(root.get("required_version"), r)
	common := root.get("tags")
	f.Tags, f.TagsManaged = readTags(common, nil, r), common != nil
	secrets := &secretReader{report: r, project: f.Project}
	f.Storage = readStorage(root.get("storage"), secrets)
	providers := &providerNames{file: f, node: root.get("storage")}
	var drafts []*draft
	if functions := root.get("functions"); functions != nil {
		for _, field := range functions.fields {
			if field.value.kind != mapping {
				continue
			}
			d := describeFunction(field.name, withDefaults(root.get("defaults"), field.value), providers, secrets)
			d.readMode(opts.KeepUnbuilt, r)
			d.TagsManaged = f.TagsManaged || d.node.get("tags") != nil
			d.Tags = readTags(d.node.get("tags"), f.Tags, r)
			checkTagCount(d, r)
			drafts = append(drafts, d)
		}
	}
	f.Parameters, f.Notes = secrets.parameters(), r.noted()
	slices.SortStableFunc(drafts, func(a, b *draft) int { return strings.Compare(a.Name, b.Name) })
	checkNames(drafts, r)
	checkAPIs(drafts, r)
	if checkRules(drafts, r) && !opts.AllowLoops {
		checkLoops(f, drafts, r)
	}
	return f, drafts
}

func describeFunction(name string, n *node, providers *providerNames, secrets *secretReader) *draft {
	r := secrets.report
	d := &draft{node: n, Function: Function{
		Name:             name,
		File:             n.src.name,
		Line:             n.line,
		Column:           n.column,
		Description:      n.get("description").str(),
		Memory:           n.get("memory").quantity("MB", defaultMemory),
		Timeout:          n.get("timeout").quantity("s", defaultTimeout),
		EphemeralStorage: n.get("ephemeral_storage").quantity("MB", defaultEphemeralStorage),
		Architecture:     n.get("architecture").str(),
		KeepFolders:      n.get("keep_folders").truth(true),
		Dedupe:           n.get("dedupe").truth(false),
		Preheat:          n.get("preheat").truth(false),
		Role:             n.get("role").str(),
	}}
	for _, item := range n.get("command").list() {
		d.Command = append(d.Command, item.str())
	}
	d.Env = readEnv(n.get("env"), r)
	d.Permissions = readPermissions(n.get("permissions"))
	d.Logs = readLogs(n.get("logs"))
	d.readSecrets(secrets)
	d.readImage(r)
	d.readRun(r)
	d.readInputs(providers, r)
	d.readOutputs(providers, r)
	d.readRecords(r)
	d.readMargin(r)
	d.HTTP = readHTTP(n.get("http"), r)
	d.Schedule = readSchedule(n.get("schedule"), r)
	d.readQueue(r)
	d.readConcurrency()
	d.Retries = readRetries(n.get("retries"))
	d.OnFailure = readDestination(n.get("on_failure"), r)
	d.VPC = readVPC(n.get("vpc"), r)
	d.readMounts(r)
	d.checkContradictions(r)
	return d
}

// readImage reads a reference to an image. An image on disk is found later.
func (d *draft) readImage(r *report) {
	n := d.node.get("image")
	if n.str() == "" || isImagePath(n.text) {
		return
	}
	if problem := checkReference(n.text); problem != "" {
		r.at(n, "%s", problem)
		return
	}
	d.Image = Source{Reference: n.text}
}

// readRun reads a script that stands in the file itself.
func (d *draft) readRun(r *report) {
	n := d.node.get("run")
	if n.str() == "" {
		return
	}
	content := []byte(n.text)
	if problem := checkScript(content); problem != "" {
		r.atKey(n, "%s", problem)
		return
	}
	d.Script = &Script{Name: runName, Content: content, Interpreter: d.node.get("interpreter").str()}
}

// readMargin reads timeout_margin. Unset, it is at most half the timeout.
func (d *draft) readMargin(r *report) {
	n, timeout := d.node.get("timeout_margin"), d.node.get("timeout")
	d.TimeoutMargin = n.quantity("s", min(defaultTimeoutMargin, d.Timeout/2))
	if n == nil || n.bad || timeout != nil && timeout.bad || d.TimeoutMargin < d.Timeout {
		return
	}
	of := "the default timeout"
	if timeout != nil {
		of = "the timeout in " + timeout.place(n)
	}
	r.at(n, "%s leaves the script of %s no time: %s is %d s", n.text, d.Name, of, d.Timeout)
}

// readRecords finds the bucket of the function's records: that of its first output on the account's own S3.
func (d *draft) readRecords(r *report) {
	records, dedupe := d.node.get("records"), d.node.get("dedupe")
	own := slices.IndexFunc(d.Outputs, func(out Output) bool { return out.Provider == OwnS3 })
	switch {
	case !records.truth(true):
		if d.Dedupe {
			r.atKey(dedupe, "cannot be together with records: false in %s: the records of %s tell which events were processed", records.place(dedupe), d.Name)
		}
	case len(d.Inputs) > 0 && own >= 0:
		d.Records = d.Outputs[own].Bucket
	case d.Dedupe && d.complete() && len(d.Inputs) == 0:
		r.atKey(dedupe, "%s has no input: there are no events that could come twice%s", d.Name, exempt(dedupe))
	case d.Dedupe && d.complete():
		r.atKey(dedupe, "needs records, which are kept in the first output on the account's own S3, and %s has none; add one such as s3://photos/out/%s", d.Name, exempt(dedupe))
	}
}

func (d *draft) checkContradictions(r *report) {
	if d.node.get("image") == nil {
		r.missing(d.node, "image", "is missing; add a line such as image: dpokidov/imagemagick:7.1 to %s or to defaults", d.Name)
	}
	var first *node
	for _, name := range whatRuns {
		n := d.node.get(name)
		switch {
		case n == nil:
		case first == nil:
			first = n
		default:
			r.atKey(n, "cannot be together with %s in %s: a function runs one of script, run and command", first.label, first.place(n))
		}
	}
	if n := d.node.get("interpreter"); n != nil && d.node.get("script") == nil && d.node.get("run") == nil && exempt(n) == "" {
		r.atKey(n, "runs scripts, and %s has none; add script or run", d.Name)
	}
	role, permissions := d.node.get("role"), d.node.get("permissions")
	if role != nil && len(permissions.list()) > 0 {
		r.atKey(permissions, "cannot be together with role in %s: scar does not change a role of your own; give it the rights yourself", role.place(permissions))
	}
}

// checkNames refuses names that differ only in their case. IAM does not tell them apart, so the two
// functions would have one role.
func checkNames(drafts []*draft, r *report) {
	seen := map[string]*draft{}
	for _, d := range drafts {
		lower := strings.ToLower(d.Name)
		if first := seen[lower]; first != nil {
			r.atKey(d.node, "differs from %s in %s only in upper and lower case, which IAM does not tell apart", first.Name, first.node.place(d.node))
			continue
		}
		seen[lower] = d
	}
}

func readPermissions(n *node) []Permission {
	var permissions []Permission
	for _, item := range n.list() {
		p := Permission{}
		for _, action := range item.get("actions").list() {
			p.Actions = append(p.Actions, action.str())
		}
		for _, resource := range item.get("resources").list() {
			p.Resources = append(p.Resources, resource.str())
		}
		permissions = append(permissions, p)
	}
	return permissions
}

func readLogs(n *node) Logs {
	return Logs{
		RetentionDays: n.get("retention_days").number(defaultRetentionDays),
		Level:         n.get("level").or(defaultLogLevel),
		Format:        n.get("format").or(defaultLogFormat),
		Metrics:       n.get("metrics").truth(false),
	}
}

// readTags reads tags and lays them over those that the file has for everything.
func readTags(n *node, common map[string]string, r *report) map[string]string {
	tags := map[string]string{}
	maps.Copy(tags, common)
	if n == nil {
		return tags
	}
	for _, f := range n.fields {
		lower := strings.ToLower(f.name)
		if strings.HasPrefix(lower, "aws:") || strings.HasPrefix(lower, "scar:") {
			r.atKey(f.value, "tags that begin with %s are set by others", lower[:strings.Index(lower, ":")+1])
		}
		tags[f.name] = f.value.str()
	}
	return tags
}

// maxTags is AWS's limit of 50 less scar's own, of which a function has five.
const maxTags = 50 - 5

// checkTagCount checks a function's tags, the file's among them. IAM does not tell keys apart that
// differ only in their case.
func checkTagCount(d *draft, r *report) {
	at := d.node.get("tags")
	if at == nil {
		at = d.node
	}
	if len(d.Tags) > maxTags {
		r.atKey(at, "%s has %d tags, the file's among them; %d are allowed beside scar's own", d.Name, len(d.Tags), maxTags)
	}
	seen := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(d.Tags)) {
		lower := strings.ToLower(key)
		if other, found := seen[lower]; found {
			r.atKey(at, "%s has the tags %s and %s, which IAM does not tell apart", d.Name, other, key)
		}
		seen[lower] = key
	}
}

// str is the text of a scalar; empty for all else, and for what has been reported.
func (n *node) str() string {
	if n == nil || n.kind != scalar || n.bad {
		return ""
	}
	return n.text
}

// list is the items of a list, or the value itself where a list of one is meant.
func (n *node) list() []*node {
	switch {
	case n == nil || n.kind == null:
		return nil
	case n.kind == list:
		return n.items
	default:
		return []*node{n}
	}
}

func (n *node) quantity(unit string, absent int) int {
	if value, ok := quantity(n.str(), unit); ok {
		return value
	}
	return absent
}

// number is a whole number; absent where there is none.
func (n *node) number(absent int) int {
	if value, err := strconv.Atoi(n.str()); err == nil {
		return value
	}
	return absent
}

// or is the text of a scalar, or another one where there is none.
func (n *node) or(absent string) string {
	if text := n.str(); text != "" {
		return text
	}
	return absent
}

// on says whether a block is wanted that true stands for as well.
func (n *node) on() bool { return n.truth(false) || n != nil && n.kind == mapping }

func (n *node) truth(absent bool) bool {
	if n == nil || n.kind != scalar || n.tag != "!!bool" {
		return absent
	}
	return strings.EqualFold(n.text, "true")
}
