package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/scar-go/scar/runtime/event"
	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/runtime/storage"
)

const (
	maxKey   = 1024 // bytes of a key of S3
	maxNamed = 20   // objects that a message names
)

// result is a file that the script made.
type result struct {
	rel  string // slash-separated path below TMP_OUTPUT_DIR, byte for byte
	path string // of the file to read
}

// upload is one file on its way to one output.
type upload struct {
	from   string
	to     job.Object
	stored bool
	err    error
}

// stageOut stores every file that the script made, in every output that takes it. All is checked before
// the first byte goes out; then all are tried, so that the error can name what is stored and what is not.
func (t *task) stageOut(ctx context.Context) error {
	results, err := collect(t.work.out, func(format string, args ...any) { t.print(Warning, format, args...) })
	if err != nil {
		return fmt.Errorf("list the files in TMP_OUTPUT_DIR: %w", err)
	}
	uploads, err := t.planUploads(results)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, t.storeBy)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(storage.UploadsAtOnce)
	for _, u := range uploads {
		group.Go(func() error {
			u.err = t.send(ctx, u)
			return u.err
		})
	}
	failed := group.Wait()
	for _, u := range uploads {
		if u.stored {
			t.stored = append(t.stored, u.to)
			t.print(Debug, "stored %s, %d bytes", shown(placeOf(u.to)), u.to.Size)
		}
	}
	if failed != nil {
		return describe(uploads)
	}
	return nil
}

func (t *task) send(ctx context.Context, u *upload) error {
	if ctx.Err() != nil {
		return fmt.Errorf("the time was up: %w", ctx.Err())
	}
	store, err := t.openStore(ctx, u.to.Provider)
	if err != nil {
		return err
	}
	u.to.Size, err = store.Upload(ctx, u.to.Bucket, u.to.Key, u.from)
	u.stored = err == nil
	return err
}

// planUploads says what goes where, and refuses what cannot be stored.
func (t *task) planUploads(results []result) ([]*upload, error) {
	folder := ""
	if t.object != nil && t.Job.KeepFolders {
		folder = inputFolder(t.Job.Inputs, t.object)
	}
	var uploads []*upload
	taken := map[string]string{}
	for _, r := range results {
		outputs, err := outputsOf(t.Job.Outputs, r.rel)
		if err != nil {
			return nil, err
		}
		if len(outputs) == 0 {
			t.print(Info, "%q is not stored: no output takes it", r.rel)
		}
		for _, o := range outputs {
			to := job.Object{Provider: o.Provider, Bucket: o.Bucket, Key: o.Prefix + folder + r.rel}
			if err := t.checkKey(to); err != nil {
				return nil, fmt.Errorf("%q cannot be stored as %s: %w", r.rel, cut(shown(placeOf(to)), messageTail/4), err)
			}
			place := placeOf(to)
			if other, ok := taken[place]; ok {
				return nil, fmt.Errorf("%q and %q would both be stored as %s", other, r.rel, shown(place))
			}
			taken[place] = r.rel
			uploads = append(uploads, &upload{from: r.path, to: to})
		}
	}
	return uploads, nil
}

// placeOf is what messages call an output.
func placeOf(o job.Object) string { return placeName(o.Provider, o.Bucket, o.Key) }

// inputFolder is the folder of an input below its input prefix, the longest that covers it: empty, or with a slash at its end.
func inputFolder(inputs []job.Input, o *event.Object) string {
	folder := o.Key[:strings.LastIndexByte(o.Key, '/')+1]
	longest := ""
	for _, in := range inputs {
		if in.Provider == providerOf(o) && in.Bucket == o.Bucket && len(in.Prefix) > len(longest) && strings.HasPrefix(folder, in.Prefix) {
			longest = in.Prefix
		}
	}
	return folder[len(longest):]
}

// checkKey refuses a key that S3 would not take, or that is not the script's to write. Other providers have rules of their own,
// which their stores know.
func (t *task) checkKey(to job.Object) error {
	own := to.Provider == job.OwnS3
	switch {
	case len(to.Key) > maxKey && (own || t.Job.Storage[to.Provider].Type.HasBuckets()):
		return fmt.Errorf("its key would have %d bytes, S3 takes %d at most", len(to.Key), maxKey)
	case !utf8.ValidString(to.Key):
		return errors.New("its name is not UTF-8, which keys are")
	case own && strings.HasPrefix(to.Key, job.RecordsPrefix):
		return fmt.Errorf("the folder %s of a bucket is kept for records", job.RecordsPrefix)
	}
	return nil
}

// collect lists the regular files below a folder. A symbolic link counts as the file that it leads to if that lies
// below the folder too; other links, and what is no file at all, are left out with a warning.
func collect(root string, warn func(format string, args ...any)) ([]result, error) {
	info, err := os.Lstat(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("the script replaced it by a %s", kind(info.Mode()))
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return nil, err
	}
	var results []result
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return permit(path, entry, 0o500)
		}
		rel := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
		switch mode := entry.Type(); {
		case mode.IsRegular():
			results = append(results, result{rel, path})
			return permit(path, entry, 0o400)
		case mode&fs.ModeSymlink != 0:
			target, err := insideTarget(root, path)
			if err != nil {
				warn("%q is not stored: %v", rel, err)
				return nil
			}
			results = append(results, result{rel, target})
		default:
			warn("%q is not stored: it is a %s", rel, kind(mode))
		}
		return nil
	})
	return results, err
}

// permit lets this process read what the script has forbidden itself to read.
func permit(path string, entry fs.DirEntry, needed fs.FileMode) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&needed != needed {
		return os.Chmod(path, mode|needed)
	}
	return nil
}

// insideTarget is the regular file below root that a symbolic link leads to.
func insideTarget(root, link string) (string, error) {
	target, err := filepath.EvalSymlinks(link)
	if err != nil {
		return "", fmt.Errorf("it is a symbolic link that leads nowhere: %w", reason(err))
	}
	if !strings.HasPrefix(target, root+string(filepath.Separator)) {
		return "", errors.New("it is a symbolic link out of TMP_OUTPUT_DIR")
	}
	info, err := os.Stat(target)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("it is a symbolic link to a %s", kind(info.Mode()))
	}
	return target, nil
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "folder"
	case mode.IsRegular():
		return "file"
	case mode&fs.ModeSymlink != 0:
		return "symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

// describe says what is stored and what is not.
func describe(uploads []*upload) error {
	var stored, missing []string
	for _, u := range uploads {
		if u.stored {
			stored = append(stored, shown(placeOf(u.to)))
		} else {
			place := shown(placeOf(u.to))
			why := strings.TrimPrefix(u.err.Error(), "store "+place+": ") // which stores say as well
			missing = append(missing, fmt.Sprintf("%s (%s)", place, cut(why, messageTail/4)))
		}
	}
	return fmt.Errorf("%d of %d outputs could not be stored: %s; stored: %s",
		len(missing), len(uploads), enumerate(missing), enumerate(stored))
}

func enumerate(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	if more := len(names) - maxNamed; more > 0 {
		names = append(names[:maxNamed:maxNamed], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// outputsOf is the outputs of the job that receive a file, by its path below the folder of outputs.
func outputsOf(outputs []job.Output, rel string) ([]job.Output, error) {
	var matching []job.Output
	for _, o := range outputs {
		matched := len(o.Match) == 0
		for _, pattern := range o.Match {
			ok, err := job.Match(pattern, rel)
			if err != nil {
				return nil, fmt.Errorf("output %s: match %q: %w", placeName(o.Provider, o.Bucket, o.Prefix), pattern, err)
			}
			matched = matched || ok
		}
		if matched && !slices.ContainsFunc(matching, func(m job.Output) bool {
			return m.Provider == o.Provider && m.Bucket == o.Bucket && m.Prefix == o.Prefix
		}) {
			matching = append(matching, o)
		}
	}
	return matching, nil
}
