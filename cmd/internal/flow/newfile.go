package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/scar-go/scar/spec"
)

// What starts a function of a new file.
const (
	StartInput    = "input"    // files that arrive in a bucket
	StartHTTP     = "http"     // requests
	StartSchedule = "schedule" // the time
	StartNone     = "none"     // commands alone
)

// NewFile is what a new file of functions says of its one function.
type NewFile struct {
	Dir      string // made if absent
	Project  string
	Function string
	Image    string   // a reference, or the path of an archive or layout from the working folder
	Start    string   // StartInput, StartHTTP, StartSchedule or StartNone
	Schedule string   // with StartSchedule
	Inputs   []string // places
	Outputs  []string // places; empty: none
	Memory   int      // MB
	Timeout  int      // seconds
}

// DefaultSchedule is the schedule of a new file that names none.
const DefaultSchedule = "rate(1 hour)"

// NewFileName is the name of a new file.
const NewFileName = "func.yaml"

// Write writes the file and a script beside it, and returns their paths. What is there is never overwritten. If what was asked
// for is no valid file, the error is spec.Problems, and nothing is left of what was written.
func (n NewFile) Write(ctx context.Context) (paths []string, err error) {
	if err := CheckFunctionName(n.Function); err != nil {
		return nil, err
	}
	n.Image = n.imageFromDir()
	madeDir, err := makeDir(n.Dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err == nil {
			return
		}
		for _, path := range paths {
			err = errors.Join(err, os.Remove(path))
		}
		if madeDir {
			_ = os.Remove(n.Dir) // it stays if others have put something there
		}
		paths = nil
	}()
	file := filepath.Join(n.Dir, NewFileName)
	for _, f := range []struct {
		path, content string
		mode          fs.FileMode
	}{{file, n.document(), 0o644}, {filepath.Join(n.Dir, n.script()), n.scriptText(), 0o755}} {
		if err := createNew(f.path, f.content, f.mode); err != nil {
			return paths, err
		}
		paths = append(paths, f.path)
	}
	_, err = spec.Load(ctx, []string{file}, spec.Options{})
	return paths, err
}

// makeDir makes a folder, and says whether it was absent. Those above it must be there.
func makeDir(dir string) (made bool, err error) {
	err = os.Mkdir(dir, 0o755)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrExist):
		return false, nil // if it is no folder, writing into it says so
	}
	return false, fmt.Errorf("make the folder of the new file: %w", err)
}

func createNew(path, content string, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already, and is not overwritten: name another folder, as in scar new DIR, or remove it", path)
	}
	if err != nil {
		return fmt.Errorf("write the new file: %w", err)
	}
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(path))
	}
	return nil
}

// imageFromDir is the image as the file names it, where paths begin at the file's own folder.
func (n NewFile) imageFromDir() string {
	if info, err := os.Stat(n.Image); err != nil || filepath.IsAbs(n.Image) || info.IsDir() && !strings.HasPrefix(n.Image, ".") {
		return n.Image // a reference may have the name of a folder
	}
	path, err := filepath.Rel(n.Dir, n.Image)
	if err != nil { // one of them is on another drive
		return n.Image
	}
	if path = filepath.ToSlash(path); !strings.HasPrefix(path, "../") {
		path = "./" + path
	}
	return path
}

func (n NewFile) script() string { return n.Function + ".sh" }

// document is the text of the file.
func (n NewFile) document() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# scar validate checks this file, scar plan shows what it changes in the account, scar apply changes it.\n")
	fmt.Fprintf(&b, "# scar schema --markdown explains every key.\nproject: %s\n\nfunctions:\n  %s:\n", scalar(n.Project), scalar(n.Function))
	fmt.Fprintf(&b, "    image: %s\n    script: %s\n", scalar(n.Image), scalar(n.script()))
	fmt.Fprintf(&b, "    memory: %d # MB\n    timeout: %d # seconds\n", n.Memory, n.Timeout)
	if len(n.Inputs) > 0 {
		fmt.Fprintf(&b, "    input: %s # each file that arrives starts the function\n", scalars(n.Inputs))
	}
	if len(n.Outputs) > 0 {
		fmt.Fprintf(&b, "    output: %s # where files below $TMP_OUTPUT_DIR go\n", scalars(n.Outputs))
	}
	switch n.Start {
	case StartHTTP:
		fmt.Fprintf(&b, "    http: true # a URL, for requests that are signed; {auth: none} for those of everybody\n")
	case StartSchedule:
		fmt.Fprintf(&b, "    schedule: %s\n", scalar(n.Schedule))
	}
	return b.String()
}

// plainScalar is what YAML takes as a text without quotation marks, in lists too, but for wordsOfYAML.
var plainScalar = regexp.MustCompile(`^(\.{0,2}/)?[a-zA-Z][a-zA-Z0-9._/-]*(:?[a-zA-Z0-9._/@-]+)*$`)

// wordsOfYAML mean something else than a text where they stand alone.
var wordsOfYAML = map[string]bool{"true": true, "false": true, "yes": true, "no": true, "on": true, "off": true, "null": true, "y": true, "n": true}

// scalar is a text as YAML, of which no part is a variable.
func scalar(text string) string {
	text = strings.ReplaceAll(text, "$", "$$")
	if plainScalar.MatchString(text) && !wordsOfYAML[strings.ToLower(text)] {
		return text
	}
	var b strings.Builder
	enc := json.NewEncoder(&b) // a text of JSON is one of YAML
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // texts can always be written
	var quoted strings.Builder
	for _, r := range strings.TrimSpace(b.String()) {
		if r >= 0x7f && r <= 0x9f || r == 0xfeff || r == 0xfffe || r == 0xffff { // JSON takes these as they are, YAML does not
			fmt.Fprintf(&quoted, "\\u%04x", r)
			continue
		}
		quoted.WriteRune(r)
	}
	return quoted.String()
}

func scalars(texts []string) string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = scalar(text)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// scriptText is a script that works as it is, for every image that has a shell and the usual tools.
func (n NewFile) scriptText() string {
	const head = "#!/bin/sh\nset -eu\n\n"
	body := "echo \"hello from " + n.Function + "\"\n"
	switch n.Start {
	case StartInput:
		body = `# $INPUT_FILE_PATH is the file that arrived, and what is written below $TMP_OUTPUT_DIR goes to output.
name=$(basename "$INPUT_FILE_PATH")
wc -c < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/$name.size"
echo "$name is processed"
`
	case StartHTTP:
		body = `# $INPUT_FILE_PATH is the body of the request, if it has one; parameters of the query are variables. What is printed is the answer.
echo "hello from ` + n.Function + `"
if [ -n "${INPUT_FILE_PATH:-}" ]; then
	wc -c < "$INPUT_FILE_PATH"
fi
`
	case StartSchedule:
		body = "# $EVENT_TIME is when it was due.\n" + body
	}
	return head + body
}
