package planner

import (
	"slices"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// Jobs returns what goes into the image of each function, in the order of the file's functions. What
// only the base image knows, its Entrypoint, Cmd and WorkingDir, is left for the caller to fill in.
func Jobs(f *spec.File) []job.Job {
	jobs := make([]job.Job, len(f.Functions))
	for i := range f.Functions {
		jobs[i] = jobOf(f, &f.Functions[i])
	}
	return jobs
}

func jobOf(f *spec.File, fn *spec.Function) job.Job {
	j := job.Job{
		Version:       job.Version,
		Project:       f.Project,
		Function:      fn.Name,
		Command:       slices.Clone(fn.Command),
		Files:         len(fn.Files) > 0,
		KeepFolders:   fn.KeepFolders,
		Records:       recordsOf(fn),
		Dedupe:        fn.Dedupe,
		Storage:       providersOf(f, fn),
		Secrets:       secretsOf(fn),
		TimeoutMargin: fn.TimeoutMargin,
		LogLevel:      fn.Logs.Level,
		Metrics:       fn.Logs.Metrics,
	}
	if fn.Logs.Format != textLogs {
		j.LogFormat = fn.Logs.Format
	}
	if fn.Script != nil {
		j.Script, j.Interpreter = true, fn.Script.Interpreter
	}
	for _, in := range fn.Inputs {
		j.Inputs = append(j.Inputs, job.Input{Provider: provider(in.Provider), Bucket: in.Bucket, Prefix: in.Prefix})
	}
	for _, out := range fn.Outputs {
		j.Outputs = append(j.Outputs, job.Output{
			Provider: provider(out.Provider), Bucket: out.Bucket, Prefix: out.Prefix, Match: slices.Clone(out.Match),
		})
	}
	return j
}

func provider(name string) string {
	if spec.IsOwnS3(name) {
		return job.OwnS3
	}
	return name
}

// The forms of log lines, as files name them. Text is the one that a job need not name.
const (
	textLogs = "text"
	jsonLogs = "json"
)

func recordsOf(fn *spec.Function) *job.Records {
	if fn.Records == "" {
		return nil
	}
	return &job.Records{Bucket: fn.Records}
}

// providersOf are the providers that a function uses, without the account's own S3. Another's keys are not its business.
func providersOf(f *spec.File, fn *spec.Function) map[string]job.Provider {
	if len(f.Storage) == 0 {
		return nil
	}
	used := map[string]job.Provider{}
	add := func(name string) {
		if s, known := f.Storage[name]; known {
			used[name] = job.Provider{
				Type: job.ProviderType(s.Type), Endpoint: s.Endpoint, Region: s.Region, Space: s.Space,
				AccessKey: credential(s.AccessKey), SecretKey: credential(s.SecretKey),
				User: credential(s.User), Password: credential(s.Password), Token: credential(s.Token),
			}
		}
	}
	for _, in := range fn.Inputs {
		add(in.Provider)
	}
	for _, out := range fn.Outputs {
		add(out.Provider)
	}
	if len(used) == 0 {
		return nil
	}
	return used
}

func credential(c *spec.Credential) *job.Credential {
	switch {
	case c == nil:
		return nil
	case c.Secret == nil:
		return &job.Credential{Text: c.Text}
	default:
		s := secret(*c.Secret)
		return &job.Credential{Secret: &s}
	}
}

func secretsOf(fn *spec.Function) map[string]job.Secret {
	if len(fn.Secrets) == 0 {
		return nil
	}
	secrets := make(map[string]job.Secret, len(fn.Secrets))
	for name, s := range fn.Secrets {
		secrets[name] = secret(s)
	}
	return secrets
}

func secret(s spec.Secret) job.Secret {
	return job.Secret{Service: job.SecretService(s.Service), Name: s.Name, Key: s.Key}
}
