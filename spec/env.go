package spec

import (
	"bytes"
	"encoding/json"
	"slices"
)

// maxEnv is Lambda's limit for all variables of a function. Lambda measures them as one JSON object.
const maxEnv = 4096

// reservedEnv are the variables that Lambda sets and lets nobody else set (Lambda developer guide,
// "Defined runtime environment variables").
var reservedEnv = []string{
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
	"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_METADATA_API", "AWS_LAMBDA_METADATA_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR",
	"LAMBDA_TASK_ROOT", "_HANDLER", "_X_AMZN_TRACE_ID",
}

// scriptEnv are the variables that scar's runtime sets for every script. A value for one would never be
// seen.
var scriptEnv = []string{
	"AWS_LAMBDA_REQUEST_ID", "CONTENT_TYPE", "EVENT", "EVENT_TIME", "EXTRA_PAYLOAD", "HOME", "INPUT_FILE_PATH",
	"INSTANCE_IP", "PATH_INFO", "QUERY_STRING", "REQUEST_ID", "REQUEST_METHOD", "RESPONSE_DIR", "STORAGE_OBJECT_KEY",
	"TMPDIR", "TMP_INPUT_DIR", "TMP_OUTPUT_DIR",
}

func readEnv(n *node, r *report) map[string]string {
	env := map[string]string{}
	if n == nil {
		return env
	}
	for _, f := range n.fields {
		checkVariable(f.name, f.value, r)
		env[f.name] = f.value.str()
	}
	if size := envSize(env); size > maxEnv {
		r.atKey(n, "the variables take %d bytes as JSON, Lambda allows %d in all; ship larger data as files", size, maxEnv)
	}
	return env
}

// checkVariable reports a variable that is not the user's to set.
func checkVariable(name string, n *node, r *report) {
	switch {
	case slices.Contains(reservedEnv, name):
		r.atKey(n, "Lambda sets this variable itself")
	case slices.Contains(scriptEnv, name):
		r.atKey(n, "scar sets this variable for every script")
	}
}

// withheldEnv is the address by which a script could answer in the runtime's place.
const withheldEnv = "AWS_LAMBDA_RUNTIME_API"

// checkSecretVariable reports a variable that no secret can be in. Secrets are the script's alone, so the names that Lambda
// keeps for itself are free: a script may have keys to AWS of its own.
func checkSecretVariable(name string, n *node, r *report) {
	switch {
	case name == withheldEnv:
		r.atKey(n, "scar keeps this variable from scripts")
	case slices.Contains(scriptEnv, name):
		r.atKey(n, "scar sets this variable for every script")
	}
}

// envSize is the size of the variables as Lambda measures it, in bytes.
func envSize(env map[string]string) int {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(env); err != nil {
		return 0 // a map of strings can always be encoded
	}
	return b.Len() - len("\n")
}
