package spec

import (
	"github.com/Masterminds/semver/v3"
)

// describedVersion is a version as git describe gives it for a commit after a tag: v0.1.0-3-gabc1234-dirty.
var describedVersion = pattern(`^v?([0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+?)??)(?:-[0-9]+-g[0-9a-f]+)?(?:-dirty)?$`)

// refuseVersion says that the file is for another version of scar, as Problems; nil where it is for this one. A
// version that is no release, such as dev or a bare commit, fits any file.
func refuseVersion(n *node, version string) error {
	wanted, found := readConstraint(n), describedVersion().FindStringSubmatch(version)
	if wanted == nil || found == nil {
		return nil
	}
	is, err := semver.StrictNewVersion(found[1])
	if err != nil || wanted.Check(is) {
		return nil
	}
	r := &report{}
	r.at(n, "this file wants scar %s, and this is scar %s; install a version that fits", n.text, is)
	return r.err()
}

// checkVersion reports what is no constraint on versions.
func checkVersion(n *node, r *report) {
	if n.str() != "" && readConstraint(n) == nil {
		r.at(n, "wants constraints on versions such as >= 0.1, or >= 0.1, < 2, not %q", shorten(n.text))
	}
}

// readConstraint reads which versions a file is for; nil where it does not say.
func readConstraint(n *node) *semver.Constraints {
	if n.str() == "" || n.tag != "!!str" {
		return nil
	}
	wanted, err := semver.NewConstraint(n.text)
	if err != nil {
		return nil
	}
	wanted.IncludePrerelease = true // 0.2.0-rc.1 has what 0.1 has
	return wanted
}
