package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// The rights to a key that encrypted objects, secrets and messages need (S3 user guide, "Uploading and copying objects
// using multipart upload"; SQS developer guide, "Key management"; Secrets Manager and Systems Manager decrypt with the
// caller's rights).
const (
	decrypt     = "kms:Decrypt"
	generateKey = "kms:GenerateDataKey"
)

// bucketUse is a bucket of the account and what a function's role needs of the key that encrypts it.
type bucketUse struct {
	bucket  string
	actions []string
}

// bucketUses are the buckets of the account that a function reads from or writes to. Large results are uploaded in
// parts, for which S3 asks to decrypt too.
func bucketUses(fn *spec.Function) []bucketUse {
	var uses []bucketUse
	for _, in := range fn.Inputs {
		if spec.IsOwnS3(in.Provider) {
			uses = append(uses, bucketUse{in.Bucket, []string{decrypt}})
		}
	}
	for _, out := range fn.Outputs {
		if spec.IsOwnS3(out.Provider) {
			uses = append(uses, bucketUse{out.Bucket, []string{decrypt, generateKey}})
		}
	}
	if r := recordsOf(fn); r != nil {
		uses = append(uses, bucketUse{r.Bucket, []string{decrypt, generateKey}})
	}
	if bucket, found := failureBucket(fn); found {
		uses = append(uses, bucketUse{bucket, []string{generateKey}})
	}
	return uses
}

// about is what to ask about a secret.
func (s secretUse) about() Subject {
	if s.Service == job.SSM {
		return AboutParameter
	}
	return AboutSecret
}

// secrets checks that a function's secrets are there.
func (c *checks) secrets(fn *spec.Function) {
	for _, s := range secretsElsewhere(c.file, fn) {
		answer, known := c.ask(fn, s.about(), s.Name)
		switch {
		case !known || !answer.Absent:
		case s.Service == job.SSM:
			c.problem(fn, "%s: there is no parameter %s: create it with aws ssm put-parameter --type SecureString --name %s --value …", s.key, s.Name, s.Name)
		default:
			c.problem(fn, "%s: there is no secret %s: create it with aws secretsmanager create-secret --name %s --secret-string …", s.key, s.Name, s.Name)
		}
	}
}

// keyUse is what a function needs of a customer's key, and for what.
type keyUse struct {
	actions, what []string
}

func (u *keyUse) add(what string, actions []string) {
	for _, action := range actions {
		if !slices.Contains(u.actions, action) {
			u.actions = append(u.actions, action)
		}
	}
	if !slices.Contains(u.what, what) {
		u.what = append(u.what, what)
	}
}

// keys checks that a function's role may use the keys of the customer's that its buckets and secrets are encrypted with.
// The policy of a key has to allow it too, which nobody but the owner of the key can see.
func (c *checks) keys(fn *spec.Function) {
	needed := map[string]*keyUse{}
	need := func(key, what string, actions ...string) {
		if key == "" {
			return
		}
		if needed[key] == nil {
			needed[key] = &keyUse{}
		}
		needed[key].add(what, actions)
	}
	for _, use := range bucketUses(fn) {
		if answer, known := c.ask(fn, AboutEncryption, use.bucket); known {
			need(answer.Key, "s3://"+use.bucket, use.actions...)
		}
	}
	for _, s := range secretsElsewhere(c.file, fn) {
		if answer, known := c.ask(fn, s.about(), s.Name); known {
			need(answer.Key, s.key, decrypt)
		}
	}
	if fn.Queue != nil {
		if answer, known := c.ask(fn, AboutQueue, fn.Queue.ARN); known {
			need(answer.Key, "queue.arn", decrypt)
		}
	}
	if about := aboutDestination(fn.OnFailure); about != "" {
		if answer, known := c.ask(fn, about, fn.OnFailure); known {
			need(answer.Key, "on_failure", decrypt, generateKey)
		}
	}
	var lines []string
	for _, key := range sortedKeys(needed) {
		use := needed[key]
		missing := slices.DeleteFunc(slices.Sorted(slices.Values(use.actions)), func(action string) bool { return allowed(fn.Permissions, action, key) })
		what := strings.Join(use.what, ", ")
		switch {
		case fn.Role != "":
			c.warn(fn, "%s: encrypted with the key %s; scar does not see whether the role %s may use it (%s)", what, key, fn.Role, strings.Join(use.actions, ", "))
		case len(missing) > 0:
			lines = append(lines, fmt.Sprintf("  - {actions: [%s], resources: [%q]} # for %s", strings.Join(missing, ", "), key, what))
		}
	}
	if len(lines) > 0 {
		c.problem(fn, "its role may not use the keys that encrypt what it works with: add to the function\n  permissions:\n%s", strings.Join(lines, "\n"))
	}
}

// allowed says whether the rights that a file adds hold an action on a resource.
func allowed(permissions []spec.Permission, action, resource string) bool {
	return slices.ContainsFunc(permissions, func(p spec.Permission) bool {
		return names(p, action) && slices.ContainsFunc(p.Resources, func(r string) bool { return wild(r, resource) })
	})
}

// names says whether a right is about an action. IAM does not tell upper from lower case in them.
func names(p spec.Permission, action string) bool {
	return slices.ContainsFunc(p.Actions, func(a string) bool { return wild(strings.ToLower(a), strings.ToLower(action)) })
}

// wild says whether a text matches a pattern of IAM's, in which * is any characters and ? is one. It goes back to the last
// star only, so that no pattern takes long.
func wild(pattern, text string) bool {
	star, behind := -1, 0 // the last star, and where the text behind what it stands for begins
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, behind = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			behind++
			p, t = star+1, behind
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
