package lifecycle

import (
	"errors"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/scar-go/scar/local"
	"github.com/scar-go/scar/local/wire"
)

// TestSIGKILLAtAnyMoment kills scar in the middle of an apply, ten times at random calls, and expects
// that one more apply gets there.
func TestSIGKILLAtAnyMoment(t *testing.T) {
	const kills = 10
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	w, c := newWorld(t), newCLI(t)
	c.env = append(c.env,
		"AWS_ENDPOINT_URL="+*w.config.BaseEndpoint, "AWS_REGION="+local.DefaultRegion,
		"AWS_ACCESS_KEY_ID="+local.AdminAccessKey, "AWS_SECRET_ACCESS_KEY="+local.AdminSecretKey)
	layout := baseLayout(t, "amd64")
	files := []string{beforeChange, afterChange}
	for i := range files {
		files[i] = strings.ReplaceAll(files[i], "example/imagemagick:7", layout+"/")
	}
	c.write("func.yaml", files[0])
	c.run("scar", "apply", "--auto-approve")

	c.write("func.yaml", files[1])
	w.script.Forget()
	c.run("scar", "apply", "--auto-approve")
	calls := len(w.script.Calls())
	killed, tries := 0, 0
	for ; killed < kills; tries++ {
		if tries == 3*kills {
			t.Fatalf("only %d of %d applies were killed before they ended", killed, tries)
		}
		c.write("func.yaml", files[tries%2])
		if c.killApply(w, 1+random.IntN(calls)) {
			killed++
		}
		c.run("scar", "apply", "--auto-approve")
		if out, err := c.try("scar", "plan", "--detailed-exitcode"); err != nil {
			t.Fatalf("after %d kills there is something to do: %v\n%s", killed, err, out)
		}
	}
	t.Logf("%d applies, of about %d calls each, were killed before they ended; %d ended first", killed, calls, tries-killed)
}

// killApply starts an apply and kills it when it makes its call number k. It returns whether it died.
func (c *cli) killApply(w *world, k int) bool {
	c.t.Helper()
	path, err := scarBinary()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.CommandContext(c.t.Context(), path, "apply", "--auto-approve")
	cmd.Dir, cmd.Env = c.dir, c.env
	started := make(chan struct{})
	var made atomic.Int64
	w.script.Observe(func(wire.Call) {
		<-started
		if made.Add(1) == int64(k) {
			_ = cmd.Process.Kill() // it may have ended by itself
		}
	})
	defer w.script.Observe(nil)
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	close(started)
	var exit *exec.ExitError
	err = cmd.Wait()
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return exit != nil && exit.ExitCode() == -1
}
