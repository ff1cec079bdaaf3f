package secretsmanager

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/scar-go/scar/local/wire"
)

// The staging labels that the service moves by itself.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

const (
	maxValue    = 65536 // bytes
	maxVersions = 100   // of those without a label the oldest go
	maxStages   = 20    // labels in one call
)

// value is what a call brings for a new version.
type value struct {
	ClientRequestToken string // becomes the version's id
	SecretString       *string
	SecretBinary       []byte
}

func (v value) given() bool { return v.SecretString != nil || v.SecretBinary != nil }

// check never repeats the value.
func (v value) check() error {
	tooLong := "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d"
	switch {
	case v.SecretString != nil && v.SecretBinary != nil:
		return invalid("You can't specify both a binary secret value and a string secret value in the same secret.")
	case v.SecretString != nil && len(*v.SecretString) > maxValue:
		return failure("ValidationException", tooLong, "secretString", maxValue)
	case len(v.SecretBinary) > maxValue:
		return failure("ValidationException", tooLong, "secretBinary", maxValue)
	case v.ClientRequestToken != "" && (len(v.ClientRequestToken) < 32 || len(v.ClientRequestToken) > 64):
		return invalid("ClientRequestToken must be 32-64 characters long.")
	}
	return nil
}

// add makes a version of a value and moves labels to it, and returns its id. A version that is there already with the same value is left as it is.
func (s *Service) add(x *secret, v value, stages []string) (id string, err error) {
	if id = v.ClientRequestToken; id == "" {
		id = newVersionID()
	}
	made := version{ID: id, Text: v.SecretString, Binary: v.SecretBinary, Created: s.cfg.Clock.Now().UTC()}
	if old, found := x.version(id); found {
		if !old.same(made) {
			return "", failure("ResourceExistsException", "You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", id, s.arn(*x))
		}
		return id, nil
	}
	x.Versions = append(x.Versions, made)
	for _, stage := range stages {
		x.move(stage, id)
	}
	x.prune()
	return id, nil
}

// move gives a label to a version. The version that was current becomes the previous one.
func (x *secret) move(stage, id string) {
	if x.Stages == nil {
		x.Stages = map[string]string{}
	}
	if was := x.Stages[stage]; stage == current && was != "" && was != id {
		x.Stages[previous] = was
	}
	x.Stages[stage] = id
}

// prune forgets versions that no label points to, where there are too many.
func (x *secret) prune() {
	for at := 0; len(x.Versions) > maxVersions && at < len(x.Versions); {
		if len(x.stagesOf(x.Versions[at].ID)) > 0 {
			at++
			continue
		}
		x.Versions = slices.Delete(x.Versions, at, at+1)
	}
}

func (x secret) version(id string) (version, bool) {
	at := slices.IndexFunc(x.Versions, func(v version) bool { return v.ID == id })
	if at < 0 {
		return version{}, false
	}
	return x.Versions[at], true
}

// stagesOf are the labels of a version, sorted.
func (x secret) stagesOf(id string) []string {
	stages := []string{}
	for stage, has := range x.Stages {
		if has == id {
			stages = append(stages, stage)
		}
	}
	slices.Sort(stages)
	return stages
}

func (v version) same(other version) bool {
	if v.Text == nil || other.Text == nil {
		return v.Text == nil && other.Text == nil && bytes.Equal(v.Binary, other.Binary)
	}
	return *v.Text == *other.Text
}

// newVersionID is an id in the form of a UUID, version 4.
func newVersionID() string {
	var u [16]byte
	// Read never fails: crypto/rand ends the program rather than return an error.
	_, _ = rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

type putSecretValueInput struct {
	SecretID string `json:"SecretId"`
	value
	VersionStages []string
}

type putSecretValueOutput struct {
	ARN           string
	Name          string
	VersionID     string `json:"VersionId"`
	VersionStages []string
}

func (s *Service) putSecretValue(_ context.Context, in putSecretValueInput) (out putSecretValueOutput, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	if !in.given() {
		return out, unusable("You must provide either SecretString or SecretBinary.")
	}
	if len(in.VersionStages) > maxStages {
		return out, invalid("1 validation error detected: Value at 'versionStages' failed to satisfy constraint: Member must have length less than or equal to %d", maxStages)
	}
	if len(in.VersionStages) == 0 {
		in.VersionStages = []string{current}
	}
	id := ""
	x, err := s.change(in.SecretID, func(x *secret) error {
		if err := x.usable(); err != nil {
			return err
		}
		id, err = s.add(x, in.value, in.VersionStages)
		return err
	})
	if err != nil {
		return out, err
	}
	return putSecretValueOutput{s.arn(x), x.Name, id, x.stagesOf(id)}, nil
}

type getSecretValueInput struct {
	SecretID     string `json:"SecretId"`
	VersionID    string `json:"VersionId"`
	VersionStage string
}

type getSecretValueOutput struct {
	ARN           string
	Name          string
	VersionID     string  `json:"VersionId"`
	SecretString  *string `json:",omitempty"`
	SecretBinary  []byte  `json:",omitempty"`
	VersionStages []string
	CreatedDate   wire.Epoch
}

func (s *Service) getSecretValue(_ context.Context, in getSecretValueInput) (out getSecretValueOutput, err error) {
	x, found, err := s.find(in.SecretID)
	if err != nil {
		return out, err
	}
	if !found {
		return out, noSuchSecret()
	}
	if err := x.usable(); err != nil {
		return out, err
	}
	v, err := x.selected(in.VersionID, in.VersionStage)
	if err != nil {
		return out, err
	}
	return getSecretValueOutput{
		ARN: s.arn(x), Name: x.Name, VersionID: v.ID, SecretString: v.Text, SecretBinary: v.Binary,
		VersionStages: x.stagesOf(v.ID), CreatedDate: wire.Epoch(v.Created),
	}, nil
}

// selected is the version with an id and a label, either of which may be left out.
func (x secret) selected(id, stage string) (version, error) {
	if id == "" {
		if stage == "" {
			stage = current
		}
		v, found := x.version(x.Stages[stage])
		if !found {
			return v, failure("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: %s", stage)
		}
		return v, nil
	}
	v, found := x.version(id)
	if !found {
		return v, failure("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: %s", id)
	}
	if stage != "" && x.Stages[stage] != id {
		return v, unusable("You provided a VersionStage that is not associated to the provided VersionId.")
	}
	return v, nil
}
