package contract

import (
	"io"
	"log"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/scar-go/scar/cmd/internal/flow"
	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/runtime/job"
)

// oddImage is an image that is unlike most, and what a function in it does.
type oddImage struct {
	name   string
	config v1.Config
	layers []v1.Layer
	keys   map[string]any // of the function; without script the image's entrypoint runs

	does    string // instructions for the probe
	output  string
	fails   string // error type
	message string // part of the error's message
	check   func(t *testing.T, r result)

	refused string // part of what a plan says where it can look into the image; empty: it says nothing
	always  bool   // the configuration alone tells, which every plan sees
}

const unprivileged = "root false, CapInh:0000000000000000 CapPrm:0000000000000000 CapEff:0000000000000000 CapBnd:0000000000000000 CapAmb:0000000000000000 NoNewPrivs:1\nfiles 1024\n"

// TestOddImages runs functions in odd images. The images are in a registry, where a plan does not look into
// them, so what is wrong shows when they run.
func TestOddImages(t *testing.T) {
	t.Parallel()
	images := oddImages(t)
	host := serveImages(t, images)
	functions := map[string]any{}
	images = slices.DeleteFunc(images, func(o oddImage) bool { return o.always })
	for i := range images {
		functions[images[i].function()] = images[i].entry(host + "/" + images[i].function() + ":1")
	}
	e := startEmbedded(t, traits{name: "odd images", sandboxed: true})
	e.apply(t, loadProject(t, t.TempDir(), "amd64", map[string]any{"project": "odd", "functions": functions}))
	for _, odd := range images {
		t.Run(odd.name, func(t *testing.T) { odd.run(t, e) })
	}
	proof.Count(t, "odd images", float64(len(images)), "")
}

// TestOddImagesAtPlan plans functions in the same images, as archives: what surely does not run is refused.
func TestOddImagesAtPlan(t *testing.T) {
	t.Parallel()
	e := startEmbedded(t, traits{})
	for _, odd := range oddImages(t) {
		t.Run(odd.name, func(t *testing.T) {
			entry := odd.entry(writeImage(t, imageOf(t, odd.config, odd.layers...)))
			file := loadProject(t, t.TempDir(), "amd64", map[string]any{"project": "odd", "functions": map[string]any{"odd": entry}})
			account, err := flow.Connect(t.Context(), flow.Settings{Endpoint: e.at, CacheDir: filepath.Join(programs, "converted"), Version: "test"})
			if err != nil {
				t.Fatal(err)
			}
			_, err = account.Plan(t.Context(), file, flow.PlanOptions{})
			switch {
			case odd.refused == "" && err != nil:
				t.Errorf("it is refused: %v", err)
			case odd.refused != "" && (err == nil || !strings.Contains(err.Error(), odd.refused)):
				t.Errorf("error %v, want %q", err, odd.refused)
			case err != nil && !strings.Contains(err.Error(), "func.yaml:2:5: function odd: "):
				t.Errorf("error %v does not say where", err)
			}
		})
	}
}

func (o *oddImage) function() string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(strings.Trim(o.name, "/")))
}

func (o *oddImage) entry(image string) map[string]any {
	entry := map[string]any{"image": image, "timeout": 30}
	for key, value := range o.keys {
		entry[key] = value
	}
	return entry
}

func (o *oddImage) run(t *testing.T, e *embedded) {
	r := e.send(t, o.function(), o.does)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("answer %q, log:\n%s", r.payload, r.log())
		}
	})
	if r.failed.Type != o.fails || !strings.Contains(r.failed.Message, o.message) {
		t.Fatalf("ended as %+v, want %q: %q", r.failed, o.fails, o.message)
	}
	if o.fails == "" && o.output != "" {
		if got := r.output(t); got != o.output {
			t.Errorf("output %q, want %q", got, o.output)
		}
	}
	if o.check != nil {
		o.check(t, r)
	}
}

// serveImages puts the images into a registry and returns its host.
func serveImages(t *testing.T, images []oddImage) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := server.Listener.Addr().String()
	for _, odd := range images {
		ref, err := name.ParseReference(host + "/" + odd.function() + ":1")
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, imageOf(t, odd.config, odd.layers...)); err != nil {
			t.Fatal(err)
		}
	}
	return host
}

func oddImages(t *testing.T) []oddImage {
	t.Helper()
	probe := probeLayer(t, "probe")
	with := func(members ...member) []v1.Layer { return []v1.Layer{probe, layerOf(t, members...)} }
	only := []v1.Layer{probe}
	own := v1.Config{Entrypoint: []string{"/probe"}}
	edited := func(edit func(c *v1.Config)) v1.Config {
		c := own
		edit(&c)
		return c
	}
	hello, said := do([]string{"print", "hello"}), "hello\n"
	script := map[string]any{"script": "probe"}
	all := []oddImage{
		{name: "no layers", keys: script, does: hello, output: said},
		{name: "USER 1000", config: edited(func(c *v1.Config) { c.User = "1000" }), layers: only, does: do([]string{"who"}), output: unprivileged},
		{name: "USER nobody, who is unknown", config: edited(func(c *v1.Config) { c.User = "nobody:nogroup" }), layers: only, does: hello, output: said},
		{name: "USER root", config: edited(func(c *v1.Config) { c.User = "0:0" }), layers: only, does: do([]string{"who"}), output: unprivileged},
		{name: "ENTRYPOINT with the set-user-id bit", config: v1.Config{Entrypoint: []string{"/su"}},
			layers: []v1.Layer{layerOf(t, member{name: "su", mode: 0o6755, body: contentOf(t, probeFor(t, "amd64"))})}, does: do([]string{"who"}), output: unprivileged},
		{name: "ENTRYPOINT that not everybody may execute", config: v1.Config{Entrypoint: []string{"/mine"}},
			layers: []v1.Layer{layerOf(t, member{name: "mine", mode: 0o750, body: contentOf(t, probeFor(t, "amd64"))})}, does: hello,
			fails: job.ErrScriptStart, message: "permission denied", refused: "the image's entrypoint is /mine, which the image "},
		{name: "ENTRYPOINT that is a folder", config: v1.Config{Entrypoint: []string{"/opt"}}, layers: with(member{name: "opt/"}), does: hello,
			fails: job.ErrScriptStart, message: "/opt cannot be executed", refused: "has as a folder"},
		{name: "no ENTRYPOINT and no CMD", layers: only, always: true, refused: "there is nothing to run"},
		{name: "only a CMD", config: v1.Config{Cmd: []string{"/probe", "a", ""}}, layers: only, does: do([]string{"args"}), output: `["a" ""]` + "\n"},
		{name: "ENTRYPOINT by name on an odd PATH", config: v1.Config{Entrypoint: []string{"tool"}, Env: []string{"PATH=/none:/odd dir/ü"}},
			layers: []v1.Layer{probeLayer(t, "odd dir/ü/tool")}, does: hello, output: said},
		{name: "ENTRYPOINT by name on no PATH", config: v1.Config{Entrypoint: []string{"tool"}}, layers: []v1.Layer{probeLayer(t, "usr/local/bin/tool")}, does: hello, output: said},
		{name: "ENTRYPOINT by name that PATH has not", config: v1.Config{Entrypoint: []string{"probe"}, Env: []string{"PATH=/usr/bin"}}, layers: only, does: hello,
			fails: job.ErrScriptStart, message: "probe is not in the image", refused: "in none of the folders of PATH: /usr/bin"},
		{name: "PATH with relative and empty elements", config: v1.Config{Entrypoint: []string{"tool"}, Env: []string{"PATH=:none:sub"}, WorkingDir: "/opt"},
			layers: []v1.Layer{probeLayer(t, "opt/sub/tool")}, does: hello, output: said},
		{name: "an empty PATH", config: edited(func(c *v1.Config) { c.Env = []string{"PATH="} }), layers: only, does: hello, output: said},
		{name: "ENTRYPOINT relative to WORKDIR", config: v1.Config{Entrypoint: []string{"./probe"}, WorkingDir: "/opt/app"}, layers: []v1.Layer{probeLayer(t, "opt/app/probe")}, does: hello, output: said},
		{name: "ENTRYPOINT relative to no WORKDIR", config: v1.Config{Entrypoint: []string{"./probe"}}, layers: only, does: hello, output: said},
		{name: "ENTRYPOINT through links", config: v1.Config{Entrypoint: []string{"/bin/tool"}},
			layers: []v1.Layer{probeLayer(t, "usr/lib/probe", member{name: "bin", link: "usr/bin"}, member{name: "usr/bin/tool", link: "/usr/lib/probe"})}, does: hello, output: said},
		{name: "WORKDIR", config: edited(func(c *v1.Config) { c.WorkingDir = "/data" }), layers: with(member{name: "data/"}, member{name: "data/x"}), does: do([]string{"cwd"}), output: "in /data, 1 entries, read-only\n"},
		{name: "WORKDIR / of its own", config: edited(func(c *v1.Config) { c.WorkingDir = "//." }), layers: only, does: do([]string{"cwd"}), check: inWorkFolder},
		{name: "WORKDIR that is absent", config: edited(func(c *v1.Config) { c.WorkingDir = "/absent" }), layers: only, does: hello,
			fails: job.ErrScriptStart, message: `working directory "/absent"`, refused: "/absent, is no folder in it"},
		{name: "WORKDIR that is root's alone", config: edited(func(c *v1.Config) { c.WorkingDir = "/root/app" }), layers: with(member{name: "root/", mode: 0o700}, member{name: "root/app/"}), does: hello,
			fails: job.ErrScriptStart, message: `working directory "/root/app"`, refused: "cannot be entered: not everybody may enter /root"},
		{name: "WORKDIR that leads to /tmp", config: edited(func(c *v1.Config) { c.WorkingDir = "/work" }), layers: with(member{name: "work", link: "/tmp"}), does: do([]string{"cwd"}), output: "in /tmp, 1 entries, writable\n"},
		{name: "/tmp that is a link", config: own, layers: with(member{name: "tmp", link: "/var/tmp"}, member{name: "var/tmp/", mode: 0o777}), does: do([]string{"touch", "/tmp", "/var/tmp"}), output: "/tmp: <nil>\n/var/tmp: read-only file system\n"},
		{name: "/tmp that is a file", config: own, layers: with(member{name: "tmp"}), does: do([]string{"touch", "/tmp"}), output: "/tmp: <nil>\n"},
		{name: "/tmp with files", config: own, layers: with(member{name: "tmp/", mode: 0o777}, member{name: "tmp/left"}), does: do([]string{"fresh"}), output: "1 in the temporary folder, 0 in fresh ones, 0 daemons\n"},
		{name: "/etc that is a link", config: own, layers: with(member{name: "etc", link: "usr/etc"}, member{name: "usr/etc/os-release"}), does: do([]string{"touch", "/etc"}), output: "/etc: read-only file system\n"},
		{name: "/proc and /dev with files", config: own, layers: with(member{name: "proc/self/x"}, member{name: "dev/x"}), does: do([]string{"read", "/proc/self/x", "/dev/x", "/proc/1/environ"}),
			output: "/proc/self/x: no such file or directory\n/dev/x: no such file or directory\n/proc/1/environ: permission denied\n"},
		{name: "VOLUME", config: edited(func(c *v1.Config) { c.Volumes = map[string]struct{}{"/data": {}} }), layers: with(member{name: "data/", mode: 0o777}), does: do([]string{"touch", "/data"}), output: "/data: read-only file system\n"},
	}
	return append(append(all, oddEnvironments(own, only)...), takenPlaces(t, own, probe)...)
}

func inWorkFolder(t *testing.T, r result) {
	t.Helper()
	if got := r.output(t); !strings.HasPrefix(got, "in /tmp/scar-") || !strings.HasSuffix(got, "/work, 0 entries, writable\n") {
		t.Errorf("output %q", got)
	}
}

// oddEnvironments have odd variables.
func oddEnvironments(own v1.Config, layers []v1.Layer) []oddImage {
	with := func(variables ...string) v1.Config {
		c := own
		c.Env = variables
		return c
	}
	env := do([]string{"env"})
	has := func(entries ...string) func(*testing.T, result) {
		return func(t *testing.T, r result) {
			got := r.output(t)
			for _, entry := range entries {
				entry, absent := strings.CutPrefix(entry, "!")
				if strings.Contains(got, entry) == absent {
					t.Errorf("%s: is there: %v", entry, !absent)
				}
			}
		}
	}
	large := strings.Repeat("x", 100<<10)
	return []oddImage{
		{name: "ENV with newlines and quotes", config: with("A=one\ntwo", `B="it's"`, "C="), layers: layers, does: env, check: has(`"A=one\ntwo"`, `"B=\"it's\""`, `"C="`)},
		{name: "a large ENV", config: with("L1="+large, "L2="+large, "L3="+large), layers: layers, does: env, check: has(`"L3=xxx`)},
		{name: "an ENV that no program takes", config: with("L=" + large + large), layers: layers, always: true, refused: "the variable L of the image "},
		{name: "ENV with the names of scar and Lambda", config: with("HOME=/root", "TMPDIR=/x", "INPUT_FILE_PATH=/stale", "STORAGE_OBJECT_KEY=stale", "RESPONSE_DIR=/stale", "EXTRA_PAYLOAD=/stale",
			"AWS_LAMBDA_RUNTIME_API=127.0.0.1:1", "AWS_ACCESS_KEY_ID=stale", "AWS_REGION=stale"), layers: layers, does: env, check: has("!stale", "!/root", "!/x", "!127.0.0.1:1")},
	}
}

// takenPlaces have something in the place of scar's folder.
func takenPlaces(t *testing.T, own v1.Config, probe v1.Layer) []oddImage {
	t.Helper()
	with := func(members ...member) []v1.Layer { return []v1.Layer{probe, layerOf(t, members...)} }
	hello, said := do([]string{"print", "hello"}), "hello\n"
	files := map[string]any{"files": []string{"labels.txt"}}
	payload := `labels.txt: read-only, executable false, "labels"` + "\n"
	const taken = "has a file or a link /scar"
	return []oddImage{
		{name: "/scar that is a file", config: own, layers: with(member{name: "scar", body: "x"}), does: hello, output: said, refused: taken},
		{name: "/scar that is a link", config: own, layers: with(member{name: "scar", link: "/opt"}, member{name: "opt/job.json", body: "{}"}), keys: files, does: do([]string{"payload"}), output: payload, refused: taken},
		{name: "/scar with links in it", config: own, layers: with(member{name: "scar/runtime", link: "/probe"}, member{name: "scar/job.json", link: "/etc/job.json"}, member{name: "scar/files", link: "/etc"}),
			keys: files, does: do([]string{"payload"}), output: payload},
		{name: "/scar with folders for files", config: own, layers: with(member{name: "scar/runtime/x"}, member{name: "scar/job.json/x"}, member{name: "scar/script/x"}), does: hello, output: said},
		{name: "/scar that is closed", config: own, layers: with(member{name: "scar/", mode: 0o700}, member{name: "scar/files/", mode: 0o700}), keys: files, does: do([]string{"payload"}), output: payload},
	}
}
