package image

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Presence says whether an image has something at a path.
type Presence int

// What can be said about a path.
const (
	// Unknown is the answer where a layer is in a registry, which only downloading it would show, or where a layer is
	// too large or too odd to tell.
	Unknown Presence = iota
	Absent
	Present
)

// Look is what there is at a path of an image.
type Look struct {
	Presence Presence

	// Path is absolute, with all symbolic links followed. Where something is absent, it is what of the way there
	// is the first to be missing.
	Path string

	Folder     bool
	Executable bool // a file that everybody may execute

	// Closed is the first folder on the way that not everybody may enter; empty where there is none. Functions run as
	// a user who owns nothing in the image.
	Closed string
}

// Look looks a path up in the image, an absolute one, through all its layers and along symbolic links, which lead
// nowhere outside of it. It downloads nothing: layers that are in a registry make the answer Unknown, unless they have
// been listed before. Others are read once, by whoever asks first; what is in them is kept in the cache.
//
// An error is that a layer cannot be read, or is damaged.
func (b *Base) Look(ctx context.Context, name string) (Look, error) {
	var layers tree
	for i := range b.blobs {
		list, err := b.listings.of(ctx, &b.blobs[i])
		if err != nil {
			return Look{}, fmt.Errorf("image %q: look into its layer %d: %w", b.Source, i+1, err)
		}
		if list == nil {
			return Look{}, nil
		}
		layers = append(layers, list)
	}
	return layers.look(name), nil
}

// tree is what layers hold together, the lowest first.
type tree []*listing

func (t tree) look(name string) Look {
	found := Look{Presence: Present, Folder: true}
	at, todo, sure := ".", strings.Split(name, "/"), true
	absent := func(where string) Look {
		if !sure {
			return Look{}
		}
		return Look{Presence: Absent, Path: "/" + where}
	}
	for hops := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		if part == "" || part == "." {
			continue
		}
		if !found.Folder {
			return absent(at)
		}
		if part == ".." {
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		i, certain := t.item(next, 0)
		sure = sure && certain
		switch {
		case i.Kind == nothing:
			return absent(next)
		case i.Kind == symlink:
			if hops++; hops > maxHops {
				return absent(next)
			}
			if path.IsAbs(i.Target) {
				at = "."
			}
			todo = append(strings.Split(i.Target, "/"), todo...)
			continue
		case i.Kind.isFolder():
			if i.Others&1 == 0 && found.Closed == "" {
				found.Closed = "/" + next
			}
		default:
			found.Folder, found.Executable = false, i.Kind == file && i.Exec && i.Others&1 != 0
		}
		at = next
	}
	found.Path = path.Join("/", at)
	return found
}

// item is what the topmost layer that has something to say about a path has there. sure is false if it might
// be something else.
func (t tree) item(name string, hops int) (i item, sure bool) {
	sure = true
	for n, l := range slices.Backward(t) {
		sure = sure && !l.Unsure
		i, found := l.find(name)
		switch {
		case found && i.Kind == hardlink:
			// Its target is in this layer or in one below; what it is called there says nothing of the name here.
			if hops == maxHops || i.Target == name {
				return item{}, false
			}
			to, certain := t[:n+1].item(i.Target, hops+1)
			return to, sure && certain && to.Kind != nothing
		case found && i.Kind.isFolder() && !l.hides(name):
			return t[:n].under(i, sure)
		case found:
			return i, sure
		case l.hides(name):
			return item{}, sure
		}
	}
	return item{}, sure
}

// under is a folder of the layer above, in view of what these layers have in its place. A folder that
// the upper layer only implies is what it was, be it through a link. Programs that unpack do not agree on folders in the place
// of links.
func (t tree) under(folder item, sure bool) (item, bool) {
	below, certain := t.item(folder.Path, 0)
	if below.Kind == nothing || below.Kind.isFolder() {
		if folder.Kind == implied && below.Kind != nothing {
			return below, sure && certain
		}
		return folder, sure
	}
	if folder.Kind == implied && below.Kind == symlink {
		return below, false
	}
	return folder, false
}
