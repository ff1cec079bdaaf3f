package planner

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// Parameter is a SecureString parameter of Systems Manager that keeps a secret which the file brings with it. The secret
// itself is in no plan: Digest tells whether the one that is there is the one that is wanted.
type Parameter struct {
	Name   string `json:"name" plan:"replace"`
	Type   string `json:"type" plan:"replace"`     // SecureString; what others made of it may be a String
	Digest string `json:"digest" plan:"sensitive"` // of the secret, as ParameterDigest makes it
	Tags   Tags   `json:"tags"`
}

// Kind implements Value.
func (Parameter) Kind() Kind { return KindParameter }

func (Parameter) needs(string) []Address { return nil }

// secureString is the type of every parameter that scar makes.
const secureString = "SecureString"

// ParameterPath is the path below which all parameters of a project are.
func ParameterPath(project string) string { return "/scar/" + project + "/" }

// OwnsParameter says whether a parameter is the project's, by its name.
func OwnsParameter(project, name string) bool {
	return project != "" && strings.HasPrefix(name, ParameterPath(project))
}

// digestRounds makes guessing a weak password from a saved plan cost what a login costs: some ten milliseconds a guess.
const digestRounds = 100_000

// ParameterDigest stands for a secret in plans. The parameter's name is its salt, so equal secrets under two names do not show.
func ParameterDigest(name, secret string) (string, error) {
	sum, err := pbkdf2.Key(sha256.New, secret, []byte(name), digestRounds, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("digest of parameter %s: %w", name, err)
	}
	return base64.RawStdEncoding.EncodeToString(sum), nil
}

// Digests are the digests of parameters, each of which is made once. The zero value has none yet. Its methods may be called
// from several goroutines.
type Digests struct {
	mu   sync.Mutex
	made map[[2]string]string // by name and secret
}

// Of is what ParameterDigest makes of a secret.
func (d *Digests) Of(name, secret string) (string, error) {
	key := [2]string{name, secret}
	d.mu.Lock()
	digest, known := d.made[key]
	d.mu.Unlock()
	if known {
		return digest, nil
	}
	digest, err := ParameterDigest(name, secret)
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.made == nil {
		d.made = map[[2]string]string{}
	}
	d.made[key] = digest
	return digest, nil
}

// parameters are the secrets that the file brings, as far as a function has a use for them.
func (d *desire) parameters() {
	users := map[string][]*spec.Function{}
	for i := range d.file.Functions {
		fn := &d.file.Functions[i]
		for _, s := range secretsUsed(d.file, fn) {
			if s.Service == job.SSM && !slices.Contains(users[s.Name], fn) {
				users[s.Name] = append(users[s.Name], fn)
			}
		}
	}
	for _, p := range d.file.Parameters {
		if len(users[p.Name]) > 0 {
			d.parameter(p.Name, users[p.Name])
		}
	}
}

// parameter is one that functions read. That of a single one belongs to it, with its tags.
func (d *desire) parameter(name string, users []*spec.Function) {
	digest, found := d.env.Parameters[name]
	if !found {
		d.problem(users[0], "function %s: no digest was made of the parameter %s", users[0].Name, name)
	}
	p := Parameter{Name: name, Type: secureString, Digest: digest}
	if len(users) == 1 {
		p.Tags = d.tags(users[0])
		d.add(users[0], p, name)
	} else {
		p.Tags = d.tags(nil)
		d.addShared(p, name)
	}
}

// warnOfRole says what a role of the user's has to allow so that a function can read what the file brings.
func (d *desire) warnOfRole(fn *spec.Function) {
	if fn.Role == "" {
		return
	}
	var resources StringList
	for _, s := range secretsUsed(d.file, fn) {
		if isBrought(d.file, s.Secret) {
			resources = append(resources, d.env.ParameterARN(s.Name))
		}
	}
	if len(resources) > 0 {
		d.warn(Address{KindFunction, fn.Name}, fmt.Sprintf("scar does not change the role %s: it has to allow %s on %s, or each run fails",
			fn.Role, readParameter, strings.Join(sortedList(resources), ", ")))
	}
}

// isBrought says whether a secret is one that the file brings with it.
func isBrought(f *spec.File, s job.Secret) bool {
	return s.Service == job.SSM && slices.ContainsFunc(f.Parameters, func(p spec.Parameter) bool { return p.Name == s.Name })
}

// secretsElsewhere are the secrets of a function that the file does not bring with it, which have to be there.
func secretsElsewhere(f *spec.File, fn *spec.Function) []secretUse {
	return slices.DeleteFunc(secretsUsed(f, fn), func(s secretUse) bool { return isBrought(f, s.Secret) })
}
