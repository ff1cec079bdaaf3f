// Command tool is what the images of the tests run: it writes its input in upper case, fails or takes long for
// inputs whose names say so, and adds the variable STAMP where that is set. With arguments, other than the path
// of a script that names nothing but the tool, it does what they say.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if len(os.Args) > 1 && !filepath.IsAbs(os.Args[1]) {
		os.Exit(command(os.Args[1:]))
	}
	input := os.Getenv("INPUT_FILE_PATH")
	name := filepath.Base(input)
	fmt.Println("tool works on", name)
	if strings.HasPrefix(name, "bad") {
		fmt.Println("tool does not like", name)
		os.Exit(3)
	}
	if strings.HasPrefix(name, "slow") {
		time.Sleep(25 * time.Second) // longer than any test looks on
	}
	content, err := os.ReadFile(input)
	if stamp := os.Getenv("STAMP"); stamp != "" {
		content = append(content, stamp+"\n"...)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(os.Getenv("TMP_OUTPUT_DIR"), name), bytes.ToUpper(content), 0o644)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
