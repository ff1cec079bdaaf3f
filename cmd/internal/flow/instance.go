package flow

import (
	"context"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
)

// instanceWait bounds the question whether this machine is an EC2 instance that has a role. On one, the
// metadata service answers within milliseconds; elsewhere mostly nobody answers, and the SDK asks for ten
// seconds although all that is wrong is that there are no credentials. The AWS CLI waits for one second.
const instanceWait = 2 * time.Second

// boundInstanceRole bounds how long credentials are waited for that are the last that the SDK looks for:
// those of an EC2 instance. Others stay as they are: a sign-on or a program may take its time.
func boundInstanceRole(provider sdk.CredentialsProvider) sdk.CredentialsProvider {
	if !sdk.IsCredentialsProvider(provider, (*ec2rolecreds.Provider)(nil)) {
		return provider
	}
	return &instanceRole{inner: provider}
}

// instanceRole gives the credentials of an EC2 instance. Where the first question for them is not
// answered there are none: every client asks by itself, and would wait by itself.
type instanceRole struct {
	inner sdk.CredentialsProvider // caches, and returns when its context ends

	mu      sync.Mutex
	found   bool
	missing bool
}

// Retrieve implements [sdk.CredentialsProvider].
func (r *instanceRole) Retrieve(ctx context.Context) (sdk.Credentials, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.missing {
		return sdk.Credentials{}, errNoCredentials
	}
	if r.found {
		return r.inner.Retrieve(ctx)
	}
	first, cancel := context.WithTimeout(ctx, instanceWait)
	defer cancel()
	found, err := r.inner.Retrieve(first)
	switch {
	case err == nil:
		r.found = true
		return found, nil
	case ctx.Err() != nil:
		return sdk.Credentials{}, ctx.Err()
	default:
		r.missing = true
		return sdk.Credentials{}, errNoCredentials
	}
}
