package spec

import "strconv"

// modeLambda is the Mode of a function that runs on Lambda, and nowhere else. The others are batch and lambda-batch.
const modeLambda = "lambda"

// The defaults of a block of batch. The schema names the same, which a test compares.
const (
	defaultVCPUs       = 1.0
	defaultBatchMemory = 2048 // MB
	defaultPlatform    = "fargate"
	defaultMaxVCPUs    = 16
)

// readMode reads what runs a function. All but Lambda is refused, unless the file is only to be looked at.
func (d *draft) readMode(keepUnbuilt bool, r *report) {
	n := d.node.get("mode")
	d.Mode = n.or(modeLambda)
	switch {
	case d.Mode == modeLambda:
	case keepUnbuilt:
		r.note(n, "%s is not supported by this version, so %s cannot be planned", d.Mode, d.Name)
	default:
		r.at(n, "%s is not supported by this version; functions run on Lambda, for 15 minutes at most, mode: lambda, which needs no mention", d.Mode)
	}
	d.Batch = d.readBatch(r)
}

// readBatch reads what AWS Batch runs a function on; nil where the file has none. It is kept whatever the mode is, and a
// note says where it means nothing.
func (d *draft) readBatch(r *report) *Batch {
	n := d.node.get("batch")
	if n == nil || n.kind != mapping {
		return nil
	}
	if d.Mode == modeLambda {
		r.note(n, "batch means nothing while mode is lambda")
	}
	b := &Batch{
		VCPUs:          n.get("vcpus").decimal(defaultVCPUs),
		Memory:         n.get("memory").quantity("MB", defaultBatchMemory),
		GPUs:           n.get("gpus").number(0),
		Subnets:        readNames(n.get("subnets"), asWritten, r),
		SecurityGroups: readNames(n.get("security_groups"), asWritten, r),
		Platform:       n.get("platform").or(defaultPlatform),
		InstanceTypes:  readNames(n.get("instance_types"), asWritten, r),
		MinVCPUs:       n.get("min_vcpus").number(0),
		DesiredVCPUs:   n.get("desired_vcpus").number(0),
		MaxVCPUs:       n.get("max_vcpus").number(defaultMaxVCPUs),
		InstanceRole:   n.get("instance_role").str(),
		ServiceRole:    n.get("service_role").str(),
		LaunchTemplate: n.get("launch_template").str(),
		Nodes:          n.get("nodes").number(0),
		MainNode:       n.get("main_node").number(0),
		Env:            map[string]string{},
	}
	if env := n.get("env"); env != nil {
		for _, f := range env.fields {
			b.Env[f.name] = f.value.str()
		}
	}
	if main := n.get("main_node"); main != nil && !main.bad && b.MainNode >= max(b.Nodes, 1) {
		r.at(main, "%d is not below nodes, which is %d: they are counted from 0", b.MainNode, b.Nodes)
	}
	return b
}

// decimal is a number that may have a fraction; absent where there is none.
func (n *node) decimal(absent float64) float64 {
	if value, err := strconv.ParseFloat(n.str(), 64); err == nil {
		return value
	}
	return absent
}
