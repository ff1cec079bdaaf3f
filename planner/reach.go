package planner

import (
	"strings"

	"github.com/scar-go/scar/runtime/job"
	"github.com/scar-go/scar/spec"
)

// secretUse is a secret that a function needs, and what for.
type secretUse struct {
	job.Secret
	key string // of the file, as messages name it: secrets.TOKEN, storage.minio.lab.secret_key
}

// secretsUsed are the secrets of a function and those of the providers that it uses.
func secretsUsed(f *spec.File, fn *spec.Function) []secretUse {
	var used []secretUse
	for _, name := range sortedKeys(fn.Secrets) {
		used = append(used, secretUse{secret(fn.Secrets[name]), "secrets." + name})
	}
	providers := providersOf(f, fn)
	for _, name := range sortedKeys(providers) {
		p := providers[name]
		for _, c := range []struct {
			key string
			*job.Credential
		}{
			{"access_key", p.AccessKey}, {"secret_key", p.SecretKey}, {"user", p.User}, {"password", p.Password}, {"token", p.Token},
		} {
			if c.Credential != nil && c.Secret != nil {
				used = append(used, secretUse{*c.Secret, "storage." + name + "." + c.key})
			}
		}
	}
	return used
}

// secretARNs are the resources that the role of a function needs in order to read its secrets.
func secretARNs(f *spec.File, fn *spec.Function, naming Naming) (parameters, secrets StringList) {
	for _, s := range secretsUsed(f, fn) {
		if s.Service == job.SSM {
			parameters = append(parameters, naming.ParameterARN(s.Name))
		} else {
			secrets = append(secrets, naming.SecretARN(s.Name))
		}
	}
	return sortedList(parameters), sortedList(secrets)
}

// checkReach reports what a function names and cannot reach from its region. The account and the region are known here
// only.
func (d *desire) checkReach(fn *spec.Function) {
	if d.env.Region == "" {
		return // names are asked for, before the region is known
	}
	for _, s := range secretsUsed(d.file, fn) {
		d.checkNear(fn, s.key, s.Name, "it looks for secrets there alone; keep it there too, and name it without its ARN")
	}
	if fn.Queue != nil {
		d.checkNear(fn, "queue.arn", fn.Queue.ARN, "Lambda takes messages from queues of its own region only")
	}
	for _, m := range fn.Mounts {
		d.checkNear(fn, "mounts.access_point", m.AccessPoint, "a function reaches file systems of its own region only")
	}
	d.checkNear(fn, "on_failure", fn.OnFailure, "name something of its own region")
	providers := providersOf(d.file, fn)
	for _, name := range sortedKeys(providers) {
		region := providers[name].Region
		if d.file.Storage[name].UsesRole() && region != "" && PartitionOf(region) != d.env.Partition {
			d.problem(fn, "function %s: storage.%s is in the region %s, where the role of a function in %s is not known: give it an access_key and a secret_key",
				fn.Name, name, region, d.env.Region)
		}
	}
}

// checkNear reports an ARN of another region than the functions'. A bucket's names none.
func (d *desire) checkNear(fn *spec.Function, key, arn, why string) {
	switch partition, region, isARN := placeOfARN(arn); {
	case !isARN:
	case partition != d.env.Partition:
		d.problem(fn, "function %s: %s names the partition %s, the region %s is in %s", fn.Name, key, partition, d.env.Region, d.env.Partition)
	case region != "" && region != d.env.Region:
		d.problem(fn, "function %s: %s is in the region %s, and the function runs in %s: %s", fn.Name, key, region, d.env.Region, why)
	}
}

// placeOfARN is where the resource of an ARN is; false for a mere name.
func placeOfARN(name string) (partition, region string, isARN bool) {
	parts := strings.SplitN(name, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return "", "", false
	}
	return parts[1], parts[3], true
}

// serviceOfARN is the service of an ARN, empty for a mere name.
func serviceOfARN(name string) string {
	parts := strings.SplitN(name, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return ""
	}
	return parts[2]
}

// accountOfARN is whose the resource of an ARN is; false for a mere name, and for buckets, which name nobody.
func accountOfARN(name string) (account string, found bool) {
	parts := strings.SplitN(name, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[4] == "" {
		return "", false
	}
	return parts[4], true
}

// ParameterARN is the ARN of a parameter of Systems Manager, by its name or ARN. The slash that a name may begin with is
// there once.
func (n Naming) ParameterARN(name string) string {
	if _, _, isARN := placeOfARN(name); isARN {
		return name
	}
	return n.arn("ssm", n.Region, n.Account, "parameter/"+strings.TrimPrefix(name, "/"))
}

// SecretARN matches the ARN of a secret of Secrets Manager, by its name or ARN. Nobody but Secrets Manager knows the six
// characters that follow the name.
func (n Naming) SecretARN(name string) string {
	if _, _, isARN := placeOfARN(name); isARN {
		return name
	}
	return n.arn("secretsmanager", n.Region, n.Account, "secret:"+name+"-??????")
}
