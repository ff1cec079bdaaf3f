package storage

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/scar-go/scar/runtime/job"
)

func text(s string) *job.Credential { return &job.Credential{Text: s} }

// secrets gives each secret the value of its name, and counts.
type secrets struct{ asked map[string]int }

func (s secrets) Get(_ context.Context, of job.Secret) (string, error) {
	s.asked[of.Name]++
	switch of.Name {
	case "broken":
		return "", errors.New("no access")
	case "empty":
		return "", nil
	}
	return "value-of-" + of.Name, nil
}

func secretOf(name string) *job.Credential {
	return &job.Credential{Secret: &job.Secret{Service: job.SSM, Name: name}}
}

func TestOpenRefuses(t *testing.T) {
	providers := map[string]job.Provider{
		"ftp.x":         {Type: "ftp", Endpoint: "ftp://h"},
		"webdav.none":   {Type: job.WebDAV},
		"webdav.user":   {Type: job.WebDAV, Endpoint: "https://u:geheim@h"},
		"webdav.half":   {Type: job.WebDAV, Endpoint: "https://h", Password: text("p")},
		"webdav.broken": {Type: job.WebDAV, Endpoint: "https://h", User: text("u"), Password: secretOf("broken")},
		"webdav.empty":  {Type: job.WebDAV, Endpoint: "https://h", User: text("u"), Password: secretOf("empty")},
		"minio.none":    {Type: job.MinIO, AccessKey: text("a"), SecretKey: text("b")},
		"minio.keys":    {Type: job.MinIO, Endpoint: "https://h"},
		"minio.half":    {Type: job.MinIO, Endpoint: "https://h", AccessKey: text("a")},
		"minio.ftp":     {Type: job.MinIO, Endpoint: "ftp://h", AccessKey: text("a"), SecretKey: text("b")},
		"onedata.token": {Type: job.Onedata, Endpoint: "https://h", Space: "s"},
		"onedata.space": {Type: job.Onedata, Endpoint: "https://h", Token: text("t")},
		"onedata.dots":  {Type: job.Onedata, Endpoint: "https://h", Token: text("t"), Space: ".."},
	}
	stores := New(Options{Getenv: environment(""), Providers: providers, Secrets: secrets{map[string]int{}}})
	for name, want := range map[string]string{
		"unknown.x": "describes no storage", "": "describes no storage", "ftp.x": `type "ftp": not supported`, "webdav.none": "endpoint",
		"webdav.user": "holds a user", "webdav.half": "user is missing", "webdav.broken": "password: no access", "webdav.empty": "password is empty",
		"minio.none": "no endpoint", "minio.keys": "are missing", "minio.half": "both", "minio.ftp": "endpoint", "onedata.token": "token is missing",
		"onedata.space": "names no space", "onedata.dots": "space",
	} {
		store, err := stores.Open(t.Context(), name)
		if err == nil || store != nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", name, err)
		}
	}
	none := New(Options{Getenv: environment(""), Providers: providers})
	if _, err := none.Open(t.Context(), "webdav.broken"); err == nil || !strings.Contains(err.Error(), "ssm:broken") {
		t.Errorf("without secrets: %v", err)
	}
}

// Only what is opened is made, and only its secrets are fetched, each time.
func TestOpenMakesNothingElse(t *testing.T) {
	asked := secrets{map[string]int{}}
	stores := New(Options{Getenv: environment(""), Secrets: asked, Providers: map[string]job.Provider{
		"webdav.a":  {Type: job.WebDAV, Endpoint: "https://h", User: text("u"), Password: secretOf("a")},
		"onedata.b": {Type: job.Onedata, Endpoint: "https://h", Space: "s", Token: secretOf("b")},
	}})
	for range 3 {
		if _, err := stores.Open(t.Context(), "webdav.a"); err != nil {
			t.Fatal(err)
		}
	}
	if len(stores.others) != 1 || stores.own != nil || asked.asked["a"] != 3 || asked.asked["b"] != 0 {
		t.Errorf("made %v and %v, asked %v", stores.others, stores.own, asked.asked)
	}
}

func TestWhereS3Is(t *testing.T) {
	keys := func(p job.Provider) job.Provider {
		p.AccessKey, p.SecretKey = text("key"), secretOf("s")
		return p
	}
	for name, c := range map[string]struct {
		own                   string // endpoint of the function's own S3
		provider              job.Provider
		region, endpoint, key string
		crc                   bool
	}{
		"minio":         {"", keys(job.Provider{Type: job.MinIO, Endpoint: "http://h"}), "us-east-1", "http://h", "key", false},
		"minio region":  {"", keys(job.Provider{Type: job.MinIO, Endpoint: "http://h", Region: "r"}), "r", "http://h", "key", false},
		"s3 elsewhere":  {"http://own", keys(job.Provider{Type: job.S3, Endpoint: "http://h"}), "eu-west-1", "http://h", "key", false},
		"other account": {"", keys(job.Provider{Type: job.S3, Region: "us-west-2"}), "us-west-2", "", "key", true},
		"own keys":      {"", job.Provider{Type: job.S3, Endpoint: "http://h"}, "eu-west-1", "http://h", "AKIDEXAMPLE", false},
		"own endpoint":  {"http://own", job.Provider{Type: job.S3, Region: "us-west-2"}, "us-west-2", "http://own", "AKIDEXAMPLE", true},
	} {
		stores := New(Options{Getenv: environment(c.own), Providers: map[string]job.Provider{"p": c.provider}, Secrets: secrets{map[string]int{}}})
		opened, err := stores.Open(t.Context(), "p")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		made := opened.(*S3)
		options := made.client.Options()
		with, err := options.Credentials.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		endpoint := ""
		if options.BaseEndpoint != nil {
			endpoint = *options.BaseEndpoint
		}
		if options.Region != c.region || endpoint != c.endpoint || options.UsePathStyle != (endpoint != "") || with.AccessKeyID != c.key || made.crc != c.crc {
			t.Errorf("%s: region %s, endpoint %q, key %s, crc %v", name, options.Region, endpoint, with.AccessKeyID, made.crc)
		}
		if (with.SessionToken != "") != (c.key == "AKIDEXAMPLE") {
			t.Errorf("%s: session token %q", name, with.SessionToken)
		}
	}
}
