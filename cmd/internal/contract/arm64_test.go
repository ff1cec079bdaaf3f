package contract

import (
	"os"
	"os/exec"
	"testing"
)

// emulator runs programs for arm64 on other machines.
const emulator = "qemu-aarch64-static"

// TestContractOnARM64 runs the runtime for arm64, and the probe as its script, in an emulator. The kernel is not told
// of it, so that the emulator stands for the script's interpreter.
//
// The emulator does not know the call by which the runtime becomes the parent of orphans, so the runtime is the first
// process of a namespace, which is their parent anyway.
func TestContractOnARM64(t *testing.T) {
	t.Parallel()
	var paths []string
	for _, program := range []string{emulator, "unshare"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Skipf("%s is not installed: it runs programs for arm64", program)
		}
		paths = append(paths, path)
	}
	wrap := []string{paths[1], "--pid", "--fork", "--kill-child", "--mount-proc"}
	if os.Geteuid() != 0 {
		wrap = append(wrap, "--map-root-user")
	}
	if out, err := exec.Command(wrap[0], append(wrap[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("no namespace can be made here: %v: %s", err, out)
	}
	p := newPlain(t, traits{name: "arm64", emulated: true}, append(wrap, paths[0], runtimeFor(t, "arm64"))...)
	for name, j := range p.jobs {
		if fn := p.described(name); fn.Script != nil && fn.Script.Name == "probe" {
			j.Interpreter = paths[0]
			p.jobs[name] = j
		}
	}
	runSuite(t, p)
}
