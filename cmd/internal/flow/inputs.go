package flow

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/scar-go/scar/runtime/storage"
	"github.com/scar-go/scar/spec"
)

// RunInput is a file that scar local run found.
type RunInput struct {
	Name   string // slash-separated path below the folder
	Path   string
	Bucket string
	Key    string
	Taken  bool // a rule of the function takes it; Bucket and Key are set
}

// FindInputs lists the files of a folder and below it, and where in a function's input each goes.
// Symbolic links to files count as the files; folders behind symbolic links are not entered.
func FindInputs(dir string, fn *spec.Function) ([]RunInput, error) {
	var inputs []RunInput
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		in := RunInput{Name: filepath.ToSlash(relative), Path: path}
		if info.Mode().IsRegular() {
			in.place(fn)
		}
		inputs = append(inputs, in)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the files to process: %w", err)
	}
	if !slices.ContainsFunc(inputs, func(in RunInput) bool { return in.Taken }) {
		return nil, fmt.Errorf("%s holds no file that the input of function %s takes", dir, fn.Name)
	}
	return inputs, nil
}

// place finds the first input of the function that takes the file.
func (in *RunInput) place(fn *spec.Function) {
	for _, rule := range ownInputs(fn) {
		key := rule.Prefix + in.Name
		if takes(rule, key, storedByCall) {
			in.Bucket, in.Key, in.Taken = rule.Bucket, key, true
			return
		}
	}
}

// The ways of storing an object that S3 tells apart in its events: by one call, and in parts.
const (
	storedByCall  = "s3:ObjectCreated:Put"
	storedInParts = "s3:ObjectCreated:CompleteMultipartUpload"
)

// storedAs is the way in which a file of so many bytes is put.
func storedAs(size int64) string {
	if size > storage.InPartsAbove {
		return storedInParts
	}
	return storedByCall
}

// takes says whether an object that is stored in a way starts the function.
func takes(rule spec.Input, key, stored string) bool {
	starts := slices.ContainsFunc(rule.Events, func(event string) bool {
		return event == "s3:ObjectCreated:*" || event == stored
	})
	ends := slices.ContainsFunc(rule.Suffix, func(s string) bool { return strings.HasSuffix(key, s) })
	return starts && ends && strings.HasPrefix(key, rule.Prefix)
}

// placement says where in the folder of results an object goes.
type placement struct{ single *spec.Output }

// newPlacement puts the results of the only output below the folder as they are; where there are several,
// each gets a folder named after its bucket. Those of other providers are not fetched.
func newPlacement(f *spec.File) placement {
	var l placement
	for i := range f.Functions {
		for j := range f.Functions[i].Outputs {
			out := &f.Functions[i].Outputs[j]
			if !spec.IsOwnS3(out.Provider) {
				continue
			}
			if l.single != nil && (l.single.Bucket != out.Bucket || l.single.Prefix != out.Prefix) {
				return placement{}
			}
			l.single = out
		}
	}
	return l
}

// path is the path of an object below the folder of results, in the form of this machine.
func (l placement) path(bucket, key string) (string, error) {
	name := bucket + "/" + key
	if l.single != nil && l.single.Bucket == bucket {
		name = strings.TrimPrefix(key, l.single.Prefix)
	}
	local, err := filepath.Localize(name)
	if err != nil {
		return "", errors.New("its key is no path of this machine")
	}
	return local, nil
}
