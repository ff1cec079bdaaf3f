package aws

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
)

func TestPacer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pacer{interval: 100 * time.Millisecond, burst: 40}
		run := func(calls int) time.Duration {
			start := time.Now()
			var wg sync.WaitGroup
			for range calls {
				wg.Go(func() {
					if err := p.wait(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			return time.Since(start)
		}
		if took := run(40); took != 0 {
			t.Errorf("a burst took %s", took)
		}
		if took := run(20); took != 2*time.Second {
			t.Errorf("20 more took %s", took)
		}
		time.Sleep(time.Second)
		if took := run(10); took != 0 {
			t.Errorf("10 after a rest took %s", took)
		}
		time.Sleep(time.Hour) // what is not used is not saved
		if took := run(50); took != time.Second {
			t.Errorf("50 after a long rest took %s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := p.wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

// TestAPIsArePaced counts on a clock of its own only that the SDK's client asks the pacer: without, the calls beyond the
// burst would take no time.
func TestAPIsArePaced(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"items":[]}`))
	}))
	defer server.Close()
	client := apigatewayv2.NewFromConfig(configFor(server.URL, "eu-west-1"), pacedAPIs(100*time.Millisecond))
	start := time.Now()
	const calls = apiBurst + 10
	for range calls {
		if _, err := client.GetApis(t.Context(), &apigatewayv2.GetApisInput{}); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took < 90*time.Millisecond {
		t.Errorf("%d calls took %s", calls, took)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.GetApis(ended, &apigatewayv2.GetApisInput{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
