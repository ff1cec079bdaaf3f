package planner

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A function that the original scar made carries this tag, and none of ours. It is a zip archive or an image, with a log group
// without tags, a rule of each input bucket and a statement for each in the function's policy, under names of their own.
const (
	tagOriginal   = "createdby"
	originalMaker = "scar"
)

// ReasonTakenOver is why a rule or statement goes that the original made for a function which is taken over: the project has
// its own in their place.
const ReasonTakenOver Reason = "taken_over"

// IsOriginal says whether the original made a function, and nobody has taken it over since.
func IsOriginal(v Value) bool {
	f, isFunction := v.(Function)
	return isFunction && f.Tags[tagOriginal] == originalMaker && f.Tags[TagProject] == ""
}

// legacy is what functions that the original made bring with them when they are taken over: their rules, what in their
// policies lets buckets start them, and their log groups. It is found by what it is about, because it has no tags: of
// each address, the function whose it is.
type legacy map[Address]string

// legacyOf finds what comes with the wanted functions that takenOver names.
func legacyOf(desired, live State, naming Naming, takenOver func(Address) bool) legacy {
	functions := map[string]bool{}
	for a := range desired {
		if a.Kind == KindFunction && takenOver(a) {
			functions[a.Name] = true
		}
	}
	for a, is := range live { // of a function that left the file, or of a project that is destroyed, before it was through
		if function, replaced := ReplacementOf(is.Owner.Project, a.Name); replaced && takenOver(Address{KindFunction, function}) {
			functions[function] = true
		}
	}
	found := legacy{}
	for a, is := range live {
		if is.Owner.Project != "" {
			continue
		}
		switch v := is.Value.(type) {
		case Trigger:
			if name, isFunction := FunctionOfARN(v.Target); isFunction && functions[name] && v.Target == naming.FunctionARN(name) {
				found[a] = name
			}
		case Permission:
			if functions[v.Function] && v.Principal == ServicePrincipal("s3") {
				found[a] = v.Function
			}
		case LogGroup:
			if name := strings.TrimPrefix(v.Name, LogGroupName("")); functions[name] && v.Name == LogGroupName(name) {
				found[a] = name
			}
		}
	}
	return found
}

// takenOver says whether a function is one that the original made and that is taken over: because the user says so, or
// because an apply that did was cut short.
func (o Options) takenOver(live State) func(Address) bool {
	return func(a Address) bool {
		replacement, interrupted := live[Address{KindParameter, ReplacementName(o.Project, a.Name)}]
		return interrupted && replacement.Owner.Project == o.Project && tagsOf(replacement.Value)[TagTakesOver] != "" ||
			slices.Contains(o.Adopt, a) && IsOriginal(live[a].Value)
	}
}

// WithoutLegacy is a live state without the rules that the original made for functions of the file. They are no rules of
// others: the functions are taken over with them, or the plan is refused because of the functions themselves.
func WithoutLegacy(desired, live State, opts Options) State {
	takenOver := opts.takenOver(live)
	found := legacyOf(desired, live, opts.Naming, func(a Address) bool { return takenOver(a) || IsOriginal(live[a].Value) })
	rest := maps.Clone(live)
	maps.DeleteFunc(rest, func(a Address, _ Resource) bool { return a.Kind == KindTrigger && found[a] != "" })
	return rest
}

// leaveLegacy plans to delete what the project has its own in the place of. A rule goes before the statement that it
// needs, and both in the order that loses no event: the applier makes the rules of a bucket in one step.
func (b *builder) leaveLegacy(is Resource) {
	function := b.legacy[is.Address]
	if is.Kind == KindLogGroup {
		return // wanted, and adopted
	}
	c := Change{Address: is.Address, Action: Delete, Reason: ReasonTakenOver, Before: is.Value, Owner: Owner{Project: b.opts.Project, Function: function}}
	c.Fields = Diff(c.Before, nil)
	switch v := is.Value.(type) {
	case Trigger:
		c.Needs = []Address{{KindBucket, v.Bucket}}
		for _, a := range slices.SortedFunc(maps.Keys(b.legacy), Address.Compare) {
			if document, _ := a.Split(); a.Kind == KindPermission && document == function {
				c.Needs = append(c.Needs, a)
			}
		}
		if !slices.ContainsFunc(v.Events, isCreation) {
			b.warn(Address{KindFunction, function}, "the rule %q starts it for %s, which leaves nothing behind: such events are lost while the function is replaced", v.ID, strings.Join(v.Events, ", "))
		}
	case Permission:
		c.Needs = v.needs(b.opts.Project)
	}
	b.changes[is.Address] = c
}

// isCreation says whether events are of objects that are there then.
func isCreation(event string) bool { return strings.HasPrefix(event, "s3:ObjectCreated:") }

// explainAdopted says what becomes of a function that the original made, and what of it stays.
func (b *builder) explainAdopted(c Change) {
	is, isFunction := c.Before.(Function)
	if !isFunction || !IsOriginal(is) || c.Reason != ReasonAdopted {
		return
	}
	var with []string
	if b.hasLegacy(KindTrigger, c.Name) {
		with = append(with, "the rules of its buckets")
	}
	if b.hasLegacy(KindPermission, c.Name) {
		with = append(with, "what lets buckets start it")
	}
	taken := "its log group"
	if len(with) > 0 {
		taken = strings.Join(with, ", ") + " and " + taken
	}
	if c.Action == Replace {
		b.warn(c.Address, "was made by the original scar as a %s package, which cannot become an image in place: it is deleted and made again under its name, and with it are taken over %s. Files that arrive meanwhile, or in the %d seconds before that a run may take, are found in its input buckets and sent to it afterwards, some of them for a second time",
			is.PackageType, taken, is.Timeout)
	} else {
		b.warn(c.Address, "was made by the original scar: it becomes the project's, and with it %s", taken)
	}
	if after := c.After.(Function); after.Role != is.Role {
		role := is.Role[strings.LastIndex(is.Role, "/")+1:]
		b.warn(c.Address, "its role %s stays, and is not used by it any more: once no other function has it, detach its policies and remove it with aws iam delete-role --role-name %s", is.Role, role)
	}
	for _, warning := range b.live[c.Address].Warnings {
		b.warn(c.Address, "%s", warning)
	}
	b.explainAPIs(c)
}

func (b *builder) hasLegacy(kind Kind, function string) bool {
	for a, of := range b.legacy {
		if a.Kind == kind && of == function {
			return true
		}
	}
	return false
}

// explainAPIs says which REST APIs go on calling a function that is taken over.
func (b *builder) explainAPIs(c Change) {
	var ids []string
	for a, is := range b.live {
		p, isPermission := is.Value.(Permission)
		if document, _ := a.Split(); !isPermission || document != c.Name || p.Principal != ServicePrincipal("apigateway") || is.Owner.Project != "" {
			continue
		}
		if parts := strings.Split(p.SourceARN, ":"); len(parts) == 6 && parts[2] == "execute-api" {
			id, _, _ := strings.Cut(parts[5], "/")
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		b.warn(c.Address, "the API %s goes on calling it, and stays: http: in the file makes one of the project's; remove the old one with aws apigateway delete-rest-api --rest-api-id %s", id, id)
	}
}

// originalRefused says why a function that the original made is not touched, and how it is taken over.
func originalRefused(c Change) string {
	how := "makes it the project's"
	if is := c.Before.(Function); is.PackageType != c.After.(Function).PackageType {
		how = fmt.Sprintf("replaces it, since a %s package cannot become an image in place,", is.PackageType)
	}
	return fmt.Sprintf("%s was made by the original scar: choose another name, or take it over with --adopt %s, which %s and takes over its bucket's rule, its permission and its log group without losing an event",
		c.Address, c.Address, how)
}
