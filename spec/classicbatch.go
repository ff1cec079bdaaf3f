package spec

import "strconv"

// The defaults of the original for jobs of Batch that differ from those of the native format.
const (
	classicJobMemory = 1024 // MB
	classicMaxVCPUs  = 2
	classicNodes     = 10
	classicPlatform  = "ec2"
	classicTemplate  = "faas-supervisor" // which the original made itself
)

// readMode reads what runs the function, and the block of batch, which is kept whatever that is.
func (f *classicFunction) readMode() {
	mode, batch := f.lambda.get("execution_mode"), f.item.get("batch")
	if mode.str() != "" && mode.text != modeLambda {
		f.out.set("mode", f.word(mode))
		if batch == nil {
			batch = made(mode, mapping)
		}
	}
	if batch == nil || batch.kind != mapping {
		return
	}
	resources := batch.get("compute_resources")
	b := f.mapping(batch, "batch")
	f.out.set("batch", b)
	b.set("vcpus", f.value(batch.get("vcpus")))
	b.set("memory", f.valueOr(batch, batch.get("memory"), classicJobMemory))
	if gpu := batch.get("enable_gpu"); gpu.truth(false) {
		b.set("gpus", f.number(gpu, 1))
	}
	b.set("platform", f.text(batch, classicPlatform))
	b.set("subnets", f.words(resources.get("subnets")))
	b.set("security_groups", f.words(resources.get("security_group_ids")))
	b.set("instance_types", f.words(resources.get("instance_types")))
	b.set("min_vcpus", f.value(resources.get("min_v_cpus")))
	b.set("desired_vcpus", f.value(resources.get("desired_v_cpus")))
	b.set("max_vcpus", f.valueOr(batch, resources.get("max_v_cpus"), classicMaxVCPUs))
	b.set("service_role", f.word(batch.get("service_role")))
	b.set("instance_role", f.word(resources.get("instance_role")))
	if template := resources.get("launch_template_name"); template != nil && template.text != classicTemplate {
		b.set("launch_template", f.word(template))
	}
	if parallel := batch.get("multi_node_parallel"); parallel.get("enabled").truth(false) {
		b.set("nodes", f.valueOr(parallel, parallel.get("number_nodes"), classicNodes))
		b.set("main_node", f.value(parallel.get("main_node_index")))
	}
	f.readJobVariables(b, batch)
	if kind := resources.get("type"); kind != nil && kind.text != "EC2" {
		f.note(kind, "compute_resources.type", "type %s is not followed: jobs run on machines on demand", kind.text)
	}
}

// readJobVariables reads the variables of jobs. Those that hold a secret are secrets of the function.
func (f *classicFunction) readJobVariables(b, batch *node) {
	given := batch.get("environment").get("Variables")
	if given == nil {
		return
	}
	env := f.mapping(given, "environment")
	for _, variable := range given.fields {
		if variable.value.kind == scalar && !isSecretVariable(variable.name, variable.value.text) {
			env.set(variable.name, f.text(variable.value, variable.value.text))
		}
	}
	if len(env.fields) > 0 {
		b.set("env", env)
	}
}

// valueOr is a classic value, or a number in its place.
func (f *classicFunction) valueOr(at, n *node, absent int) *node {
	if n != nil {
		return f.value(n)
	}
	return f.number(at, absent)
}

// number is a number in the place of another value.
func (c *classic) number(at *node, value int) *node {
	n := made(at, scalar)
	n.text, n.tag = strconv.Itoa(value), "!!int"
	return n
}

// services are the services of OSCAR of the file.
func (c *classic) services() []*node {
	var services []*node
	for _, item := range c.root.get("functions").get("oscar").list() {
		for _, f := range item.fields {
			services = append(services, f.value)
		}
	}
	return services
}

// readServices refuses the services of OSCAR, or says that they are left out.
func (c *classic) readServices(functions *node) {
	for _, service := range c.services() {
		name := service.get("name").str()
		if !c.opts.KeepUnbuilt {
			c.report.atKey(service, "services of OSCAR clusters are not supported by this version: %s; put it into a file of its own, or take it out", name)
			continue
		}
		c.report.note(service, "%s is a service of an OSCAR cluster, which this version does not support", name)
		c.comment(functions, "The service "+name+" of the OSCAR cluster "+service.label+" is not here: this version does not support it.")
	}
}
