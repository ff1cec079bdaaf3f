package spec

import (
	"github.com/Masterminds/semver/v3"
)

// describedVersion is a version as git describe gives it for a commit after a tag: v0.1.0-3-gabc1234-dirty.
var describedVersion = pattern(`^v?([0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+?)??)(?:-[0-9]+-g[0-9a-f]+)?(?:-dirty)?$`)

// refuseVersion says that the file is for another version of scar, as Problems; nil where it is for this one. A
// version that is no release, such as dev or a bare commit, fits any file. What is no constraint is reported like
// any other problem.
func refuseVersion(n *node, version string, r *report) error {
	text := n.str()
	if text == "" || n.tag != "!!str" {
		return nil
	}
	wanted, err := semver.NewConstraint(text)
	if err != nil {
		r.at(n, "wants constraints on versions such as >= 0.1, or >= 0.1, < 2, not %q", shorten(text))
		return nil
	}
	found := describedVersion().FindStringSubmatch(version)
	if found == nil {
		return nil
	}
	is, err := semver.StrictNewVersion(found[1])
	if err != nil {
		return nil
	}
	wanted.IncludePrerelease = true // 0.2.0-rc.1 has what 0.1 has
	if !wanted.Check(is) {
		refusal := &report{}
		refusal.at(n, "this file wants scar %s, and this is scar %s; install a version that fits", text, is)
		return refusal.err()
	}
	return nil
}
