package lifecycle

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// classicFile is a file in the format of the original with two functions, of which one starts the other. Its scripts name
// a shell that their image does not have.
const classicFile = `functions:
  aws:
  - lambda:
      name: classic-upper
      runtime: python3.7
      memory: 256
      timeout: 60
      log_level: DEBUG
      preheat: true
      init_script: upper.sh
      extra_payload: payload
      environment: {Variables: {MODE: function, GREETING: hello}}
      tags: {team: imaging}
      container:
        image_file: busybox.tar
        timeout_threshold: 5
        environment: {Variables: {MODE: container, API_TOKEN: %[1]s, AWS_ACCESS_KEY_ID: %[2]s}}
      input:
      - {storage_provider: s3, path: classic-texts/in}
      output:
      - {storage_provider: s3, path: classic-texts/out/, prefix: [result-], suffix: [.txt]}
      - {storage_provider: minio.lab, path: sums/of, suffix: [.sum]}
    cloudwatch: {log_retention_policy_in_days: 7}
    api_gateway: {name: classic-upper}
  - lambda:
      name: classic-count
      memory: 256
      timeout: 60
      init_script: count.sh
      run_script: count.sh
      container: {image_file: busybox.tar}
      input:
      - {storage_provider: s3, path: classic-texts/out}
      output:
      - {storage_provider: s3, path: classic-texts/counts}
storage_providers:
  minio: {lab: {endpoint: "%[3]s", verify: true, region: us-east-1, access_key: local, secret_key: local}}
`

const upperScript = `#!/bin/bash
name=$(basename "$INPUT_FILE_PATH")
tr a-z A-Z <"$INPUT_FILE_PATH" >"$TMP_OUTPUT_DIR/result-$name"
cat "$EXTRA_PAYLOAD/more/end.txt" >>"$TMP_OUTPUT_DIR/result-$name"
echo "$GREETING $MODE $AWS_ACCESS_KEY_ID" >>"$TMP_OUTPUT_DIR/result-$name"
printf %s "$API_TOKEN" | sha256sum | cut -d ' ' -f 1 >"$TMP_OUTPUT_DIR/$name.sum"
touch "$TMP_OUTPUT_DIR/result-nothing.bin"
`

const countScript = `#!/usr/bin/env bash
wc -c <"$INPUT_FILE_PATH" >"$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH").count"
`

// The secrets of the file. The second is in no message either, being one by its name.
const (
	classicToken = "t0ken-of-a-classic-file"
	classicKey   = "AKIACLASSICCLASSICXX"
)

// TestClassicFileLives takes a file in the format of the original through its life as it is: it plans, applies, runs for an
// object, says the same when it is converted, and leaves nothing behind. What is a secret in it is nowhere to be found.
func TestClassicFileLives(t *testing.T) {
	lab := newCLI(t)
	lab.up()
	lab.run("aws", "s3", "mb", "s3://sums")
	c := newCLI(t)
	c.debianImage("busybox.tar", "busybox-static")
	for name, content := range map[string]string{
		"func.yaml": fmt.Sprintf(classicFile, classicToken, classicKey, lab.variable("AWS_ENDPOINT_URL")),
		"upper.sh":  upperScript, "count.sh": countScript, "payload/more/end.txt": "the end\n", "payload/file": "x", "hello.txt": "hello, world\n",
	} {
		c.write(name, content)
	}
	c.up()
	printed := c.run("scar", "plan", "--local", "--json", "--out", "plan.json") + c.run("cat", "plan.json") + c.run("scar", "show")
	c.converge()
	c.run("aws", "s3", "cp", "hello.txt", "s3://classic-texts/in/a/hello.txt")
	const result = "HELLO, WORLD\nthe end\nhello container " + classicKey + "\n"
	eventually(t, "the count", func() bool {
		out, err := c.try("aws", "s3", "cp", "s3://classic-texts/counts/result-hello.txt.count", "-")
		return err == nil && strings.TrimSpace(out) == fmt.Sprint(len(result))
	})
	if got := c.run("aws", "s3", "cp", "s3://classic-texts/out/result-hello.txt", "-"); got != result {
		t.Errorf("the result is %q, want %q", got, result)
	}
	if got, want := strings.TrimSpace(lab.run("aws", "s3", "cp", "s3://sums/of/hello.txt.sum", "-")), fmt.Sprintf("%x", sha256.Sum256([]byte(classicToken))); got != want {
		t.Errorf("the script has a token of %s, want %s", got, want)
	}
	if got := c.run("aws", "s3", "ls", "--recursive", "s3://classic-texts/out/"); strings.Count(got, "\n") != 1 {
		t.Errorf("stored are:\n%s", got)
	}

	for _, name := range []string{"classic-upper", "classic-count"} {
		printed += c.run("scar", "logs", "--local", name) + c.run("aws", "lambda", "get-function", "--function-name", name)
	}
	if strings.Contains(c.run("aws", "lambda", "get-function-configuration", "--function-name", "classic-upper"), "API_TOKEN") {
		t.Error("a secret is a variable of the function")
	}
	printed += c.run("scar", "convert", "--secrets", "secrets.env")
	for _, secret := range []string{classicToken, classicKey} {
		if i := strings.Index(printed, secret); i >= 0 {
			t.Errorf("a secret is printed: …%s…", printed[max(0, i-200):i])
		}
	}
	c.isInNoImage(classicToken, classicKey)

	c.write("native.yaml", c.run("scar", "convert", "--secrets", "again.env"))
	c.run("scar", "plan", "--local", "-f", "native.yaml", "--env-file", "again.env", "--detailed-exitcode")
	c.leaveNothing()
	var left struct{ Parameters []struct{ Name string } }
	if c.ask(&left, "ssm", "describe-parameters"); len(left.Parameters) > 0 {
		t.Errorf("after destroy there are %v", left.Parameters)
	}
}

// isInNoImage searches the configs and layers that were pushed.
func (c *cli) isInNoImage(secrets ...string) {
	c.t.Helper()
	searched := 0
	err := filepath.WalkDir(filepath.Join(c.variable("SCAR_STATE_DIR"), "blobs"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if packed, err := gzip.NewReader(bytes.NewReader(content)); err == nil {
			if content, err = io.ReadAll(packed); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		searched++
		for _, secret := range secrets {
			if bytes.Contains(content, []byte(secret)) {
				c.t.Errorf("a secret is in the image: %s", path)
			}
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if searched < 6 { // two configs, and four layers at least
		c.t.Errorf("only %d blobs were found", searched)
	}
}
