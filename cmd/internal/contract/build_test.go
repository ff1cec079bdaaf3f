package contract

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/scar-go/scar/local/sandbox"
)

// root is the top of the tree, seen from this package.
const root = "../../.."

func TestMain(m *testing.M) {
	sandbox.Main() // the backend's sandbox runs this binary again
	os.Exit(runAll(m))
}

// programs is the folder of what the tests build.
var programs string

func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "scar-contract-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs = dir
	return m.Run()
}

// building are the programs under way, by name.
var building sync.Map

// build builds a Go program once, static and for an architecture.
func build(t testing.TB, name, pkg, arch string, flags ...string) string {
	t.Helper()
	path := filepath.Join(programs, name+"-"+arch)
	once, _ := building.LoadOrStore(path, sync.OnceValue(func() error {
		args := append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", path}, flags...)
		cmd := exec.Command("go", append(args, pkg)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
		return nil
	}))
	if err := once.(func() error)(); err != nil {
		t.Fatal(err)
	}
	return path
}

func probeFor(t testing.TB, arch string) string {
	t.Helper()
	return build(t, "probe", "./testdata/probe", arch)
}

func runtimeFor(t testing.TB, arch string) string {
	t.Helper()
	return build(t, "runtime", root+"/cmd/scar-runtime", arch, "-tags", "lambda.norpc")
}
