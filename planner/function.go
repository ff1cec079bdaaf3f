package planner

import (
	"fmt"
	"maps"
	"strings"

	"github.com/scar-go/scar/spec"
)

// Function is a Lambda function that runs an image.
type Function struct {
	Name             string            `json:"name" plan:"replace"`
	Description      string            `json:"description"`
	PackageType      string            `json:"package_type" plan:"replace"` // Image
	Image            string            `json:"image"`                       // URI by digest; empty for a zip function
	Entrypoint       []string          `json:"entrypoint"`                  // of Lambda's ImageConfig, always empty in a desired value
	Command          []string          `json:"command"`                     // likewise
	WorkingDirectory string            `json:"working_directory"`           // likewise
	Role             string            `json:"role"`                        // ARN
	Memory           int               `json:"memory"`                      // MB
	Timeout          int               `json:"timeout"`                     // seconds
	EphemeralStorage int               `json:"ephemeral_storage"`           // MB
	Architecture     string            `json:"architecture"`                // x86_64 or arm64
	Environment      map[string]string `json:"environment"`
	LogGroup         string            `json:"log_group"`
	LogFormat        string            `json:"log_format"`       // Text or JSON
	LogLevel         string            `json:"log_level"`        // Lambda's ApplicationLogLevel; empty with Text
	SystemLogLevel   string            `json:"system_log_level"` // empty with Text
	Subnets          []string          `json:"subnets"`          // ids, sorted; none: in no VPC
	SecurityGroups   []string          `json:"security_groups"`  // ids, sorted
	Mounts           map[string]string `json:"mounts"`           // ARN of an access point of EFS by the path below /mnt/; one at most
	Concurrency      int               `json:"concurrency"`      // reserved; Unreserved: none is
	Tags             Tags              `json:"tags"`
}

// Unreserved is the Concurrency of a function for which none is reserved. One with 0 never runs.
const Unreserved = -1

// Kind implements Value.
func (Function) Kind() Kind { return KindFunction }

func (f Function) needs(project string) []Address {
	needs := []Address{{KindImage, f.Name}, {KindLogGroup, f.LogGroup}}
	if _, role, found := strings.Cut(f.Role, ":role"+RolePath(project)); found {
		needs = append(needs, Address{KindRole, role})
	}
	return needs
}

func (d *desire) function(fn *spec.Function) {
	d.add(fn, Function{
		Name:             fn.Name,
		Description:      fn.Description,
		PackageType:      "Image",
		Image:            d.env.ImageURI(RepositoryName(d.file.Project), d.env.Images[fn.Name].Digest),
		Role:             d.roleARN(fn),
		Memory:           fn.Memory,
		Timeout:          fn.Timeout,
		EphemeralStorage: fn.EphemeralStorage,
		Architecture:     d.env.Architectures[fn.Name],
		Environment:      maps.Clone(fn.Env),
		LogGroup:         LogGroupName(fn.Name),
		LogFormat:        "Text",
		Concurrency:      Unreserved,
		Tags:             d.tags(fn),
	}, fn.Name)
	for _, name := range sortedKeys(fn.Env) {
		if LooksSecret(name) {
			d.warn(Address{KindFunction, fn.Name}, fmt.Sprintf(
				"the variable %s looks like a secret, and everybody who may read the function's configuration can read it: move it from env to secrets", name))
		}
	}
}
