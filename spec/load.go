package spec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Options are what Load needs beside the paths.
type Options struct {
	Stdin io.Reader // read for the path -; relative paths in it are relative to the working directory

	// Lookup finds the variables that ${NAME} stands for; nil: there are none.
	Lookup func(name string) (value string, found bool)

	Version    string // of scar, compared with required_version; empty, dev or a bare commit: any fits
	AllowLoops bool   // outputs may start functions without end

	Project     string // of a classic file, which names none; empty: that of its first function
	Settings    string // path of scar.cfg, the defaults of classic files; empty, or no such file: there are none
	KeepUnbuilt bool   // functions of Batch and services of OSCAR are read, not refused
}

// stdinName is what standard input is called in messages.
const stdinName = "<stdin>"

// Load reads a project from its files. Later files overlay earlier ones: mappings are merged, scalars
// and lists replaced. The path - is standard input.
//
// What is wrong with the files themselves is returned as Problems, all of it at once, but for a required_version that
// is not this one, which is the only problem then. That a file cannot be opened, or that ctx has ended, is another error.
func Load(ctx context.Context, paths []string, opts Options) (*File, error) {
	sources, err := readSources(paths, opts)
	if err != nil {
		return nil, err
	}
	g, err := newGrammar()
	if err != nil {
		return nil, err
	}
	r := &report{}
	read, err := g.read(sources, opts, r, withDisk)
	if err != nil {
		return nil, err
	}
	f, drafts, err := g.checkReading(read, r)
	if err != nil {
		return nil, err
	}
	d := newDisk(r)
	for _, draft := range drafts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := d.open(ctx, draft); err != nil {
			return nil, err
		}
		if read.classic != nil {
			read.classic.open(d, draft)
		}
		f.Functions = append(f.Functions, draft.Function)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	f.Path = paths[0]
	return f, nil
}

// LoadProject reads project, region and profile only, for commands that remove things: what is wrong
// with the functions, or is gone from the disk, is no obstacle. A file for another version of scar is one: that may
// know things to remove which this one does not. Its errors are those of Load.
func LoadProject(ctx context.Context, paths []string, opts Options) (*File, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	sources, err := readSources(paths, opts)
	if err != nil {
		return nil, err
	}
	g, err := newGrammar()
	if err != nil {
		return nil, err
	}
	r := &report{}
	f, err := g.checkOnly(sources, opts, []string{"required_version", "project", "region", "profile"}, r)
	if err != nil {
		return nil, err
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	f.Path = paths[0]
	return f, nil
}

// Outline reads what can be made out of the files, for commands that offer names: what is wrong with
// them is no obstacle, and of the functions only what the files themselves say is there, no script, no
// list of files. The error is that they cannot be read at all.
func Outline(ctx context.Context, paths []string, opts Options) (*File, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	sources, err := readSources(paths, opts)
	if err != nil {
		return nil, err
	}
	g, err := newGrammar()
	if err != nil {
		return nil, err
	}
	opts.Version = "" // what a newer version would read is more than nothing
	f, drafts, err := g.check(sources, opts, &report{})
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, fmt.Errorf("%s cannot be read as a file of functions", paths[0])
	}
	for _, draft := range drafts {
		f.Functions = append(f.Functions, draft.Function)
	}
	f.Path = paths[0]
	return f, nil
}

// check does all that can be done without opening what the files name.
func (g *grammar) check(sources []*source, opts Options, r *report) (*File, []*draft, error) {
	read, err := g.read(sources, opts, r, textOnly)
	if err != nil {
		return nil, nil, err
	}
	return g.checkReading(read, r)
}

// checkReading checks a tree that has been read, and adds what only classic files say.
func (g *grammar) checkReading(read *reading, r *report) (*File, []*draft, error) {
	if read.root == nil {
		return nil, nil, r.err()
	}
	f, drafts, err := g.checkTree(read.root, read.opts, r)
	if err == nil && read.classic != nil {
		read.classic.complete(f, drafts)
	}
	return f, drafts, err
}

// checkOnly looks at some keys of the file and takes it that there are no functions.
func (g *grammar) checkOnly(sources []*source, opts Options, keys []string, r *report) (*File, error) {
	all := &report{}
	read, err := g.read(sources, opts, all, headOnly)
	if err != nil {
		return nil, err
	}
	root := read.root
	for _, f := range all.found {
		if root == nil || slices.Contains(keys, f.path) {
			r.add(f)
		}
	}
	if root == nil {
		return nil, r.err()
	}
	if root.kind == mapping {
		only := *root
		only.index = nil
		only.fields = []field{{"functions", &node{src: root.src, kind: mapping}}}
		for _, key := range keys {
			if value := root.get(key); value != nil {
				only.fields = append(only.fields, field{key, value})
			}
		}
		root = &only
	}
	f, _, err := g.checkTree(root, read.opts, r)
	return f, err
}

// checkTree checks a tree. A file of another version of scar may hold what this one does not know, so that is said
// first, and nothing else.
func (g *grammar) checkTree(root *node, opts Options, r *report) (*File, []*draft, error) {
	r.hideSecrets(root)
	in := interpolation{lookup: opts.Lookup, report: r}
	in.resolve(root, g.root, fileLevel)
	if refused := refuseVersion(root.get("required_version"), opts.Version); refused != nil {
		return nil, nil, refused
	}
	if err := g.validate(root, r); err != nil {
		return nil, nil, err
	}
	f, drafts := describe(root, opts, r)
	if opts.Project != "" && f.Project != "" && f.Project != opts.Project {
		return nil, nil, fmt.Errorf("%s names its project itself, %s, so it cannot be %s: --project is for files in the classic Function Definition Language",
			root.src.name, f.Project, opts.Project)
	}
	return f, drafts, nil
}

// readTree parses the files and lays them over each other. Where one makes no sense at all, it reports
// that and returns nil.
func readTree(sources []*source, r *report) *node {
	var root *node
	failed := false
	for _, src := range sources {
		tree := parse(src, r)
		switch {
		case tree == nil:
			failed = true
		case len(sources) > 1 && classicMark(tree) != nil:
			r.atKey(classicMark(tree), "a file in the classic Function Definition Language stands alone; convert it with scar convert to use it with other files")
			failed = true
		case root == nil:
			root = tree
		default:
			root = overlay(root, tree, fileLevel)
		}
	}
	if failed {
		return nil
	}
	return root
}

// depth says how much of a classic file is read.
type depth int

const (
	headOnly depth = iota // project, region and profile
	textOnly              // what it says
	withDisk              // what its scripts and payloads decide, too
)

// reading is what files say, in the native format.
type reading struct {
	root    *node    // nil: they make no sense at all, as has been reported
	opts    Options  // for what reads on
	classic *classic // nil: the files are native
}

// read reads files, and a classic one in the words of the native format. The error is another one than a problem.
func (g *grammar) read(sources []*source, opts Options, r *report, d depth) (*reading, error) {
	root := readTree(sources, r)
	switch {
	case root == nil:
		return &reading{}, nil
	case classicMark(root) != nil:
		return readClassic(root, opts, r, d)
	default:
		return &reading{root: root, opts: opts}, nil
	}
}

func readSources(paths []string, opts Options) ([]*source, error) {
	if len(paths) == 0 {
		return nil, errors.New("read the file of functions: no path is given")
	}
	sources := make([]*source, len(paths))
	for i, path := range paths {
		src, err := readSource(path, opts)
		if err != nil {
			return nil, err
		}
		src.index = i
		sources[i] = src
	}
	return sources, nil
}

// readSource reads a file, one byte more than the largest that makes sense at most.
func readSource(path string, opts Options) (*source, error) {
	src := &source{name: path}
	reader, folder := opts.Stdin, "."
	if path == "-" {
		src.name = stdinName
		if reader == nil {
			return nil, errors.New("read the file of functions: standard input is not available")
		}
	} else {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read the file of functions: %w", err)
		}
		defer file.Close()
		reader, folder = file, filepath.Dir(path)
	}
	var err error
	if src.text, err = io.ReadAll(io.LimitReader(reader, maxSource+1)); err != nil {
		return nil, fmt.Errorf("read the file of functions: %w", err)
	}
	if src.dir, err = filepath.Abs(folder); err != nil {
		return nil, fmt.Errorf("find the folder of %s: %w", src.name, err)
	}
	return src, nil
}
