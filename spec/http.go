package spec

import (
	"slices"
	"strings"
)

func readHTTP(n *node, r *report) *HTTP {
	if !n.on() {
		return nil
	}
	return &HTTP{API: n.get("api").str(), Auth: n.get("auth").or(defaultAuth), CORS: readCORS(n.get("cors"), r)}
}

// readCORS reads which pages may call. What is not named is every origin, method and header.
func readCORS(n *node, r *report) *CORS {
	if !n.on() {
		return nil
	}
	cors := &CORS{
		Origins:     readNames(n.get("origins"), strings.ToLower, r),
		Methods:     readNames(n.get("methods"), strings.ToUpper, r),
		Headers:     readNames(n.get("headers"), strings.ToLower, r),
		Expose:      readNames(n.get("expose"), strings.ToLower, r),
		Credentials: n.get("credentials").truth(false),
		MaxAge:      n.get("max_age").quantity("s", 0),
	}
	for _, names := range []*[]string{&cors.Origins, &cors.Methods, &cors.Headers} {
		if len(*names) == 0 {
			*names = []string{anyName}
		}
	}
	if credentials := n.get("credentials"); cors.Credentials && slices.Contains(cors.Origins, anyName) {
		r.atKey(credentials, "cannot be together with any origin, *: every page on the web could act as its visitors; name the origins, such as https://example.org")
	}
	return cors
}

// anyName stands for every origin, method or header.
const anyName = "*"

// readNames reads a list that is a set, in the case that its names are compared in. The list is sorted.
func readNames(n *node, inCase func(string) string, r *report) []string {
	var names []string
	for _, item := range n.list() {
		name := inCase(item.str())
		switch {
		case name == "":
			continue // has been reported
		case slices.Contains(names, name):
			r.at(item, "%s is in the list twice", shorten(item.text))
		case name == anyName && len(n.list()) > 1:
			r.at(item, "* stands for all; write it alone, or leave it out")
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// asWritten leaves a name in the case that it has.
func asWritten(name string) string { return name }

// checkAPIs refuses two functions at one API: each request goes to one.
func checkAPIs(drafts []*draft, r *report) {
	seen := map[string]*draft{}
	for _, d := range drafts {
		if d.HTTP == nil || d.HTTP.API == "" {
			continue
		}
		at := d.node.get("http").get("api")
		if first := seen[d.HTTP.API]; first != nil {
			r.at(at, "%s has the API %s already, in %s, and an API is of one function; give %s another one",
				first.Name, d.HTTP.API, first.node.get("http").get("api").place(at), d.Name)
			continue
		}
		seen[d.HTTP.API] = d
	}
}
