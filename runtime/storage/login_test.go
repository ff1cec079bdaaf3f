package storage

import (
	"crypto/md5"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

func TestParseChallenges(t *testing.T) {
	for _, c := range []struct {
		header string
		want   []challenge
	}{
		{`Basic realm="a, b"`, []challenge{{"Basic", map[string]string{"realm": "a, b"}}}},
		{`Digest realm="x", nonce="n\"q", qop="auth,auth-int", algorithm=MD5, Basic realm=y`, []challenge{
			{"Digest", map[string]string{"realm": "x", "nonce": `n"q`, "qop": "auth,auth-int", "algorithm": "MD5"}},
			{"Basic", map[string]string{"realm": "y"}},
		}},
		{`Negotiate, NTLM`, []challenge{{"Negotiate", map[string]string{}}, {"NTLM", map[string]string{}}}},
		{`Basic Realm = "spaces around"`, []challenge{{"Basic", map[string]string{"realm": "spaces around"}}}},
		{`realm="of nobody"`, nil},
		{`"quoted" Basic`, []challenge{{"quoted", map[string]string{}}, {"Basic", map[string]string{}}}},
		{`Digest nonce="never ends`, []challenge{{"Digest", map[string]string{"nonce": "never ends"}}}},
		{``, nil},
	} {
		if got := parseChallenges(c.header); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.header, got, c.want)
		}
	}
}

func FuzzParseChallenges(f *testing.F) {
	for _, seed := range []string{`Basic realm="a"`, `Digest nonce="n", qop="auth", Basic`, `a=b,c`, `"`, `\`, `D "=\"`, "Digest nonce=x, algorithm=SHA-256-sess"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		for _, c := range parseChallenges(header) {
			if c.scheme == "" || strings.ContainsAny(c.scheme, " ,=\"") {
				t.Errorf("%q has the scheme %q", header, c.scheme)
			}
			if d := newDigest(c.parameters); d != nil {
				_ = d.authorization("u", "p", "GET", "/")
			}
		}
	})
}

// The examples of https://www.rfc-editor.org/rfc/rfc7616#section-3.9.1 and https://www.rfc-editor.org/rfc/rfc2069 (with its
// erratum 749).
func TestDigestOfTheStandards(t *testing.T) {
	for _, c := range []struct {
		header, user, password, uri, own, want string
	}{
		{
			`Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
			"Mufasa", "Circle of Life", "/dir/index.html", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "8ca523f5e9506fed4657c9700eebdbec",
		},
		{
			`Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="x"`,
			"Mufasa", "Circle of Life", "/dir/index.html", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
			"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
		},
		{
			`Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
			"Mufasa", "CircleOfLife", "/dir/index.html", "", "1949323746fe6a43ef61f9606e7febea",
		},
	} {
		d := newDigest(parseChallenges(c.header)[0].parameters)
		d.count = 1
		if got := d.answer(c.user, c.password, "GET", c.uri, c.own); !strings.Contains(got, `response="`+c.want+`"`) {
			t.Errorf("%s\nanswered by %s", c.header, got)
		}
	}
}

func TestDigestsThatCannotBeAnswered(t *testing.T) {
	for _, header := range []string{
		`Digest realm="r"`, `Digest nonce="n", algorithm=SHA-512-256`, `Digest nonce="n", qop="auth-int"`,
	} {
		if newDigest(parseChallenges(header)[0].parameters) != nil {
			t.Errorf("%s is answered", header)
		}
	}
	if d := newDigest(map[string]string{"nonce": "n", "algorithm": "md5-SESS", "qop": " AUTH "}); d == nil || !d.session || !d.quality || d.make().Size() != md5.Size {
		t.Errorf("%+v", d)
	}
}

// A password goes over an open connection only when the server asks for it so, and never where Digest would do.
func TestPasswordsWaitForTheServer(t *testing.T) {
	for _, c := range []struct {
		encrypted bool
		offers    []string
		want      []string // beginnings of the headers Authorization that arrive
	}{
		{false, []string{`Basic realm="r"`}, []string{"", "Basic "}},
		{true, []string{`Basic realm="r"`}, []string{"Basic "}},
		{false, []string{`Basic realm="r"`, `Digest realm="r", nonce="n", qop="auth"`}, []string{"", "Digest "}},
		{false, []string{`Basic realm="r", Digest realm="r", nonce="n"`}, []string{"", "Digest "}},
		{true, []string{`Digest realm="r", nonce="n", qop="auth"`}, []string{"Basic ", "Digest "}},
		{false, []string{`Digest realm="r", nonce="n", algorithm=unknown`, `Basic realm="r"`}, []string{"", "Basic "}},
		{false, []string{"Negotiate"}, []string{""}},
		{false, nil, []string{""}},
	} {
		var got []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = append(got, r.Header.Get("Authorization"))
			w.Header()["Www-Authenticate"] = c.offers
			w.WriteHeader(http.StatusUnauthorized)
		}))
		w := webOf(t, server.URL, newPassword("u", "p", c.encrypted))
		answer, err := w.send(t.Context(), call{method: http.MethodGet, path: "k"})
		server.Close()
		if err != nil || answer.status != http.StatusUnauthorized || len(got) != len(c.want) {
			t.Errorf("%v: %v after %q", c.offers, err, got)
			continue
		}
		for i := range got {
			if !strings.HasPrefix(got[i], c.want[i]) || got[i] != "" && c.want[i] == "" {
				t.Errorf("%v: call %d has %q, want %q", c.offers, i, got[i], c.want[i])
			}
		}
	}
}

// webOf is a client of a server.
func webOf(t testing.TB, address string, l login) *web {
	t.Helper()
	root, err := parseEndpoint(address)
	if err != nil {
		t.Fatal(err)
	}
	transport := newTransport()
	t.Cleanup(transport.CloseIdleConnections)
	return &web{
		name: "webdav.nas", root: root, login: l, retries: retries{first: 1},
		client: &http.Client{Transport: transport, CheckRedirect: safeRedirect},
	}
}

// A nonce that has become too old is replaced, other refusals are final.
func TestDigestRenewsItsNonce(t *testing.T) {
	var calls int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		used := r.Header.Get("Authorization")
		switch {
		case strings.Contains(used, `nonce="2"`):
			return
		case strings.Contains(used, `nonce="1"`):
			w.Header().Set("WWW-Authenticate", `Digest realm="r", nonce="2", qop="auth", stale=true`)
		default:
			w.Header().Set("WWW-Authenticate", `Digest realm="r", nonce="1", qop="auth"`)
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	w := webOf(t, server.URL, newPassword("u", "p", false))
	for i := range 2 {
		answer, err := w.send(t.Context(), call{method: http.MethodGet, path: "k"})
		if err != nil || answer.status != http.StatusOK {
			t.Errorf("call %d: %v, %v", i, answer, err)
		}
	}
	if calls != 4 {
		t.Errorf("%d requests for 2 calls", calls)
	}
}
