package lifecycle

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFoldersOfAnyName starts a function by objects in folders whose names mean something in URLs, in rules or
// in policies, and has it write to such a folder.
func TestFoldersOfAnyName(t *testing.T) {
	c := newCLI(t)
	c.debianImage("busybox.tar", "busybox-static")
	c.write("func.yaml", `
project: imaging
functions:
  copy:
    image: ./busybox.tar
    run: cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"
    timeout: 60
    input: ["s3://photos/in put+1/ü%/", {from: "s3://photos/a=b&c?$$日/", suffix: [" +.txt"]}]
    output: ["s3://photos/out put+?/"]
`)
	c.up()
	c.run("scar", "apply", "--local", "--auto-approve")
	c.run("scar", "plan", "--local", "--detailed-exitcode")
	for in, out := range map[string]string{
		"in put+1/ü%/one +.txt":     "one +.txt",
		"a=b&c?$日/sub+ %/two +.txt": "sub+ %/two +.txt",
	} {
		c.write("file.txt", in)
		c.run("aws", "s3", "cp", "file.txt", "s3://photos/"+in)
		eventually(t, out, func() bool {
			_, err := c.try("aws", "s3", "cp", "s3://photos/out put+?/"+out, "result.txt")
			return err == nil
		})
		if got, err := os.ReadFile(filepath.Join(c.dir, "result.txt")); err != nil || string(got) != in {
			t.Errorf("%s became %q, %v", in, got, err)
		}
	}
	c.run("scar", "destroy", "--local", "--auto-approve")
}
