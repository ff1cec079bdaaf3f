package kms

import (
	"context"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/scar-go/scar/internal/moto"
	"github.com/scar-go/scar/local/clock"
	"github.com/scar-go/scar/local/store"
	"github.com/scar-go/scar/local/wire"
)

// authorizer allows what it holds: "role action resource".
type authorizer map[string]bool

func (a authorizer) Allowed(_ context.Context, id wire.Identity, action, resource string, _ map[string][]string) (bool, error) {
	return a[id.Role+" "+action+" "+resource], nil
}

func start(t *testing.T) (*Service, *clock.Virtual, *kms.Client) {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	now := clock.NewVirtual(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))
	s, err := New(Config{DB: db, Clock: now, Account: "000000000000", Region: "us-east-1", Authorizer: authorizer{}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, now, newClient(server.URL)
}

func newClient(endpoint string) *kms.Client {
	return kms.New(kms.Options{Region: "us-east-1", BaseEndpoint: &endpoint, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
}

func code(err error) string {
	var api smithy.APIError
	var own *wire.Error
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &api):
		return api.ErrorCode()
	case errors.As(err, &own):
		return own.Code
	default:
		return err.Error()
	}
}

func makeKey(t *testing.T, c *kms.Client) *types.KeyMetadata {
	t.Helper()
	out, err := c.CreateKey(t.Context(), &kms.CreateKeyInput{Description: aws.String("d")})
	if err != nil {
		t.Fatal(err)
	}
	return out.KeyMetadata
}

func TestUse(t *testing.T) {
	s, now, c := start(t)
	ctx := t.Context()
	k := makeKey(t, c)
	if _, err := c.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String("alias/a"), TargetKeyId: k.KeyId}); err != nil {
		t.Fatal(err)
	}
	s.cfg.Authorizer = authorizer{"r kms:Decrypt " + *k.Arn: true}
	expect := func(role, ref, action, want string) {
		t.Helper()
		arn, err := s.Use(ctx, wire.Identity{Role: role}, ref, action, "s3")
		if code(err) != want || err == nil && !strings.HasPrefix(arn, "arn:aws:kms:us-east-1:000000000000:key/") {
			t.Errorf("%s %s %s: %s, %v", role, ref, action, arn, err)
		}
	}
	for _, ref := range []string{*k.KeyId, *k.Arn, "alias/a", strings.Replace(*k.Arn, "key/"+*k.KeyId, "alias/a", 1)} {
		expect("r", ref, "kms:Decrypt", "ok")
		expect("r", ref, "kms:GenerateDataKey", "AccessDeniedException")
		expect("other", ref, "kms:Decrypt", "AccessDeniedException")
	}
	expect("r", "alias/absent", "kms:Decrypt", "NotFoundException")
	expect("r", "00000000-0000-0000-0000-000000000000", "kms:Decrypt", "NotFoundException")
	expect("r", strings.Replace(*k.Arn, "us-east-1", "eu-west-1", 1), "kms:Decrypt", "NotFoundException")
	expect("other", "alias/aws/s3", "kms:Decrypt", "ok")
	expect("other", "alias/aws/s3", "kms:GenerateDataKey", "ok")

	if _, err := c.DisableKey(ctx, &kms.DisableKeyInput{KeyId: k.KeyId}); err != nil {
		t.Fatal(err)
	}
	expect("r", *k.KeyId, "kms:Decrypt", "DisabledException")
	if _, err := c.EnableKey(ctx, &kms.EnableKeyInput{KeyId: k.KeyId}); err != nil {
		t.Fatal(err)
	}
	expect("r", *k.KeyId, "kms:Decrypt", "ok")
	if _, err := c.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: k.KeyId, PendingWindowInDays: aws.Int32(7)}); err != nil {
		t.Fatal(err)
	}
	expect("r", *k.KeyId, "kms:Decrypt", "KMSInvalidStateException")
	now.Advance(7 * 24 * time.Hour)
	expect("r", *k.KeyId, "kms:Decrypt", "NotFoundException")
}

// TestConformance states what KMS answers, and asks moto whether that is so.
func TestConformance(t *testing.T) {
	_, _, ours := start(t)
	t.Run("backend", func(t *testing.T) {
		conform(t, ours)
		// moto says of AWS's own keys that they are the customer's.
		managed, err := ours.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: aws.String("alias/aws/s3")})
		if err != nil || managed.KeyMetadata.KeyManager != types.KeyManagerTypeAws {
			t.Errorf("AWS's own: %+v, %v", managed, err)
		}
	})
	t.Run("moto", func(t *testing.T) { conform(t, newClient(moto.Serve(t))) })
}

func conform(t *testing.T, c *kms.Client) {
	ctx := t.Context()
	k := makeKey(t, c)
	if !k.Enabled || k.KeyManager != types.KeyManagerTypeCustomer || k.KeyState != types.KeyStateEnabled || !strings.HasSuffix(*k.Arn, ":key/"+*k.KeyId) {
		t.Errorf("%+v", k)
	}
	_, err := c.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String("alias/conform"), TargetKeyId: k.KeyId})
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{*k.KeyId, *k.Arn, "alias/conform"} {
		out, err := c.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &ref})
		if err != nil || *out.KeyMetadata.Arn != *k.Arn {
			t.Errorf("%s: %v", ref, err)
		}
	}
	aliases, err := c.ListAliases(ctx, &kms.ListAliasesInput{KeyId: k.KeyId})
	if err != nil || len(aliases.Aliases) != 1 || *aliases.Aliases[0].TargetKeyId != *k.KeyId {
		t.Errorf("%+v, %v", aliases, err)
	}
	policy, err := c.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: k.KeyId, PolicyName: aws.String("default")})
	if err != nil || !strings.Contains(*policy.Policy, ":root") {
		t.Errorf("%+v, %v", policy, err)
	}
	_, again := c.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String("alias/conform"), TargetKeyId: k.KeyId})
	_, noAlias := c.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String("alias/absent")})
	_, noKey := c.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String("00000000-0000-0000-0000-000000000000")})
	for _, q := range []struct {
		err  error
		want string
	}{{again, "AlreadyExistsException"}, {noAlias, "NotFoundException"}, {noKey, "NotFoundException"}} {
		if code(q.err) != q.want {
			t.Errorf("got %v, want %s", q.err, q.want)
		}
	}
}
