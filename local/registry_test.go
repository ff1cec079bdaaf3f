package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/scar-go/scar/local/ecr"
)

const (
	ociManifest   = "application/vnd.oci.image.manifest.v1+json"
	missingLayers = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","size":2},"layers":[]}`
)

func digestOf(text string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text))) }

// login is what registry clients log in with.
func login(t *testing.T, cfg aws.Config) (host, password string) {
	t.Helper()
	out, err := awsecr.NewFromConfig(cfg).GetAuthorizationToken(context.Background(), nil)
	must(t, err)
	data := out.AuthorizationData[0]
	pair, err := base64.StdEncoding.DecodeString(*data.AuthorizationToken)
	must(t, err)
	return strings.TrimPrefix(*data.ProxyEndpoint, "http://"), strings.TrimPrefix(string(pair), "AWS:")
}

// smallImage uploads the blobs of an image without layers and returns its manifest.
func smallImage(t *testing.T, s server, repo, label string) string {
	t.Helper()
	config := fmt.Sprintf(`{"architecture":"amd64","os":"linux","config":{"Labels":{"l":%q}},"rootfs":{"type":"layers","diff_ids":[]}}`, label)
	if !s.moto { // moto has no registry
		host, password := login(t, s.cfg)
		url := fmt.Sprintf("http://%s/v2/%s/blobs/uploads/?digest=%s", host, repo, digestOf(config))
		if res := send(t, http.MethodPost, url, password, strings.NewReader(config)); res.StatusCode != http.StatusCreated {
			t.Fatalf("upload: %s", res.Status)
		}
	}
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[]}`,
		ociManifest, digestOf(config), len(config))
}

// send makes a request to the registry and reads all of the answer.
func send(t *testing.T, method, url, password string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, url, body)
	must(t, err)
	if password != "" {
		r.SetBasicAuth("AWS", password)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	must(t, err)
	b, err := io.ReadAll(res.Body)
	must(t, err)
	must(t, res.Body.Close())
	res.Body = io.NopCloser(bytes.NewReader(b))
	return res
}

func createRepository(t *testing.T, cfg aws.Config, name string) {
	t.Helper()
	_, err := awsecr.NewFromConfig(cfg).CreateRepository(context.Background(), &awsecr.CreateRepositoryInput{RepositoryName: &name})
	must(t, err)
}

func randomImage(t *testing.T, layerSize int64) v1.Image {
	t.Helper()
	img, err := random.Image(layerSize, 3)
	must(t, err)
	return img
}

func TestPushAndPull(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	b, stop := open(t, Options{Dir: dir})
	createRepository(t, adminOf(b), "scar/p")
	host, password := login(t, adminOf(b))
	auth := remote.WithAuth(&authn.Basic{Username: "AWS", Password: password})
	img := randomImage(t, 1<<20)
	digest, err := img.Digest()
	must(t, err)
	ref, err := name.ParseReference(host + "/scar/p:f")
	must(t, err)
	must(t, remote.Write(ref, img, auth))

	pulled, err := remote.Image(ref, auth)
	must(t, err)
	must(t, validate.Image(pulled))
	got, err := awsecr.NewFromConfig(adminOf(b)).BatchCheckLayerAvailability(ctx, &awsecr.BatchCheckLayerAvailabilityInput{
		RepositoryName: aws.String("scar/p"), LayerDigests: []string{layerDigest(t, img), digestOf("absent")}})
	must(t, err)
	if got.Layers[0].LayerAvailability != "AVAILABLE" || got.Layers[1].LayerAvailability != "UNAVAILABLE" {
		t.Errorf("layers %+v", got.Layers)
	}
	tags, err := remote.List(ref.Context(), auth)
	must(t, err)
	if len(tags) != 1 || tags[0] != "f" {
		t.Errorf("tags %v", tags)
	}
	stop()

	b, _ = open(t, Options{Dir: dir}) // on another port
	uri := DefaultAccount + ".dkr.ecr.us-east-1.amazonaws.com/scar/p@" + digest.String()
	for _, u := range []string{uri, host + "/scar/p:f", "localhost:1/scar/p:f@" + digest.String()} {
		stored, err := b.ecr.Image(ctx, u)
		must(t, err)
		must(t, validate.Image(stored))
	}
	for _, u := range []string{strings.Replace(uri, "/p@", "/q@", 1), "docker.io/scar/p:f", DefaultAccount + ".dkr.ecr.us-east-1.amazonaws.com/scar/p:absent"} {
		if _, err := b.ecr.Image(ctx, u); !errors.Is(err, ecr.ErrNotFound) {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func layerDigest(t *testing.T, img v1.Image) string {
	t.Helper()
	layers, err := img.Layers()
	must(t, err)
	h, err := layers[0].Digest()
	must(t, err)
	return h.String()
}

func TestPushIndex(t *testing.T) {
	b, _ := open(t, Options{})
	createRepository(t, adminOf(b), "pp")
	host, password := login(t, adminOf(b))
	auth := remote.WithAuth(&authn.Basic{Username: "AWS", Password: password})
	index, err := random.Index(1000, 1, 2)
	must(t, err)
	ref, err := name.ParseReference(host + "/pp:multi")
	must(t, err)
	must(t, remote.WriteIndex(ref, index, auth))
	pulled, err := remote.Index(ref, auth)
	must(t, err)
	must(t, validate.Index(pulled))
}

func TestPushToAnAbsentRepositoryIsRefused(t *testing.T) {
	b, _ := open(t, Options{})
	host, password := login(t, adminOf(b))
	ref, err := name.ParseReference(host + "/absent:f")
	must(t, err)
	err = remote.Write(ref, randomImage(t, 100), remote.WithAuth(&authn.Basic{Username: "AWS", Password: password}))
	var refused *transport.Error
	if !errors.As(err, &refused) || refused.Errors[0].Code != transport.NameUnknownErrorCode {
		t.Errorf("got %v", err)
	}
}

func TestRegistryWantsItsPassword(t *testing.T) {
	ctx := context.Background()
	b, _ := open(t, Options{})
	createRepository(t, adminOf(b), "pp")
	createRepository(t, adminOf(b), "qq")
	url := b.Endpoint() + "/v2/"
	res := send(t, http.MethodGet, url, "", nil)
	if res.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(res.Header.Get("Www-Authenticate"), "Basic realm=") {
		t.Errorf("without a password: %s %v", res.Status, res.Header)
	}
	if res := send(t, http.MethodGet, url, "e30.AAAA", nil); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("with a wrong one: %s", res.Status)
	}

	createRole(t, adminOf(b), "puller")
	_, err := iam.NewFromConfig(adminOf(b)).PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: aws.String("puller"), PolicyName: aws.String("p"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"},
			{"Effect":"Allow","Action":"ecr:ListImages","Resource":"arn:aws:ecr:us-east-1:000000000000:repository/pp"}]}`)})
	must(t, err)
	s, err := b.iam.Session(ctx, "arn:aws:iam::000000000000:role/puller", "lambda.amazonaws.com", "s")
	must(t, err)
	_, password := login(t, config(b.Endpoint(), s.AccessKeyID, s.SecretAccessKey, s.SessionToken))
	for path, want := range map[string]int{"pp/tags/list": 200, "qq/tags/list": 403, "pp/manifests/x": 403} {
		if res := send(t, http.MethodGet, url+path, password, nil); res.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, res.Status, want)
		}
	}
}

func TestUploads(t *testing.T) {
	b, _ := open(t, Options{})
	createRepository(t, adminOf(b), "pp")
	_, password := login(t, adminOf(b))
	uploads := b.Endpoint() + "/v2/pp/blobs/uploads/"
	location := func(res *http.Response) string { return b.Endpoint() + res.Header.Get("Location") }
	content := strings.Repeat("0123456789", 100)

	t.Run("in chunks", func(t *testing.T) {
		at := location(send(t, http.MethodPost, uploads, password, nil))
		res := send(t, http.MethodPatch, at, password, strings.NewReader(content[:400]), "Content-Range", "0-399")
		if res.StatusCode != http.StatusAccepted || res.Header.Get("Range") != "0-399" {
			t.Fatalf("first chunk: %s %s", res.Status, res.Header.Get("Range"))
		}
		if res := send(t, http.MethodPatch, at, password, strings.NewReader("x"), "Content-Range", "500-500"); res.StatusCode != http.StatusRequestedRangeNotSatisfiable {
			t.Errorf("a gap: %s", res.Status)
		}
		res = send(t, http.MethodPut, at+"?digest="+digestOf(content), password, strings.NewReader(content[400:]), "Content-Range", "400-999")
		if res.StatusCode != http.StatusCreated {
			t.Fatalf("last chunk: %s", res.Status)
		}
		blob := b.Endpoint() + "/v2/pp/blobs/" + digestOf(content)
		part := send(t, http.MethodGet, blob, password, nil, "Range", "bytes=10-14")
		if body, _ := io.ReadAll(part.Body); part.StatusCode != http.StatusPartialContent || string(body) != "01234" {
			t.Errorf("range: %s %q", part.Status, body)
		}
		if res := send(t, http.MethodHead, blob, password, nil); res.ContentLength != 1000 {
			t.Errorf("head: %d bytes", res.ContentLength)
		}
		createRepository(t, adminOf(b), "other")
		if res := send(t, http.MethodHead, strings.Replace(blob, "/pp/", "/other/", 1), password, nil); res.StatusCode != http.StatusNotFound {
			t.Errorf("a blob of another repository: %s", res.Status)
		}
	})
	t.Run("with another digest", func(t *testing.T) {
		at := location(send(t, http.MethodPost, uploads, password, nil))
		res := send(t, http.MethodPut, at+"?digest="+digestOf("other"), password, strings.NewReader(content))
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s", res.Status)
		}
		if res := send(t, http.MethodHead, b.Endpoint()+"/v2/pp/blobs/"+digestOf("other"), password, nil); res.StatusCode != http.StatusNotFound {
			t.Errorf("it was kept: %s", res.Status)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		at := location(send(t, http.MethodPost, uploads, password, nil))
		send(t, http.MethodDelete, at, password, nil)
		if res := send(t, http.MethodPatch, at, password, strings.NewReader("x")); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s", res.Status)
		}
	})
	t.Run("manifests are checked", func(t *testing.T) {
		manifests := b.Endpoint() + "/v2/pp/manifests/"
		for body, want := range map[string]string{
			missingLayers:         "MANIFEST_BLOB_UNKNOWN",
			"{":                   "MANIFEST_INVALID",
			`{"schemaVersion":1}`: "MANIFEST_INVALID",
		} {
			res := send(t, http.MethodPut, manifests+"t", password, strings.NewReader(body), "Content-Type", ociManifest)
			var errs struct{ Errors []struct{ Code string } }
			must(t, json.NewDecoder(res.Body).Decode(&errs))
			if errs.Errors[0].Code != want {
				t.Errorf("%s: %v", body, errs)
			}
		}
	})
}

func TestDeletingARepositoryRemovesItsBlobsOnly(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	b, _ := open(t, Options{Dir: dir})
	host, password := login(t, adminOf(b))
	auth := remote.WithAuth(&authn.Basic{Username: "AWS", Password: password})
	shared := randomImage(t, 1000)
	own, err := mutate.AppendLayers(shared, mustLayer(t))
	must(t, err)
	for repo, img := range map[string]v1.Image{"keep": shared, "gone": own} {
		createRepository(t, adminOf(b), repo)
		ref, err := name.ParseReference(host + "/" + repo + ":t")
		must(t, err)
		must(t, remote.Write(ref, img, auth))
	}
	count := func() int {
		files, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*", "*"))
		must(t, err)
		return len(files)
	}
	if n := count(); n != 6 { // three layers shared, one own, two configs
		t.Fatalf("%d blobs", n)
	}
	_, err = awsecr.NewFromConfig(adminOf(b)).DeleteRepository(ctx, &awsecr.DeleteRepositoryInput{RepositoryName: aws.String("gone"), Force: true})
	must(t, err)
	if n := count(); n != 4 {
		t.Errorf("%d blobs are left", n)
	}
	kept, err := b.ecr.Image(ctx, host+"/keep:t")
	must(t, err)
	must(t, validate.Image(kept))
}

func mustLayer(t *testing.T) v1.Layer {
	t.Helper()
	l, err := random.Layer(500, "application/vnd.oci.image.layer.v1.tar+gzip")
	must(t, err)
	return l
}

func TestSkopeo(t *testing.T) {
	program, err := exec.LookPath("skopeo")
	if err != nil {
		t.Skip("skopeo is not installed")
	}
	b, _ := open(t, Options{})
	createRepository(t, adminOf(b), "scar/p")
	host, password := login(t, adminOf(b))
	img := randomImage(t, 10_000)
	digest, err := img.Digest()
	must(t, err)
	ref, err := name.ParseReference(host + "/scar/p:pushed")
	must(t, err)
	must(t, remote.Write(ref, img, remote.WithAuth(&authn.Basic{Username: "AWS", Password: password})))

	dir := t.TempDir()
	auth := filepath.Join(dir, "auth.json")
	entry := base64.StdEncoding.EncodeToString([]byte("AWS:" + password))
	must(t, os.WriteFile(auth, []byte(fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, entry)), 0o600))
	skopeo := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "REGISTRY_AUTH_FILE="+auth, "HOME="+dir, "XDG_RUNTIME_DIR="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("skopeo %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	layout := "oci:" + filepath.Join(dir, "layout") + ":t"
	skopeo("--insecure-policy", "copy", "--src-tls-verify=false", "--preserve-digests", "docker://"+host+"/scar/p:pushed", "dir:"+filepath.Join(dir, "pulled"))
	skopeo("--insecure-policy", "copy", "--src-tls-verify=false", "docker://"+host+"/scar/p@"+digest.String(), layout)
	skopeo("--insecure-policy", "copy", "--dest-tls-verify=false", layout, "docker://"+host+"/scar/p:again")
	if got := skopeo("inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://"+host+"/scar/p:pushed"); got != digest.String() {
		t.Errorf("digest %s, want %s", got, digest)
	}
	again, err := b.ecr.Image(context.Background(), host+"/scar/p:again")
	must(t, err)
	must(t, validate.Image(again))
}
