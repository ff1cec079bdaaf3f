package image

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
)

const user, password = "ann", "s3cret"

// basicAuth lets in who knows the password.
func basicAuth(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bearerAuth lets in who has fetched a token for the repository with the password.
func bearerAuth(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		if r.URL.Path == "/token" {
			if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]string{"token": "for " + strings.Join(r.URL.Query()["scope"], " ")})
			return
		}
		repo := strings.Join(strings.Split(strings.TrimPrefix(r.URL.Path, "/v2/"), "/")[:min(2, strings.Count(r.URL.Path, "/")-1)], "/")
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		need := "pull"
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			need = "push"
		}
		if !strings.HasPrefix(token, "for ") || !strings.Contains(token, "repository:"+repo+":") || !strings.Contains(token, need) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s://%s/token",service="here"`, scheme, r.Host))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// writeDockerConfig points docker's configuration, and with it the default keychain, to a folder of the test.
func writeDockerConfig(t *testing.T, config string) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("DOCKER_CONFIG", filepath.Join(home, ".docker"))
	if err := os.Mkdir(filepath.Join(home, ".docker"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".docker", "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return home
}

func TestCredentials(t *testing.T) {
	for name, around := range map[string]func(http.Handler) http.Handler{"basic": basicAuth, "bearer": bearerAuth} {
		for _, start := range []func(*testing.T, func(http.Handler) http.Handler) *spy{newSpy, newTLSSpy} {
			open := false // while the image is put there
			s := start(t, func(next http.Handler) http.Handler {
				guarded := around(next)
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if open {
						next.ServeHTTP(w, r)
					} else {
						guarded.ServeHTTP(w, r)
					}
				})
			})
			t.Run(name+" "+s.URL[:5], func(t *testing.T) {
				open = true
				newPicture(t, ociFamily, "amd64", 1000).push(t, s, "lib/tool", "1")
				open = false

				writeDockerConfig(t, `{}`)
				source := Source{Reference: s.ref("lib/tool:1")}
				opts := ResolverOptions{Transport: s.Client().Transport}
				_, err := NewResolver(opts).Resolve(t.Context(), source, "")
				wantError(t, err, "docker login "+s.host())
				if strings.Contains(err.Error(), password) {
					t.Errorf("the error tells the password: %v", err)
				}

				auth, err := json.Marshal(map[string]any{"auths": map[string]any{s.host(): map[string]string{"username": user, "password": password}}})
				if err != nil {
					t.Fatal(err)
				}
				writeDockerConfig(t, string(auth))
				base := resolve(t, NewResolver(opts), source)

				img := assemble(t, base, layerOf(t, text("scar/script", "x")))
				target := s.target("scar/p")
				if err := PushBlobs(t.Context(), img, target, nil); err == nil {
					t.Error("a push without credentials went through")
				}
				target.Auth = authn.FromConfig(authn.AuthConfig{Username: user, Password: password})
				if err := PushBlobs(t.Context(), img, target, nil); err != nil {
					t.Error(err)
				}
				if err := PushManifest(t.Context(), img, target, "fn"); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestCredentialHelper(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helper of this test is a shell script")
	}
	s := newSpy(t, nil)
	newPicture(t, ociFamily, "amd64", 1000).push(t, s, "lib/tool", "1")
	s.failWith(func(w http.ResponseWriter, r *http.Request) bool {
		denied := true
		basicAuth(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { denied = false })).ServeHTTP(w, r)
		return denied
	})
	home := writeDockerConfig(t, `{"credHelpers": {"`+s.host()+`": "test"}}`)
	helper := "#!/bin/sh\n" + `echo '{"ServerURL":"x","Username":"` + user + `","Secret":"` + password + `"}'` + "\n"
	if err := os.WriteFile(filepath.Join(home, "docker-credential-test"), []byte(helper), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", home+string(os.PathListSeparator)+os.Getenv("PATH"))
	resolve(t, NewResolver(ResolverOptions{}), Source{Reference: s.ref("lib/tool:1")})
}
