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

// place is where files come from or go to.
type place struct{ provider, bucket, prefix string }

var (
	otherProvider = pattern(`^((?:s3|minio|webdav|onedata)\.[A-Za-z0-9_-]+)(?:/(.*))?$`) // minio.lab/bucket/folder
	providerType  = pattern(`^(s3|minio|webdav|onedata)(?:[:./]|$)`)
)

// providerNames are the providers of a file.
type providerNames struct {
	file *File
	node *node // storage, those with problems included; nil where the file has none
}

// parse reads a place, s3://bucket/folder/ or minio.lab/bucket/folder/, and says what is wrong with it, if
// anything is. known says that there is a sense in using it: the provider has no problem of its own.
func (p *providerNames) parse(text string) (at place, known bool, problem string) {
	if other := otherProvider().FindStringSubmatch(text); other != nil {
		return p.parseOther(other[1], other[2])
	}
	rest, found := strings.CutPrefix(text, "s3://")
	const wants = "wants a bucket and folder such as s3://photos/in/"
	switch kind := providerType().FindStringSubmatch(text); {
	case found:
	case kind != nil && kind[1] != OwnS3:
		return at, false, fmt.Sprintf("wants the name of a provider and a folder such as %s.lab/%sfolder/, not %q", kind[1], bucketOf(kind[1]), shorten(text))
	case strings.Contains(text, "://"):
		return at, false, fmt.Sprintf(wants+", not %q", shorten(text))
	default:
		return at, false, fmt.Sprintf(wants+", not %q; did you forget s3://?", shorten(text))
	}
	bucket, prefix, _ := strings.Cut(rest, "/")
	if problem := checkBucket(bucket); problem != "" {
		return at, false, problem
	}
	if prefix, problem = parsePrefix(prefix); problem != "" {
		return at, false, problem
	}
	return place{OwnS3, bucket, prefix}, true, ""
}

func bucketOf(kind string) string {
	if (Storage{Type: kind}).HasBuckets() {
		return "bucket/"
	}
	return ""
}

// parseOther reads a place at a provider of storage.
func (p *providerNames) parseOther(provider, rest string) (at place, known bool, problem string) {
	if p.node.get(provider) == nil {
		return at, false, p.undefined(provider)
	}
	storage, known := p.file.Storage[provider]
	if !known {
		return at, false, ""
	}
	bucket := ""
	if storage.HasBuckets() {
		bucket, rest, _ = strings.Cut(rest, "/")
		if problem := checkOtherBucket(provider, bucket, storage); problem != "" {
			return at, false, problem
		}
	}
	prefix, problem := parsePrefix(rest)
	if problem != "" {
		return at, false, problem
	}
	return place{provider, bucket, prefix}, true, ""
}

// undefined says that storage lacks a provider, and which one was probably meant.
func (p *providerNames) undefined(provider string) string {
	said := provider + " is not defined in storage"
	if p.node == nil || len(p.node.fields) == 0 {
		return said + "; add it at the top of the file, such as storage: {" + provider + ": {…}}"
	}
	known := make([]string, 0, len(p.node.fields))
	for _, f := range p.node.fields {
		known = append(known, f.name)
	}
	slices.Sort(known)
	if meant := nearest(provider, known, nil); meant != "" {
		return said + "; did you mean " + meant + "?"
	}
	return said + "; it has " + strings.Join(known, ", ")
}

// otherBucket matches the names of buckets that servers other than AWS's take.
var otherBucket = pattern(`^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$`)

// checkOtherBucket says what is wrong with the name of a bucket at a provider. Servers other than AWS's take more names.
func checkOtherBucket(provider, bucket string, storage Storage) string {
	switch {
	case bucket == "":
		return "names no bucket; it wants a bucket and folder such as " + provider + "/bucket/folder/"
	case storage.Endpoint == "" || isAWS(storage.Endpoint):
		return checkBucket(bucket)
	case !otherBucket().MatchString(bucket) || strings.Contains(bucket, ".."):
		return fmt.Sprintf("%q is no name of a bucket: it wants 3 to 63 letters, digits, dots, dashes and _, with a letter or digit at both ends", shorten(bucket))
	default:
		return ""
	}
}

// parsePrefix reads a folder, with or without the slash at its end.
func parsePrefix(text string) (prefix, problem string) {
	if text != "" && !strings.HasSuffix(text, "/") {
		text += "/"
	}
	if problem := checkPrefix(text); problem != "" {
		return "", problem
	}
	return text, ""
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
		return fmt.Sprintf("the folder has %d bytes, %d are allowed", len(prefix), maxKey)
	case strings.ContainsFunc(prefix, unicode.IsControl):
		return "the folder holds a control character"
	case strings.Contains(prefix, "*"):
		return "a folder is taken literally, * is no wildcard; use suffix or match"
	case prefix != "" && slices.Contains(parts, ""):
		return "the folder holds two slashes side by side"
	case slices.Contains(parts, ".") || slices.Contains(parts, ".."):
		return "the folder holds . or .. as a part"
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
