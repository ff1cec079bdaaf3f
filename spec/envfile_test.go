package spec

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadEnvFile(t *testing.T) {
	folder := writeFiles(t, map[string]string{"a.env": "\ufeff# test\r\nA=1\nexport B_2 = two words # said\n\nC='$A \"x\"'\nD=\"$A${B_2}\\n#\nend\"\nE: yaml\nF=\n_G=last"})
	got, err := ReadEnvFile(filepath.Join(folder, "a.env"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"A": "1", "B_2": "two words", "C": `$A "x"`, "D": "1two words\n#\nend", "E": "yaml", "F": "", "_G": "last"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := ReadEnvFile(filepath.Join(folder, "b.env")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}

func TestErrorsOfEnvFilesNameTheLine(t *testing.T) {
	line, quote := ": "+errNoLine.Error(), ": "+errOpenQuote.Error()
	for text, want := range map[string]string{
		"A=1\nhunter2\nB=2\n":                         ":2" + line,
		"A=1\nhunter2":                                ":2" + line,
		"A=1\n\n# x\nA-B=hunter2\n":                   ":4" + line,
		"A=1\nhunter 2=x\n":                           ":2" + line,
		"A='1\n2'\nü=hunter2\n":                       ":3" + line,
		"=hunter2\n":                                  ":1" + line,
		"9=hunter2\n":                                 ":1" + line,
		"A.B=hunter2\n":                               ":1" + line,
		"A=1\nB=\"hunter2\nC=3\n":                     ":2" + quote,
		"A=1\nB='hunter2" + strings.Repeat("\n", 3e3): ":2" + quote,
		"A=\"x\" hunter2\n":                           ":1" + line,
	} {
		folder := writeFiles(t, map[string]string{"a.env": text})
		path := filepath.Join(folder, "a.env")
		_, err := ReadEnvFile(path)
		if err == nil || err.Error() != path+want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a value is shown: %v", err)
		}
	}
	folder := writeFiles(t, map[string]string{"a.env": strings.Repeat("#", 1<<20+1)})
	if _, err := ReadEnvFile(filepath.Join(folder, "a.env")); err == nil || !strings.Contains(err.Error(), "larger than 1 MB") {
		t.Errorf("large: %v", err)
	}
}

// FuzzEnvFile gives the reader of variables any bytes: what it takes are names that ${NAME} can name, and what it
// refuses has a line.
func FuzzEnvFile(f *testing.F) {
	for _, seed := range []string{"", "A=1", "A", "A='", "A=\"\\", "export", "export A=$B", "=\n", "A=1\nB", "#", "A=$\\${", "A:b", "\xff=1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		variables, err := parseEnv(text)
		if err != nil {
			if line := envFault(text); line < 1 || line > strings.Count(string(text), "\n")+1 {
				t.Errorf("%q: line %d", text, line)
			}
		}
		for name := range variables {
			if name == "" || nameLength(name) != len(name) {
				t.Errorf("%q is taken for a name", name)
			}
		}
	})
}
