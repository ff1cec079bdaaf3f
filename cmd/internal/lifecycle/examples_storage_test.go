package lifecycle

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	token      = "t0ken-that-nobody-sees"
	signingKey = "k3y-that-nobody-sees"
)

// service starts the stand-in that the example delivers to, and returns its address.
func (c *cli) service() string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), filepath.Join(c.dir, "service"), token, signingKey)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = cmd.Wait() }) // the context has ended, and with it the program
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		c.t.Fatalf("the service does not say where it is: %v", err)
	}
	return strings.TrimSpace(address)
}

// TestDocumentsAreDeliveredWithSecrets delivers to a service that takes a file only with the right token and signature, first by one
// run, then in an account that stays.
func TestDocumentsAreDeliveredWithSecrets(t *testing.T) {
	c := newExample(t, "secrets")
	c.debianImage("python.tar", "python3")
	c.env = append(c.env, "SERVICE_URL="+c.service())
	c.write("secrets.txt", "ssm:/notary/token="+token+"\nsecretsmanager:notary/keys={\"signing\": \""+signingKey+"\", \"other\": \"x\"}\n")
	if err := os.Chmod(filepath.Join(c.dir, "secrets.txt"), 0o600); err != nil {
		t.Fatal(err)
	}
	printed := c.run("scar", "local", "run", "--in", "documents", "--out", "receipts", "--secrets", "secrets.txt")
	c.isReceipt("documents/contracts/no. 1.txt", "receipts/contracts/no. 1.txt.receipt")

	c.up()
	c.run("aws", "ssm", "put-parameter", "--name", "/notary/token", "--type", "SecureString", "--value", token)
	c.run("aws", "secretsmanager", "create-secret", "--name", "notary/keys", "--secret-string", `{"signing": "`+signingKey+`", "other": "x"}`)
	printed += c.run("scar", "plan", "--local", "--json") + c.run("scar", "show")
	c.converge()
	c.run("aws", "s3", "cp", "documents/letter.txt", "s3://scar-notary/in/letter.txt")
	eventually(t, "the receipt", func() bool {
		_, err := c.try("aws", "s3", "cp", "s3://scar-notary/receipts/letter.txt.receipt", "letter.receipt")
		return err == nil
	})
	c.isReceipt("documents/letter.txt", "letter.receipt")
	eventually(t, "the log", func() bool { return strings.Contains(c.run("scar", "logs", "--local", "deliver"), "status=done") })
	printed += c.run("scar", "logs", "--local", "deliver") + c.run("aws", "lambda", "get-function", "--function-name", "deliver")
	for _, secret := range []string{token, signingKey} {
		if i := strings.Index(printed, secret); i >= 0 {
			t.Errorf("a secret is printed: …%s…", printed[max(0, i-200):i])
		}
	}
	c.run("aws", "ssm", "delete-parameter", "--name", "/notary/token") // neither is scar's to remove
	c.run("aws", "secretsmanager", "delete-secret", "--secret-id", "notary/keys", "--force-delete-without-recovery")
	c.leaveNothing()
}

// isReceipt compares what the service took with what was sent.
func (c *cli) isReceipt(document, receipt string) {
	c.t.Helper()
	content, err := os.ReadFile(filepath.Join(c.dir, document))
	if err != nil {
		c.t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(c.dir, receipt))
	if err != nil {
		c.t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	if want := fmt.Sprintf("%d bytes taken, SHA-256 %s\n", len(content), hex.EncodeToString(sum[:])); string(got) != want {
		c.t.Errorf("the receipt of %s is %q, want %q", document, got, want)
	}
}

// TestLogsArePackedAtAnotherServer lets a second backend stand in for MinIO: only its S3 is asked, with keys of its own.
func TestLogsArePackedAtAnotherServer(t *testing.T) {
	lab := newCLI(t)
	lab.up()
	lab.run("aws", "s3", "mb", "s3://logs")
	c := newExample(t, "minio")
	c.debianImage("busybox.tar", "busybox-static")
	c.env = append(c.env, "MINIO_URL="+lab.variable("AWS_ENDPOINT_URL"))
	c.write("secrets.txt", "ssm:/archive/minio/access-key=local\nssm:/archive/minio/secret-key=local\n")
	if err := os.Chmod(filepath.Join(c.dir, "secrets.txt"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run("scar", "local", "run", "-f", "func.yaml", "-f", "test.yaml", "--in", "logs", "--out", "sums", "--secrets", "secrets.txt")
	lab.isPacked(c, "access-2026-11-21.log")
	lab.run("aws", "s3", "rm", "--recursive", "s3://logs/packed/")

	c.up()
	for _, name := range []string{"access-key", "secret-key"} {
		c.run("aws", "ssm", "put-parameter", "--name", "/archive/minio/"+name, "--type", "SecureString", "--value", "local")
	}
	c.converge()
	address := c.outputs()["function_url/pack"]["url"]
	lab.run("aws", "s3", "cp", filepath.Join(c.dir, "logs", "access-2026-11-22.log"), "s3://logs/in/access-2026-11-22.log")
	lab.run("aws", "s3", "cp", filepath.Join(c.dir, "logs", "access-2026-11-22.log"), "s3://logs/private.log")
	notify := filepath.Join(c.dir, "notify")
	c.run(notify, address, "logs", "in/access-2026-11-22.log")
	lab.isPacked(c, "access-2026-11-22.log")
	sum := strings.Fields(c.run("sha256sum", "logs/access-2026-11-22.log"))[0]
	if got := strings.TrimSpace(c.run("aws", "s3", "cp", "s3://scar-archive/sums/access-2026-11-22.log.sha256", "-")); got != sum {
		t.Errorf("the sum in S3 is %q, want %q", got, sum)
	}

	// Everybody may call: nothing comes of an object outside the input, or of what names none.
	if out, err := c.try(notify, address, "logs", "private.log"); err == nil {
		t.Errorf("an object outside the input: %s", out)
	}
	if status := c.post(nil, address, "func.yaml"); !strings.HasPrefix(status, "500 ") {
		t.Errorf("a request that names no object: %s %s", status, c.refusal())
	}
	if out := lab.run("aws", "s3", "ls", "--recursive", "s3://logs/packed/"); strings.Count(out, "\n") != 1 {
		t.Errorf("packed are:\n%s", out)
	}
	for _, name := range []string{"access-key", "secret-key"} {
		c.run("aws", "ssm", "delete-parameter", "--name", "/archive/minio/"+name) // not scar's to remove
	}
	c.leaveNothing()
}

// isPacked fetches what has been packed and unpacks it with another program.
func (c *cli) isPacked(example *cli, name string) {
	c.t.Helper()
	c.run("aws", "s3", "cp", "s3://logs/packed/"+name+".gz", name+".gz")
	unpacked := c.run("gzip", "--decompress", "--stdout", name+".gz")
	if want := example.run("cat", "logs/"+name); unpacked != want {
		c.t.Errorf("%s unpacks to %d bytes, want %d", name, len(unpacked), len(want))
	}
}
