package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/internal/proof"
	"github.com/scar-go/scar/runtime/job"
)

// parts are what the parts of a key, and the names of files, are tried with: what programs, shells, file systems, URLs,
// XML and terminals have been known to stumble over. None holds a slash or a zero byte, and each can be the name of a file.
func parts() []string {
	list := []string{
		" ", "  ", " lead", "trail ", "two words", "\t", "tab\there", "\n", "new\nline", "end\n", "cr\r", "crlf\r\n", "\a", "\x1b[31mred", "\x7f", "\x01",
		"+", "a+b", "%", "%%", "100%", "%20", "a%20b", "%2B", "%2F", "%2e%2e%2f", "%00", "%zz", "%25", "+%2B+",
		"ü", "u\u0308", "ﬁ", "日本語.png", "Ω≈ç", "🐈", "👨‍👩‍👧", "שלום", "\u202egnp.exe", "\u200b", "\ufeff", "\u00a0", "\u2028", "\u0085", "\ufffd", "\U0010ffff", "İ", "ß",
		"...", "....", "..a", "a..", ". .", ".hidden", "~", "~root", "-", "--", "-rf", "--help", "-n", "-", "--version",
		"script", "init_script.sh", "job.json", "runtime", "event.json", "object", "core", "lost+found", "con", "CON", "nul.txt", "aux.", "a:b", "a:$DATA",
		"$(id)", "$(touch pwned)", "`id`", "`touch pwned`", "${HOME}", "$HOME", "$$", "!!", "!", "#", "#!", "&", "&&", ";", ";id", "|", "||", "<", ">", "<>", "<a>", "&amp;", "]]>",
		"'", "''", "\"", `"quoted"`, "it's", `\`, `\\`, `back\slash`, `\n`, `\0`, `\x41`, "*", "**", "?", "[a]", "[!a]", "{a,b}", "(a)", "=", "a=b", "@", "^", ",",
		"a?b=c", "a&b=c", "?uploads", "?versionId=1", "a#b", "x.tar.gz", ".gz", "a.", "a b.JPG", "null", "true", "NaN", "0", "00", "1e3", "{}", "[]", `{"a":1}`, "%s%n%d", "{{.}}",
		strings.Repeat("n", 255), strings.Repeat("ü", 127), strings.Repeat("日", 85), strings.Repeat("🐈", 63), "x." + strings.Repeat("e", 253), strings.Repeat("a.", 120),
	}
	for c := rune(1); c <= 0x7f; c++ {
		if c != '/' {
			list = append(list, "x"+string(c)+"y")
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// objectKeys are the keys that are tried, each with what becomes of it.
func objectKeys() []keyCase {
	exact := func(keys ...string) (cases []keyCase) {
		for _, key := range keys {
			cases = append(cases, keyCase{key: key, output: "out/" + strings.TrimPrefix(key, "in/")})
		}
		return cases
	}
	var cases []keyCase
	for i, part := range parts() {
		cases = append(cases, exact("in/"+part)...)
		if i%3 == 0 {
			cases = append(cases, exact("in/"+part+"/"+part+"/file")...)
		}
	}
	cases = append(cases, exact(
		"in/a", "in/a/b", "in/a/b/c", "in/A", "in//x", "in///x", "in/a//b", "in/a///b", "in/./x", "in/../x", "in/../../x", "in/a/../../b", "in/a/./b", "in/../../../../etc/passwd",
		"in/../in/x", "in/..%2f..%2fx", `in/..\..\x`, "in/in/x", "in/out/x", "in/tmp/x", "in/~/x", "in/-rf/x", "in/ /x", "in/\n/x",
		"top", "top level", "other/x", "/lead", "//lead", "/in/lead", "../up", "./here", "in", "IN/x", "in2/x", "out/x", "scar/x", ".scar", ".scarf/x",
		"in/"+strings.Repeat("d/", 508)+"1020", "in/"+strings.Repeat("ü/", 300)+"f", "in/"+strings.Repeat(strings.Repeat("k", 200)+"/", 5)+"k",
	)...)
	return append(cases, inexactKeys()...)
}

// inexactKeys are keys whose last part can be no file's name, or that give no key for an output.
func inexactKeys() []keyCase {
	n, ext := strings.Repeat("n", 255), ".tiff"
	return []keyCase{
		{key: "in/.", output: "out/object"},
		{key: "in/..", output: "out/object"},
		{key: "in/a/..", output: "out/a/object"},
		{key: "in/../..", output: "out/../object"},
		{key: "..", output: "out/object"},
		{key: ".", output: "out/object"},
		{key: "/", output: "out//object"},
		{key: "///", output: "out////object"},
		{key: "in/folder/", output: "out/folder/folder"},
		{key: "in/folder//", output: "out/folder//folder"},
		{key: "in/../", output: "out/../object"},
		{key: "in/nul\x00byte", output: "out/nul_byte"},
		{key: "in/\x00", output: "out/_"},
		{key: "in/" + n + "n", output: "out/" + n},
		{key: "in/" + strings.Repeat("n", 900) + ext, output: "out/" + n[:250] + ext},
		{key: "in/" + strings.Repeat("ü", 500), output: "out/" + strings.Repeat("ü", 127)},
		{key: "in/x" + strings.Repeat("ü", 500), output: "out/x" + strings.Repeat("ü", 127)},
		{key: "in/" + strings.Repeat("日", 200) + ".jpeg", output: "out/" + strings.Repeat("日", 83) + ".jpeg"},
		{key: "in/" + strings.Repeat("🐈", 200), output: "out/" + strings.Repeat("🐈", 63)},
		{key: "in/x." + strings.Repeat("e", 300), output: "out/x." + strings.Repeat("e", 253)},

		{key: "in/" + strings.Repeat("d/", 510) + "x", refused: job.ErrStageOut}, // 1,024 bytes; its output's would be one more
		{key: "in/" + strings.Repeat("d/", 510), refused: job.ErrStageOut},
		{key: strings.Repeat("d/", 511) + "x", refused: job.ErrStageOut},
		{key: strings.Repeat("/", 1024), refused: job.ErrStageOut},
		{key: "in/\xff", refused: job.ErrStageOut},
		{key: "in/\xc3", refused: job.ErrStageOut},
		{key: "in/a\x80b", refused: job.ErrStageOut},
		{key: "in/\xed\xa0\x80", refused: job.ErrStageOut}, // half of a surrogate pair
		{key: "in/\xc0\xaf", refused: job.ErrStageOut},     // a slash in more bytes than it needs
		{key: "in/\xf4\x90\x80\x80", refused: job.ErrStageOut},
		{key: "in/\xff/x", refused: job.ErrStageOut},
		{key: "in/none", absent: true, refused: job.ErrStageIn},
		{key: "in/none/..", absent: true, refused: job.ErrStageIn},
		{key: "../none", absent: true, refused: job.ErrStageIn},
	}
}

// keyCase is one key of an object.
type keyCase struct {
	key     string
	output  string // the key under which its copy is stored
	refused string // the type of error, for one that is refused
	absent  bool   // there is no such object
}

// exact says whether the copy has the key of the object, but for the folders that the job names.
func (c keyCase) exact() bool {
	return c.refused == "" && c.output == "out/"+strings.TrimPrefix(c.key, "in/")
}

// copying copies the object to a file of the same name, if everything is as it should be.
const copying = `#!/bin/sh
set -e
case "$INPUT_FILE_PATH" in "$TMP_INPUT_DIR"/*) ;; *) echo "outside: $INPUT_FILE_PATH"; exit 1;; esac
[ ! -L "$INPUT_FILE_PATH" ] && [ -f "$INPUT_FILE_PATH" ]
[ "$(dirname "$INPUT_FILE_PATH"; echo .)" = "$TMP_INPUT_DIR
." ] || { echo "not in the folder itself: $INPUT_FILE_PATH"; exit 1; }
cp -- "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/"
printf %s "$STORAGE_OBJECT_KEY"
`

// TestEveryKeyComesBackOrIsRefused stores an object under each key, has a script copy it to a file of the same name, and
// looks for the copy: it has the same key below the output's folder and the same content, or, where a file cannot have
// that name, the one that the guide says, or the invocation is refused with nothing stored.
func TestEveryKeyComesBackOrIsRefused(t *testing.T) {
	f := start(t, newJob(), copying)
	before := f.surroundings()
	want, inputs := map[string]string{}, map[string]bool{}
	var exact, renamed, refused, outside int
	for _, c := range objectKeys() {
		inputs[c.key] = true
		content := fmt.Sprintf("what %q holds", c.key)
		switch {
		case c.refused != "":
			refused++
			f.refuseKey(c, content)
			continue
		case c.exact():
			exact++
		default:
			renamed++
		}
		// A variable holds no zero byte.
		if got := f.output(f.invoke(f.put(c.key, content))); got != strings.ReplaceAll(c.key, "\x00", "") {
			t.Errorf("key %q: the script saw %q", c.key, got)
		}
		want[c.output] = content
		if got := f.content(c.output); got != content {
			t.Errorf("key %q: %q holds %q", c.key, c.output, got)
		}
		f.checkClean()
	}
	got := f.objects("out/")
	for key := range f.objects("") {
		if !strings.HasPrefix(key, "out/") && !strings.HasPrefix(key, job.RecordsPrefix) && !inputs[key] {
			t.Errorf("%q is stored outside of the output's folder", key)
			outside++
		}
	}
	delete(got, "out/x") // is an input and the output of another
	delete(want, "out/x")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, f.surroundings()); diff != "" {
		t.Errorf("files outside of the workspace: %s", diff)
	}
	proof.Count(t, "object keys", float64(exact+renamed+refused), "")
	proof.Count(t, "object keys stored under the same name", float64(exact), "")
	proof.Count(t, "object keys refused explicitly", float64(refused), "")
	proof.Count(t, "object keys outside their folder", float64(outside), "")
}

// refuseKey checks that an event of this key is a failed invocation that has stored nothing.
func (f *function) refuseKey(c keyCase, content string) {
	f.t.Helper()
	before := keys(f.objects("out/"))
	event := created(f.t, c.key)
	if !c.absent {
		f.store(c.key, content)
	}
	f.wantFailure(f.invoke(event), c.refused)
	if got := keys(f.objects("out/")); !slices.Equal(got, before) {
		f.t.Errorf("key %q is refused, but something is stored: %q", c.key, got)
	}
	f.checkClean()
}

// content is what an object holds, or says that there is none.
func (f *function) content(key string) string {
	f.t.Helper()
	content, ok := f.objects(key)[key]
	if !ok {
		return "no such object"
	}
	return content
}

// surroundings are the files that a program could have touched which follows a path out of its folder: those of the
// function beside its /tmp, where it was started too, the folder that holds the function, and some of the machine's own.
func (f *function) surroundings() map[string]string {
	f.t.Helper()
	found := map[string]string{}
	note := func(path string, info fs.FileInfo) {
		found[path] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime())
	}
	temp := filepath.Join(f.root, "tmp")
	err := filepath.WalkDir(filepath.Dir(f.root), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == temp {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err == nil {
			note(path, info)
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	for _, path := range []string{"/", "/etc", "/etc/passwd"} {
		info, err := os.Stat(path)
		if err != nil {
			f.t.Fatal(err)
		}
		note(path, info)
	}
	return found
}

// TestNamesOfResultsAreKept has a script make a file of each name. One object names them, so that no name is in the script.
func TestNamesOfResultsAreKept(t *testing.T) {
	f := start(t, newJob(), `#!/bin/sh
xargs -0 -n 1 sh -c 'mkdir -p -- "$TMP_OUTPUT_DIR/${1%/*}" && printf %s "$1" > "$TMP_OUTPUT_DIR/$1"' sh < "$INPUT_FILE_PATH"
`)
	want := map[string]string{}
	var list strings.Builder
	for i, part := range parts() {
		name := "./" + part
		if i%2 == 0 {
			name = part + ".d/" + part
		}
		if len(part) > 250 {
			name = fmt.Sprintf("%d/%s", i, part)
		}
		list.WriteString(name + "\x00")
		want["out/"+strings.TrimPrefix(name, "./")] = name
	}
	f.output(f.invoke(f.put("in/names", list.String())))
	if diff := cmp.Diff(want, f.objects("out/")); diff != "" {
		t.Error(diff)
	}
	f.checkClean()
	proof.Count(t, "names of results", float64(len(want)), "")
}

// TestNameOfAResultFromAnObject has a script copy an object to the file that the object's content names, one by one.
func TestNameOfAResultFromAnObject(t *testing.T) {
	f := start(t, newJob(), `#!/bin/sh
set -e
name=$(cat "$INPUT_FILE_PATH"; echo .)
cp -- "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/${name%.}"
touch "$TMP_OUTPUT_DIR/beside"
`)
	want := map[string]string{"out/beside": ""}
	for i, name := range parts() {
		if i%2 == 1 {
			continue
		}
		want["out/"+name] = name
		f.output(f.invoke(f.put("in/a", name)))
		if got := f.content("out/" + name); got != name {
			t.Errorf("%q holds %q", name, got)
		}
	}
	for _, name := range []string{"\xff", "\xc3", "a\x80b", "\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80", "ü\xcc"} {
		if utf8.ValidString(name) {
			t.Errorf("%q is UTF-8", name)
		}
		f.wantFailure(f.invoke(f.put("in/a", name)), job.ErrStageOut, "not UTF-8")
	}
	f.wantFailure(f.invoke(f.put("in/a", strings.Repeat("n", 256))), job.ErrScriptFailed, "name too long")
	if diff := cmp.Diff(want, f.objects("out/")); diff != "" {
		t.Error(diff)
	}
}
