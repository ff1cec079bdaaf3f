package planner

import "github.com/scar-go/scar/spec"

// originalFile is the variable of a function in which the original kept the whole file that it was made from, as base64, with the
// credentials of its storage providers.
const originalFile = "FDL"

// LooksSecret says whether the name of a variable promises something that should not be shown. It is spec.LooksSecret,
// so that a value which messages about a file leave out is left out of plans too, and the variable that functions of the
// original have.
func LooksSecret(name string) bool { return name == originalFile || spec.LooksSecret(name) }
