package planner

import (
	"slices"
	"strings"
	"unicode"
)

// secretWords are parts of the names of variables that hold secrets, as people name them.
var secretWords = []string{
	"secret", "token", "passw", "passphrase", "pwd", "credential", "apikey", "accesskey", "privatekey", "authorization",
}

// LooksSecret says whether the name of a variable promises something that should not be shown. Case and
// what separates its words do not matter.
func LooksSecret(name string) bool {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("_-.", r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
	return slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(name, word) })
}
