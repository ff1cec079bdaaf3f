package flow

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/scar-go/scar/image"
	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

const (
	// shell runs scripts that name no interpreter.
	shell = "/bin/sh"

	// defaultPath is what the runtime takes where an image has no PATH.
	defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

	// maxShebang is what Linux reads of a script to find its interpreter, see execve(2).
	maxShebang = 256
)

// elsewhere are the folders whose content in a running function is not that of the image.
var elsewhere = []string{job.Root, "/tmp", "/proc", "/sys", "/dev", "/mnt"}

// programCheck finds out whether an image has what a function runs, as far as that can be seen without downloading
// anything. The runtime finds the same when it is too late.
type programCheck struct {
	base *image.Base
	fn   *spec.Function
	job  *job.Job
}

// checkProgram is an error where the image surely lacks the program that the function runs, or what that needs.
func checkProgram(ctx context.Context, base *image.Base, fn *spec.Function, j *job.Job) error {
	c := &programCheck{base, fn, j}
	for _, check := range []func(context.Context) error{c.variables, c.ownFolder, c.workingDir, c.runs} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// runs checks what is run.
func (c *programCheck) runs(ctx context.Context) error {
	script := c.fn.Script
	switch {
	case script == nil:
		return c.entrypoint(ctx)
	case c.job.Interpreter != "":
		return c.program(ctx, "the script is run by "+c.job.Interpreter, c.job.Interpreter)
	case bytes.HasPrefix(script.Content, []byte("#!")):
		return c.shebang(ctx, script.Content)
	case bytes.HasPrefix(script.Content, []byte(elf.ELFMAG)):
		return c.binary(ctx, script.Content)
	}
	return advise(c.program(ctx, "the script needs "+shell, shell),
		"begin it with #! and a program of the image, or let it be a program that is linked statically")
}

// lack is what keeps an image from running a function. Other errors are that it cannot be looked into.
type lack string

func (l lack) Error() string { return string(l) }

func lacking(format string, args ...any) error { return lack(fmt.Sprintf(format, args...)) }

// advise says what to do about a lack.
func advise(err error, advice string) error {
	var l lack
	if errors.As(err, &l) {
		return l + lack(": "+advice)
	}
	return err
}

// entrypoint checks what an image without a script runs.
func (c *programCheck) entrypoint(ctx context.Context) error {
	arguments := c.base.Cmd
	if len(c.job.Command) > 0 {
		arguments = c.job.Command
	}
	argv := slices.Concat(c.base.Entrypoint, arguments)
	if len(argv) == 0 || argv[0] == "" {
		return lacking("there is nothing to run: the image %s has neither an entrypoint nor a command: give the function a script or a command", c.base.Source)
	}
	what := "the image's entrypoint is " + quoted(argv[0])
	if len(c.base.Entrypoint) == 0 {
		what = "the command is " + quoted(argv[0])
	}
	if strings.Contains(argv[0], "/") {
		name := argv[0]
		if !path.IsAbs(name) { // as docker has it
			name = path.Join("/", c.base.WorkingDir, name)
		}
		return c.program(ctx, what, name)
	}
	return c.onPath(ctx, what, argv[0])
}

// shebang checks the first line of a script, as Linux reads it: a program, and one argument.
func (c *programCheck) shebang(ctx context.Context, script []byte) error {
	line, _, _ := bytes.Cut(script[2:min(len(script), maxShebang)], []byte("\n"))
	name, argument, _ := strings.Cut(strings.Trim(string(line), " \t"), " ")
	if tab := strings.IndexByte(name, '\t'); tab >= 0 {
		name, argument = name[:tab], name[tab+1:]+" "+argument
	}
	argument = strings.Trim(argument, " \t")
	what := "the script's first line asks for " + quoted(name)
	if err := c.program(ctx, what, name); err != nil {
		return advise(err, "name a program of the image there, or use an image with this one")
	}
	if path.Base(name) != "env" || argument == "" || argument[0] == '-' || strings.ContainsAny(argument, "=/") {
		return nil
	}
	err := c.onPath(ctx, fmt.Sprintf("the script's first line asks %s for %s", name, quoted(argument)), argument)
	if strings.ContainsAny(argument, " \t") {
		return advise(err, "all that follows "+name+" is one word, unless it begins with -S")
	}
	return err
}

// binary checks a script that is a program.
func (c *programCheck) binary(ctx context.Context, content []byte) error {
	f, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return lacking("the script is a program that cannot be read: %v", err)
	}
	defer f.Close()
	machine := map[string]elf.Machine{"x86_64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[c.base.Architecture]
	if f.Machine != machine && !(machine == elf.EM_X86_64 && f.Machine == elf.EM_386) {
		return lacking("the script is a program for %s, and the image %s is for %s", strings.TrimPrefix(f.Machine.String(), "EM_"), c.base.Source, c.base.Architecture)
	}
	loader := loaderOf(f)
	if loader == "" {
		return nil
	}
	return advise(c.program(ctx, "the script is a program that needs the loader "+quoted(loader), loader),
		"link it statically, or for the C library of the image")
}

// loaderOf is the dynamic loader that a program asks for, empty for static ones.
func loaderOf(f *elf.File) string {
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		name, err := io.ReadAll(io.LimitReader(p.Open(), 4096))
		if err != nil {
			return ""
		}
		return string(bytes.TrimRight(name, "\x00"))
	}
	return ""
}

// program checks a program that is given by a path; what begins the message. Relative paths are left to the runtime.
func (c *programCheck) program(ctx context.Context, what, name string) error {
	if !path.IsAbs(name) {
		return nil
	}
	trouble, err := c.trouble(ctx, name)
	if err != nil || trouble == "" {
		return err
	}
	return lacking("%s, which the image %s %s", what, c.base.Source, trouble)
}

// onPath checks a program that is looked for in the folders of PATH.
func (c *programCheck) onPath(ctx context.Context, what, name string) error {
	folders := c.path()
	for _, folder := range strings.Split(folders, ":") {
		if !path.IsAbs(folder) {
			return nil // relative to where the program is started
		}
		trouble, err := c.trouble(ctx, path.Join(folder, name))
		if err != nil || trouble == "" {
			return err
		}
	}
	return lacking("%s, which the image %s has in none of the folders of PATH: %s", what, c.base.Source, folders)
}

// trouble is what keeps a program from being executed, empty if there is nothing, or nothing can be said.
func (c *programCheck) trouble(ctx context.Context, name string) (string, error) {
	if isElsewhere(path.Clean(name)) {
		return "", nil
	}
	look, err := c.base.Look(ctx, name)
	switch {
	case err != nil || look.Presence == image.Unknown || isElsewhere(look.Path):
		return "", err
	case look.Presence == image.Absent && look.Path == path.Clean(name):
		return "does not have", nil
	case look.Presence == image.Absent:
		return "does not have: there is no " + quoted(look.Path), nil
	case look.Closed != "":
		return "keeps in " + quoted(look.Closed) + ", a folder that not everybody may enter: functions run as a user of their own", nil
	case look.Folder:
		return "has as a folder", nil
	case !look.Executable:
		return "has, but not everybody may execute it: functions run as a user of their own", nil
	}
	return "", nil
}

// path is the PATH of the running script.
func (c *programCheck) path() string {
	if own, set := c.fn.Env["PATH"]; set {
		return own
	}
	for _, variable := range slices.Backward(c.base.Env) {
		if value, found := strings.CutPrefix(variable, "PATH="); found {
			return value
		}
	}
	return defaultPath
}

// workingDir checks the folder that the program is started in.
func (c *programCheck) workingDir(ctx context.Context) error {
	dir := path.Clean(c.base.WorkingDir)
	if !path.IsAbs(dir) || dir == "/" || isElsewhere(dir) {
		return nil
	}
	look, err := c.base.Look(ctx, dir)
	switch {
	case err != nil || look.Presence == image.Unknown || isElsewhere(look.Path):
		return err
	case look.Presence == image.Absent || !look.Folder:
		return lacking("the working directory of the image %s, %s, is no folder in it", c.base.Source, quoted(dir))
	case look.Closed != "":
		return lacking("the working directory of the image %s, %s, cannot be entered: not everybody may enter %s, and functions run as a user of their own", c.base.Source, quoted(dir), quoted(look.Closed))
	}
	return nil
}

// ownFolder checks that scar's folder can be put into the image. Programs that unpack images do not agree on what
// becomes of a file or a link in the place of a folder.
func (c *programCheck) ownFolder(ctx context.Context) error {
	look, err := c.base.Look(ctx, job.Root)
	free := look.Presence == image.Absent || look.Folder
	if err != nil || look.Presence == image.Unknown || free && look.Path == job.Root {
		return err
	}
	return lacking("the image %s has a file or a link %s, which is where scar puts the function's own folder: use an image without it", c.base.Source, job.Root)
}

// maxVariable is what Linux passes to a program of one variable in bytes, with its name and a zero byte at the end, see
// execve(2).
const maxVariable = 128 << 10

// variables checks that the image's environment can be passed to a program at all.
func (c *programCheck) variables(context.Context) error {
	for _, variable := range c.base.Env {
		if len(variable) < maxVariable {
			continue
		}
		name, _, _ := strings.Cut(variable, "=")
		return lacking("the variable %s of the image %s has %d bytes, and no program starts with one of more than %d", quoted(name), c.base.Source, len(variable), maxVariable-1)
	}
	return nil
}

func isElsewhere(name string) bool {
	return slices.ContainsFunc(elsewhere, func(dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") })
}

// quoted is a name as messages show it: in quotes where it has what no usual name has.
func quoted(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xfffd }) {
		return fmt.Sprintf("%q", name)
	}
	return name
}
