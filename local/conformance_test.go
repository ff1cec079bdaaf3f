package local

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/scar-go/scar/internal/moto"
)

// The conformance tests state how AWS behaves, for the calls that the backend serves. They run against
// the backend and against moto, an independent reading of the same documents, so that the backend does
// not merely confirm what its authors believe.

// server is what the conformance tests run against.
type server struct {
	cfg     aws.Config
	account string
	moto    bool
}

// differs skips what moto is known not to do as AWS does.
func (s server) differs(t *testing.T, how string) bool {
	t.Helper()
	if s.moto {
		t.Logf("moto differs from AWS: %s", how)
	}
	return s.moto
}

func TestConformance(t *testing.T) {
	suite := map[string]func(*testing.T, server){
		"sts":           conformSTS,
		"iam roles":     conformRoles,
		"iam policies":  conformPolicies,
		"iam documents": conformDocuments,
		"iam paging":    conformRolePaging,
		"log groups":    conformLogGroups,
		"log events":    conformLogEvents,
		"log filters":   conformLogFilters,
		"repositories":  conformRepositories,
		"images":        conformImages,
		"tagging":       conformTagging,

		"parameters":      conformParameters,
		"parameter rules": conformParameterRules,
		"parameter lists": conformParameterLists,
		"secrets":         conformSecrets,
		"secret rules":    conformSecretRules,
		"secret deletion": conformSecretDeletion,
		"secret lists":    conformSecretLists,

		"metrics":      conformMetrics,
		"queues":       conformQueues,
		"messages":     conformMessages,
		"queue rules":  conformQueueRules,
		"dead letters": conformDeadLetters,
	}
	b, _ := open(t, Options{})
	run := func(s server) func(*testing.T) {
		return func(t *testing.T) {
			for name, test := range suite {
				t.Run(name, func(t *testing.T) { test(t, s) })
			}
		}
	}
	t.Run("backend", run(server{cfg: adminOf(b), account: DefaultAccount}))
	t.Run("moto", func(t *testing.T) {
		run(startMoto(t))(t)
	})
}

// startMoto starts moto's server for one test.
func startMoto(t *testing.T) server {
	t.Helper()
	endpoint := moto.Serve(t, "MOTO_IAM_LOAD_MANAGED_POLICIES=true")
	return server{cfg: config(endpoint, "test", "test", ""), account: "123456789012", moto: true}
}

func conformSTS(t *testing.T, s server) {
	out, err := sts.NewFromConfig(s.cfg).GetCallerIdentity(context.Background(), nil)
	must(t, err)
	if *out.Account != s.account {
		t.Errorf("account %s", *out.Account)
	}
}
