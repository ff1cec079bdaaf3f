package flow

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"unicode"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// Secrets are the values of secrets by where they are kept, whole: without a key.
type Secrets map[job.Secret]string

// maxSecretsFile bounds a file of secrets, in bytes.
const maxSecretsFile = 1 << 20

// standardParameter is how many bytes a parameter of the standard tier holds.
const standardParameter = 4096

// ReadSecrets reads a file of secrets: lines of a reference, an equals sign and the value, which is all that follows it.
// Empty lines and those that begin with # are skipped. A file that others may read is refused. No error holds a value.
func ReadSecrets(path string) (secrets Secrets, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("read secrets: %s is a folder", path)
	}
	// Modes mean nothing on Windows.
	if mode := info.Mode(); mode.Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("read secrets: %s has mode %04o, so others may read it: chmod 600 %s", path, mode.Perm(), path)
	}
	secrets, err = parseSecrets(file)
	if err != nil {
		return nil, fmt.Errorf("read secrets: %s:%w", path, err)
	}
	return secrets, nil
}

// parseSecrets reads the lines of a file of secrets. Its errors begin with the number of the line.
func parseSecrets(r io.Reader) (Secrets, error) {
	secrets := Secrets{}
	limited := &io.LimitedReader{R: r, N: maxSecretsFile + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, maxSecretsFile+2)
	number := 0
	for lines.Scan() {
		number++
		line := strings.TrimSuffix(lines.Text(), "\r")
		if text := strings.TrimSpace(line); text == "" || text[0] == '#' {
			continue
		}
		s, value, err := parseSecretLine(line)
		if err == nil && secrets[s] != "" {
			err = fmt.Errorf("%s is there a second time", s)
		}
		if err != nil {
			return nil, fmt.Errorf("%d: %w", number, err)
		}
		secrets[s] = value
	}
	if limited.N <= 0 {
		return nil, fmt.Errorf("%d: the file is larger than %d bytes", number, maxSecretsFile)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%d: %w", number+1, err)
	}
	return secrets, nil
}

// parseSecretLine reads one secret. What stands before the sign is shown only if it is a reference.
func parseSecretLine(line string) (job.Secret, string, error) {
	reference, value, found := strings.Cut(line, "=")
	if !found {
		return job.Secret{}, "", errors.New("wants a line such as ssm:/imaging/token=VALUE")
	}
	parsed, err := spec.ParseSecret(strings.TrimSpace(reference))
	s := job.Secret{Service: job.SecretService(parsed.Service), Name: localName(parsed.Name)}
	switch {
	case err != nil:
		return s, "", err
	case strings.TrimRightFunc(reference, unicode.IsSpace) != reference:
		return s, "", errors.New("wants no white space before =: all that follows it is the value")
	case parsed.Key != "":
		return s, "", fmt.Errorf("wants the whole of %s, its JSON object, instead of the key %s alone", s, parsed.Key)
	case value == "":
		return s, "", fmt.Errorf("%s has no value", s)
	case strings.ContainsRune(value, 0):
		return s, "", fmt.Errorf("the value of %s holds a zero byte", s)
	}
	return s, value, nil
}

// keeper gives a local backend its secrets.
type keeper struct {
	parameters *ssm.Client
	secrets    *secretsmanager.Client
}

func newKeeper(config sdk.Config) *keeper {
	return &keeper{parameters: ssm.NewFromConfig(config), secrets: secretsmanager.NewFromConfig(config)}
}

// put stores secrets, in place of those of the same names.
func (k *keeper) put(ctx context.Context, secrets Secrets) error {
	for s, value := range secrets {
		var err error
		if s.Service == job.SSM {
			err = k.putParameter(ctx, s.Name, value)
		} else {
			err = k.putSecret(ctx, s.Name, value)
		}
		if err != nil {
			return fmt.Errorf("store %s in the local backend: %w", s, err)
		}
	}
	return nil
}

func (k *keeper) putParameter(ctx context.Context, name, value string) error {
	tier := ssmtypes.ParameterTierStandard
	if len(value) > standardParameter {
		tier = ssmtypes.ParameterTierAdvanced
	}
	_, err := k.parameters.PutParameter(ctx, &ssm.PutParameterInput{
		Name: &name, Value: &value, Type: ssmtypes.ParameterTypeSecureString, Tier: tier, Overwrite: sdk.Bool(true),
	})
	return err
}

func (k *keeper) putSecret(ctx context.Context, name, value string) error {
	_, err := k.secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value})
	var exists *secrettypes.ResourceExistsException
	if errors.As(err, &exists) {
		_, err = k.secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &value})
	}
	return err
}

// has says whether the backend has a secret.
func (k *keeper) has(ctx context.Context, s job.Secret) (bool, error) {
	var err error
	if s.Service == job.SSM {
		_, err = k.parameters.GetParameter(ctx, &ssm.GetParameterInput{Name: &s.Name})
	} else {
		_, err = k.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &s.Name})
	}
	var noParameter *ssmtypes.ParameterNotFound
	var noSecret *secrettypes.ResourceNotFoundException
	if errors.As(err, &noParameter) || errors.As(err, &noSecret) {
		return false, nil
	}
	return err == nil, err
}

// checkSecrets refuses functions whose secrets the backend lacks, but for those that are yet to come: they would fail one
// by one.
func (k *keeper) checkSecrets(ctx context.Context, jobs []job.Job, toCome Secrets) error {
	var missing []string
	for _, s := range secretsOf(jobs) {
		if _, comes := toCome[s]; comes {
			continue
		}
		found, err := k.has(ctx, s)
		if err != nil {
			return fmt.Errorf("look for %s in the local backend: %w", s, err)
		}
		if !found {
			missing = append(missing, template(s, jobs))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("the local backend lacks secrets of the functions:\n  %s\ngive them with --secrets FILE, a file of such lines that only you may read (chmod 600)",
		strings.Join(missing, "\n  "))
}

// template is the line of a file of secrets that gives a secret, with every key of it that jobs use.
func template(s job.Secret, jobs []job.Job) string {
	var keys []string
	for _, use := range secretUses(jobs) {
		if use.Key != "" && use.Service == s.Service && use.Name == s.Name {
			keys = append(keys, fmt.Sprintf(`%q: "VALUE"`, use.Key))
		}
	}
	if len(keys) == 0 {
		return s.String() + "=VALUE"
	}
	slices.Sort(keys)
	return s.String() + "={" + strings.Join(slices.Compact(keys), ", ") + "}"
}

// secretsOf are all secrets that jobs need, whole, each once.
func secretsOf(jobs []job.Job) []job.Secret {
	var all []job.Secret
	for _, s := range secretUses(jobs) {
		s.Key = ""
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b job.Secret) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// secretUses are the secrets of jobs and of the providers that they use, as these name them.
func secretUses(jobs []job.Job) []job.Secret {
	var uses []job.Secret
	for _, j := range jobs {
		uses = slices.AppendSeq(uses, maps.Values(j.Secrets))
		for _, p := range j.Storage {
			for _, c := range []*job.Credential{p.AccessKey, p.SecretKey, p.User, p.Password, p.Token} {
				if c != nil && c.Secret != nil {
					uses = append(uses, *c.Secret)
				}
			}
		}
	}
	return uses
}
