package view

import (
	"strings"
	"time"

	"github.com/scar-go/scar/transfer"
)

// listed is one file or folder for programs.
type listed struct {
	Place    string     `json:"place"`
	Size     *int64     `json:"size,omitempty"`     // bytes; not of folders
	Modified *time.Time `json:"modified,omitempty"` // where the place says so
	ETag     string     `json:"etag,omitempty"`
	Folder   bool       `json:"folder,omitempty"`
}

// Listing returns a function that prints the files and folders of a place as they come: for people below each other,
// with their path below the place; for programs one object of JSON on each line.
func Listing(s *Streams, f Format, of transfer.Place) func(transfer.Place, transfer.Entry) error {
	p := s.out()
	if f == JSON {
		return func(at transfer.Place, e transfer.Entry) error {
			line := listed{Place: at.String(), ETag: e.ETag, Folder: e.Folder}
			if !e.Folder {
				line.Size = &e.Size
			}
			if !e.Modified.IsZero() {
				line.Modified = &e.Modified
			}
			p.json(line, "")
			return p.result()
		}
	}
	return func(at transfer.Place, e transfer.Entry) error {
		// What lies in a folder is told by its path there; a file that was named itself, by its name.
		name, below := strings.CutPrefix(at.Key, of.Folder().Key)
		if !below {
			name = at.Key[strings.LastIndexByte(at.Key, '/')+1:]
		}
		if name == "" { // the marker of the folder itself
			name = "./"
		}
		modified, bytes := pad("", len(time.DateTime)), "folder"
		if !e.Folder {
			bytes = size(e.Size)
		}
		if !e.Modified.IsZero() {
			modified = e.Modified.UTC().Format(time.DateTime)
		}
		p.printf("%s  %s  %s\n", p.paint(dim, modified), padLeft(bytes, 9), clean(name))
		return p.result()
	}
}

func padLeft(s string, width int) string {
	return strings.Repeat(" ", max(width-len(s), 0)) + s
}

// Removal asks for the approval of what would be removed, as a question.
func Removal(tally transfer.Tally, places []transfer.Place) string {
	text := "Do you want scar to remove " + count(tally.Done, "file") + " (" + size(tally.Bytes) + ")"
	if len(places) == 1 {
		return text + " at " + places[0].String() + "?"
	}
	return text + " at " + count(len(places), "place") + "?"
}
