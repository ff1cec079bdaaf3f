package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// command is what the tool does when it is given arguments: a small language for scripts that begin with #!/tool lines.
func command(args []string) int {
	switch args[0] {
	case "lines": // of the script that the kernel hands over
		script, err := os.ReadFile(args[1])
		if err != nil {
			fmt.Println(err)
			return 1
		}
		for _, line := range strings.Split(strings.TrimSpace(string(script)), "\n")[1:] {
			if code := command(strings.Fields(line)); code != 0 {
				return code
			}
		}
	case "echo":
		fmt.Println(strings.Join(args[1:], " "))
	case "bytes": // every one that there is
		for b := range 256 {
			os.Stdout.Write([]byte{byte(b)})
		}
	case "show": // variables
		for _, name := range args[1:] {
			fmt.Printf("%s=%s\n", name, os.Getenv(name))
		}
	case "input": // what was brought along
		input, err := os.Open(os.Getenv("INPUT_FILE_PATH"))
		if err != nil {
			fmt.Println(err)
			return 1
		}
		if _, err := io.Copy(os.Stdout, input); err != nil {
			return 1
		}
	case "wait":
		pause, err := time.ParseDuration(args[1])
		if err != nil {
			fmt.Println(err)
			return 1
		}
		time.Sleep(pause)
	case "answer": // status of the answer
		if err := os.WriteFile(os.Getenv("RESPONSE_DIR")+"/status", []byte(args[1]), 0o644); err != nil {
			fmt.Println(err)
			return 1
		}
	case "fail":
		fmt.Println("the tool fails, as it was told")
		return 3
	default:
		fmt.Println("unknown:", args[0])
		return 2
	}
	return 0
}
