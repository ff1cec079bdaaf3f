package spec

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxScript is the size of the largest script, in bytes.
const maxScript = 6 << 20

// runName is the Name of a script that stands in func.yaml itself.
const runName = "run"

// openedScript is a script that was read, or what is wrong with it.
type openedScript struct {
	content []byte
	problem string
}

// openScript reads the script of a function, which is in a file of its own or in func.yaml.
func (d *disk) openScript(f *draft) {
	n := f.node.get("script")
	if n.str() == "" {
		return
	}
	path, info := d.stat(n)
	if info == nil {
		return
	}
	opened, known := d.scripts[path]
	if !known {
		opened.content, opened.problem = readScript(path, n.text, info)
		d.scripts[path] = opened
	}
	if opened.problem != "" {
		d.report.at(n, "%s", opened.problem)
		return
	}
	f.Script = &Script{Name: filepath.Base(path), Content: opened.content, Interpreter: f.node.get("interpreter").str()}
}

// readScript reads a script and says what is wrong with it, if anything is.
func readScript(path, written string, info os.FileInfo) (content []byte, problem string) {
	switch {
	case info.IsDir():
		return nil, written + " is a folder; the script is a file"
	case !info.Mode().IsRegular():
		return nil, written + " is no regular file"
	case info.Size() > maxScript:
		return nil, tooLarge(written)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, explainPath(written, path, err)
	}
	defer file.Close()
	content, err = io.ReadAll(io.LimitReader(file, maxScript+1))
	if err != nil {
		return nil, explainPath(written, path, err)
	}
	if problem := checkScript(content); problem != "" {
		return nil, written + " " + problem
	}
	if len(content) > maxScript {
		return nil, tooLarge(written)
	}
	return content, ""
}

func tooLarge(written string) string {
	return fmt.Sprintf("%s is larger than %d MB; ship programs and data as files", written, maxScript>>20)
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// checkScript says what would keep a script from being run, if anything would.
func checkScript(content []byte) string {
	if len(bytes.TrimSpace(content)) == 0 {
		return "is empty"
	}
	if rest, found := bytes.CutPrefix(content, byteOrderMark); found {
		if bytes.HasPrefix(rest, []byte("#!")) {
			return "begins with a byte order mark before its #! line, which hides it; save it as UTF-8 without BOM"
		}
		return ""
	}
	first, _, _ := bytes.Cut(content, []byte("\n"))
	line, shebang := strings.CutPrefix(string(first), "#!")
	switch {
	case !shebang:
		return ""
	case strings.HasSuffix(line, "\r"):
		return "has Windows line ends (CRLF), so the program of its #! line is not found; " +
			`save it with Unix line ends, for instance: sed -i 's/\r$//' FILE`
	case strings.Trim(line, " \t") == "":
		return "has a #! line that names no program"
	default:
		return ""
	}
}
