package storage

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	// attempts is how often each call is tried, and each download as a whole when its body breaks off.
	attempts = 4

	firstPause   = 200 * time.Millisecond
	longestAsked = 5 * time.Second // that a server's Retry-After is followed
)

// retries is the one policy by which every provider's calls are tried again.
type retries struct {
	first time.Duration // the longest pause after the first attempt; each that follows is up to twice as long
}

// pause is how long to wait after an attempt, counted from 1: between half and the whole of what doubling gives, so
// that calls which failed together do not come back together.
func (r retries) pause(attempt int) time.Duration {
	longest := r.first << max(0, attempt-1)
	return longest/2 + rand.N(longest/2+1)
}

// wait pauses after an attempt, longer where the server asked for it. It reports whether there is to be another.
func (r retries) wait(ctx context.Context, attempt int, asked time.Duration) bool {
	if attempt >= attempts {
		return false
	}
	timer := time.NewTimer(max(r.pause(attempt), asked))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// temporary reports whether a call that got no answer may get one the next time.
func temporary(err error) bool {
	var unverified *tls.CertificateVerificationError
	var notTLS tls.RecordHeaderError
	var name *net.DNSError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.As(err, &unverified), errors.As(err, &notTLS), errors.Is(err, http.ErrSchemeMismatch):
		return false
	case errors.As(err, &name):
		return !name.IsNotFound
	}
	var file *os.PathError // of the file that is sent
	return !errors.As(err, &file)
}

// busy reports whether a server's answer means that the same call may succeed later. Servers of WebDAV lock folders for the moment in
// which something is made in them, also for others who come at that moment.
func busy(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusLocked, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// askedPause is how long a server asks to wait, by its header Retry-After in seconds; 0 where it does not.
func askedPause(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, int(longestAsked/time.Second))) * time.Second
}

// retryer is the policy in the form that the SDK asks for. The SDK's own rules, which know S3's error codes, hold where
// the policy says nothing. Its limit on the retries of all calls together is off: it would let outputs fail that have tries left.
func (r retries) retryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.RateLimiter = ratelimit.None
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, err error) (time.Duration, error) {
			var answer *smithyhttp.ResponseError
			if errors.As(err, &answer) {
				return max(r.pause(attempt), askedPause(answer.Response.Header)), nil
			}
			return r.pause(attempt), nil
		})
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(retryable)}, o.Retryables...)
	})
}

func retryable(err error) aws.Ternary {
	var unsent *smithyhttp.RequestSendError
	var answer *smithyhttp.ResponseError
	switch {
	case errors.As(err, &unsent):
		return aws.BoolTernary(temporary(unsent.Err))
	case errors.As(err, &answer) && busy(answer.HTTPStatusCode()):
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}
