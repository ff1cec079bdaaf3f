// Command probe is the script of the contract tests. It does what its input says, or the variable PROBE: a JSON list
// of steps, each a list of a verb and its arguments. What it finds out it prints, one line for each thing.
package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Println("probe:", err)
		os.Exit(99)
	}
}

func run() error {
	text := os.Getenv("PROBE")
	if text == "" {
		content, err := os.ReadFile(os.Getenv("INPUT_FILE_PATH"))
		if err != nil {
			return fmt.Errorf("nothing says what to do: %w", err)
		}
		text = string(content)
	}
	var steps [][]string
	if err := json.Unmarshal([]byte(text), &steps); err != nil {
		return fmt.Errorf("read the steps: %w", err)
	}
	for _, step := range steps {
		verb, known := verbs[step[0]]
		if !known {
			return fmt.Errorf("no such verb: %s", step[0])
		}
		if err := verb(step[1:]); err != nil {
			return fmt.Errorf("%s: %w", step[0], err)
		}
	}
	return nil
}

var verbs = map[string]func(args []string) error{
	"ignore":   func([]string) error { return nil },
	"print":    func(args []string) error { fmt.Println(strings.Join(args, " ")); return nil },
	"stderr":   func(args []string) error { _, err := fmt.Fprintln(os.Stderr, strings.Join(args, " ")); return err },
	"flood":    flood,
	"exit":     func(args []string) error { os.Exit(number(args[0])); return nil },
	"kill":     func(args []string) error { return die(syscall.Signal(number(args[0]))) },
	"hang":     hang,
	"obey":     obey,
	"daemon":   daemon,
	"env":      printEnvironment,
	"args":     func([]string) error { fmt.Printf("%q\n", os.Args[1:]); return nil },
	"write":    func(args []string) error { return write(args[0], args[1]) },
	"writehex": writeHex,
	"copy":     copyInput,
	"mkdir":    func(args []string) error { return os.MkdirAll(inOutput(args[0]), 0o755) },
	"symlink":  func(args []string) error { return os.Symlink(args[1], inOutput(args[0])) },
	"fifo":     func(args []string) error { return syscall.Mkfifo(inOutput(args[0]), 0o644) },
	"respond": func(args []string) error {
		return os.WriteFile(filepath.Join(os.Getenv("RESPONSE_DIR"), args[0]), []byte(args[1]), 0o644)
	},
	"input":    input,
	"cwd":      cwd,
	"stdin":    stdin,
	"files":    openFiles,
	"who":      who,
	"touch":    touch,
	"leave":    leave,
	"fresh":    fresh,
	"payload":  payload,
	"fill":     fill,
	"allocate": allocate,
	"read":     read,
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func inOutput(name string) string { return filepath.Join(os.Getenv("TMP_OUTPUT_DIR"), name) }

func write(name, content string) error {
	name = os.Getenv("TMP_OUTPUT_DIR") + "/" + name
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(content), 0o644)
}

// writeHex writes a file whose name no JSON can hold.
func writeHex(args []string) error {
	name, err := hex.DecodeString(args[0])
	if err != nil {
		return err
	}
	return write(string(name), args[1])
}

// flood prints a number of bytes in one line.
func flood(args []string) error {
	_, err := fmt.Println(strings.Repeat("x", number(args[0])))
	return err
}

func die(with syscall.Signal) error {
	if err := syscall.Kill(os.Getpid(), with); err != nil {
		return err
	}
	time.Sleep(time.Minute)
	return errors.New("still alive")
}

// hang ends by SIGKILL only.
func hang([]string) error {
	signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	fmt.Println("hanging")
	time.Sleep(time.Hour)
	return nil
}

// obey ends well when it is asked to.
func obey([]string) error {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	fmt.Println("waiting")
	<-asked
	fmt.Println("asked to end")
	os.Exit(0)
	return nil
}

// daemon starts a process in a session of its own that outlives its parent and holds the output open.
func daemon([]string) error {
	child := exec.Command("/proc/self/exe", "daemon")
	if emulator := os.Getenv("PROBE_EMULATOR"); emulator != "" {
		child = exec.Command(emulator, os.Args[0], "daemon")
	}
	child.Env = append(os.Environ(), `PROBE=[["hang"]]`)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Getenv("PROBE_BETWEEN") == "" {
		child.Env = append(os.Environ(), `PROBE=[["daemon"]]`, "PROBE_BETWEEN=1")
	}
	return child.Start()
}

func printEnvironment([]string) error {
	all := os.Environ()
	slices.Sort(all)
	content, err := json.Marshal(all)
	fmt.Println(string(content))
	return err
}

func copyInput(args []string) error {
	content, err := os.ReadFile(os.Getenv("INPUT_FILE_PATH"))
	if err != nil {
		return err
	}
	return write(args[0], string(content))
}

// input tells of the input file.
func input([]string) error {
	path, set := os.LookupEnv("INPUT_FILE_PATH")
	entries, err := os.ReadDir(os.Getenv("TMP_INPUT_DIR"))
	if err != nil {
		return err
	}
	fmt.Printf("set %v, files %d, below %v, name %x\n", set, len(entries), filepath.Dir(path) == os.Getenv("TMP_INPUT_DIR"), filepath.Base(path))
	return nil
}

func cwd([]string) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		return err
	}
	writable := "writable"
	if err := os.WriteFile("here", nil, 0o644); err != nil {
		writable = "read-only"
	} else if err := os.Remove("here"); err != nil {
		return err
	}
	// The last part names the folder when it is one of the image.
	fmt.Printf("in %s, %d entries, %s\n", dir, len(entries), writable)
	return nil
}

func stdin([]string) error {
	content, err := io.ReadAll(os.Stdin)
	fmt.Printf("stdin has %d bytes\n", len(content))
	return err
}

// openFiles lists the descriptors beside the standard streams and what the Go runtime opens itself.
func openFiles([]string) error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	open := 0
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil || number(e.Name()) < 3 || strings.HasPrefix(target, "anon_inode:") || strings.Contains(target, "/proc/") || strings.HasPrefix(target, "/sys/") {
			continue
		}
		open++
		fmt.Println("open:", e.Name(), target)
	}
	fmt.Println("open files:", open)
	return nil
}

// who tells what this process may do.
func who([]string) error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	var caps []string
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "Cap") || strings.HasPrefix(line, "NoNewPrivs") {
			caps = append(caps, strings.Join(strings.Fields(line), ""))
		}
	}
	fmt.Printf("root %v, %s\n", os.Getuid() == 0 || os.Geteuid() == 0 || os.Getgid() == 0, strings.Join(caps, " "))
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return err
	}
	fmt.Println("files", files.Max)
	return nil
}

// touch tries to write to places.
func touch(args []string) error {
	for _, place := range args {
		name := filepath.Join(place, "probe-was-here")
		err := os.WriteFile(name, nil, 0o644)
		var where *os.PathError
		if errors.As(err, &where) {
			err = where.Err
		}
		fmt.Printf("%s: %v\n", place, err)
		if err == nil {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// leave leaves behind what a careless or hostile script might.
func leave([]string) error {
	temp := filepath.Dir(filepath.Dir(os.Getenv("TMPDIR")))
	deep := filepath.Join(temp, "left", strings.Repeat("d/", 100))
	if err := os.MkdirAll(deep, 0o755); err != nil {
		return err
	}
	for _, dir := range []string{temp, os.Getenv("HOME"), os.Getenv("TMPDIR"), os.Getenv("TMP_INPUT_DIR"), deep} {
		for _, name := range []string{"left-file", ".left-hidden", "-rf", "left\nline"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("left"), 0); err != nil {
				return err
			}
		}
		if err := os.Symlink("/", filepath.Join(dir, "left-link")); err != nil {
			return err
		}
	}
	return os.Chmod(filepath.Join(temp, "left"), 0)
}

// fresh tells what there is of runs before.
func fresh([]string) error {
	temp := filepath.Dir(filepath.Dir(os.Getenv("TMPDIR")))
	entries, err := os.ReadDir(temp)
	if err != nil {
		return err
	}
	left := 0
	for _, dir := range []string{os.Getenv("HOME"), os.Getenv("TMPDIR"), os.Getenv("TMP_OUTPUT_DIR"), os.Getenv("RESPONSE_DIR")} {
		inside, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		left += len(inside)
	}
	processes := 0
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, name := range all {
		if command, err := os.ReadFile(name); err == nil && strings.HasSuffix(string(command), "\x00daemon\x00") {
			if owner, err := os.ReadFile(filepath.Join(filepath.Dir(name), "environ")); err == nil && strings.Contains(string(owner), os.Getenv("TMPDIR")[:len(temp)+1]) {
				processes++
			}
		}
	}
	fmt.Printf("%d in the temporary folder, %d in fresh ones, %d daemons\n", len(entries), left, processes)
	return nil
}

// payload tells of the shipped files.
func payload([]string) error {
	root := os.Getenv("EXTRA_PAYLOAD")
	return filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		writable := "writable"
		if f, err := os.OpenFile(name, os.O_WRONLY, 0); err != nil {
			writable = "read-only"
		} else if err := f.Close(); err != nil {
			return err
		}
		fmt.Printf("%s: %s, executable %v, %q\n", strings.TrimPrefix(name, root+"/"), writable, info.Mode()&0o001 != 0, content)
		return nil
	})
}

// fill writes to /tmp until it is full.
func fill([]string) error {
	file, err := os.Create(filepath.Join(os.Getenv("TMPDIR"), "full"))
	if err != nil {
		return err
	}
	defer file.Close()
	block := make([]byte, 1<<20)
	for written := 0; ; written++ {
		if _, err := file.Write(block); err != nil {
			fmt.Printf("full after %d MB: %v\n", written, errors.Is(err, syscall.ENOSPC))
			return nil
		}
	}
}

func allocate(args []string) error {
	held := make([]byte, number(args[0])<<20)
	for i := 0; i < len(held); i += 4096 {
		held[i] = 1
	}
	time.Sleep(5 * time.Second)
	fmt.Println("allocated", len(held)>>20, "MB")
	return nil
}

// read tells whether files can be read.
func read(args []string) error {
	for _, name := range args {
		_, err := os.ReadFile(name)
		var where *os.PathError
		if errors.As(err, &where) {
			err = where.Err
		}
		fmt.Printf("%s: %v\n", name, err)
	}
	return nil
}
