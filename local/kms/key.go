package kms

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/scar-go/scar/local/wire"
)

// key is a key, as it is stored. There is no secret in it.
type key struct {
	ID          string
	Created     time.Time
	Enabled     bool
	Managed     bool // AWS's own
	Description string
	Deletion    time.Time // when it is gone; zero: never
	Tags        map[string]string
}

// The states of a key.
const (
	stateEnabled  = "Enabled"
	stateDisabled = "Disabled"
	statePending  = "PendingDeletion"

	usage = "ENCRYPT_DECRYPT"
	spec  = "SYMMETRIC_DEFAULT"
)

// state is the state of a key that is not gone.
func (k key) state(now time.Time) string {
	switch {
	case !k.Deletion.IsZero() && now.Before(k.Deletion):
		return statePending
	case k.Enabled:
		return stateEnabled
	default:
		return stateDisabled
	}
}

func (k key) gone(now time.Time) bool { return !k.Deletion.IsZero() && !now.Before(k.Deletion) }

// newID makes an id in the form of a UUID, version 4.
func newID() string {
	var u [16]byte
	// Read never fails: crypto/rand ends the program rather than return an error.
	_, _ = rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

type tag struct{ TagKey, TagValue string }

type metadata struct {
	AWSAccountID         string `json:"AWSAccountId"`
	ARN                  string `json:"Arn"`
	CreationDate         wire.Epoch
	DeletionDate         *wire.Epoch `json:",omitempty"`
	Description          string
	Enabled              bool
	EncryptionAlgorithms []string
	KeyID                string `json:"KeyId"`
	KeyManager           string
	KeySpec              string
	KeyState             string
	KeyUsage             string
	MultiRegion          bool
	Origin               string
}

func (s *Service) metadata(k key) metadata {
	state := k.state(s.cfg.Clock.Now())
	m := metadata{
		AWSAccountID: s.cfg.Account, ARN: s.keyARN(k.ID), CreationDate: wire.Epoch(k.Created), Description: k.Description, Enabled: state == stateEnabled,
		EncryptionAlgorithms: []string{spec}, KeyID: k.ID, KeyManager: "CUSTOMER", KeySpec: spec, KeyState: state, KeyUsage: usage, Origin: "AWS_KMS",
	}
	if k.Managed {
		m.KeyManager = "AWS"
	}
	if state == statePending {
		at := wire.Epoch(k.Deletion)
		m.DeletionDate = &at
	}
	return m
}

type createKeyInput struct {
	Description string
	KeyUsage    string
	KeySpec     string
	MultiRegion bool
	Origin      string
	Policy      string
	Tags        []tag
}

type keyOutput struct{ KeyMetadata metadata }

func (s *Service) createKey(_ context.Context, in createKeyInput) (out keyOutput, err error) {
	switch {
	case in.Policy != "":
		return out, wire.Unknown("kms", "Policy of CreateKey")
	case in.KeyUsage != "" && in.KeyUsage != usage, in.KeySpec != "" && in.KeySpec != spec:
		return out, wire.Unknown("kms", "keys that are not symmetric")
	case in.MultiRegion || in.Origin != "" && in.Origin != "AWS_KMS":
		return out, wire.Unknown("kms", "keys of several regions or of another origin")
	}
	k := key{ID: newID(), Created: s.cfg.Clock.Now(), Enabled: true, Description: in.Description, Tags: map[string]string{}}
	for _, t := range in.Tags {
		k.Tags[t.TagKey] = t.TagValue
	}
	return keyOutput{s.metadata(k)}, s.keys.Put(k.ID, k)
}

type keyInput struct {
	KeyID               string `json:"KeyId"`
	PendingWindowInDays *int   // of ScheduleKeyDeletion
}

func (s *Service) describeKey(_ context.Context, in keyInput) (out keyOutput, err error) {
	k, err := s.find(in.KeyID)
	return keyOutput{s.metadata(k)}, err
}

// change changes the key that a call names by id or ARN.
func (s *Service) change(in keyInput, change func(*key) error) error {
	if strings.Contains(in.KeyID, "alias/") {
		return failure("NotFoundException", "Invalid keyId '%s'", in.KeyID)
	}
	k, err := s.find(in.KeyID)
	if err != nil {
		return err
	}
	return s.keys.Update(k.ID, func(k *key, _ bool) error {
		if k.Managed {
			return failure("AccessDeniedException", "The key %s is AWS's own", s.keyARN(k.ID))
		}
		return change(k)
	})
}

func (s *Service) enableKey(_ context.Context, in keyInput) (wire.Empty, error) {
	return wire.Empty{}, s.setEnabled(in, true)
}

func (s *Service) disableKey(_ context.Context, in keyInput) (wire.Empty, error) {
	return wire.Empty{}, s.setEnabled(in, false)
}

func (s *Service) setEnabled(in keyInput, enabled bool) error {
	return s.change(in, func(k *key) error {
		if k.state(s.cfg.Clock.Now()) == statePending {
			return failure("KMSInvalidStateException", "%s is pending deletion.", s.keyARN(k.ID))
		}
		k.Enabled = enabled
		return nil
	})
}

type deletionOutput struct {
	DeletionDate        wire.Epoch
	KeyID               string `json:"KeyId"`
	KeyState            string
	PendingWindowInDays int
}

// The days for which a key waits to be deleted.
const minWindow, maxWindow = 7, 30

func (s *Service) scheduleKeyDeletion(_ context.Context, in keyInput) (out deletionOutput, err error) {
	days := maxWindow
	if in.PendingWindowInDays != nil {
		days = *in.PendingWindowInDays
	}
	if days < minWindow || days > maxWindow {
		return out, failure("ValidationException", "1 validation error detected: Value '%d' at 'pendingWindowInDays' failed to satisfy constraint: Member must be from %d to %d", days, minWindow, maxWindow)
	}
	err = s.change(in, func(k *key) error {
		if k.state(s.cfg.Clock.Now()) == statePending {
			return failure("KMSInvalidStateException", "%s is pending deletion.", s.keyARN(k.ID))
		}
		k.Deletion = s.cfg.Clock.Now().AddDate(0, 0, days)
		out = deletionOutput{wire.Epoch(k.Deletion), s.keyARN(k.ID), statePending, days}
		return nil
	})
	return out, err
}

type policyOutput struct{ Policy, PolicyName string }

// getKeyPolicy answers AWS's default policy ("Default key policy" in the developer guide).
func (s *Service) getKeyPolicy(_ context.Context, in keyInput) (out policyOutput, err error) {
	if _, err := s.find(in.KeyID); err != nil {
		return out, err
	}
	text, err := json.Marshal(map[string]any{
		"Version": "2012-10-17", "Id": "key-default-1",
		"Statement": []any{map[string]any{
			"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
			"Principal": map[string]any{"AWS": fmt.Sprintf("arn:%s:iam::%s:root", wire.Partition(s.cfg.Region), s.cfg.Account)},
		}},
	})
	return policyOutput{string(text), "default"}, err
}

type resourceTagsOutput struct {
	Tags      []tag
	Truncated bool
}

func (s *Service) listResourceTags(_ context.Context, in keyInput) (out resourceTagsOutput, err error) {
	k, err := s.find(in.KeyID)
	out.Tags = []tag{}
	for _, name := range slices.Sorted(maps.Keys(k.Tags)) {
		out.Tags = append(out.Tags, tag{name, k.Tags[name]})
	}
	return out, err
}

type listInput struct {
	KeyID  string `json:"KeyId"` // of ListAliases: only those of the key
	Limit  *int
	Marker string
}

type keyEntry struct {
	KeyARN string `json:"KeyArn"`
	KeyID  string `json:"KeyId"`
}

type listKeysOutput struct {
	Keys       []keyEntry
	NextMarker string `json:",omitempty"`
	Truncated  bool
}

func (s *Service) listKeys(ctx context.Context, in listInput) (out listKeysOutput, err error) {
	var all []keyEntry
	now := s.cfg.Clock.Now()
	err = s.keys.Each("", func(id string, k key) bool {
		if !k.gone(now) {
			all = append(all, keyEntry{s.keyARN(id), id})
		}
		return true
	})
	if err != nil {
		return out, err
	}
	out.Keys, out.NextMarker, err = page(ctx, all, func(k keyEntry) string { return k.KeyID }, in.Limit, in.Marker)
	out.Truncated = out.NextMarker != ""
	return out, err
}
