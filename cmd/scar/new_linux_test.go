package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNewAsks answers its questions on a terminal.
func TestNewAsks(t *testing.T) {
	dir := t.TempDir()
	cmd, shown, keyboard := onTerminal(t, dir, homeWithoutAWS(dir, "NO_COLOR=1"), "new", "pictures")
	for _, step := range [][2]string{
		{"Name of the function [pictures]: ", "gray/ify"}, {"is not the name of a function", "grayify"},
		{"Name of the project [grayify]: ", "My Pictures"}, {"a project is up to 32 of", ""}, {"Container image [", "dpokidov/imagemagick:7.1"},
		{"What starts it: input, http, schedule or none [input]: ", "cron"}, {"want one of input, http, schedule, none", ""}, {"unique in all of AWS: ", ""}, {"in all of AWS: \r\nBucket", "photos-4711"},
	} {
		shown.await(t, step[0])
		if _, err := io.WriteString(keyboard, step[1]+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	shown.await(t, "Wrote pictures/func.yaml and pictures/grayify.sh.")
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "pictures", "func.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"project: grayify", "image: dpokidov/imagemagick:7.1", "input: [s3://photos-4711/in/]"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// TestNewIsInterrupted writes nothing where the questions are not answered.
func TestNewIsInterrupted(t *testing.T) {
	dir := t.TempDir()
	cmd, shown, keyboard := onTerminal(t, dir, homeWithoutAWS(dir, "NO_COLOR=1"), "new", "pictures")
	shown.await(t, "Name of the function")
	if _, err := keyboard.Write([]byte{3}); err != nil { // Ctrl-C
		t.Fatal(err)
	}
	shown.await(t, "not answered: nothing was written")
	if err := cmd.Wait(); err == nil {
		t.Error("exit code 0")
	}
	if exists(filepath.Join(dir, "pictures")) {
		t.Error("the folder is there")
	}
}
