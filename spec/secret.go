package spec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// The services that secrets are kept in, as references name them.
const (
	parameterStore = "ssm"
	secretsManager = "secretsmanager"
)

// The limits of Systems Manager and Secrets Manager. That of parameters counts the ARN before the name, of which at
// least this much is there in every partition and region (PutParameter and CreateSecret in their API references).
const (
	maxParameterARN = 1011
	leastPrefix     = len("arn:aws:ssm:eu-west-1:123456789012:parameter/")
	maxLevels       = 15
	maxSecretName   = 512
)

var (
	parameterARN  = pattern(`^arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter(/.*)$`)
	secretARN     = pattern(`^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:(.*)-[A-Za-z0-9]{6}$`)
	parameterName = pattern(`^[A-Za-z0-9_./-]+$`)
	secretName    = pattern(`^[A-Za-z0-9/_+=.@!-]+$`) // ! is in names that AWS's own services give, such as rds!cluster-…
)

// isReference says whether a text is meant to say where something is kept.
func isReference(text string) bool {
	return strings.HasPrefix(text, parameterStore+":") || strings.HasPrefix(text, secretsManager+":")
}

// parseSecret reads where a secret is kept, and says what is wrong with it, if anything is. What it says never holds
// the text: somebody may have written the secret itself.
func parseSecret(text string) (s Secret, problem string) {
	service, rest, found := strings.Cut(text, ":")
	s.Service = service
	switch {
	case strings.HasPrefix(text, "arn:aws"):
		return Secret{}, "wants ssm: or secretsmanager: before the ARN"
	case found && service == parameterStore:
		s.Name = rest
		return s, checkParameter(rest)
	case found && service == secretsManager:
		name, key, hasKey := strings.Cut(rest, "#")
		s.Name, s.Key = name, key
		if hasKey && (key == "" || strings.ContainsFunc(key, unicode.IsControl)) {
			return Secret{}, "wants the name of a key behind #, such as secretsmanager:imaging/db#password"
		}
		return s, checkSecretName(name)
	case found && nearest(service, []string{parameterStore, secretsManager}, nil) != "":
		return Secret{}, "wants ssm: or secretsmanager: before the name, in lower case"
	default:
		return Secret{}, ""
	}
}

// ParseSecret reads where a secret is kept, as files write it: ssm:/path, secretsmanager:name or secretsmanager:name#key.
// Its errors never hold the text.
func ParseSecret(text string) (Secret, error) {
	s, problem := parseSecret(text)
	switch {
	case problem != "":
		return Secret{}, errors.New(problem)
	case s.Name == "":
		return Secret{}, errors.New("wants where a secret is kept, such as ssm:/imaging/token or secretsmanager:imaging/db")
	default:
		return s, nil
	}
}

// checkParameter says what is wrong with the name or ARN of a parameter.
func checkParameter(name string) string {
	fromARN := parameterARN().FindStringSubmatch(name)
	levels := strings.Split(strings.TrimPrefix(name, "/"), "/")
	switch {
	case fromARN != nil:
		return checkParameter(fromARN[1])
	case strings.HasPrefix(name, "arn:"):
		return "is no ARN of a parameter, such as ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/imaging/token"
	case strings.Contains(name, "#"):
		return "a parameter has no keys; # belongs to secretsmanager:"
	case name == "" || !parameterName().MatchString(name):
		return "wants the name of a parameter after ssm:, of letters, digits and . - _ /, such as ssm:/imaging/token"
	case len(levels) > 1 && name[0] != '/':
		return "a parameter's name that has a slash in it begins with one, such as ssm:/imaging/token"
	case slices.Contains(levels, ""):
		return "the parameter's name ends in a slash, or has two side by side"
	case len(levels) > maxLevels:
		return fmt.Sprintf("the parameter's name has %d levels, Systems Manager allows %d", len(levels), maxLevels)
	case len(name)+leastPrefix > maxParameterARN:
		return fmt.Sprintf("the parameter's name has %d characters, Systems Manager allows %d with its ARN before it", len(name), maxParameterARN)
	case reservedParameter(levels[0]):
		return "Systems Manager keeps names that begin with aws or ssm for itself; for a secret of Secrets Manager write secretsmanager:NAME"
	default:
		return ""
	}
}

func reservedParameter(level string) bool {
	lower := strings.ToLower(level)
	return strings.HasPrefix(lower, "aws") || strings.HasPrefix(lower, "ssm")
}

// checkSecretName says what is wrong with the name or ARN of a secret. An ARN without its last six characters cannot be
// told from one with them whose name has a dash, and the role's policy has to name exactly one of the two.
func checkSecretName(name string) string {
	fromARN := secretARN().FindStringSubmatch(name)
	switch {
	case fromARN != nil:
		return checkSecretName(fromARN[1])
	case strings.HasPrefix(name, "arn:"):
		return "is no whole ARN of a secret: that ends in a dash and six characters; the name alone does as well, such as secretsmanager:imaging/db"
	case name == "" || !secretName().MatchString(name):
		return "wants the name of a secret after secretsmanager:, of letters, digits and / _ + = . @ -, such as secretsmanager:imaging/db"
	case len(name) > maxSecretName:
		return fmt.Sprintf("the secret's name has %d characters, Secrets Manager allows %d", len(name), maxSecretName)
	default:
		return ""
	}
}

// secretReader reads where secrets are kept, and takes those that the file brings with it.
type secretReader struct {
	*report
	project string
	brought []Parameter
}

// read reads where a secret is kept, which is a parameter of the project's where a variable holds the secret itself; nil
// where that makes no sense. of and key are those of ParameterName, instead is what to write in place of a literal secret.
func (s *secretReader) read(n *node, of, key, instead string) *Secret {
	if n == nil || n.kind != scalar || n.bad {
		return nil
	}
	secret, problem := parseSecret(n.text)
	switch {
	case n.isVariable() && !isReference(n.text) && !strings.HasPrefix(n.text, "arn:aws"):
		return s.bring(n, of, key)
	case problem != "":
		s.at(n, "%s", problem)
	case secret.Name == "":
		s.at(n, "a secret does not belong in this file: put it into Systems Manager or Secrets Manager, and write where: %s; "+
			"or write ${NAME} and give it with --env-file", instead)
	default:
		return &secret
	}
	return nil
}

// maxParameter is how many bytes a parameter of Systems Manager's standard tier holds (AWS General Reference, "AWS Systems
// Manager endpoints and quotas").
const maxParameter = 4096

// parameterInParameter matches what Systems Manager takes for a reference to another parameter, which no value may hold
// (PutParameter in its API reference).
var parameterInParameter = pattern(`(?s)\{\{.*\}\}`)

// bring takes a secret that a variable holds.
func (s *secretReader) bring(n *node, of, key string) *Secret {
	switch {
	case n.text == "":
		s.at(n, "%s is empty; set it in the environment or in a file given with --env-file, or write where the secret is kept, such as ssm:/imaging/token", n.asVariable())
		return nil
	case len(n.text) > maxParameter:
		s.at(n, "%s has %d bytes, a parameter of Systems Manager holds %d; put it into Secrets Manager, and write where: secretsmanager:NAME", n.asVariable(), len(n.text), maxParameter)
		return nil
	case parameterInParameter().MatchString(n.text):
		s.at(n, "%s holds {{ and }}, which no parameter of Systems Manager may; put it into Secrets Manager, and write where: secretsmanager:NAME", n.asVariable())
		return nil
	}
	n.brought = true
	name := ParameterName(s.project, of, key)
	s.brought = append(s.brought, Parameter{Name: name, Value: Seal(n.text)})
	return &Secret{Service: parameterStore, Name: name}
}

// parameters are the secrets that were brought, sorted by name.
func (s *secretReader) parameters() []Parameter {
	slices.SortFunc(s.brought, func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) })
	return s.brought
}

// readSecrets reads a function's variables that hold a secret.
func (d *draft) readSecrets(secrets *secretReader) {
	n, env := d.node.get("secrets"), d.node.get("env")
	if n == nil {
		return
	}
	d.Secrets = map[string]Secret{}
	for _, f := range n.fields {
		if other := env.get(f.name); other != nil {
			secrets.atKey(f.value, "is in env too, in %s; one of the two has to go", other.place(f.value))
		}
		checkSecretVariable(f.name, f.value, secrets.report)
		lower, project := strings.ToLower(f.name), secrets.project
		instead := fmt.Sprintf("ssm:/%s/%s, secretsmanager:%s or secretsmanager:%s#%s", project, lower, project, project, lower)
		if secret := secrets.read(f.value, d.Name, f.name, instead); secret != nil {
			d.Secrets[f.name] = *secret
		}
	}
}
