package supervisor

import (
	"cmp"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// maxVariable is how many bytes a variable may have with its name and a zero byte at its end: Linux's
// MAX_ARG_STRLEN, see execve(2).
const maxVariable = 128 << 10

// defaultPath is what images without a PATH get, as they do from Docker.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// The variables that tell of one invocation, beside HOME and TMPDIR.
const (
	varInput       = "INPUT_FILE_PATH"
	varInputDir    = "TMP_INPUT_DIR"
	varOutputDir   = "TMP_OUTPUT_DIR"
	varResponseDir = "RESPONSE_DIR"
	varKey         = "STORAGE_OBJECT_KEY"
	varTime        = "EVENT_TIME"
	varEvent       = "EVENT"
	varRequest     = "REQUEST_ID"
	varRequest2    = "AWS_LAMBDA_REQUEST_ID"
	varAddress     = "INSTANCE_IP"
	varFiles       = "EXTRA_PAYLOAD"
)

// The variables of a key to AWS, which Lambda sets to that of the function's role.
const (
	varAccessKey = "AWS_ACCESS_KEY_ID"
	varSecretKey = "AWS_SECRET_ACCESS_KEY"
)

// environment is the script's variables: those of the function, without the address of the Runtime API, by which a script could
// answer in the runtime's place, its secrets, which come before the function's own variables, those of this invocation, and the
// parameters of a request.
func (t *task) environment() []string {
	set := maps.Clone(t.secrets)
	if set == nil {
		set = map[string]string{}
	}
	maps.Copy(set, map[string]string{
		varInputDir:    t.work.in,
		varOutputDir:   t.work.out,
		varResponseDir: t.work.response,
		varRequest:     t.id,
		varRequest2:    t.id,
		varAddress:     instanceAddress(),
		"HOME":         t.work.home,
		"TMPDIR":       t.work.temp,
	})
	if t.input != "" {
		set[varInput] = t.input
	}
	if t.Job.Files {
		set[varFiles] = t.Files
	}
	if t.object != nil {
		t.setIfItFits(set, varKey, t.object.Key)
	}
	t.setIfItFits(set, varTime, cmp.Or(t.item.Time, t.started.UTC().Format(time.RFC3339Nano)))
	t.setIfItFits(set, varEvent, string(t.item.Raw))
	base := withoutRole(os.Environ(), t.secrets)
	if t.event.Request == nil {
		return merge(base, set)
	}
	for name, value := range requestVariables(t.event.Request) {
		t.setIfItFits(set, name, value)
	}
	all, dropped := addParameters(merge(base, set), t.event.Request.Parameters)
	if len(dropped) > 0 {
		t.print(Warning, "parameters that are no variables: %s", enumerate(dropped))
	}
	return all
}

// withoutRole leaves out the credentials of the function's role where a script has keys to AWS of its own: a half of each, or
// the token of a session that others began, is refused by AWS.
func withoutRole(environment []string, secrets map[string]string) []string {
	_, id := secrets[varAccessKey]
	_, key := secrets[varSecretKey]
	if !id && !key {
		return environment
	}
	return slices.DeleteFunc(environment, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{varAccessKey, varSecretKey, "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"}, name)
	})
}

// setIfItFits sets a variable that may be too large for one.
func (t *task) setIfItFits(set map[string]string, name, value string) {
	if len(name)+len(value)+2 > maxVariable {
		t.print(Warning, "%s is not set: it has %d bytes, a variable holds %d at most", name, len(value), maxVariable-len(name)-2)
		return
	}
	set[name] = value
}

// merge replaces variables of a base and leaves out those that no script gets from it.
func merge(base []string, set map[string]string) []string {
	withheld := []string{"AWS_LAMBDA_RUNTIME_API", varInput, varKey, varEvent, varFiles}
	path := "PATH=" + defaultPath
	var merged []string
	for _, variable := range base {
		name, _, _ := strings.Cut(variable, "=")
		if _, replaced := set[name]; replaced || slices.Contains(withheld, name) {
			continue
		}
		if name == "PATH" {
			path = ""
		}
		merged = append(merged, variable)
	}
	if path != "" {
		merged = append(merged, path)
	}
	for name, value := range set {
		merged = append(merged, name+"="+strings.ReplaceAll(value, "\x00", "")) // execve takes no zero bytes
	}
	slices.Sort(merged)
	return merged
}

// lookup is the value of a variable in an environment.
func lookup(environment []string, name string) string {
	for _, variable := range environment {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

// instanceAddress is the address of the first network interface that is up and no loopback, IPv4 before IPv6.
// An instance without any has the loopback's.
func instanceAddress() string {
	found := "127.0.0.1"
	addresses, _ := net.InterfaceAddrs() // none is the answer on an error too
	for _, address := range addresses {
		network, ok := address.(*net.IPNet)
		if !ok || network.IP.IsLoopback() {
			continue
		}
		if network.IP.To4() != nil {
			return network.IP.String()
		}
		if found == "127.0.0.1" && network.IP.IsGlobalUnicast() {
			found = network.IP.String()
		}
	}
	return found
}
