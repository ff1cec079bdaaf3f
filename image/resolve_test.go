package image

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func TestBaseTellsWhatRuns(t *testing.T) {
	t.Parallel()
	s := newSpy(t, nil)
	p := newPicture(t, dockerFamily, "arm64", 100, 200)
	p.push(t, s, "lib/tool", "1")
	base := resolve(t, newTestResolver(t, s), Source{Reference: s.ref("lib/tool:1")})
	want := Base{
		Source: Source{Reference: s.ref("lib/tool:1")}, Digest: p.descriptor().Digest.String(), Architecture: "arm64",
		Entrypoint: []string{"/bin/tool"}, Cmd: []string{"--help"}, Env: []string{"PATH=/usr/bin", "LANG=C"},
		WorkingDir: "/work", User: "nobody",
	}
	for _, l := range p.layers {
		want.Layers = append(want.Layers, BaseLayer{digestOf(l.content).String(), l.diffID.String(), int64(len(l.content))})
	}
	if diff := cmp.Diff(want, *base, cmpopts.IgnoreUnexported(Base{})); diff != "" {
		t.Error(diff)
	}
}

func TestIndexIsResolvedToThePlatform(t *testing.T) {
	t.Parallel()
	s := newSpy(t, nil)
	amd, arm := newPicture(t, ociFamily, "amd64", 100), newPicture(t, ociFamily, "arm64", 200)
	windows := newPicture(t, ociFamily, "amd64", 300)
	windows.config.OS = "windows"
	for _, p := range []*picture{amd, arm, windows} {
		p.push(t, s, "lib/tool", "x")
	}
	other := func(size int) v1.Descriptor {
		p := newPicture(t, ociFamily, "amd64", size)
		p.push(t, s, "lib/tool", "x")
		return p.descriptor()
	}
	attestation, newer := other(400), other(500)
	attestation.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"}
	attestation.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest"}
	newer.Platform = &v1.Platform{OS: "linux", Architecture: "amd64", Variant: "v3"}
	tag := func(name string, entries ...v1.Descriptor) {
		s.put(t, "/v2/lib/tool/manifests/"+name, string(types.OCIImageIndex), indexOf(types.OCIImageIndex, entries...))
	}
	tag("both", windows.descriptor(), attestation, arm.descriptor(), amd.descriptor())
	tag("arm", attestation, arm.descriptor(), windows.descriptor())
	tag("windows", windows.descriptor(), attestation)
	tag("nothing", attestation)
	tag("unnamed", func() v1.Descriptor { d := arm.descriptor(); d.Platform = nil; return d }())
	inner := indexOf(types.OCIImageIndex, newer, amd.descriptor())
	s.put(t, "/v2/lib/tool/manifests/inner", string(types.OCIImageIndex), inner)
	tag("nested", v1.Descriptor{
		MediaType: types.OCIImageIndex, Digest: digestOf(inner), Size: int64(len(inner)),
		Platform: &v1.Platform{OS: "linux", Architecture: "amd64"},
	})

	for _, c := range []struct {
		tag, arch string
		want      *picture
		errors    []string
	}{
		{tag: "both", want: amd},
		{tag: "both", arch: "arm64", want: arm},
		{tag: "arm", want: arm},
		{tag: "arm", arch: "x86_64", errors: []string{"lib/tool:arm", "has no image for linux/amd64", "it has linux/arm64, windows/amd64"}},
		{tag: "windows", errors: []string{"linux/amd64 or linux/arm64", "it has windows/amd64"}},
		{tag: "nothing", errors: []string{"lists no image"}},
		{tag: "unnamed", want: arm},
		{tag: "unnamed", arch: "x86_64", errors: []string{"it is for arm64, and x86_64 was asked for"}},
		{tag: "nested", want: amd},
		{tag: "both", arch: "sparc", errors: []string{`"sparc"`, "x86_64 or arm64"}},
	} {
		t.Run(c.tag+c.arch, func(t *testing.T) {
			base, err := newTestResolver(t, s).Resolve(t.Context(), Source{Reference: s.ref("lib/tool:" + c.tag)}, c.arch)
			if c.errors != nil {
				wantError(t, err, c.errors...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := c.want.descriptor().Digest.String(); base.Digest != want {
				t.Errorf("digest %s, not %s", base.Digest, want)
			}
		})
	}
}

func TestPreferHost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ host, first string }{{"arm64", "arm64"}, {"amd64", "amd64"}, {"riscv64", "amd64"}, {"", "amd64"}} {
		wanted, err := wantedArchs("", c.host)
		if err != nil || wanted[0] != c.first || len(wanted) != 2 {
			t.Errorf("host %q: %v, %v", c.host, wanted, err)
		}
	}
}

func TestSinglePlatformIsChecked(t *testing.T) {
	t.Parallel()
	s := newSpy(t, nil)
	put := func(tag string, change func(p *picture)) {
		p := newPicture(t, ociFamily, "amd64", 100)
		change(p)
		p.push(t, s, "lib/tool", tag)
	}
	put("windows", func(p *picture) { p.config.OS = "windows" })
	put("s390x", func(p *picture) { p.config.Architecture = "s390x" })
	put("silent", func(p *picture) { p.config.OS, p.config.Architecture = "", "" })
	put("amd", func(*picture) {})
	put("foreign", func(p *picture) { p.layers[0].mediaType = types.DockerForeignLayer })
	put("encrypted", func(p *picture) { p.layers[0].mediaType += "+encrypted" })
	put("short", func(p *picture) { p.config.RootFS.DiffIDs = nil })
	put("chart", func(p *picture) { p.family.config = "application/vnd.cncf.helm.config.v1+json" })
	s.put(t, "/v2/lib/tool/manifests/old", string(types.DockerManifestSchema1Signed), []byte(`{"schemaVersion":1,"fsLayers":[]}`))
	s.put(t, "/v2/lib/tool/manifests/garbage", string(types.OCIManifestSchema1), []byte(`{"schemaVersion":2}`))

	for _, c := range []struct{ tag, arch, want string }{
		{"windows", "", "it is for windows/amd64"},
		{"s390x", "x86_64", "it is for linux/s390x"},
		{"silent", "", "it is for an unknown platform"},
		{"amd", "arm64", "it is for x86_64, and arm64 was asked for"},
		{"foreign", "", "its layer 1: it must not be copied"},
		{"encrypted", "", "are not supported"},
		{"short", "", "lists 0 layers, its manifest 1"},
		{"chart", "", "it is no container image"},
		{"old", "", "schema 1"},
		{"garbage", "", "it is no container image"},
	} {
		t.Run(c.tag, func(t *testing.T) {
			_, err := newTestResolver(t, s).Resolve(t.Context(), Source{Reference: s.ref("lib/tool:" + c.tag)}, c.arch)
			wantError(t, err, s.ref("lib/tool:"+c.tag), c.want)
		})
	}
}

func TestTooLargeImageIsRefused(t *testing.T) {
	t.Parallel()
	base := &Base{family: ociFamily, config: &v1.ConfigFile{}, blobs: []blob{
		{desc: v1.Descriptor{Size: 6 << 30}}, {desc: v1.Descriptor{Size: 10}, uncompressed: 4 << 30},
	}}
	if _, err := Assemble(base, nil, nil); err != nil {
		t.Errorf("10 GB: %v", err)
	}
	_, err := Assemble(base, []*Layer{layerOf(t, text("scar/script", "x"))}, nil)
	wantError(t, err, "at most 10 GB", "with 1 layers added")
}

func TestHugeMetadataIsRefused(t *testing.T) {
	t.Parallel()
	s := newSpy(t, nil)
	p := newPicture(t, ociFamily, "amd64", 100)
	p.config.Config.Labels["long"] = strings.Repeat("x", maxMetadata)
	p.push(t, s, "lib/tool", "config")
	_, err := newTestResolver(t, s).Resolve(t.Context(), Source{Reference: s.ref("lib/tool:config")}, "")
	wantError(t, err, "at most 4 MB are read")

	s.put(t, "/v2/lib/tool/manifests/index", string(types.OCIImageIndex),
		append(indexOf(types.OCIImageIndex, p.descriptor()), strings.Repeat(" ", maxMetadata)...))
	_, err = newTestResolver(t, s).Resolve(t.Context(), Source{Reference: s.ref("lib/tool:index")}, "")
	wantError(t, err, "its manifest is larger than 4 MB")
}

func TestRegistryErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	s := newSpy(t, nil)
	newPicture(t, ociFamily, "amd64", 100).push(t, s, "lib/tool", "1")
	answer := func(status int, code string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/manifests/") {
				return false
			}
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": code, "message": "m"}}})
			return true
		}
	}
	for _, c := range []struct {
		name, ref string
		fail      func(http.ResponseWriter, *http.Request) bool
		requests  int
		want      []string
	}{
		{name: "no such tag", ref: "lib/tool:2", requests: 1, want: []string{"does not have it", "check its name and tag"}},
		{name: "no such repository", ref: "lib/none:1", requests: 1, want: []string{"does not have it"}},
		{name: "denied", ref: "lib/tool:1", fail: answer(403, "DENIED"), requests: 1, want: []string{"docker login " + s.host()}},
		{name: "unauthorized", ref: "lib/tool:1", fail: answer(401, "UNAUTHORIZED"), requests: 1, want: []string{"docker login " + s.host()}},
		{name: "down", ref: "lib/tool:1", fail: answer(503, "UNAVAILABLE"), requests: tries, want: []string{"try again later"}},
		{name: "limited", ref: "lib/tool:1", fail: answer(429, "TOOMANYREQUESTS"), requests: tries, want: []string{"limits", "docker login"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.reset()
			s.failWith(c.fail)
			_, err := newTestResolver(t, s).Resolve(t.Context(), Source{Reference: s.ref(c.ref)}, "")
			wantError(t, err, append(c.want, s.ref(c.ref))...)
			if n := len(s.seen("GET", "/manifests/")); n != c.requests {
				t.Errorf("%d requests, not %d", n, c.requests)
			}
		})
	}
}

func TestMomentaryFailuresAreRetried(t *testing.T) {
	t.Parallel()
	s := newSpy(t, nil)
	newPicture(t, ociFamily, "amd64", 100).push(t, s, "lib/tool", "1")
	left := 2
	s.failWith(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/manifests/") || left == 0 {
			return false
		}
		left--
		if left == 1 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	resolve(t, newTestResolver(t, s), Source{Reference: s.ref("lib/tool:1")})
}

func TestRetriesEndWithTheContext(t *testing.T) {
	t.Parallel()
	s := newSpy(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	s.failWith(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusServiceUnavailable)
		cancel()
		return true
	})
	_, err := newTestResolver(t, s).Resolve(ctx, Source{Reference: s.ref("lib/tool:1")}, "")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	wantError(t, err, s.ref("lib/tool:1"))
}

func TestUnreachableRegistry(t *testing.T) {
	t.Parallel()
	const ref = "127.0.0.1:1/lib/tool:1" // TCP's port 1 is tcpmux, which no system of today serves
	_, err := newTestResolver(t, nil).Resolve(t.Context(), Source{Reference: ref}, "")
	wantError(t, err, ref, "cannot be reached")

	s := newTLSSpy(t, nil)
	_, err = newTestResolver(t, nil).Resolve(t.Context(), Source{Reference: s.ref("lib/tool:1")}, "")
	wantError(t, err, "is not trusted on this machine")
}

func TestPlainHTTPStaysOnThisMachine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host string
		want bool
	}{
		{"127.0.0.1:5000", true},
		{"localhost", true},
		{"localhost:80", true},
		{"registry.localhost:5000", true},
		{"[::1]:5000", true},
		{"10.0.0.1:5000", false},
		{"example.org", false},
		{"localhost.example.org", false},
	} {
		if loopback(c.host) != c.want {
			t.Errorf("loopback(%q) is not %v", c.host, c.want)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://192.0.2.1/v2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = newTransport(nil, false).RoundTrip(req)
	wantError(t, err, "plain HTTP to 192.0.2.1 is refused")
}

func TestBadSources(t *testing.T) {
	t.Parallel()
	for _, s := range []Source{{}, {Reference: "a", Path: "b"}, {Reference: "UPPER/case:1"}, {Path: t.TempDir() + "/none"}} {
		if _, err := newTestResolver(t, nil).Resolve(t.Context(), s, ""); err == nil {
			t.Errorf("%+v was resolved", s)
		}
	}
}

func TestEachImageIsAskedForOnce(t *testing.T) {
	t.Parallel()
	s := newSpy(t, nil)
	newPicture(t, ociFamily, "amd64", 100).push(t, s, "lib/tool", "1")
	s.reset()
	r := newTestResolver(t, s)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { resolve(t, r, Source{Reference: s.ref("lib/tool:1")}) })
	}
	wg.Wait()
	if n := len(s.seen("GET", "/manifests/")); n != 1 {
		t.Errorf("%d requests for one manifest", n)
	}
}

func TestOnesEndIsNotTheOthers(t *testing.T) {
	t.Parallel()
	s := newSpy(t, nil)
	newPicture(t, ociFamily, "amd64", 100).push(t, s, "lib/tool", "1")
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.failWith(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/manifests/") {
			once.Do(func() {
				close(entered)
				<-leave
			})
		}
		return false
	})
	r := newTestResolver(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := r.Resolve(ctx, Source{Reference: s.ref("lib/tool:1")}, "")
		first <- err
	}()
	<-entered
	second := make(chan error, 1)
	go func() {
		_, err := r.Resolve(t.Context(), Source{Reference: s.ref("lib/tool:1")}, "")
		second <- err
	}()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	close(leave)
	if err := <-second; err != nil {
		t.Errorf("the second: %v", err)
	}
}
