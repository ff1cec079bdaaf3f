package view

import (
	"strings"

	"github.com/scar-go/scar/planner"
)

// headline says in words what happens to a resource, and why where the fields do not tell.
func headline(c planner.Change) string {
	text := verb(c)
	if why := because(c); why != "" {
		text += ": " + why
	}
	if parts := changedParts(c); parts != "" {
		text += " (code changes: " + parts + ")"
	}
	return text
}

func verb(c planner.Change) string {
	switch c.Action {
	case planner.Create:
		return "will be created"
	case planner.Update:
		return "will be changed"
	case planner.Replace:
		return "will be replaced"
	case planner.Delete:
		return "will be destroyed"
	case planner.Adopt:
		return "will be adopted"
	case planner.Retain:
		return "is kept"
	case planner.NoOp:
		return "is as it should be"
	}
	return string(c.Action)
}

func because(c planner.Change) string {
	switch c.Reason {
	case planner.ReasonCannotUpdate:
		return strings.Join(replacing(c.Fields), ", ") + " cannot change in place"
	case planner.ReasonWithFunction:
		if c.Action == planner.Update {
			return "the permission to invoke went with the function that is replaced"
		}
		return "it went with the function that is replaced"
	case planner.ReasonNotInFile:
		return "it is not in the file"
	case planner.ReasonKept:
		return kept(c)
	case planner.ReasonInUse:
		return "others keep something in it"
	case planner.ReasonTakenOver:
		return "the original made it, and the project has its own in its place"
	case planner.ReasonReplaced:
		return "the replacement of its function ends: what has arrived since it began is sent to the function first"
	case planner.ReasonForeign:
		return "it is not scar's, and is used as it is"
	case planner.ReasonAbsent, planner.ReasonDiffers, planner.ReasonDestroy, planner.ReasonAdopted:
	}
	return ""
}

func kept(c planner.Change) string {
	switch c.Kind {
	case planner.KindBucket:
		return "buckets are destroyed with --delete-buckets only"
	case planner.KindLogGroup:
		return "--keep-logs"
	default:
		return "it stays in the account"
	}
}

func replacing(fields []planner.Field) []string {
	var out []string
	for _, f := range fields {
		if f.Replace {
			out = append(out, f.Path)
		}
	}
	return out
}

// changedParts names the layers in which an image differs from the one that is there: "script, job".
func changedParts(c planner.Change) string {
	before, was := c.Before.(planner.Image)
	after, is := c.After.(planner.Image)
	if !was || !is || before.Digest == after.Digest {
		return ""
	}
	var out []string
	for _, part := range []struct{ name, before, after string }{
		{"base image", before.Parts.Base, after.Parts.Base},
		{"scar's runtime", before.Parts.Runtime, after.Parts.Runtime},
		{"files", before.Parts.Files, after.Parts.Files},
		{"script", before.Parts.Script, after.Parts.Script},
		{"job", before.Parts.Job, after.Parts.Job},
	} {
		if part.before != part.after {
			out = append(out, part.name)
		}
	}
	if len(out) == 0 {
		return "image configuration"
	}
	return strings.Join(out, ", ")
}
