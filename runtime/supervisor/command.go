package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// shell runs scripts that name no interpreter.
const shell = "/bin/sh"

// command is what the job runs, ready to be started. Its errors are what is missing in the image.
func (t *task) command() (*exec.Cmd, error) {
	environment := t.environment()
	folder, err := t.workingDir()
	if err != nil {
		return nil, err
	}
	argv, err := t.argv()
	if err != nil {
		return nil, err
	}
	program, err := findProgram(argv[0], filepath.Join("/", t.Job.WorkingDir), lookup(environment, "PATH"))
	if err != nil {
		return nil, err
	}
	return &exec.Cmd{Path: program, Args: argv, Dir: folder, Env: environment}, nil
}

// argv is the program and its arguments: what a direct invocation brings, else the job's script, else what the image runs.
func (t *task) argv() ([]string, error) {
	j := t.Job
	switch {
	case len(t.event.Script) > 0:
		if err := os.WriteFile(t.work.script, t.event.Script, 0o700); err != nil {
			return nil, fmt.Errorf("write the script that the event brought: %w", err)
		}
		return t.scriptCommand(t.work.script)
	case len(t.event.Arguments) > 0:
		return imageCommand(j.Entrypoint, t.event.Arguments)
	case j.Script:
		return t.scriptCommand(t.Script)
	case len(j.Command) > 0:
		return imageCommand(j.Entrypoint, j.Command)
	}
	return imageCommand(j.Entrypoint, j.Cmd)
}

// scriptCommand runs a script by the job's interpreter, by the one that its first line names, or by the shell.
func (t *task) scriptCommand(path string) ([]string, error) {
	if t.Job.Interpreter != "" {
		return []string{t.Job.Interpreter, path}, nil
	}
	head, err := readHead(path)
	if err != nil {
		return nil, fmt.Errorf("the script cannot be read: %w", err)
	}
	if bytes.HasPrefix(head, []byte("#!")) || bytes.HasPrefix(head, []byte("\x7fELF")) {
		return []string{path}, nil
	}
	if err := executable(shell); err != nil {
		return nil, fmt.Errorf("the script has no #! line, and %s, which such scripts are run by, cannot be executed: %w: %s", shell, err, otherScript)
	}
	return []string{shell, path}, nil
}

// otherScript is what to do when the image lacks what a script is run by.
const otherScript = "begin the script with #! and a program that the image has, or give a static binary as script"

func imageCommand(entrypoint, arguments []string) ([]string, error) {
	argv := slices.Concat(entrypoint, arguments)
	if len(argv) == 0 || argv[0] == "" {
		return nil, errors.New("there is nothing to run: the image has neither an entrypoint nor a command, give the function a script or a command")
	}
	return argv, nil
}

// workingDir is the image's own, unless it has none worth the name: then a fresh folder that the script may write to.
func (t *task) workingDir() (string, error) {
	if t.Job.WorkingDir == "" || filepath.Clean(t.Job.WorkingDir) == "/" {
		return t.work.work, nil
	}
	if _, err := os.Stat(t.Job.WorkingDir + "/."); err != nil {
		return "", fmt.Errorf("the image's working directory %q cannot be entered: %w: Lambda runs as a user of its own, so the folder must exist and be open to all", t.Job.WorkingDir, reason(err))
	}
	return t.Job.WorkingDir, nil
}

// findProgram finds a program as execvp does: a name with a slash is a path from the working directory,
// another is looked for in the folders of PATH.
func findProgram(name, folder, path string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(folder, name)
		}
		if err := executable(name); err != nil {
			return "", fmt.Errorf("%s cannot be executed: %w", name, err)
		}
		return name, nil
	}
	for _, candidate := range filepath.SplitList(path) {
		if !filepath.IsAbs(candidate) {
			candidate = filepath.Join(folder, candidate)
		}
		if full := filepath.Join(candidate, name); executable(full) == nil {
			return full, nil
		}
	}
	return "", fmt.Errorf("%s is not in the image: none of the folders of PATH has it: %s", name, path)
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return reason(err)
	case info.IsDir():
		return syscall.EISDIR
	case info.Mode()&0o111 == 0:
		return syscall.EACCES
	}
	return nil
}

// reason is an error of the operating system without path and operation.
func reason(err error) error {
	var where *os.PathError
	if errors.As(err, &where) {
		return where.Err
	}
	return err
}

// startError says why a program that is there could not be started.
func startError(cmd *exec.Cmd, err error) error {
	switch {
	case errors.Is(err, syscall.ENOENT):
		// The kernel says so of the program when it means what the program asks for.
		if interpreter := interpreterOf(cmd.Path); interpreter != "" {
			return fmt.Errorf("%s cannot be started: its interpreter %s is not in the image: %s", cmd.Path, interpreter, otherScript)
		}
		return fmt.Errorf("%s cannot be started: the dynamic loader that it was linked for is not in the image", cmd.Path)
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("%s cannot be started: it is no program for this architecture", cmd.Path)
	case errors.Is(err, syscall.EACCES):
		if interpreter := interpreterOf(cmd.Path); interpreter != "" {
			return fmt.Errorf("%s cannot be started: it or its interpreter %s may not be executed by this user", cmd.Path, interpreter)
		}
	case errors.Is(err, syscall.E2BIG):
		return fmt.Errorf("%s cannot be started: its arguments and variables are too large together", cmd.Path)
	}
	return fmt.Errorf("%s cannot be started: %w", cmd.Path, reason(err))
}

// interpreterOf is the program that a script's first line names, quoted where it holds what no path should, such as
// the carriage return of a file from Windows.
func interpreterOf(path string) string {
	head, err := readHead(path)
	line, isScript := bytes.CutPrefix(head, []byte("#!"))
	if err != nil || !isScript {
		return ""
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	name, _, _ := strings.Cut(strings.Trim(string(line), " \t"), " ")
	if printable(name) != name {
		return fmt.Sprintf("%q", name)
	}
	return name
}

// readHead reads what the kernel reads of a script to find its interpreter, see execve(2).
func readHead(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, reason(err)
	}
	defer file.Close()
	head := make([]byte, 256)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, reason(err)
	}
	return head[:n], nil
}
