package ssm

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/scar-go/scar/local/wire"
)

// Limits from the API reference of PutParameter.
const (
	maxVersions = 100
	maxLevels   = 15
	maxARN      = 1011 // characters of the ARN with the name
	maxStandard = 4096 // bytes of a value
	maxAdvanced = 8192
	maxValue    = 32768 // of the API model; more is refused whatever the tier
	defaultKey  = "alias/aws/ssm"
	moreOnTiers = "For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
)

var namePattern = wire.Pattern(`^[a-zA-Z0-9_.\-/]+$`)

type putParameterInput struct {
	Name           string
	Value          string
	Type           string
	Description    string
	KeyID          string `json:"KeyId"`
	Overwrite      bool
	AllowedPattern string
	DataType       string
	Tier           string
	Policies       string
	Tags           []tag
}

type putParameterOutput struct {
	Version int64
	Tier    string
}

func (s *Service) putParameter(ctx context.Context, in putParameterInput) (out putParameterOutput, err error) {
	in.Name = strings.TrimSpace(in.Name)
	if err := s.checkName(in.Name); err != nil {
		return out, err
	}
	if err := in.check(); err != nil {
		return out, err
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return out, err
	}
	err = s.parameters.Update(in.Name, func(p *parameter, found bool) error {
		if found && !in.Overwrite {
			return failure("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
		}
		next := version{Tier: tierStandard, DataType: "text"}
		if found {
			next = p.latest()
		} else {
			*p = parameter{Name: in.Name, Tags: tags}
		}
		if next, err = in.apply(next); err != nil {
			return err
		}
		next.Modified, next.ModifiedBy = s.cfg.Clock.Now().UTC(), wire.CallOf(ctx).Identity.ARN
		p.Versions = append(p.Versions, next)
		p.Versions = p.Versions[max(0, len(p.Versions)-maxVersions):]
		out = putParameterOutput{next.Number, next.Tier}
		return nil
	})
	return out, err
}

// checkName refuses names by the rules of "Requirements and constraints for parameter names" in the Systems Manager
// user guide.
func (s *Service) checkName(name string) error {
	if name == "" {
		return constraint("", "name", "have length greater than or equal to 1")
	}
	lower := strings.ToLower(strings.TrimPrefix(name, "/"))
	if path := strings.Contains(lower, "/"); path && strings.HasPrefix(lower, "aws") {
		return failure("AccessDeniedException", "No access to reserved parameter name: %s.", name)
	} else if !path && (strings.HasPrefix(lower, "aws") || strings.HasPrefix(lower, "ssm")) {
		return invalid(`Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`)
	}
	if strings.HasPrefix(lower, "ssm") || !namePattern().MatchString(name) || strings.Contains(name, "//") || strings.HasSuffix(name, "/") {
		return invalid(`Parameter name: can't be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_`)
	}
	if strings.Contains(name, "/") && !strings.HasPrefix(name, "/") {
		return invalid("Parameter name must be a fully qualified name.")
	}
	if strings.Count(name, "/") > maxLevels {
		return failure("HierarchyLevelLimitExceededException", "Parameter name can have a maximum of %d levels.", maxLevels)
	}
	if len(s.ARN(name)) > maxARN {
		return invalid("The parameter name exceeds the maximum length: its ARN can have %d characters.", maxARN)
	}
	return nil
}

// check refuses what is wrong whatever is stored. No error repeats the value.
func (in putParameterInput) check() error {
	switch {
	case in.Value == "":
		return constraint("", "value", "have length greater than or equal to 1")
	case len(in.Value) > maxValue:
		return invalid("1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have length less than or equal to %d", maxValue)
	case in.Type != "" && !slices.Contains([]string{typeString, typeStringList, typeSecure}, in.Type):
		return constraint(in.Type, "type", "satisfy enum value set: [SecureString, StringList, String]")
	case in.Tier != "" && !slices.Contains([]string{tierStandard, tierAdvanced, tierIntelligent}, in.Tier):
		return constraint(in.Tier, "tier", "satisfy enum value set: [Standard, Advanced, Intelligent-Tiering]")
	case in.DataType != "" && in.DataType != "text":
		return invalid("The following data type is not supported: %s (the local backend serves text only)", in.DataType)
	case in.Policies != "":
		return invalid("the local backend does not serve parameter policies")
	case in.Overwrite && len(in.Tags) > 0:
		return invalid("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	case len(in.Description) > 1024:
		return constraint(in.Description, "description", "have length less than or equal to 1024")
	}
	return nil
}

// apply makes the next version of what there is, which has no number where there is nothing.
func (in putParameterInput) apply(v version) (version, error) {
	switch {
	case in.Type == "" && v.Number == 0:
		return v, invalid("A parameter type is required when you create a parameter.")
	case in.Type != "" && v.Number > 0 && in.Type != v.Type:
		return v, failure("HierarchyTypeMismatchException", "Parameter Store doesn't support changing a parameter type in a hierarchy. For example, you can't change a parameter from a String type to a SecureString type. You must create a new, unique parameter.")
	case in.Tier == tierStandard && v.Tier == tierAdvanced:
		return v, invalid("This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter.")
	case in.KeyID != "" && in.Type != typeSecure && v.Type != typeSecure:
		return v, invalid("KeyId is required for SecureString type parameter only.")
	}
	v.Number++
	v.Value = in.Value
	v.Type = either(in.Type, v.Type)
	v.Description = either(in.Description, v.Description)
	v.AllowedPattern = either(in.AllowedPattern, v.AllowedPattern)
	if v.Type == typeSecure {
		v.KeyID = either(in.KeyID, either(v.KeyID, defaultKey))
	}
	if in.Tier == tierAdvanced || in.Tier == tierIntelligent && len(in.Value) > maxStandard {
		v.Tier = tierAdvanced
	}
	return v, v.check()
}

func (v version) check() error {
	if v.Tier == tierStandard && len(v.Value) > maxStandard {
		return invalid("Standard tier parameters support a maximum parameter value of %d characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. %s", maxStandard, moreOnTiers)
	}
	if len(v.Value) > maxAdvanced {
		return invalid("Advanced tier parameters support a maximum parameter value of %d characters. %s", maxAdvanced, moreOnTiers)
	}
	if v.AllowedPattern == "" {
		return nil
	}
	pattern, err := regexp.Compile("^(?:" + v.AllowedPattern + ")$")
	if err != nil {
		return failure("InvalidAllowedPatternException", "The regular expression %s is invalid.", v.AllowedPattern)
	}
	if !pattern.MatchString(v.Value) {
		return failure("ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: %s", v.AllowedPattern)
	}
	return nil
}

// either is the first of two texts that is not empty.
func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

type deleteParameterInput struct{ Name string }

func (s *Service) deleteParameter(_ context.Context, in deleteParameterInput) (wire.Empty, error) {
	return wire.Empty{}, s.parameters.Remove(in.Name, func(_ parameter, found bool) error {
		if !found {
			return noSuchParameter()
		}
		return nil
	})
}

type namesOutput struct {
	DeletedParameters []string
	InvalidParameters []string
}

func (s *Service) deleteParameters(_ context.Context, in namesInput) (out namesOutput, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	out = namesOutput{[]string{}, []string{}}
	for _, name := range in.Names {
		_, found, err := s.parameters.Get(name)
		if err != nil {
			return out, err
		}
		if !found {
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		if err := s.parameters.Delete(name); err != nil {
			return out, err
		}
		out.DeletedParameters = append(out.DeletedParameters, name)
	}
	return out, nil
}

// maxNames is the most parameters that one call can name.
const maxNames = 10

type namesInput struct {
	Names          []string
	WithDecryption bool // of GetParameters
}

func (in namesInput) check() error {
	if len(in.Names) == 0 || len(in.Names) > maxNames {
		return constraint(fmt.Sprint(in.Names), "names", fmt.Sprintf("have length between 1 and %d", maxNames))
	}
	return nil
}
