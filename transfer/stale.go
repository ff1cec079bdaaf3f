package transfer

import (
	"io"
	"io/fs"
	"strings"
	"time"
)

// staleAfter is how long nothing has been written to what a get was killed in, before another removes it.
const staleAfter = 24 * time.Hour

// stagingLength is the length of the random part of the name, as of crypto/rand's Text.
const stagingLength = 26

// sweep removes what gets have left in the folder that were killed: only what is this user's, and what nothing has been written
// to for long. What cannot be removed stays, as it is in nobody's way.
func (l *landing) sweep(now time.Time) {
	folder, err := l.root.Open(".")
	if err != nil {
		return
	}
	defer folder.Close()
	for {
		entries, err := folder.ReadDir(1000) // there may be any number of files
		for _, e := range entries {
			random, ours := strings.CutPrefix(e.Name(), stagingPrefix)
			if ours && len(random) == stagingLength && e.IsDir() && l.stale(e.Name(), now) {
				_ = l.root.RemoveAll(e.Name()) // it is tried again by the next get
			}
		}
		if err != nil {
			return
		}
	}
}

// stale says whether nothing has been written to a folder for long, nor to the files in it.
func (l *landing) stale(name string, now time.Time) bool {
	info, err := l.root.Lstat(name)
	if err != nil || !isOwn(info) || now.Sub(info.ModTime()) < staleAfter {
		return false
	}
	folder, err := l.root.Open(name)
	if err != nil {
		return false
	}
	defer folder.Close()
	files, err := folder.ReadDir(-1) // as many as are fetched at a time
	return (err == nil || err == io.EOF) && allBefore(files, now.Add(-staleAfter))
}

func allBefore(files []fs.DirEntry, end time.Time) bool {
	for _, f := range files {
		info, err := f.Info()
		if err != nil || info.IsDir() || info.ModTime().After(end) {
			return false
		}
	}
	return true
}
