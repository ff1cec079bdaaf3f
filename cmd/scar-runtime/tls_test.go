package main

import (
	"crypto/x509"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// noRoots are variables under which a Go program finds no certificates on the system.
var noRoots = []string{"SSL_CERT_FILE=/nonexistent", "SSL_CERT_DIR=/nonexistent", "GODEBUG="}

// TestTLSWorksInAnEmptyImage verifies the certificate that AWS's chains end in, in a process that finds no
// certificates on its system: by those that this program brings.
func TestTLSWorksInAnEmptyImage(t *testing.T) {
	if os.Getenv("SCAR_TEST_VERIFY") != "" {
		verifyAmazonRoot(t)
		return
	}
	again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(append(os.Environ(), noRoots...), "SCAR_TEST_VERIFY=1")
	if out, err := again.CombinedOutput(); err != nil || !strings.Contains(string(out), "verified Amazon Root CA 1") {
		t.Errorf("%v\n%s", err, out)
	}
}

func verifyAmazonRoot(t *testing.T) {
	for root := range bundle.Roots() {
		certificate, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		if certificate.Subject.CommonName != "Amazon Root CA 1" {
			continue
		}
		if _, err := certificate.Verify(x509.VerifyOptions{}); err != nil { // by the roots that a client uses
			t.Fatal(err)
		}
		t.Log("verified", certificate.Subject.CommonName)
	}
}

// The image's own certificates count where it has some. Over HTTPS the SDK sends checksums behind the
// content, by another path than over HTTP.
func TestStorageByHTTPS(t *testing.T) {
	f := prepare(t, newJob(), grayify)
	f.tls = true
	f.run()
	f.output(f.invoke(f.put("in/a", strings.Repeat("x", 100_000))))
	if got := f.objects("out/")["out/a"]; got != strings.Repeat("X", 100_000) {
		t.Errorf("the output has %d bytes and begins with %.40q", len(got), got)
	}

	f = prepare(t, newJob(), grayify)
	f.tls, f.untrusted = true, true
	f.run()
	f.wantFailure(f.invoke(f.put("in/a", "x")), "Scar.StageIn", "certificate")
}
