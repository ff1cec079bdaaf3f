package iam

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// operator is a condition operator, as of "IAM JSON policy elements: Condition operators" in the IAM
// user guide.
type operator struct {
	name     string
	match    func(pattern, value string) bool
	negated  bool
	ifExists bool
	quantity string // "", ForAllValues or ForAnyValue
}

// comparisons are the operators that are not negations; nullOperator is one by itself.
var comparisons = map[string]func(pattern, value string) bool{
	"StringEquals":             func(p, v string) bool { return p == v },
	"StringEqualsIgnoreCase":   strings.EqualFold,
	"StringLike":               wildcard,
	"NumericEquals":            numeric(func(p, v float64) bool { return v == p }),
	"NumericLessThan":          numeric(func(p, v float64) bool { return v < p }),
	"NumericLessThanEquals":    numeric(func(p, v float64) bool { return v <= p }),
	"NumericGreaterThan":       numeric(func(p, v float64) bool { return v > p }),
	"NumericGreaterThanEquals": numeric(func(p, v float64) bool { return v >= p }),
	"DateEquals":               date(func(p, v time.Time) bool { return v.Equal(p) }),
	"DateLessThan":             date(func(p, v time.Time) bool { return v.Before(p) }),
	"DateLessThanEquals":       date(func(p, v time.Time) bool { return !v.After(p) }),
	"DateGreaterThan":          date(func(p, v time.Time) bool { return v.After(p) }),
	"DateGreaterThanEquals":    date(func(p, v time.Time) bool { return !v.Before(p) }),
	"Bool":                     strings.EqualFold,
	"IpAddress":                inNetwork,
	"ArnEquals":                arnLike,
	"ArnLike":                  arnLike,
}

// negations are the operators that are true when the comparison is not.
var negations = map[string]string{
	"StringNotEquals":           "StringEquals",
	"StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
	"StringNotLike":             "StringLike",
	"NumericNotEquals":          "NumericEquals",
	"DateNotEquals":             "DateEquals",
	"NotIpAddress":              "IpAddress",
	"ArnNotEquals":              "ArnEquals",
	"ArnNotLike":                "ArnLike",
}

const (
	nullOperator = "Null"
	forAllValues = "ForAllValues"
	forAnyValue  = "ForAnyValue"
)

func parseOperator(text string) (operator, error) {
	var op operator
	name := text
	if quantity, rest, found := strings.Cut(text, ":"); found {
		if quantity != forAllValues && quantity != forAnyValue {
			return op, fmt.Errorf("unknown condition operator %q", text)
		}
		op.quantity, name = quantity, rest
	}
	name, op.ifExists = strings.CutSuffix(name, "IfExists")
	op.name = name
	if name == nullOperator && !op.ifExists && op.quantity == "" {
		return op, nil
	}
	if positive, found := negations[name]; found {
		op.negated, name = true, positive
	}
	match, found := comparisons[name]
	if !found {
		return op, fmt.Errorf("unknown condition operator %q", text)
	}
	op.match = match
	return op, nil
}

// conditionsHold says whether all conditions of a statement hold for the values of a request.
func conditionsHold(conditions map[string]map[string]values, have map[string][]string) (bool, error) {
	for text, keys := range conditions {
		op, err := parseOperator(text)
		if err != nil {
			return false, err
		}
		for key, patterns := range keys {
			given, present := have[strings.ToLower(key)]
			if !op.holds(patterns, given, present) {
				return false, nil
			}
		}
	}
	return true, nil
}

// holds evaluates one key of a condition. A key that is absent from the request fails a comparison and
// satisfies a negation, and satisfies either with …IfExists.
func (op operator) holds(patterns, given []string, present bool) bool {
	if op.name == nullOperator {
		return slices.ContainsFunc(patterns, func(p string) bool { return strings.EqualFold(p, strconv.FormatBool(!present)) })
	}
	matches := func(value string) bool {
		found := slices.ContainsFunc(patterns, func(p string) bool { return op.match(p, value) })
		return found != op.negated
	}
	fails := func(value string) bool { return !matches(value) }
	switch {
	case op.quantity == forAllValues:
		return !slices.ContainsFunc(given, fails)
	case !present:
		return op.ifExists || op.negated && op.quantity == ""
	case op.quantity == forAnyValue || !op.negated:
		return slices.ContainsFunc(given, matches)
	default:
		return !slices.ContainsFunc(given, fails)
	}
}

func numeric(compare func(p, v float64) bool) func(string, string) bool {
	return func(pattern, value string) bool {
		p, errP := strconv.ParseFloat(pattern, 64)
		v, errV := strconv.ParseFloat(value, 64)
		return errP == nil && errV == nil && compare(p, v)
	}
}

func date(compare func(p, v time.Time) bool) func(string, string) bool {
	return func(pattern, value string) bool {
		p, okP := parseDate(pattern)
		v, okV := parseDate(value)
		return okP && okV && compare(p, v)
	}
}

func parseDate(text string) (time.Time, bool) {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(seconds, 0), true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func inNetwork(pattern, value string) bool {
	address, err := netip.ParseAddr(value)
	if err != nil {
		return false
	}
	if network, err := netip.ParsePrefix(pattern); err == nil {
		return network.Contains(address)
	}
	one, err := netip.ParseAddr(pattern)
	return err == nil && one == address
}

// arnLike compares ARNs part by part, so that a wildcard does not reach over a colon.
func arnLike(pattern, value string) bool {
	const parts = 6 // arn:partition:service:region:account:resource
	p, v := strings.SplitN(pattern, ":", parts), strings.SplitN(value, ":", parts)
	if len(p) != parts || len(v) != parts {
		return false
	}
	for i := range p {
		if !wildcard(p[i], v[i]) {
			return false
		}
	}
	return true
}
