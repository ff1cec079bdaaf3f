package spec

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
)

// maxKey is S3's limit for a key, in bytes.
const maxKey = 1024

// otherProvider matches a place at a provider other than the account's own S3.
var otherProvider = pattern(`^((?:s3|minio|webdav|onedata)\.[A-Za-z0-9_-]+)(?:/|$)`)

// parsePlace reads a bucket and folder, s3://bucket/folder/, and says what is wrong with it, if
// anything is.
func parsePlace(text string) (bucket, prefix, problem string) {
	if other := otherProvider().FindStringSubmatch(text); other != nil {
		return "", "", fmt.Sprintf("a provider other than the account's own S3 (%s) is not supported by this version", other[1])
	}
	rest, found := strings.CutPrefix(text, "s3://")
	switch {
	case !found && strings.Contains(text, "://"):
		return "", "", fmt.Sprintf("wants a bucket and folder such as s3://photos/in/, not %q", shorten(text))
	case !found:
		return "", "", fmt.Sprintf("wants a bucket and folder such as s3://photos/in/, not %q; did you forget s3://?", shorten(text))
	}
	bucket, prefix, _ = strings.Cut(rest, "/")
	if problem := checkBucket(bucket); problem != "" {
		return "", "", problem
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	if problem := checkPrefix(prefix); problem != "" {
		return "", "", problem
	}
	return bucket, prefix, ""
}

// Prefixes and suffixes that S3 keeps for itself (S3 user guide, "General purpose bucket naming rules").
var (
	reservedBucketPrefixes = []string{"xn--", "sthree-", "amzn-s3-demo-"}
	reservedBucketSuffixes = []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}
)

// checkBucket says which of S3's rules for the names of buckets a name breaks.
func checkBucket(name string) string {
	problem := ""
	switch {
	case name == "":
		return "names no bucket; it wants a bucket and folder such as s3://photos/in/"
	case len(name) < 3 || len(name) > 63:
		problem = fmt.Sprintf("S3 wants 3 to 63 characters, these are %d", len(name))
	case strings.ToLower(name) != name:
		problem = "S3 wants lower case"
	case strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || strings.ContainsFunc(name, notInBucket):
		problem = "S3 wants letters, digits, dots and dashes"
	case strings.Trim(name[:1]+name[len(name)-1:], ".-") != name[:1]+name[len(name)-1:]:
		problem = "S3 wants a letter or digit at both ends"
	case strings.Contains(name, ".."):
		problem = "S3 wants no two dots side by side"
	case isIPv4(name):
		problem = "S3 wants no IP address"
	default:
		problem = reservedBucket(name)
	}
	if problem == "" {
		return ""
	}
	return fmt.Sprintf("%q is no name of a bucket: %s", shorten(name), problem)
}

func notInBucket(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-')
}

func isIPv4(name string) bool {
	address, err := netip.ParseAddr(name)
	return err == nil && address.Is4()
}

func reservedBucket(name string) string {
	for _, prefix := range reservedBucketPrefixes {
		if strings.HasPrefix(name, prefix) {
			return "S3 keeps names that begin with " + prefix + " for itself"
		}
	}
	for _, suffix := range reservedBucketSuffixes {
		if strings.HasSuffix(name, suffix) {
			return "S3 keeps names that end in " + suffix + " for itself"
		}
	}
	return ""
}

// checkPrefix says why a folder of a bucket cannot be one of an input or output.
func checkPrefix(prefix string) string {
	parts := strings.Split(strings.TrimSuffix(prefix, "/"), "/")
	switch {
	case len(prefix) > maxKey:
		return fmt.Sprintf("the folder has %d bytes, S3 allows %d in a key", len(prefix), maxKey)
	case strings.ContainsFunc(prefix, unicode.IsControl):
		return "the folder holds a control character"
	case strings.Contains(prefix, "*"):
		return "a folder is taken literally, * is no wildcard; use suffix or match"
	case prefix != "" && slices.Contains(parts, ""):
		return "the folder holds two slashes side by side"
	case slices.Contains(parts, ".") || slices.Contains(parts, ".."):
		return "the folder holds . or .. as a part, which S3 takes literally"
	default:
		return ""
	}
}

// eventWords are the short names of S3's event types. Restored means that the object can be read again.
var eventWords = map[string]string{
	"created":  "s3:ObjectCreated:*",
	"removed":  "s3:ObjectRemoved:*",
	"restored": "s3:ObjectRestore:Completed",
}

// eventTypes are the event types that S3 sends to a function (S3 user guide, "Event notification types
// and destinations").
var eventTypes = []string{
	"s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectCreated:Post", "s3:ObjectCreated:Copy", "s3:ObjectCreated:CompleteMultipartUpload",
	"s3:ObjectRemoved:*", "s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated",
	"s3:ObjectRestore:*", "s3:ObjectRestore:Post", "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete",
	"s3:ReducedRedundancyLostObject",
	"s3:Replication:*", "s3:Replication:OperationFailedReplication", "s3:Replication:OperationMissedThreshold",
	"s3:Replication:OperationReplicatedAfterThreshold", "s3:Replication:OperationNotTracked",
	"s3:LifecycleExpiration:*", "s3:LifecycleExpiration:Delete", "s3:LifecycleExpiration:DeleteMarkerCreated",
	"s3:LifecycleTransition", "s3:IntelligentTiering",
	"s3:ObjectTagging:*", "s3:ObjectTagging:Put", "s3:ObjectTagging:Delete", "s3:ObjectAcl:Put",
}

// parseEvent reads an event type, by its short name or by S3's, and says what is wrong with it, if
// anything is.
func parseEvent(text string) (event, problem string) {
	if event := eventWords[text]; event != "" {
		return event, ""
	}
	if slices.Contains(eventTypes, text) {
		return text, ""
	}
	problem = fmt.Sprintf("wants created, removed, restored or an event type of S3 such as s3:ObjectCreated:Put, not %q", shorten(text))
	for _, known := range eventTypes {
		if strings.EqualFold(known, text) {
			return "", problem + "; did you mean " + known + "?"
		}
	}
	if meant := nearest(text, []string{"created", "removed", "restored"}, otherWords); meant != "" {
		problem += "; did you mean " + meant + "?"
	}
	return "", problem
}

// sameEvent says whether one thing can be of both event types.
func sameEvent(a, b string) bool {
	if a == b {
		return true
	}
	familyA, allA := strings.CutSuffix(a, "*")
	familyB, allB := strings.CutSuffix(b, "*")
	return allA && strings.HasPrefix(b, familyA) || allB && strings.HasPrefix(a, familyB)
}
