package spec

import (
	"slices"
	"strconv"
	"strings"
)

// hideSecrets marks what no message may show: the credentials of providers, and variables that hold secrets.
func (c *classic) hideSecrets() {
	if providers := c.root.get("storage_providers"); providers != nil && providers.kind == scalar {
		c.report.hide(providers)
	}
	for _, kind := range c.root.get("storage_providers").fieldsOf() {
		if kind.value.kind != mapping {
			c.report.hide(kind.value)
		}
		for _, provider := range kind.value.fields {
			if provider.value.kind != mapping {
				c.report.hide(provider.value)
			}
			for _, f := range provider.value.fields {
				if !slices.Contains([]string{"endpoint", "verify", "region", "space", "oneprovider_host", "hostname"}, f.name) || strings.Contains(f.value.text, "@") {
					c.report.hide(f.value)
				}
			}
		}
	}
	var variables func(n *node)
	variables = func(n *node) {
		for _, f := range n.fields {
			if n.label == "Variables" && (LooksSecret(f.name) || isSecretVariable(f.name, f.value.text)) {
				c.report.hide(f.value)
			}
			variables(f.value)
		}
		for _, item := range n.items {
			variables(item)
		}
	}
	variables(c.root)
}

// fieldsOf is the fields of a mapping; none for nil.
func (n *node) fieldsOf() []field {
	if n == nil {
		return nil
	}
	return n.fields
}

// lambdaVariable matches the names that Lambda's environment takes.
var lambdaVariable = pattern(`^[A-Za-z][A-Za-z0-9_]+$`)

// credential matches values that hold a credential whatever they are called: a URL with a password, a private key.
var credential = pattern(`://[^/\s@]*:[^/\s@]+@|-----BEGIN [A-Z0-9 ]*PRIVATE KEY`)

// looksSecret says whether the name or the value of a variable promises a secret.
func looksSecret(name, value string) bool {
	return LooksSecret(name) || credential().MatchString(value)
}

// isSecretVariable says whether a variable is kept from Lambda's environment: it promises a secret, or Lambda does not
// take its name, whereas the container of the original did.
func isSecretVariable(name, value string) bool {
	return value != "" && (looksSecret(name, value) || slices.Contains(reservedEnv, name) || !lambdaVariable().MatchString(name))
}

// readVariables reads the variables of function and container, of which the latter win, and the secret ones of jobs.
func (f *classicFunction) readVariables() {
	var env, secrets *node
	given := overlayVariables(f.lambda.get("environment").get("Variables"), f.container.get("environment").get("Variables"))
	given = overlayVariables(given, f.jobSecrets(given))
	for _, variable := range given.fieldsOf() {
		value := variable.value
		switch {
		case value.kind != scalar:
			continue // has been reported
		case isSecretVariable(variable.name, value.text):
			if secrets == nil {
				secrets = f.mapping(value, "environment")
			}
			secrets.set(variable.name, f.secret(value, f.name, variable.name))
			if !looksSecret(variable.name, value.text) {
				f.note(value, variable.name, "%s is no name that Lambda's environment takes; the script gets it from a parameter of Systems Manager", variable.name)
			}
		case value.text == "" && slices.Contains(reservedEnv, variable.name):
			f.note(value, variable.name, "%s is empty, and left to Lambda, which sets it", variable.name)
		default:
			if env == nil {
				env = f.mapping(given, "environment")
			}
			env.set(variable.name, f.text(value, value.text))
		}
	}
	f.out.set("env", env)
	f.out.set("secrets", secrets)
}

// jobSecrets are the variables of jobs that hold a secret and that the function does not set; nil where there are none.
func (f *classicFunction) jobSecrets(of *node) *node {
	given := f.item.get("batch").get("environment").get("Variables")
	var secrets *node
	for _, variable := range given.fieldsOf() {
		value, own := variable.value, of.get(variable.name)
		if (own == nil || own.text == "") && value.kind == scalar && isSecretVariable(variable.name, value.text) {
			if secrets == nil {
				secrets = made(given, mapping)
			}
			secrets.set(variable.name, value)
		}
	}
	return secrets
}

// overlayVariables lays variables over others; nil where there are none.
func overlayVariables(base, over *node) *node {
	switch {
	case base == nil || base.kind != mapping:
		return over
	case over == nil || over.kind != mapping:
		return base
	default:
		return overlay(base, over, plainLevel)
	}
}

// secret is a secret of the file, as a native file brings it: by a variable, of which only this file has the value. Where
// somebody wrote where the secret is kept instead, that is kept.
func (c *classic) secret(n *node, of ...string) *node {
	if isReference(n.text) {
		return c.word(n)
	}
	name := c.placeholder(strings.Join(of, "_"))
	c.placeholders[name] = n.text
	c.order = append(c.order, name)
	made := c.text(n, "")
	made.text, made.private = "${"+name+"}", true
	return made
}

// notInName matches what the name of a variable cannot have.
var notInName = pattern(`[^A-Z0-9]+`)

// placeholder makes a name for a variable that stands for a secret. It has more than the secret's own name in it, lest
// something else of the same name in the environment be taken for it when a converted file is read.
func (c *classic) placeholder(of string) string {
	name := strings.Trim(notInName().ReplaceAllLiteralString(strings.ToUpper(of), "_"), "_")
	if name == "" || name[0] < 'A' {
		name = "SECRET_" + name
	}
	unique := name
	for i := 2; c.taken(unique); i++ {
		unique = name + "_" + strconv.Itoa(i)
	}
	return unique
}

func (c *classic) taken(name string) bool {
	_, taken := c.placeholders[name]
	return taken
}

// lookup finds the secrets of the file by the variables that stand for them. Classic files have no other variables.
func (c *classic) lookup(name string) (value string, found bool) {
	value, found = c.placeholders[name]
	return value, found
}
