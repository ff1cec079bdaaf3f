package storage

import (
	"errors"
	"strings"
	"testing"
)

const oneFile = `<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:response><d:href>/k</d:href>
<d:propstat><d:prop><d:resourcetype/><d:getcontentlength>12</d:getcontentlength>
<oc:checksums><oc:checksum>SHA1:ab MD5:cd</oc:checksum></oc:checksums></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>
<d:propstat><d:prop><d:getcontentlength>99</d:getcontentlength></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response></d:multistatus>`

func TestParseMultistatus(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    entry
	}{
		"file":          {oneFile, entry{size: 12, sums: "SHA1:ab MD5:cd"}},
		"folder":        {`<multistatus xmlns="DAV:"><response><propstat><prop><resourcetype><collection/></resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>`, entry{folder: true, size: -1}},
		"negative size": {strings.Replace(oneFile, ">12<", ">-12<", 1), entry{size: -1, sums: "SHA1:ab MD5:cd"}},
	} {
		if got, err := parseMultistatus([]byte(c.content)); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	missing := `<multistatus xmlns="DAV:"><response><status>HTTP/1.1 404 Not Found</status></response></multistatus>`
	if _, err := parseMultistatus([]byte(missing)); !errors.Is(err, ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	for _, bad := range []string{"", "<html>", `<multistatus xmlns="DAV:"/>`, `<a/>`,
		`<multistatus xmlns="DAV:"><response/><response/></multistatus>`, `<multistatus xmlns="DAV:"><response/></multistatus>`} {
		if got, err := parseMultistatus([]byte(bad)); err == nil {
			t.Errorf("%s: %+v", bad, got)
		}
	}
}

func FuzzParseMultistatus(f *testing.F) {
	f.Add(oneFile)
	f.Add(`<multistatus xmlns="DAV:"><response><status>HTTP/1.1 404</status></response></multistatus>`)
	f.Fuzz(func(t *testing.T, content string) {
		if got, err := parseMultistatus([]byte(content)); err == nil && got.size < -1 {
			t.Errorf("%+v", got)
		}
	})
}

func FuzzParseCDMI(f *testing.F) {
	f.Add(`{"objectType":"application/cdmi-object","completionStatus":"Complete","metadata":{"cdmi_size":"12"}}`)
	f.Add(`{"metadata":null}`)
	f.Fuzz(func(_ *testing.T, content string) { _, _ = parseCDMI([]byte(content)) })
}

func TestParseOCChecksum(t *testing.T) {
	const sha = "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"
	for header, want := range map[string]string{
		"SHA1:" + sha: "SHA1", "sha1:" + strings.ToUpper(sha): "SHA1", "MD5:900150983cd24fb0d6963f7d28e17f72 SHA1:" + sha: "SHA1",
		"ADLER32:024d0127": "ADLER32", "": "", "SHA1:": "", "SHA1:xyz": "", "SHA3:" + sha: "", "SHA1": "",
	} {
		got := parseOCChecksum(header)
		if (got == nil) != (want == "") || got != nil && got.name != want {
			t.Errorf("%q: %+v", header, got)
		}
	}
}

func FuzzParseOCChecksum(f *testing.F) {
	f.Add("SHA1:2fd4e1c67a2d28fced849ee1bb76e7391b93eb12 MD5:x ADLER32:024d0127")
	f.Fuzz(func(t *testing.T, header string) {
		if c := parseOCChecksum(header); c != nil && c.compare() == nil && c.want == "" {
			t.Errorf("%q expects nothing", header)
		}
	})
}

func TestETags(t *testing.T) {
	for tag, want := range map[string]bool{
		"900150983cd24fb0d6963f7d28e17f72": true, "900150983CD24FB0D6963F7D28E17F72": true,
		"900150983cd24fb0d6963f7d28e17f72-2": false, "": false, "900150983cd24fb0d6963f7d28e17f7g": false,
	} {
		if got := md5OfETag(tag); (got != nil) != want {
			t.Errorf("%q: %+v", tag, got)
		}
	}
	if got := bareETag(`W/"a"`); got != "a" {
		t.Error(got)
	}
}
