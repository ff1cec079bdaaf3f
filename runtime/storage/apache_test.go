//go:build linux

package storage

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	apacheProgram = "/usr/sbin/apache2" // Debian's package apache2-bin
	apacheModules = "/usr/lib/apache2/modules"
	nobodyID      = 65534
)

// startApache starts an httpd with mod_dav, the server of WebDAV that most others are measured by.
func startApache(auth string) func(t testing.TB) (http.Handler, string) {
	return func(t testing.TB) (http.Handler, string) {
		if _, err := exec.LookPath(apacheProgram); err != nil {
			t.Skip("Apache httpd is not installed (Debian's package apache2-bin)")
		}
		dir := apacheFolder(t)
		address := freeAddress(t)
		config := filepath.Join(dir, "httpd.conf")
		write(t, filepath.Join(dir, "basic"), fmt.Sprintf("%s:{SHA}%s\n", user, base64Of(sha1.Sum([]byte(secret)))))
		write(t, filepath.Join(dir, "digest"), fmt.Sprintf("%s:scar:%x\n", user, md5.Sum([]byte(user+":scar:"+secret))))
		write(t, config, strings.NewReplacer("DIR", dir, "ADDRESS", address, "AUTH", auth, "USERS", filepath.Join(dir, strings.ToLower(auth)),
			"MODULES", apacheModules).Replace(apacheConfig))
		cmd := exec.CommandContext(t.Context(), apacheProgram, "-D", "FOREGROUND", "-f", config)
		if os.Getuid() == 0 { // as root it would ask for a user to become
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobodyID, Gid: nobodyID}}
		}
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends its children
		startProgram(t, "http://"+address+"/", cmd)
		return nil, "http://" + address + "/files"
	}
}

const apacheConfig = `
ServerRoot DIR
ServerName localhost
Listen ADDRESS
PidFile DIR/pid
ErrorLog DIR/log
DocumentRoot DIR/empty
DefaultRuntimeDir DIR
LoadModule mpm_event_module MODULES/mod_mpm_event.so
LoadModule authn_core_module MODULES/mod_authn_core.so
LoadModule authn_file_module MODULES/mod_authn_file.so
LoadModule authz_core_module MODULES/mod_authz_core.so
LoadModule authz_user_module MODULES/mod_authz_user.so
LoadModule auth_basic_module MODULES/mod_auth_basic.so
LoadModule auth_digest_module MODULES/mod_auth_digest.so
LoadModule alias_module MODULES/mod_alias.so
LoadModule dir_module MODULES/mod_dir.so
LoadModule dav_module MODULES/mod_dav.so
LoadModule dav_fs_module MODULES/mod_dav_fs.so
Mutex file:DIR default
DAVLockDB DIR/locks
Alias /files DIR/files
<Directory DIR/files>
	Dav On
	AuthType AUTH
	AuthName scar
	AuthUserFile USERS
	Require valid-user
</Directory>
`

// apacheFolder makes a folder that the user nobody can work in, which those of tests forbid.
func apacheFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "scar-apache-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	for _, folder := range []string{dir, filepath.Join(dir, "files"), filepath.Join(dir, "empty")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if os.Getuid() == 0 {
			if err := os.Chown(folder, nobodyID, nobodyID); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func base64Of(sum [sha1.Size]byte) string { return base64.StdEncoding.EncodeToString(sum[:]) }

// freeAddress is one that nothing listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func portOf(address string) string {
	_, port, _ := strings.Cut(address, ":")
	return port
}

// startProgram starts a server and waits until it answers. The end of the test's context ends it.
func startProgram(t testing.TB, url string, cmd *exec.Cmd) {
	t.Helper()
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	deadline := time.Now().Add(30 * time.Second)
	for {
		response, err := http.Get(url)
		if err == nil {
			response.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer: %v", cmd.Path, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
