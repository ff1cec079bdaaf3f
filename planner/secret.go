package planner

import "github.com/scar-go/scar/spec"

// LooksSecret says whether the name of a variable promises something that should not be shown. It is spec.LooksSecret,
// so that a value which messages about a file leave out is left out of plans too.
func LooksSecret(name string) bool { return spec.LooksSecret(name) }
