package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	noDev    = unix.MS_NOSUID | unix.MS_NODEV
	devSize  = "64k"
	procOpts = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

	// bytesPerFile bounds the number of files in /tmp as a file system of that size on a disk does: each takes
	// memory of the kernel's that counts for nobody.
	bytesPerFile = 4 << 10

	mountsAt = "/mnt/" // below it are Spec.Mounts
)

// devices are what Lambda's /dev has of use; /dev/shm is not there.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

var devLinks = map[string]string{
	"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
}

// mountRoot builds the file system of the sandbox in the mount namespace of this process, which is
// new, and makes it the only one.
func mountRoot(o order) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return &setupError{step: stepMounts, err: err}
	}
	root := filepath.Join(o.Cache, mountDir)
	if o.Probe != "" {
		return probe(o.Probe, root)
	}
	if err := mountImage(o, root); err != nil {
		return err
	}
	if err := mountTmp(o, root); err != nil {
		return err
	}
	if err := mountFolders(o.Mounts, root); err != nil {
		return err
	}
	if err := mountDev(filepath.Join(root, "dev")); err != nil {
		return err
	}
	for _, name := range []string{"etc/resolv.conf", "etc/hosts"} {
		if err := bindFile("/"+name, filepath.Join(root, name)); err != nil {
			return err
		}
	}
	if err := unix.Mount("proc", filepath.Join(root, "proc"), "proc", procOpts, ""); err != nil {
		return &setupError{step: stepProc, err: err}
	}
	return enter(root)
}

func mountImage(o order, root string) error {
	if o.Overlay {
		// Relative names keep the options short, and free of characters that would need quoting.
		if err := unix.Chdir(o.Cache); err != nil {
			return &setupError{step: "enter the image cache", err: err}
		}
		options := "lowerdir=" + strings.Join(o.Lower, ":")
		if o.User {
			options += ",userxattr"
		}
		if err := unix.Mount("overlay", root, "overlay", unix.MS_RDONLY|noDev, options); err != nil {
			return &setupError{step: stepOverlay, err: err}
		}
		return nil
	}
	return bind(filepath.Join(o.Cache, o.Lower[0]), root, unix.MS_RDONLY|noDev)
}

func mountTmp(o order, root string) error {
	target := filepath.Join(root, "tmp")
	if o.TmpDir != "" {
		return bind(o.TmpDir, target, noDev)
	}
	options := fmt.Sprintf("size=%d,nr_inodes=%d,mode=0700,uid=%d,gid=%d", o.Tmp, o.Tmp/bytesPerFile, UID, GID)
	if err := unix.Mount("tmpfs", target, "tmpfs", noDev, options); err != nil {
		return &setupError{step: "mount /tmp", err: err}
	}
	return nil
}

// prepareMounts refuses mounts that would lie elsewhere than below /mnt, and makes the folders the sandbox user's.
func prepareMounts(mounts []Mount, user bool) error {
	for _, m := range mounts {
		name, below := strings.CutPrefix(m.Path, mountsAt)
		if !below || name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
			return fmt.Errorf("mount %s: the path must be %sNAME", m.Path, mountsAt)
		}
		info, err := os.Lstat(m.Folder)
		if err != nil {
			return fmt.Errorf("mount %s: %w", m.Path, err)
		}
		if !info.IsDir() || !filepath.IsAbs(m.Folder) {
			return fmt.Errorf("mount %s: %s is no absolute path of a folder", m.Path, m.Folder)
		}
		if user {
			continue // the one mapped user owns it already
		}
		if err := os.Lchown(m.Folder, UID, GID); err != nil {
			return fmt.Errorf("mount %s: %w", m.Path, err)
		}
	}
	return nil
}

// mountFolders mounts folders below /mnt. The image is read-only, so the places to mount on are in a small file system of
// their own.
func mountFolders(mounts []Mount, root string) error {
	if len(mounts) == 0 {
		return nil
	}
	all := filepath.Join(root, mountsAt)
	if err := unix.Mount("tmpfs", all, "tmpfs", noDev|unix.MS_NOEXEC, "mode=0755,size="+devSize); err != nil {
		return &setupError{step: "mount " + mountsAt, err: err}
	}
	for _, m := range mounts {
		target := filepath.Join(root, m.Path)
		if err := os.Mkdir(target, 0o755); err != nil {
			return &setupError{step: "make " + m.Path, err: err}
		}
		if err := bind(m.Folder, target, noDev); err != nil {
			return err
		}
	}
	if err := remount(all, unix.MS_RDONLY|noDev|unix.MS_NOEXEC); err != nil {
		return &setupError{step: "make " + mountsAt + " read-only", err: err}
	}
	return nil
}

func mountDev(dev string) error {
	if err := unix.Mount("tmpfs", dev, "tmpfs", unix.MS_NOSUID|unix.MS_NOEXEC, "mode=0755,size="+devSize); err != nil {
		return &setupError{step: "mount /dev", err: err}
	}
	for _, name := range devices {
		file := filepath.Join(dev, name)
		if err := os.WriteFile(file, nil, 0o444); err != nil {
			return &setupError{step: "make /dev/" + name, err: err}
		}
		err := unix.Mount("/dev/"+name, file, "", unix.MS_BIND, "")
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return &setupError{step: "mount /dev/" + name, err: err}
		}
	}
	for name, target := range devLinks {
		if err := os.Symlink(target, filepath.Join(dev, name)); err != nil {
			return &setupError{step: "make /dev/" + name, err: err}
		}
	}
	if err := remount(dev, unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NOEXEC); err != nil {
		return &setupError{step: "make /dev read-only", err: err}
	}
	return nil
}

// bindFile shows a file of the host in the sandbox. A host without it leaves the empty one.
func bindFile(from, to string) error {
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return bind(from, to, unix.MS_RDONLY|noDev|unix.MS_NOEXEC)
}

// bind mounts a folder or file of the host, with flags.
func bind(from, to string, flags uintptr) error {
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return &setupError{step: "mount " + from, err: err}
	}
	if err := remount(to, flags); err != nil {
		return &setupError{step: "restrict " + from, err: err}
	}
	return nil
}

// remount sets the flags of a mount. Those that it has stay, because a user namespace may not take
// away what its parent has set.
func remount(target string, flags uintptr) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(target, &stat); err != nil {
		return err
	}
	for _, f := range []struct {
		has int64
		set uintptr
	}{
		{unix.ST_NOSUID, unix.MS_NOSUID}, {unix.ST_NODEV, unix.MS_NODEV}, {unix.ST_NOEXEC, unix.MS_NOEXEC},
		{unix.ST_NOATIME, unix.MS_NOATIME}, {unix.ST_NODIRATIME, unix.MS_NODIRATIME}, {unix.ST_RELATIME, unix.MS_RELATIME},
		{unix.ST_RDONLY, unix.MS_RDONLY},
	} {
		if int64(stat.Flags)&f.has != 0 {
			flags |= f.set
		}
	}
	return unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|flags, "")
}

// enter makes a mount the root and lets go of the host's.
func enter(root string) error {
	if err := unix.Chdir(root); err != nil {
		return &setupError{step: "enter the root", err: err}
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return &setupError{step: "change the root", err: err}
	}
	// The old root lies on top of the new one now.
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return &setupError{step: "leave the host's root", err: err}
	}
	if err := unix.Chdir("/"); err != nil {
		return &setupError{step: "enter the root", err: err}
	}
	return nil
}
