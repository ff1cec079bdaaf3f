package iam

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/scar-go/scar/local/wire"
)

// IAM's limits, from "IAM and AWS STS quotas" in the IAM user guide.
const (
	maxRoleName    = 64
	maxPolicyName  = 128
	maxPath        = 512
	maxDescription = 1000
	maxTags        = 50
	maxTagKey      = 128
	maxTagValue    = 256
	maxInlineSize  = 10240 // of all inline policies of a role, white space not counted
	maxTrustSize   = 2048
	maxAttached    = 10

	defaultMaxSession = 3600
	minMaxSession     = 3600
	maxMaxSession     = 43200
)

var (
	namePattern = wire.Pattern(`^[\w+=,.@-]+$`)
	pathPattern = wire.Pattern(`^(/|/[\x21-\x7e]+/)$`)
	tagPattern  = wire.Pattern(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

func invalid(format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, "ValidationError", format, args...)
}

// constraint is the error of a value that does not fit the API's model.
func constraint(value, field, rule string) error {
	return invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must %s", value, field, rule)
}

func required(form url.Values, param string) (string, error) {
	value := form.Get(param)
	if value == "" {
		field := strings.ToLower(param[:1]) + param[1:]
		return "", invalid("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", field)
	}
	return value, nil
}

func roleName(form url.Values) (string, error) {
	return name(form, "RoleName", maxRoleName)
}

func policyName(form url.Values) (string, error) {
	return name(form, "PolicyName", maxPolicyName)
}

func name(form url.Values, param string, most int) (string, error) {
	value, err := required(form, param)
	if err != nil {
		return "", err
	}
	field := strings.ToLower(param[:1]) + param[1:]
	if len(value) > most {
		return "", constraint(value, field, fmt.Sprintf("have length less than or equal to %d", most))
	}
	if !namePattern().MatchString(value) {
		return "", invalid("The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-", field)
	}
	return value, nil
}

func path(form url.Values) (string, error) {
	value := form.Get("Path")
	if value == "" {
		return "/", nil
	}
	if len(value) > maxPath {
		return "", constraint(value, "path", fmt.Sprintf("have length less than or equal to %d", maxPath))
	}
	if !pathPattern().MatchString(value) {
		return "", invalid("The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	return value, nil
}

func description(form url.Values) (string, error) {
	value := form.Get("Description")
	if utf8.RuneCountInString(value) > maxDescription {
		return "", constraint(value, "description", fmt.Sprintf("have length less than or equal to %d", maxDescription))
	}
	return value, nil
}

func maxSession(form url.Values) (int, error) {
	value := form.Get("MaxSessionDuration")
	if value == "" {
		return defaultMaxSession, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n > maxMaxSession {
		return 0, constraint(value, "maxSessionDuration", fmt.Sprintf("have value less than or equal to %d", maxMaxSession))
	}
	if n < minMaxSession {
		return 0, constraint(value, "maxSessionDuration", fmt.Sprintf("have value greater than or equal to %d", minMaxSession))
	}
	return n, nil
}

// formTags reads the list Tags of a form.
func formTags(form url.Values) (map[string]string, error) {
	tags := map[string]string{}
	for i := 1; ; i++ {
		key, found := wire.Member(form, "Tags", i, "Key")
		if !found {
			break
		}
		value, _ := wire.Member(form, "Tags", i, "Value")
		if err := checkTag(key, value, i); err != nil {
			return nil, err
		}
		for other := range tags {
			if strings.EqualFold(other, key) {
				return nil, wire.Errorf(http.StatusBadRequest, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
			}
		}
		tags[key] = value
	}
	if len(tags) > maxTags {
		return nil, invalid("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to %d", maxTags)
	}
	return tags, nil
}

func checkTag(key, value string, i int) error {
	keyField, valueField := fmt.Sprintf("tags.%d.member.key", i), fmt.Sprintf("tags.%d.member.value", i)
	switch {
	case key == "" || utf8.RuneCountInString(key) > maxTagKey:
		return constraint(key, keyField, fmt.Sprintf("have length between 1 and %d", maxTagKey))
	case utf8.RuneCountInString(value) > maxTagValue:
		return constraint(value, valueField, fmt.Sprintf("have length less than or equal to %d", maxTagValue))
	case !tagPattern().MatchString(key):
		return constraint(key, keyField, `satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`)
	case !tagPattern().MatchString(value):
		return constraint(value, valueField, `satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*`)
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return wire.Errorf(http.StatusBadRequest, "InvalidInput", "System tags cannot be added/updated by requester")
	}
	return nil
}

// page cuts the page that a form asks for out of sorted keys.
func page(form url.Values, keys []string, limit func(asked, most int) int) (part []string, marker string, err error) {
	asked := 0
	if text := form.Get("MaxItems"); text != "" {
		asked, err = strconv.Atoi(text)
		if err != nil || asked < 1 || asked > maxItems {
			return nil, "", constraint(text, "maxItems", fmt.Sprintf("have value between 1 and %d", maxItems))
		}
	} else {
		asked = defaultItems
	}
	start, err := wire.PageStart(form.Get("Marker"), "ValidationError")
	if err != nil {
		return nil, "", err
	}
	from, _ := slices.BinarySearch(keys, start)
	keys = keys[from:]
	size := limit(asked, maxItems)
	if len(keys) <= size {
		return keys, "", nil
	}
	return keys[:size], wire.PageToken(keys[size]), nil
}

// The sizes of IAM's pages.
const (
	defaultItems = 100
	maxItems     = 1000
)

func (r role) clone() role {
	r.Tags, r.Inline, r.Attached = maps.Clone(r.Tags), maps.Clone(r.Inline), slices.Clone(r.Attached)
	return r
}
