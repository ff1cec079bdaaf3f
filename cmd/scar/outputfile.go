package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// writeOutput writes what a command was asked for to standard output, or to the file that the user named, - for standard
// output. A file is complete or is not changed.
func (a *app) writeOutput(path string, content []byte) error {
	return a.copyOutput(path, bytes.NewReader(content))
}

// copyOutput is writeOutput for what comes as a stream.
func (a *app) copyOutput(path string, content io.Reader) error {
	if path == "" || path == "-" {
		return copyTo(a.stdout, content, "standard output")
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		target = path // it is not there yet
	}
	if info, err := os.Stat(target); err == nil && !info.Mode().IsRegular() {
		return writeDevice(target, content)
	}
	temporary, err := createBeside(target)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = copyTo(temporary, content, path)
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), target)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}

// canWrite says, before there is anything to write, whether writeOutput could write to a path: what a function answers is there
// once.
func canWrite(path string) error {
	if path == "" || path == "-" {
		return nil
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		target = path
	}
	switch info, err := os.Stat(target); {
	case err == nil && info.IsDir():
		return fmt.Errorf("write %s: it is a folder", path)
	case err == nil && !info.Mode().IsRegular():
		return nil // opening a pipe waits for its reader
	}
	temporary, err := createBeside(target)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return errors.Join(temporary.Close(), os.Remove(temporary.Name()))
}

func copyTo(w io.Writer, content io.Reader, name string) error {
	if _, err := io.Copy(w, content); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// writeDevice writes to what is there and is no file, such as a terminal or a pipe.
func writeDevice(path string, content io.Reader) error {
	device, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return errors.Join(copyTo(device, content, path), device.Close())
}

// createBeside makes a file in the folder of another, with the rights that new files have.
func createBeside(path string) (*os.File, error) {
	for n := 0; ; n++ {
		name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d-%d", filepath.Base(path), os.Getpid(), n))
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, os.ErrExist) && n < 100 {
			continue
		}
		return file, err
	}
}
