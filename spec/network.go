package spec

import "path"

func readVPC(n *node, r *report) *VPC {
	if n == nil || n.kind != mapping {
		return nil
	}
	return &VPC{
		Subnets:        readNames(n.get("subnets"), asWritten, r),
		SecurityGroups: readNames(n.get("security_groups"), asWritten, r),
	}
}

// readMounts reads the file systems of a function.
func (d *draft) readMounts(r *report) {
	n := d.node.get("mounts")
	for _, item := range n.list() {
		at, folder := item.get("access_point"), item.get("path")
		m := Mount{AccessPoint: at.str(), Path: folder.str()}
		if problem := accessPointARN.check(m.AccessPoint); m.AccessPoint != "" && problem != "" {
			r.at(at, "%s", problem)
		}
		if m.Path != "" && path.Clean(m.Path) != m.Path {
			r.at(folder, "%s is no folder below /mnt/; it is like /mnt/data", m.Path)
		}
		d.Mounts = append(d.Mounts, m)
	}
	if len(d.Mounts) > 0 && d.node.get("vpc") == nil {
		r.atKey(n, "needs vpc: a file system of EFS is reached from the subnets of its VPC only; add vpc: {subnets: […], security_groups: […]} to %s", d.Name)
	}
}
