package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestCommandsAreDescribed makes sure that the help of every command, the original's among them, leaves no question.
func TestCommandsAreDescribed(t *testing.T) {
	for _, c := range runnable(allCommands()) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: Short is %q", c.CommandPath(), c.Short)
		}
		if n := len(examples(c)); n < 2 {
			t.Errorf("%s has %d examples", c.CommandPath(), n)
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s: --%s is not described", c.CommandPath(), f.Name)
			}
		})
	}
}

// TestExamplesAreCommandLines parses what the help of commands shows.
func TestExamplesAreCommandLines(t *testing.T) {
	for _, c := range runnable(allCommands()) {
		named := false
		for _, words := range examples(c) {
			translated, err := translateOld(words)
			if err != nil {
				t.Errorf("%s: %q: %v", c.CommandPath(), words, err)
				continue
			}
			found, rest, err := allCommands().Find(translated.args)
			if err == nil {
				err = found.ParseFlags(rest)
			}
			if err == nil {
				err = found.ValidateArgs(found.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: %q: %v", c.CommandPath(), words, err)
				continue
			}
			named = named || found.CommandPath() == c.CommandPath() || translated.note != ""
		}
		if !named {
			t.Errorf("%s is in none of its examples", c.CommandPath())
		}
	}
}

// TestDataIsPrintedAsJSON makes sure that what prints data does so for programs, too.
func TestDataIsPrintedAsJSON(t *testing.T) {
	otherwise := []string{
		"scar cat",        // prints files as they are
		"scar completion", // prints a script
		"scar convert",    // prints a file
		"scar invoke",     // prints the answer as it is; --json is a body
		"scar schema",     // prints JSON
	}
	for _, c := range runnable(allCommands()) {
		flag := c.Flags().Lookup("json")
		has := flag != nil && flag.Value.Type() == "bool"
		if want := !c.Hidden && !slices.Contains(otherwise, c.CommandPath()); has != want {
			t.Errorf("%s: --json is there: %t, want %t", c.CommandPath(), has, want)
		}
	}
}

// TestNamesOfFunctionsAreCompleted asks every command about functions for the names in a file.
func TestNamesOfFunctionsAreCompleted(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, defaultFile, "project: imaging\nfunctions: {grayify: {image: a}}\n")
	asked := 0
	for _, c := range runnable(allCommands()) {
		if c.Hidden || !slices.ContainsFunc(strings.Fields(c.Use), func(word string) bool { return strings.Trim(word, "[]") == "NAME" }) {
			continue
		}
		asked++
		if c.ValidArgsFunction == nil {
			t.Errorf("%s completes no names", c.CommandPath())
			continue
		}
		c.SetContext(t.Context())
		if names, _ := c.ValidArgsFunction(c, nil, ""); !slices.Contains(names, "grayify") {
			t.Errorf("%s completes %q", c.CommandPath(), names)
		}
	}
	if asked < 5 {
		t.Errorf("only %d commands take the name of a function", asked)
	}
}

func allCommands() *cobra.Command {
	return (&app{lookupEnv: os.LookupEnv}).root()
}

// examples are the command lines of scar in the examples of a command, as words.
func examples(c *cobra.Command) (lines [][]string) {
	for line := range strings.Lines(c.Example) {
		words, begun := []string{}, false
		for _, word := range shellWords(line) {
			switch {
			case word == "scar" && !begun:
				begun = true
			case slices.Contains([]string{"|", "&&", ">", "<"}, word):
				if begun {
					lines = append(lines, words)
				}
				words, begun = []string{}, false
			case begun:
				words = append(words, word)
			}
		}
		if begun {
			lines = append(lines, words)
		}
	}
	return lines
}

// shellWords splits a line as a shell does, as far as examples need it.
func shellWords(line string) (words []string) {
	var word strings.Builder
	quote, inWord := rune(0), false
	for _, r := range strings.TrimSpace(line) + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inWord = r, true
		case quote == 0 && (r == ' ' || r == '(' || r == ')'):
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	return words
}
