package planner

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// Parameter is a SecureString parameter of Systems Manager that keeps a secret which the file brings with it. The secret
// itself is in no plan: Digest tells whether the one that is there is the one that is wanted.
type Parameter struct {
	Name   string `json:"name" plan:"replace"`
	Type   string `json:"type"`                    // SecureString; what others made of it may be a String
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
