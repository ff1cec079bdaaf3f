package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// What a probe finds out.
const (
	probeNamespaces = "namespaces"
	probeTmpfs      = "tmpfs"
	probeProc       = "proc"
	probeOverlay    = "overlayfs"
)

// The kernel's settings that keep users from making namespaces, as files below /proc/sys.
const (
	sysctlAppArmor = "kernel/apparmor_restrict_unprivileged_userns"
	sysctlClone    = "kernel/unprivileged_userns_clone"
	sysctlMax      = "user/max_user_namespaces"
)

// Check finds out what this machine can do for a sandbox, by trying. The folder is that of the image
// cache.
func Check(ctx context.Context, cacheDir string) []Finding {
	cache, err := OpenCache(cacheDir, Limits{})
	if err != nil {
		return []Finding{{Name: "image cache", Required: true, Detail: err.Error()}}
	}
	findings := []Finding{{Name: "image cache", OK: true, Required: true, Detail: cache.dir}, cache.checkNamespaces(ctx)}
	if findings[1].OK { // the rest is tried in namespaces: without them it would say the same again
		findings = append(findings,
			cache.check(ctx, probeTmpfs, true, "/tmp of functions has its exact size", ""),
			cache.check(ctx, probeProc, true, "functions see their own processes only",
				"do not run scar in a container that hides parts of /proc; with docker: docker run --security-opt systempaths=unconfined …"),
			cache.check(ctx, probeOverlay, false, "images share their layers",
				"none needed: images are joined by hard links, which takes longer when a script changes"))
	}
	return append(findings, checkMemory(), checkArchitecture())
}

func (c *Cache) checkNamespaces(ctx context.Context) Finding {
	f := Finding{Name: "namespaces", OK: true, Required: true, Detail: "user namespaces, without root"}
	if privileged() {
		f.Detail = "plain namespaces, as root"
	}
	if err := c.try(ctx, probeNamespaces); err != nil {
		reason, fix := diagnose(err)
		f.OK, f.Detail, f.Fix = false, reason, fix
	}
	return f
}

func (c *Cache) check(ctx context.Context, probe string, required bool, good, fix string) Finding {
	if err := c.try(ctx, probe); err != nil {
		return Finding{Name: probe, Required: required, Detail: err.Error(), Fix: fix}
	}
	return Finding{Name: probe, Required: required, OK: true, Detail: good}
}

func (c *Cache) try(ctx context.Context, probe string) error {
	p, err := launch(ctx, Spec{}, order{Cache: c.dir, Probe: probe, User: !privileged()})
	if err != nil {
		return err
	}
	p.Wait()
	return nil
}

// probe runs in the first process of a sandbox.
func probe(what, root string) error {
	var err error
	switch what {
	case probeNamespaces: // that this process runs, and has made its mounts private, is the answer
	case probeTmpfs:
		err = unix.Mount("tmpfs", root, "tmpfs", noDev, "size=1m")
	case probeProc:
		err = unix.Mount("proc", root, "proc", procOpts, "")
	case probeOverlay:
		err = probeOverlayfs(root)
	default:
		err = fmt.Errorf("unknown probe %q", what)
	}
	if err != nil {
		return &setupError{step: "mount " + what, err: err}
	}
	return nil
}

// probeOverlayfs stacks two folders of the cache's own file system, as real images are stacked.
func probeOverlayfs(root string) error {
	cache := filepath.Dir(root)
	options := "lowerdir=" + layersDir + ":" + surfacesDir
	if err := unix.Chdir(cache); err != nil {
		return err
	}
	return unix.Mount("overlay", root, "overlay", unix.MS_RDONLY|noDev, options)
}

func checkMemory() Finding {
	f := Finding{Name: "memory limit", OK: true, Detail: "the summed memory of a function's processes, every " + watchInterval.String()}
	if g := newCgroup(1, 0); g != nil {
		f.Detail = "control group, and " + f.Detail
		g.remove()
	}
	return f
}

func checkArchitecture() Finding {
	f := Finding{Name: "architectures", OK: true, Detail: runtime.GOARCH}
	for _, other := range []string{"amd64", "arm64"} {
		if other == runtime.GOARCH {
			continue
		}
		if err := Runnable(other); err != nil {
			f.Detail += "; not " + other
			f.Fix = "sudo apt-get install qemu-user-static binfmt-support"
		} else {
			f.Detail += ", " + other + " by emulation"
		}
	}
	return f
}

// Runnable says why images of an architecture, amd64 or arm64, cannot run here; nil if they can.
func Runnable(architecture string) error {
	if architecture == runtime.GOARCH || architecture == "" {
		return nil
	}
	qemu := map[string]string{"arm64": "qemu-aarch64", "amd64": "qemu-x86_64"}[architecture]
	if qemu == "" {
		return fmt.Errorf("the image is for %s, which Lambda does not run", architecture)
	}
	registered, err := os.ReadFile("/proc/sys/fs/binfmt_misc/" + qemu)
	if err != nil || !strings.HasPrefix(string(registered), "enabled") {
		return fmt.Errorf("the image is for %s, this machine is %s, and no emulator is registered: "+
			"build the image for %s, or: sudo apt-get install qemu-user-static binfmt-support", architecture, runtime.GOARCH, runtime.GOARCH)
	}
	for line := range strings.Lines(string(registered)) {
		if flags, found := strings.CutPrefix(strings.TrimSpace(line), "flags:"); found && strings.Contains(flags, "F") {
			return nil
		}
	}
	return fmt.Errorf("the image is for %s, and the emulator %s is registered without the flag F, "+
		"so it is not found inside images: install the static one: sudo apt-get install qemu-user-static binfmt-support", architecture, qemu)
}

// explain says what to do about a sandbox that does not start.
func explain(err error) error {
	var failed *setupError
	if !errors.As(err, &failed) {
		return err
	}
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES), errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EINVAL) && failed.step == "make namespaces":
	default:
		return err
	}
	reason, fix := diagnose(err)
	if fix == "" {
		return fmt.Errorf("%w (%s)", err, reason)
	}
	return fmt.Errorf("%w (%s). To allow it: %s", err, reason, fix)
}

// diagnose finds the setting that keeps this user from making namespaces, and the command that
// changes it.
func diagnose(err error) (reason, fix string) {
	switch {
	case sysctl(sysctlMax) == "0":
		return "the kernel's limit of user namespaces is 0 (user.max_user_namespaces)", setSysctl("user.max_user_namespaces", "15000")
	case sysctl(sysctlClone) == "0":
		return "the kernel allows user namespaces to root only (kernel.unprivileged_userns_clone)", setSysctl("kernel.unprivileged_userns_clone", "1")
	case sysctl(sysctlAppArmor) == "1":
		return "AppArmor lets only listed programs use user namespaces (kernel.apparmor_restrict_unprivileged_userns)", appArmorProfile()
	case os.Geteuid() == 0:
		return err.Error() + ": root is not allowed to make namespaces, as in a container",
			"run scar outside of the container, or with docker: docker run --privileged …"
	default:
		return err.Error() + ": this kernel or container allows no user namespaces", ""
	}
}

func sysctl(name string) string {
	value, err := os.ReadFile("/proc/sys/" + name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(value))
}

func setSysctl(name, value string) string {
	setting := name + "=" + value
	return fmt.Sprintf("echo %s | sudo tee /etc/sysctl.d/60-scar.conf && sudo sysctl -w %s", setting, setting)
}

// appArmorProfile is the command that lists this program, rather than lifting the restriction for all.
func appArmorProfile() string {
	program, err := os.Executable()
	if err != nil {
		program = "/usr/local/bin/scar"
	}
	profile := fmt.Sprintf(`abi <abi/4.0>,\ninclude <tunables/global>\nprofile scar "%s" flags=(unconfined) {\n  userns,\n}\n`, program)
	return fmt.Sprintf("printf '%s' | sudo tee /etc/apparmor.d/scar && sudo apparmor_parser -r /etc/apparmor.d/scar", profile)
}
