//go:build linux

package storage

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
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
		a := newApache(t, auth)
		for range 10 {
			// Apache must be told its port, which another server may take before Apache asks for it.
			if address := freeAddress(t); a.listen(t, address) {
				return nil, "http://" + address + "/files"
			}
		}
		t.Fatal("every port that was free is another's")
		return nil, ""
	}
}

// apache is an httpd that is configured but for its address.
type apache struct {
	dir    string
	config string // with ADDRESS in place of the address
	mark   string // names a file that no other server has
}

func newApache(t testing.TB, auth string) apache {
	t.Helper()
	if _, err := exec.LookPath(apacheProgram); err != nil {
		t.Skip("Apache httpd is not installed (Debian's package apache2-bin)")
	}
	dir := apacheFolder(t)
	a := apache{dir: dir, mark: rand.Text()}
	write(t, filepath.Join(dir, "basic"), fmt.Sprintf("%s:{SHA}%s\n", user, base64Of(sha1.Sum([]byte(secret)))))
	write(t, filepath.Join(dir, "digest"), fmt.Sprintf("%s:scar:%x\n", user, md5.Sum([]byte(user+":scar:"+secret))))
	write(t, filepath.Join(dir, "empty", a.mark), "")
	a.config = strings.NewReplacer("DIR", dir, "AUTH", auth, "USERS", filepath.Join(dir, strings.ToLower(auth)),
		"MODULES", apacheModules).Replace(apacheConfig)
	return a
}

// listen starts the server and waits until it serves, or is false where the address is another's. The end of the test's
// context ends it.
func (a apache) listen(t testing.TB, address string) bool {
	t.Helper()
	config := filepath.Join(a.dir, "httpd.conf")
	write(t, config, strings.ReplaceAll(a.config, "ADDRESS", address))
	cmd := exec.CommandContext(t.Context(), apacheProgram, "-D", "FOREGROUND", "-f", config)
	if os.Getuid() == 0 { // as root it would ask for a user to become
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobodyID, Gid: nobodyID}}
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends its children
	cmd.WaitDelay = 10 * time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	running, ended := context.WithTimeout(t.Context(), time.Minute)
	stopped := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		ended()
		close(stopped)
	}()
	t.Cleanup(func() { <-stopped })
	for !serves(running, "http://"+address+"/"+a.mark) {
		select {
		case <-time.After(20 * time.Millisecond): // between two questions
		case <-stopped:
			if strings.Contains(said.String(), "could not bind to address") {
				return false
			}
			t.Fatalf("Apache has ended: %s", &said)
		case <-running.Done():
			if errors.Is(running.Err(), context.DeadlineExceeded) {
				t.Fatal("Apache does not serve after a minute")
			}
			<-stopped
		}
	}
	return true
}

// serves is true of a server that has a file, and false of any other, of one that hangs, and of none.
func serves(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// TestApacheIsNotTakenForAnother gives Apache an address at which another server answers whatever it is asked for.
func TestApacheIsNotTakenForAnother(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	if newApache(t, "Basic").listen(t, other.Listener.Addr().String()) {
		t.Error("a server that answers 404 is taken for it")
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

// freeAddress is one that nothing listens on, now. The system gives away the ports of freed listeners again, to whoever
// asks next.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
