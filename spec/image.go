package spec

import (
	"fmt"
	"strings"
)

// archiveEndings are what the names of image files end in.
var archiveEndings = []string{".tar", ".tar.gz", ".tgz", ".tar.zst", ".oci"}

var driveLetter = pattern(`^[A-Za-z]:[\\/]`)

// isImagePath says whether an image is a file or folder of this machine rather than a reference.
func isImagePath(text string) bool {
	for _, start := range []string{"./", "../", "/", "~", `.\`, `..\`} {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	if text == "." || text == ".." || driveLetter().MatchString(text) {
		return true
	}
	for _, end := range archiveEndings {
		if strings.HasSuffix(text, end) {
			return true
		}
	}
	return false
}

// The grammar of references to images, as registries have it (distribution's reference grammar).
var (
	imageHost   = pattern(`^([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])(\.([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9]))*(:[0-9]{1,5})?$`)
	imagePart   = pattern(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$`)
	imageTag    = pattern(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	imageDigest = pattern(`^sha256:[0-9a-f]{64}$`)
	imageScheme = pattern(`^[a-z][a-z-]*:(//)?`)
)

// maxImageName is the most characters that host and repository can have together.
const maxImageName = 255

// checkReference says what is wrong with a reference to an image, if anything is. It does not ask a
// registry.
func checkReference(text string) string {
	if strings.ContainsAny(text, " \t\r\n") {
		return fmt.Sprintf("%q is no reference to an image: it holds white space", shorten(text))
	}
	if scheme := imageScheme().FindString(text); strings.HasSuffix(scheme, "//") {
		return fmt.Sprintf("wants a reference to an image without %s, such as %s", scheme, shorten(text[len(scheme):]))
	}
	name, digest, hasDigest := strings.Cut(text, "@")
	if hasDigest && !imageDigest().MatchString(digest) {
		return fmt.Sprintf("%q is no reference to an image: @ wants a digest after it, sha256: and 64 hexadecimal digits", shorten(text))
	}
	host, rest := splitHost(name)
	if colon := strings.LastIndexByte(rest, ':'); colon >= 0 {
		if tag := rest[colon+1:]; !imageTag().MatchString(tag) {
			return fmt.Sprintf("%q is no reference to an image: %q is no tag; it wants at most 128 letters, digits, _ . and -", shorten(text), shorten(tag))
		}
		rest = rest[:colon]
	}
	if host != "" && !imageHost().MatchString(host) {
		return fmt.Sprintf("%q is no reference to an image: %q is no name of a registry", shorten(text), shorten(host))
	}
	if len(host)+len(rest) > maxImageName {
		return fmt.Sprintf("this reference to an image has a name of %d characters, %d are allowed", len(host)+len(rest), maxImageName)
	}
	for _, part := range strings.Split(rest, "/") {
		if problem := checkImagePart(part); problem != "" {
			return fmt.Sprintf("%q is no reference to an image: %s", shorten(text), problem)
		}
	}
	return ""
}

func checkImagePart(part string) string {
	switch {
	case imagePart().MatchString(part):
		return ""
	case part == "":
		return "a part of its name is empty; a file begins with ./ or /"
	case strings.ToLower(part) != part && imagePart().MatchString(strings.ToLower(part)):
		return fmt.Sprintf("its name wants lower case, %s", strings.ToLower(part))
	default:
		return fmt.Sprintf("%q is no part of a name; it wants letters, digits and single . _ or dashes between them", shorten(part))
	}
}

// splitHost takes the registry off a name. What stands before the first slash is one if it has a dot or
// a port, or is localhost; Docker Hub is meant otherwise.
func splitHost(name string) (host, rest string) {
	first, rest, found := strings.Cut(name, "/")
	if found && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return first, rest
	}
	return "", name
}
