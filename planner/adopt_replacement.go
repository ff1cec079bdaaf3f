package planner

import (
	"encoding/json"
	"strings"

	"github.com/scar-go/scar/runtime/job"
)

// While a function is replaced there is none for a moment, and what S3 tells of meanwhile is lost. So an apply that replaces one
// first writes down when it began, in a parameter of the project. Once function, permissions and rules are as they should be, it
// sends the function what has arrived since, and deletes the parameter. If it is cut short, the next plan finds the
// parameter and ends what was begun.

// replacementID ends the name of that parameter. No variable's name has a dot, so no secret has that of one.
const replacementID = "/.replacing"

// TagTakesOver is on the parameter of the replacement of a function that the original made: its rules are taken over, too.
const TagTakesOver = "scar:takes-over"

// ReasonReplaced is why such a parameter goes: the replacement is through.
const ReasonReplaced Reason = "replaced"

// ReplacementName is the name of the parameter that says that a function is being replaced.
func ReplacementName(project, function string) string {
	return ParameterPath(project) + function + replacementID
}

// ReplacementOf is the function of whose replacement a parameter tells.
func ReplacementOf(project, parameter string) (function string, found bool) {
	rest, below := strings.CutPrefix(parameter, ParameterPath(project))
	function, found = strings.CutSuffix(rest, replacementID)
	return function, below && found && !strings.Contains(function, "/")
}

// ReplacementEnd is the change that ends the replacement of a function.
func ReplacementEnd(project, function string) Change {
	name := ReplacementName(project, function)
	return Change{
		Address: Address{KindParameter, name}, Action: Delete, Reason: ReasonReplaced, Before: Parameter{Name: name, Type: "String"},
		Owner: Owner{Project: project, Function: function},
	}
}

// endReplacement plans the end of a replacement that was cut short.
func (b *builder) endReplacement(c Change, function string) Change {
	c.Owner.Function = function
	if _, wanted := b.desired[Address{KindFunction, function}]; !wanted {
		return c
	}
	c.Reason = ReasonReplaced
	b.warn(c.Address, "an apply that replaced the function %s was cut short: the files that have arrived since are sent to it, some of them perhaps for a second time", function)
	return c
}

// targets are the addresses that the plan is to be reduced to. The end of a replacement comes with the rest of its function only.
func (o Options) targets() []Address {
	var all []Address
	for _, t := range o.Target {
		if function, found := ReplacementOf(o.Project, t.Name); found && t.Kind == KindParameter {
			t = Address{KindFunction, function}
		}
		all = append(all, t)
	}
	return all
}

// RecordsBucket is the bucket that a role lets a function keep its records in, which for a role of scar's is the one that they
// are in. It is not found for roles of others.
func RecordsBucket(role Role) (bucket string, found bool) {
	for _, s := range role.Policy.Statements {
		if s.Sid != keepRecords || len(s.Resource) != 1 {
			continue
		}
		_, object, isBucket := strings.Cut(s.Resource[0], ":s3:::")
		bucket, _, _ := strings.Cut(object, "/")
		return bucket, isBucket
	}
	return "", false
}

// RecordKey is the key of the record of an object that a function works on.
func RecordKey(function, bucket, key string) string { return job.RecordKey(function, "", bucket, key) }

// RecordSaysDone says whether a record tells that the version of an object with that ETag was worked on. What cannot be
// read does not.
func RecordSaysDone(content []byte, etag string) bool {
	var record job.Record
	return json.Unmarshal(content, &record) == nil && record.Status == job.Done && record.ETag == etag && etag != ""
}

// keepRecords is the id of the statement that lets a function keep its records.
const keepRecords = "KeepRecords"
