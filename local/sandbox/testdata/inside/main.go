// Inside is the program of the images that the tests run: it does one thing and tells what it saw.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Println("error:", err)
		os.Exit(3)
	}
}

func run(what string, args []string) error {
	switch what {
	case "env":
		env := os.Environ()
		sort.Strings(env)
		fmt.Println(strings.Join(env, "\n"))
	case "status":
		return cat("/proc/self/status")
	case "cat":
		return cat(args[0])
	case "pwd":
		dir, err := os.Getwd()
		fmt.Println(dir)
		return err
	case "ls":
		entries, err := os.ReadDir(args[0])
		for _, e := range entries {
			fmt.Println(e.Name())
		}
		return err
	case "find":
		return filepath.WalkDir(args[0], func(name string, d os.DirEntry, err error) error {
			if d != nil && d.IsDir() && (name == "/proc" || name == "/dev") {
				return filepath.SkipDir
			}
			fmt.Println(name)
			return nil
		})
	case "write":
		return write(args[0], args[1])
	case "alloc":
		return alloc(args[0])
	case "setuid":
		return syscall.Setuid(0)
	case "mount":
		return syscall.Mount("tmpfs", "/tmp", "tmpfs", 0, "")
	case "exit":
		code, err := strconv.Atoi(args[0])
		if err == nil {
			os.Exit(code)
		}
		return err
	case "signal":
		return syscall.Kill(os.Getpid(), syscall.SIGABRT)
	case "sleep":
		fmt.Println("asleep")
		time.Sleep(time.Hour)
	case "daemon":
		return daemon(len(args) > 0)
	case "limits":
		var files syscall.Rlimit
		err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)
		fmt.Println(files.Cur, files.Max)
		return err
	case "files":
		n, err := strconv.Atoi(args[1])
		for i := 0; i < n && err == nil; i++ {
			err = os.WriteFile(filepath.Join(args[0], strconv.Itoa(i)), nil, 0o600)
		}
		return err
	case "key":
		id, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		const keyctlRead = 11
		if _, _, errno := syscall.Syscall6(syscall.SYS_KEYCTL, keyctlRead, uintptr(id), 0, 0, 0, 0); errno != 0 {
			return errno
		}
	case "chatter":
		for much := strings.Repeat("chatter\n", 8<<10); ; {
			if _, err := os.Stdout.WriteString(much); err != nil {
				return err
			}
		}
	case "lines":
		w := bufio.NewWriter(os.Stdout)
		for i := range 20000 {
			fmt.Fprintln(w, "line", i)
		}
		return w.Flush()
	case "descriptors":
		for fd := 3; fd < 1024; fd++ {
			var stat syscall.Stat_t
			if syscall.Fstat(fd, &stat) == nil && !isRuntimes(fd) {
				fmt.Println(fd)
			}
		}
	case "kill1":
		fmt.Println(syscall.Kill(1, syscall.SIGKILL))
		time.Sleep(50 * time.Millisecond)
		_, err := os.ReadFile("/proc/1/environ")
		fmt.Println(errors.Is(err, os.ErrPermission))
	default:
		return fmt.Errorf("unknown: %s", what)
	}
	return nil
}

// isRuntimes says whether a descriptor is one that Go opened for itself.
func isRuntimes(fd int) bool {
	target, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	return err == nil && strings.HasPrefix(target, "anon_inode:")
}

func cat(name string) error {
	content, err := os.ReadFile(name)
	os.Stdout.Write(content)
	return err
}

func write(name, megabytes string) error {
	n, err := strconv.Atoi(megabytes)
	if err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	for range n {
		if _, err := f.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
	}
	return f.Close()
}

func alloc(megabytes string) error {
	n, err := strconv.Atoi(megabytes)
	if err != nil {
		return err
	}
	var all [][]byte
	for range n {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		all = append(all, b)
		time.Sleep(time.Millisecond)
	}
	fmt.Println("allocated", len(all))
	time.Sleep(300 * time.Millisecond)
	return nil
}

// daemon leaves a process in a session of its own, and waits or not.
func daemon(wait bool) error {
	cmd := exec.Command("/proc/self/exe", "sleep")
	cmd.Stdout = os.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	fmt.Println("left", cmd.Process.Pid)
	if wait {
		time.Sleep(time.Hour)
	}
	return nil
}
