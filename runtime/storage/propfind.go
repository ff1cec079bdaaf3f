package storage

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// entry is what a server of WebDAV says of a file or a folder.
type entry struct {
	folder bool
	size   int64  // bytes; -1 where the server doesn't say
	sums   string // as in the header OC-Checksum, each algorithm before its sum; empty where the server has none
}

const propfindBody = `<?xml version="1.0" encoding="utf-8"?>` +
	`<propfind xmlns="DAV:" xmlns:oc="http://owncloud.org/ns"><prop><resourcetype/><getcontentlength/><oc:checksums/></prop></propfind>`

// stat asks what lies at a path. Nothing is ErrNotExist.
func (d *webDAV) stat(ctx context.Context, path string) (entry, error) {
	got, err := d.send(ctx, call{
		method: "PROPFIND", path: escapePath(path),
		header: map[string]string{"Depth": "0", "Content-Type": "application/xml"},
		body:   section([]byte(propfindBody)),
	})
	switch {
	case err != nil:
		return entry{}, err
	case got.status == http.StatusNotFound:
		return entry{}, ErrNotExist
	case toFolder(got.status, got.header):
		return entry{folder: true, size: -1}, nil
	case got.status != http.StatusMultiStatus:
		return entry{}, refusal(got.status, got.header)
	}
	return parseMultistatus(got.body)
}

// parseMultistatus reads the answer to PROPFIND for one path.
// Its form is that of https://www.rfc-editor.org/rfc/rfc4918#section-14.16
func parseMultistatus(content []byte) (entry, error) {
	var parsed struct {
		XMLName   xml.Name `xml:"DAV: multistatus"`
		Responses []struct {
			Status    string `xml:"DAV: status"`
			Propstats []struct {
				Status string    `xml:"DAV: status"`
				Folder *struct{} `xml:"DAV: prop>resourcetype>collection"`
				Size   string    `xml:"DAV: prop>getcontentlength"`
				Sums   []string  `xml:"http://owncloud.org/ns prop>checksums>checksum"`
			} `xml:"DAV: propstat"`
		} `xml:"DAV: response"`
	}
	if err := xml.NewDecoder(bytes.NewReader(content)).Decode(&parsed); err != nil {
		return entry{}, fmt.Errorf("read the answer to PROPFIND: %w", err)
	}
	if len(parsed.Responses) != 1 {
		return entry{}, fmt.Errorf("read the answer to PROPFIND: it tells of %d files, one was asked for", len(parsed.Responses))
	}
	found := entry{size: -1}
	known := false
	for _, p := range parsed.Responses[0].Propstats {
		if statusOf(p.Status) != http.StatusOK {
			continue
		}
		known = true
		found.folder = found.folder || p.Folder != nil
		if size, err := strconv.ParseInt(strings.TrimSpace(p.Size), 10, 64); err == nil && size >= 0 {
			found.size = size
		}
		found.sums = strings.TrimSpace(found.sums + " " + strings.Join(p.Sums, " "))
	}
	switch {
	case known:
		return found, nil
	case statusOf(parsed.Responses[0].Status) == http.StatusNotFound:
		return entry{}, ErrNotExist
	}
	return entry{}, errors.New("read the answer to PROPFIND: it tells nothing of the file")
}

// statusOf is the number in a line like HTTP/1.1 200 OK; 0 where there is none.
func statusOf(line string) int {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return 0
	}
	status, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return status
}

// bareETag is an ETag without its quotes and its mark of weakness.
func bareETag(tag string) string {
	return strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)
}
