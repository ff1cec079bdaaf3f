package flow

import (
	"maps"
	"slices"
	"strings"

	"github.com/scar-go/scar/spec"
)

// localRecords is the bucket for records of functions that write none elsewhere. They tell a run what came of its files.
const localRecords = "scar-local-run-records"

// forLocalRun is a file as a run on this machine needs it: every function that S3 starts writes records, and secrets that
// the file names by ARN are looked for by name, since the account and region of an ARN are not here.
func forLocalRun(f *spec.File) *spec.File {
	here := *f
	here.Storage = maps.Clone(f.Storage)
	for name, s := range here.Storage {
		s.AccessKey, s.SecretKey = localCredential(s.AccessKey), localCredential(s.SecretKey)
		s.User, s.Password, s.Token = localCredential(s.User), localCredential(s.Password), localCredential(s.Token)
		here.Storage[name] = s
	}
	here.Functions = slices.Clone(f.Functions)
	for i := range here.Functions {
		fn := &here.Functions[i]
		if fn.Records == "" && len(ownInputs(fn)) > 0 {
			fn.Records = localRecords
		}
		fn.Secrets = maps.Clone(fn.Secrets)
		for name, s := range fn.Secrets {
			s.Name = localName(s.Name)
			fn.Secrets[name] = s
		}
	}
	return &here
}

func localCredential(c *spec.Credential) *spec.Credential {
	if c == nil || c.Secret == nil {
		return c
	}
	s := *c.Secret
	s.Name = localName(s.Name)
	return &spec.Credential{Secret: &s}
}

// localName is the name in the ARN of a parameter or secret; a name stays as it is.
func localName(name string) string {
	parts := strings.SplitN(name, ":", 7)
	switch {
	case parts[0] != "arn":
		return name
	case len(parts) == 6: // arn:aws:ssm:REGION:ACCOUNT:parameter/NAME
		return strings.TrimPrefix(parts[5], "parameter")
	case len(parts) == 7: // arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-RANDOM
		return parts[6][:max(strings.LastIndexByte(parts[6], '-'), 0)]
	default:
		return name
	}
}

// ownInputs are the inputs of a function on the account's own S3.
func ownInputs(fn *spec.Function) []spec.Input {
	return slices.DeleteFunc(slices.Clone(fn.Inputs), func(in spec.Input) bool { return !spec.IsOwnS3(in.Provider) })
}
